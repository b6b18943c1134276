/* SPDX-License-Identifier: Apache-2.0 */
/* The container's first process, from clone to execve, stage by stage.
 *
 * The order, and why it is so: the root is mounted first, everything in it is mounted on
 * descriptors below it; bind sources are opened before, while paths still mean the host's; the
 * paths of /proc and /sys are hidden last, after sysctls were written through them; pivot_root lets
 * go of the host; only then 'r'eady is said.  After 's'tart: the user is looked up in the
 * container's files, cwd (needs the right to enter it), keyring, limits (need CAP_SYS_RESOURCE),
 * bounding set (CAP_SETPCAP), ids, capabilities, seccomp, execve. */
#include "src/runtime/init.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "src/runtime/exec_search.h"
#include "src/runtime/hooks.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "userns/mount.h"

/* The monitor blocks signals to read them from a descriptor; the program starts with none blocked
 * or ignored. */
static void reset_signals(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		(void)sigaction(s, &dfl,
				NULL); /* EINVAL for SIGKILL, SIGSTOP and the C library's own */
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int await(struct init *in, char want, struct err *e)
{
	int type = sync_recv(in->sync, NULL, NULL, e);
	if (type == want)
		return 0;
	if (type == 0)
		_exit(1); /* the parent is gone, and nobody to tell */
	return type < 0 ? type
			: err_set(e, -EPROTO, "unexpected message '%c' from the parent", type);
}

/* Id 0 of the new namespace, where it has one: files that are made on the way belong to the
 * container's root. */
static int become_root(struct init *in, struct err *e)
{
	uint32_t outside;
	if (in->plan->ns_path[NS_USER]) {
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			dbg("the user namespace has no id 0"); /* then we stay who we are */
		return 0;
	}
	if (!(in->plan->clone_flags & CLONE_NEWUSER))
		return 0;
	if (idmap_lookup(&in->plan->gids, 0, &outside) == 0 && setresgid(0, 0, 0) < 0)
		return err_sys(e, "become group 0 of the user namespace");
	if (idmap_lookup(&in->plan->uids, 0, &outside) == 0 && setresuid(0, 0, 0) < 0)
		return err_sys(e, "become user 0 of the user namespace");
	return 0;
}

static int set_up_network(struct init *in, struct err *e)
{
	scoped(fd) int tap = -EBADF;
	int r;

	if (!(in->plan->clone_flags & CLONE_NEWNET))
		return 0;
	r = netns_loopback_up(e);
	if (r < 0 || !(in->o->tap || in->o->want_netns))
		return r;
	tap = in->o->tap ? tap_open(in->o->tap, e) : netns_of(0, e);
	if (tap < 0)
		return tap;
	r = sync_send(in->sync, 't', tap);
	return r < 0 ? err_errno(e, r, "hand over the network") : 0;
}

static int set_names(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	if (!(p->clone_flags & CLONE_NEWUTS))
		return 0;
	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return err_sys(e, "set the host name '%s'", p->hostname);
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0)
		return err_sys(e, "set the domain name '%s'", p->domainname);
	return 0;
}

/* Through the host's procfs, which shows each process those of its own namespaces: the container
 * need not have one, and cannot put another thing there. */
static int write_sysctls(struct init *in, struct err *e)
{
	for (size_t i = 0; i < in->plan->n_sysctl; i++) {
		const struct plan_sysctl *s = &in->plan->sysctl[i];
		scoped(mem) char *path = str_printf("sys/%s", s->path);
		int r = path ? init_open_proc(path, O_WRONLY) : -ENOMEM;
		scoped(fd) int fd = r;

		if (fd < 0)
			return err_errno(e, r, "open sysctl %s", s->path);
		if (write(fd, s->value, strlen(s->value)) != (ssize_t)strlen(s->value))
			return err_sys(e, "write '%s' to sysctl %s", s->value, s->path);
	}
	return 0;
}

/* cgroup_namespaces(7): the root of what the container sees is the cgroup of whoever makes the
 * namespace, at that moment.  So it is made here, after the parent has put us where we belong. */
static int make_cgroup_namespace(struct init *in, struct err *e)
{
	if (!(in->plan->clone_flags & CLONE_NEWCGROUP) || !in->o->cgroup)
		return 0;
	return unshare(CLONE_NEWCGROUP) < 0 ? err_sys(e, "make a cgroup namespace") : 0;
}

/* Receive the state for hooks; WANT tells which one. */
static int await_state(struct init *in, char want, int *ret_fd, struct err *e)
{
	int type = sync_recv(in->sync, ret_fd, NULL, e);
	if (type == want && *ret_fd >= 0)
		return 0;
	if (type == 0)
		_exit(1); /* the parent is gone, and nobody to tell */
	return type < 0 ? type : err_set(e, -EPROTO, "no state for the hooks came");
}

/* Everything is mounted and the host's files are still there: the parent runs its hooks, then we
 * run those of the container's namespaces. */
static int run_hooks(struct init *in, struct err *e)
{
	scoped(fd) int creating = -EBADF;
	int r;

	if (!hooks_wanted_by_init(in->o->config))
		return 0;
	r = sync_send(in->sync, 'h', -1);
	if (r < 0)
		return err_errno(e, r, "ask for the hooks");
	r = await_state(in, 'h', &creating, e);
	if (r == 0)
		r = await_state(in, 'H', &in->state_fd, e);
	if (r == 0 && hooks_count(in->o->config, "startContainer"))
		r = hooks_open_streams(in->o->config, &in->streams, e);
	return r < 0 ? r : hooks_run(in->o->config, "createContainer", creating, e);
}

/* For kernels and callers that cannot pivot (an initramfs as root): the new root is moved over the
 * old one. */
static int move_root(int root_fd, struct err *e)
{
	if (fchdir(root_fd) < 0)
		return err_sys(e, "enter the new root");
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0)
		return err_sys(e, "move the new root to /");
	if (chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "chroot to the new root");
	return 0;
}

/* From the beginning: a container that waits to be started outlives the terminal and the process
 * group of the one who made it. */
static int make_session(struct err *e)
{
	return setsid() < 0 && errno != EPERM ? err_sys(e, "make a session") : 0;
}

static int set_up(struct init *in, struct err *e)
{
	int r = make_session(e);

	if (r == 0)
		r = await(in, 'm', e);
	if (r == 0)
		r = make_cgroup_namespace(in, e);
	if (r == 0) /* needs /proc as the host has it, and us dumpable */
		r = init_set_time(in->plan, e);
	if (r == 0)
		r = become_root(in, e);
	(void)umask(022); /* mount points have the modes that they are made with */
	/* Nobody looks into us until execve. */
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(e, "become undumpable");
	if (r == 0)
		r = set_up_network(in,
				   e); /* first: the other side of the tap can start meanwhile */
	if (r == 0)
		r = init_set_propagation(in, e);
	if (r == 0)
		r = init_open_null(in, e);
	if (r == 0)
		r = init_open_sources(in, e);
	if (r == 0)
		r = init_mount_root(in, e);
	if (r == 0)
		r = init_mount_all(in, e);
	if (r == 0)
		r = init_make_dev(in, e);
	if (r == 0 && in->plan->terminal)
		r = init_open_console(in, e);
	if (r == 0)
		r = write_sysctls(in, e);
	if (r == 0)
		r = init_close_dev(in, e);
	if (r == 0)
		r = init_hide_paths(in, e);
	if (r == 0)
		r = set_names(in, e);
	/* Whoever called create waits for the end of what its streams carry. */
	for (int i = 0; r == 0 && in->console_fd >= 0 && i < 3; i++)
		if (dup2(in->console_fd, i) < 0)
			r = err_sys(e, "place standard descriptor %d", i);
	if (r == 0 && in->o->subject)
		r = run_hooks(in, e);
	if (r == 0)
		r = !plan_has_mounts(in->plan) ? init_enter_root(in, e)
		    : in->o->no_pivot	       ? move_root(in->root_fd, e)
					       : mount_pivot(in->root_fd, e);
	if (r == 0)
		r = init_finish_root(in, e);
	return r;
}

static long look_at(const char *path, char *const *argv, char *const *env)
{
	struct stat st;

	(void)argv;
	(void)env;
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) || !(st.st_mode & 0111) ? -EACCES : 0;
}

/* Callers of create and start want to hear at creation that there is no such program.  What depends
 * on the working directory or on the user's rights shows at the start. */
static int find_program(struct init *in, struct err *e)
{
	char *const *args = in->plan->args;
	long r;

	if (in->o->listen_fd <= 0 || (strchr(args[0], '/') && args[0][0] != '/'))
		return 0;
	r = exec_search(args, in->plan->env, look_at);
	if (r == -ENOENT || (r == -EACCES && args[0][0] == '/'))
		return runtime_exec_error(e, (int)r, args[0]);
	return 0;
}

/* 's' from the parent, or 'w' and then 's' from whoever connects: one only, so that a start that
 * dies half way leaves a container that has stopped, not one that nobody can start. */
static int await_start(struct init *in, struct err *e)
{
	int type = sync_recv(in->sync, NULL, NULL, e), s;

	if (type == 'w' && in->o->listen_fd > 0) {
		(void)close(in->sync);
		do
			s = accept4(in->o->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		while (s < 0 && errno == EINTR);
		if (s < 0)
			_exit(1); /* nobody to tell */
		in->sync = s;
		(void)close(in->o->listen_fd);
		return await(in, 's', e);
	}
	if (type == 's')
		return 0;
	if (type == 0)
		_exit(1); /* the parent is gone, and nobody to tell */
	return type < 0 ? type
			: err_set(e, -EPROTO, "unexpected message '%c' from the parent", type);
}

static void finish(struct init *in, int r, struct err *e) __attribute__((noreturn));
static void finish(struct init *in, int r, struct err *e)
{
	if (r == 0)
		r = find_program(in, e);
	if (r == 0) {
		r = sync_send(in->sync, 'r', -1);
		if (r < 0)
			_exit(1);
		r = await_start(in, e);
	}
	if (r == 0 && in->state_fd >= 0)
		r = hooks_run_with(in->o->config, "startContainer", in->state_fd, &in->streams, e);
	if (r == 0)
		r = init_resolve_user(in, e);
	if (r == 0)
		r = init_enter_cwd(in, e);
	/* Before a filter may forbid it: end of file from here on means that the program runs. */
	if (r == 0 && in->o->subject)
		(void)sync_send(in->sync, 'x', -1); /* whoever has gone needs no news */
	if (r == 0)
		r = init_drop_privileges(in, e);
	if (r == 0)
		r = init_execute(in, e);
	(void)r; /* init_execute() only returns with an error */
	(void)sync_send_err(in->sync, e);
	_exit(127);
}

void init_main(struct init *in)
{
	struct err e;
	int r;

	err_clear(&e);
	reset_signals();
	r = set_up(in, &e);
	if (r < 0)
		init_leave_root(in);
	finish(in, r, &e);
}

void init_exec(struct init *in)
{
	struct err e;
	int r = 0;

	err_clear(&e);
	reset_signals();
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		dbg("the container has no id 0"); /* then we stay who we are */
	r = make_session(&e);
	if (r == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(&e, "become undumpable");
	in->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && in->root_fd < 0)
		r = err_sys(&e, "open the container's root");
	if (r == 0)
		r = init_set_affinity(in->plan->affinity_final, &e);
	if (r == 0 && in->plan->terminal)
		r = init_open_console(in, &e);
	finish(in, r, &e);
}
