/* SPDX-License-Identifier: Apache-2.0 */
/* cove-init PROGRAM [ARG...]: process 1 for --init.  Runs PROGRAM, passes signals on to it, reaps
 * whatever is left to process 1, and ends as PROGRAM does.  Bound into the container, so it is
 * linked statically. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_program(char **argv, const sigset_t *before)
{
	(void)sigprocmask(SIG_SETMASK, before, NULL);
	(void)setpgid(0, 0);
	/* The terminal's signals are the program's. */
	if (tcgetpgrp(STDIN_FILENO) >= 0) {
		sigset_t ttou;
		(void)sigemptyset(&ttou);
		(void)sigaddset(&ttou, SIGTTOU);
		(void)sigprocmask(SIG_BLOCK, &ttou, NULL);
		(void)tcsetpgrp(STDIN_FILENO, getpid());
		(void)sigprocmask(SIG_SETMASK, before, NULL);
	}
	(void)execvp(argv[0], argv);
	(void)fprintf(stderr, "cove-init: execute %s: %s\n", argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

/* The program's exit status once it has ended, -1 before. */
static int reap(pid_t program)
{
	int st, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		if (pid == program)
			code = WIFEXITED(st) ? WEXITSTATUS(st) : 128 + WTERMSIG(st);
	return code;
}

int main(int argc, char **argv)
{
	struct signalfd_siginfo si;
	sigset_t all, before;
	int fd, code = -1;
	pid_t program;

	if (argc < 2) {
		(void)fputs("usage: cove-init PROGRAM [ARG...]\n", stderr);
		return 125;
	}
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, &before);
	fd = signalfd(-1, &all, SFD_CLOEXEC);
	program = fd < 0 ? -1 : fork();
	if (program < 0) {
		perror("cove-init");
		return 125;
	}
	if (program == 0)
		_exit(run_program(argv + 1, &before));
	while (code < 0) {
		if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
			continue; /* EINTR */
		if (si.ssi_signo == SIGCHLD)
			code = reap(program);
		else if (si.ssi_signo != SIGTTOU && si.ssi_signo != SIGTTIN)
			(void)kill(program, (int)si.ssi_signo); /* it may just have ended */
	}
	return code;
}
