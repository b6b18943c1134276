/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/prompt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define CHOICE_TRIES 3

/* Byte by byte: what follows the line is somebody else's.  SIGNALS (-EBADF: none) ends it with
 * -EINTR. */
static int read_line(int signals, char buf[PROMPT_MAX], struct err *e)
{
	size_t n = 0;

	for (;;) {
		struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
				      { .fd = signals, .events = POLLIN } };
		ssize_t got;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "wait for input");
		if (p[1].revents)
			return err_set(e, -EINTR, "interrupted");
		if (!p[0].revents)
			continue;
		got = read(STDIN_FILENO, buf + n, 1);
		if (got < 0 && errno != EINTR)
			return err_sys(e, "read standard input");
		if (got < 0)
			continue;
		if (got == 0 && n == 0)
			return err_set(e, -ENODATA, "EOF");
		if (got == 0 || buf[n] == '\n')
			break;
		if (++n == PROMPT_MAX - 1)
			return err_set(e, -E2BIG, "the line is too long");
	}
	if (n && buf[n - 1] == '\r')
		n--;
	buf[n] = '\0';
	return 0;
}

static void say(const char *text)
{
	(void)fputs(text, stdout); /* a question nobody sees is still answered */
	(void)fflush(stdout);
}

int prompt_line(const char *text, char **ret, struct err *e)
{
	char buf[PROMPT_MAX];

	say(text);
	if (read_line(-EBADF, buf, e) < 0)
		return e->code;
	*ret = strdup(buf);
	return *ret ? 0 : err_errno(e, ENOMEM, "read standard input");
}

/* With the terminal silent; the signals that would end us are received here. */
static int read_silently(const char *text, const struct termios *was, const sigset_t *caught,
			 char buf[PROMPT_MAX], struct err *e)
{
	scoped(fd) int signals = signalfd(-1, caught, SFD_CLOEXEC);
	struct termios silent = *was;
	struct signalfd_siginfo info = { 0 };
	int rc;

	if (signals < 0)
		return err_sys(e, "signalfd");
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
	silent.c_lflag |= ECHONL;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) < 0)
		return err_sys(e, "set up the terminal");
	say(text); /* now: what was typed before is thrown away */
	rc = read_line(signals, buf, e);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, was); /* it worked a moment ago */
	if (rc == -EINTR && read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		(void)raise((int)info.ssi_signo); /* blocked: comes once the mask is back */
	return rc;
}

int prompt_secret(const char *text, char **ret, struct err *e)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };
	char buf[PROMPT_MAX] = "";
	struct termios was;
	sigset_t caught, mask;
	int rc;

	if (tcgetattr(STDIN_FILENO, &was) < 0) {
		say(text);
		return err_set(e, -ENOTTY, "inappropriate ioctl for device");
	}
	(void)sigemptyset(&caught); /* these and sigprocmask() fail only for what is no signal */
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		(void)sigaddset(&caught, ends[i]);
	(void)sigprocmask(SIG_BLOCK, &caught, &mask);
	rc = read_silently(text, &was, &caught, buf, e);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	if (rc >= 0) {
		*ret = strdup(buf);
		rc = *ret ? 0 : err_errno(e, ENOMEM, "read standard input");
	}
	explicit_bzero(buf, sizeof(buf));
	return rc;
}

int prompt_choice(const char *question, char *const *choices, size_t n, struct err *e)
{
	for (int tries = 0; tries < CHOICE_TRIES; tries++) {
		scoped(mem) char *line = NULL;
		unsigned long long k = 0;

		(void)printf("%s:\n", question);
		for (size_t i = 0; i < n; i++)
			(void)printf("  %zu) %s\n", i + 1, choices[i]);
		if (prompt_line("Number: ", &line, e) < 0)
			return e->code;
		if (str_to_u64(line, n, &k) == 0 && k > 0)
			return (int)k - 1;
	}
	return err_set(e, -ECANCELED, "no choice was made");
}

int prompt_continue(const char *text, struct err *e)
{
	scoped(mem) char *answer = NULL;
	int r;

	say(text);
	r = prompt_line("Are you sure you want to continue? [y/N] ", &answer, e);
	if (r < 0 || !answer)
		return r;
	return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
