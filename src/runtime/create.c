/* SPDX-License-Identifier: Apache-2.0 */
/* The parent's side of a container start and of an exec; the sequence is in runtime.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/runtime/agent.h"
#include "src/runtime/cgroup.h"
#include "src/runtime/hooks.h"
#include "src/runtime/init.h"
#include "src/runtime/plan_parts.h"
#include "src/runtime/runtime.h"
#include "src/runtime/stage.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* Linux 5.6 */
#endif

void runtime_process_done(struct runtime_process *p)
{
	if (p->pid > 0) {
		if (p->pidfd < 0 || proc_pidfd_kill(p->pidfd, SIGKILL) == -ENOSYS)
			(void)kill(
				p->pid,
				SIGKILL); /* our own child: the pid cannot have been used again */
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_close(p->pidfd);
	fd_close(p->sync);
	fd_close(p->console);
	fd_close(p->tap);
	fd_close(p->listener);
	free(p->program);
	*p = (struct runtime_process)RUNTIME_PROCESS_NONE;
}

int runtime_read_pid(int dir_fd, const char *file, const char *who, struct runtime_process *ret,
		     struct err *e)
{
	scoped(mem) char *text = NULL;
	int r = path_read(dir_fd, file, 32, &text, NULL, e);

	if (r < 0)
		return r;
	ret->pid = (pid_t)strtol(text, NULL, 10);
	if (ret->pid <= 1)
		return err_set(e, -EPROTO, "%s wrote '%s' as the pid", who, text);
	ret->pidfd = proc_pidfd(ret->pid);
	if (ret->pidfd < 0)
		ret->pidfd = -EBADF;
	return 0;
}

/* clone3(2) is Linux 5.3, CLONE_INTO_CGROUP 5.7.  Before that: clone, and the cgroup is entered by
 * hand before the child is told to go on. */
static pid_t clone_into(unsigned long flags, int cgroup_fd, int *ret_pidfd, int *ret_in_cgroup)
{
	struct clone_args a;
	long pid;

	memset(&a, 0, sizeof(a));
	a.flags = flags | CLONE_PIDFD;
	a.pidfd = (uint64_t)(uintptr_t)ret_pidfd;
	/* With CLONE_PARENT it is the caller's own one, and none may be named (clone3(2)). */
	a.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD;
	if (cgroup_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)cgroup_fd;
	}
	*ret_in_cgroup = cgroup_fd >= 0;
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (pid >= 0 || (errno != ENOSYS && errno != E2BIG && errno != EPERM))
		return (pid_t)pid;
	if (errno == EPERM && !(flags & CLONE_NEWUSER) && cgroup_fd < 0)
		return -1;
	*ret_in_cgroup = 0;
	*ret_pidfd = -EBADF;
	/* The raw call with no stack of its own is fork with namespace flags. */
	pid = syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid > 0) {
		*ret_pidfd = proc_pidfd((pid_t)pid);
		if (*ret_pidfd < 0)
			*ret_pidfd = -EBADF;
	}
	return (pid_t)pid;
}

static int enter_cgroup(int cgroup_fd, pid_t pid, struct err *e)
{
	char text[16];
	scoped(fd) int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return err_sys(e, "enter the container's cgroup");
	return 0;
}

static int write_proc(pid_t pid, const char *file, const char *text, struct err *e)
{
	char path[64];
	scoped(fd) int fd = -EBADF;
	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return err_sys(e, "write %s", path);
	return 0;
}

/* user_namespaces(7): without CAP_SETUID and CAP_SETGID outside, more than one's own id can only be
 * mapped by newuidmap and newgidmap. */
static int write_id_maps(const struct plan *p, pid_t pid, struct err *e)
{
	int r = 0, is_single = idmap_total(&p->uids) == 1 && idmap_total(&p->gids) == 1;

	if (!is_single && (!caps_have_effective(CAP_SETUID) || !caps_have_effective(CAP_SETGID)))
		return idmap_write_helpers(pid, &p->uids, &p->gids, e);
	/* A gid map written without CAP_SETGID outside wants setgroups denied first; then the map
	 * has one line of one id. */
	if (idmap_total(&p->gids) == 1)
		r = write_proc(pid, "setgroups", "deny", e);
	if (r == 0)
		r = idmap_write(pid, "uid_map", &p->uids, e);
	return r < 0 ? r : idmap_write(pid, "gid_map", &p->gids, e);
}

static int write_maps(const struct plan *p, pid_t pid, struct err *e)
{
	int r;
	if (p->has_oom_score_adj) {
		char text[16];
		(void)snprintf(text, sizeof(text), "%d", p->oom_score_adj);
		r = write_proc(pid, "oom_score_adj", text, e);
		if (r < 0)
			return r;
	}
	if (!(p->clone_flags & CLONE_NEWUSER))
		return 0;
	return write_id_maps(p, pid, e);
}

/* ---- namespaces that are joined ----------------------------------------------------------------
 */

static const int ns_flags[NS_COUNT] = {
	[NS_USER] = CLONE_NEWUSER,     [NS_MOUNT] = CLONE_NEWNS, [NS_PID] = CLONE_NEWPID,
	[NS_IPC] = CLONE_NEWIPC,       [NS_UTS] = CLONE_NEWUTS,	 [NS_NET] = CLONE_NEWNET,
	[NS_CGROUP] = CLONE_NEWCGROUP, [NS_TIME] = CLONE_NEWTIME
};

static int open_paths(const struct plan *p, int fds[NS_COUNT], struct err *e)
{
	int r = 0, type = -1;

	for (size_t i = 0; i < NS_COUNT; i++)
		fds[i] = -EBADF;
	for (size_t i = 0; i < NS_COUNT && r == 0; i++) {
		if (!p->ns_path[i])
			continue;
		fds[i] = open(p->ns_path[i], O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0)
			r = err_sys(e, "open namespace %s", p->ns_path[i]);
		else /* ENOTTY: no namespace at all, or Linux before 4.11, which setns(2) tells */
			type = ioctl(fds[i], NS_GET_NSTYPE);
		if (r == 0 && type >= 0 && type != ns_flags[i])
			r = err_set(e, -EINVAL, "namespace %s is of another type", p->ns_path[i]);
	}
	return r;
}

/* Namespaces of the caller's own user namespace are entered first, while we have the rights over
 * them; those of a user namespace that is joined too, after it. */
static int enter_paths(const struct plan *p, int fds[NS_COUNT], struct err *e)
{
	int is_user = p->ns_path[NS_USER] != NULL;

	for (int pass = is_user ? 0 : 1; pass < 2; pass++) {
		for (size_t i = NS_COUNT; i-- > 0;) {
			if (fds[i] < 0 || i == NS_USER)
				continue;
			if (setns(fds[i], ns_flags[i]) == 0) {
				fd_close(take_fd(&fds[i]));
				continue;
			}
			if (pass == 1 || errno != EPERM)
				return err_sys(e, "join namespace %s", p->ns_path[i]);
		}
		if (pass == 0 && setns(fds[NS_USER], CLONE_NEWUSER) < 0 && errno != EINVAL)
			return err_sys(e, "join namespace %s", p->ns_path[NS_USER]);
	}
	return 0;
}

static int has_paths(const struct plan *p)
{
	for (size_t i = 0; i < NS_COUNT; i++)
		if (p->ns_path[i])
			return 1;
	return 0;
}

static void __attribute__((noreturn)) run_init(struct init *in, struct plan *plan, int sync)
{
	in->plan = plan;
	in->sync = sync;
	fd_close(take_fd(&in->peer));
	init_main(in);
}

/* The middle process joins, then clones the first one as a child of its own parent (CLONE_PARENT):
 * the parent stays in its namespaces, where hooks run and paths mean what they say. */
static void __attribute__((noreturn))
joining_middle(struct init *in, struct plan *plan, int cgroup_fd, int report, int theirs)
{
	int fds[NS_COUNT], pidfd = -EBADF;
	struct err e;
	struct {
		pid_t pid;
		int in_cgroup;
	} told = { 0 };

	err_clear(&e);
	if (open_paths(plan, fds, &e) == 0 && enter_paths(plan, fds, &e) == 0) {
		told.pid = clone_into(plan->clone_flags | CLONE_PARENT, cgroup_fd, &pidfd,
				      &told.in_cgroup);
		if (told.pid == 0)
			run_init(in, plan, theirs);
		if (told.pid < 0)
			(void)err_sys(&e, "clone the container's first process");
		else if (write(report, &told, sizeof(told)) == sizeof(told))
			_exit(0);
	}
	(void)sync_send_err(theirs, &e); /* nobody else to tell */
	_exit(1);
}

static int clone_joined(struct init *in, struct plan *plan, int cgroup_fd, int theirs,
			struct runtime_process *p, int *ret_in_cgroup, struct err *e)
{
	scoped(fd) int report_r = -EBADF;
	scoped(fd) int report_w = -EBADF;
	struct {
		pid_t pid;
		int in_cgroup;
	} told = { 0 };
	int r = fd_pipe(&report_r, &report_w, e);
	pid_t middle = r < 0 ? 0 : fork();

	if (r < 0)
		return r;
	if (middle < 0)
		return err_sys(e, "fork");
	if (middle == 0)
		joining_middle(in, plan, cgroup_fd, report_w, theirs);
	fd_close(take_fd(&report_w));
	if (fd_read_full(report_r, &told, sizeof(told)) == sizeof(told)) {
		p->pid = told.pid;
		*ret_in_cgroup = told.in_cgroup;
		p->pidfd = proc_pidfd(p->pid);
		if (p->pidfd < 0)
			p->pidfd = -EBADF;
	}
	while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
		;
	if (p->pid > 0)
		return 0;
	r = sync_recv(p->sync, NULL, NULL, e);
	return r < 0 ? r : err_set(e, -EPROTO, "the process that joins the namespaces ended");
}

/* ---- create ---------------------------------------------------------------------------------- */

/* The hooks of before pivot_root, then the state for those in the container. */
static int run_hooks(const struct runtime_process *p, struct err *e)
{
	const struct runtime_subject *s = p->subject;
	scoped(fd) int creating = -EBADF;
	scoped(fd) int created = -EBADF;
	int r;

	if (!s)
		return err_set(e, -EPROTO, "the container's first process asks for hooks");
	creating = hooks_state_file(s, p->pid, "creating", e);
	created = creating < 0 ? creating : hooks_state_file(s, p->pid, "created", e);
	if (created < 0)
		return created;
	/* The first versions of the spec ran prestart between create and start: what was written
	 * for it wants to see that. */
	r = hooks_run(s->config, "prestart", created, e);
	if (r == 0)
		r = hooks_run(s->config, "createRuntime", creating, e);
	if (r < 0)
		return r;
	r = sync_send(p->sync, 'h', creating);
	if (r == 0)
		r = sync_send(p->sync, 'H', created);
	return r < 0 ? err_errno(e, r, "tell the container's first process to run its hooks") : 0;
}

static int await_ready(struct runtime_process *p, struct err *e)
{
	for (;;) {
		int fd = -EBADF, type = sync_recv(p->sync, &fd, NULL, e);
		if (type == 'c' && fd >= 0 && p->console < 0) {
			p->console = fd;
			continue;
		}
		if (type == 't' && fd >= 0 && p->tap < 0) {
			p->tap = fd;
			continue;
		}
		fd_close(fd);
		if (type == 'r')
			return 0;
		if (type == 'h') {
			type = run_hooks(p, e);
			if (type == 0)
				continue;
		}
		if (type < 0)
			return type;
		return err_set(e, -EPROTO,
			       "the container's first process ended before it was ready");
	}
}

/* The image for the last step, and the name for what it may have to say. */
static int open_stage(int *ret_fd, struct runtime_process *p, const struct plan *plan,
		      struct err *e)
{
	int fd = stage_open();

	if (fd < 0 && fd != -ENOENT)
		return err_errno(e, fd, "prepare cove-stage");
	*ret_fd = fd;
	p->program = strdup(plan->args[0]);
	return p->program ? 0 : err_errno(e, ENOMEM, "start the container");
}

static int clone_plain(struct init *in, struct plan *plan, int cgroup_fd, int theirs,
		       struct runtime_process *p, int *ret_in_cgroup, struct err *e)
{
	p->pid = clone_into(plan->clone_flags, cgroup_fd, &p->pidfd, ret_in_cgroup);
	if (p->pid == 0)
		run_init(in, plan, theirs);
	if (p->pid > 0)
		return 0;
	p->pid = 0;
	(void)err_sys(e, "clone the container's first process");
	return err_hint(e, "'cove doctor' names the setting that forbids new namespaces");
}

int runtime_create(const struct runtime_options *o, struct runtime_process *ret, struct err *e)
{
	scoped(plan) struct plan *plan = NULL;
	scoped(runtime_process) struct runtime_process p = RUNTIME_PROCESS_NONE;
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int stage = -EBADF;
	struct init in = INIT_NONE(o);
	int in_cgroup = 0, r = plan_from_config(o->config, &plan, e);

	if (r == 0)
		r = fd_pair(SOCK_SEQPACKET, &p.sync, &theirs, e);
	if (r == 0)
		r = open_stage(&stage, &p, plan, e);
	if (r == 0 && !o->filter)
		r = plan_make_filter(plan, o->seccomp_cache > 0 ? o->seccomp_cache : -EBADF, e);
	if (r == 0)
		r = init_prepare_user(plan, e);
	if (r == 0)
		r = init_prepare_mounts(&in, plan, e);
	if (r < 0) {
		init_prepare_done(&in, plan);
		return r;
	}
	for (size_t i = 0; o->warn && plan->warnings && plan->warnings[i]; i++)
		o->warn(plan->warnings[i]);
	p.subject = o->subject;
	p.wants_listener = o->notify != NULL;
	in.stage_fd = stage;
	in.peer = p.sync;
	r = has_paths(plan) ? clone_joined(&in, plan, o->cgroup_fd, theirs, &p, &in_cgroup, e)
			    : clone_plain(&in, plan, o->cgroup_fd, theirs, &p, &in_cgroup, e);
	init_prepare_done(&in, plan);
	if (r < 0)
		return r;
	fd_close(take_fd(&theirs));
	r = write_maps(plan, p.pid, e);
	if (r == 0 && o->cgroup && !in_cgroup)
		r = cgroup_enter(o->cgroup, p.pid, e);
	else if (r == 0 && o->cgroup_fd >= 0 && !in_cgroup)
		r = enter_cgroup(o->cgroup_fd, p.pid, e);
	if (r == 0) {
		r = sync_send(p.sync, 'm', -1);
		if (r < 0)
			(void)err_errno(e, r,
					"tell the container's first process that it is mapped");
	}
	if (r == 0)
		r = await_ready(&p, e);
	if (r == 0)
		r = agent_send_pidfd(o->config, p.pidfd, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct runtime_process)RUNTIME_PROCESS_NONE;
	return 0;
}

int runtime_start(struct runtime_process *p, struct err *e)
{
	int r = sync_send(p->sync, 's', -1), fd = -EBADF;

	if (r < 0)
		return err_errno(e, r, "start the container's program");
	r = sync_recv(p->sync, &fd, p->program, e);
	if (r == 'x')
		r = sync_recv(p->sync, &fd, p->program, e);
	else if (r == 0 && p->subject)
		r = err_set(e, -ESRCH, "the first process ended before it executed the program");
	if (r == 'n' && fd >= 0 && p->wants_listener) {
		p->listener = take_fd(&fd);
		p->wants_listener = 0;
		r = sync_recv(p->sync, &fd, p->program, e);
	}
	if (r == 'n' && fd >= 0) {
		scoped(fd) int listener = take_fd(&fd);
		r = agent_hand_over(p->subject, p->pid, listener, e);
		if (r == 0)
			r = sync_recv(p->sync, &fd, p->program, e);
	}
	fd_close(fd);
	if (r > 0)
		return err_set(e, -EPROTO, "the container's first process sent '%c' for a start",
			       r);
	fd_close(take_fd(&p->sync));
	return r;
}

/* ---- a start by another process ----------------------------------------------------------------
 */

int runtime_listen(int dir_fd, const char *name, int *ret_fd, struct err *e)
{
	int s = fd_listen_at(dir_fd, name, SOCK_SEQPACKET, 1);

	if (s < 0)
		return err_errno(e, s, "listen for the start");
	*ret_fd = s;
	return 0;
}

int runtime_wait(struct runtime_process *p, struct err *e)
{
	int r = sync_send(p->sync, 'w', -1);

	if (r < 0)
		return err_errno(e, r, "leave the container's first process waiting");
	p->pid = 0; /* nobody's to kill now */
	runtime_process_done(p);
	return 0;
}

int runtime_connect(int dir_fd, const char *name, struct runtime_process *p, struct err *e)
{
	scoped(fd) int s = fd_connect_at(dir_fd, name, SOCK_SEQPACKET);

	if (s == -ENOENT || s == -ECONNREFUSED)
		return err_set(e, -ESRCH, "the container's first process does not wait");
	if (s < 0)
		return err_errno(e, s, "connect to the container's first process");
	if (unlinkat(dir_fd, name, 0) < 0)
		return err_sys(e, "remove %s", name);
	p->sync = take_fd(&s);
	return 0;
}

/* ---- exec ------------------------------------------------------------------------------------ */

/* setns(2) on a pidfd enters several namespaces at once since Linux 5.8; before that one by one,
 * the user namespace first (it gives the rights over the others). */
static int join_process(pid_t pid, int pidfd, struct err *e)
{
	static const struct {
		const char *name;
		int flag;
	} ns[] = { { "user", CLONE_NEWUSER }, { "pid", CLONE_NEWPID },
		   { "ipc", CLONE_NEWIPC },   { "uts", CLONE_NEWUTS },
		   { "net", CLONE_NEWNET },   { "cgroup", CLONE_NEWCGROUP },
		   { "time", CLONE_NEWTIME }, { "mnt", CLONE_NEWNS } };
	int fds[ARRAY_LEN(ns)], all = 0, r = 0;
	struct stat mine, other;
	char path[64];

	for (size_t i = 0; i < ARRAY_LEN(ns); i++) {
		(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", ns[i].name);
		if (stat(path, &mine) < 0)
			mine.st_ino = 0;
		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, ns[i].name);
		fds[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (fds[i] < 0 && errno == ENOENT && mine.st_ino == 0) {
			fds[i] = -EBADF; /* a kernel without namespaces of that type */
			continue;
		}
		if (fds[i] < 0 || fstat(fds[i], &other) < 0)
			return err_sys(e, "open %s", path);
		/* One's own user namespace cannot be entered again (setns(2): EINVAL). */
		if (mine.st_ino == other.st_ino) {
			(void)close(fds[i]);
			fds[i] = -EBADF;
			continue;
		}
		all |= ns[i].flag;
	}
	/* The process whose namespaces were opened is still the one we mean. */
	if (pidfd >= 0 && proc_pidfd_kill(pidfd, 0) == -ESRCH)
		return err_set(e, -ESRCH, "the container has just stopped");
	if (pidfd < 0 || setns(pidfd, all) < 0)
		for (size_t i = 0; i < ARRAY_LEN(ns) && r == 0; i++)
			if (fds[i] >= 0 && setns(fds[i], ns[i].flag) < 0)
				r = err_sys(e, "enter the %s namespace of the container",
					    ns[i].name);
	for (size_t i = 0; i < ARRAY_LEN(ns); i++)
		fd_close(fds[i]);
	return r;
}

/* The middle process: enters the namespaces, then clones the real one as a child of its own parent
 * (CLONE_PARENT), because a pid namespace is only entered by children. */
static void __attribute__((noreturn))
exec_middle(struct init *in, pid_t pid, int pidfd, int in_cgroup, int report)
{
	struct err e;
	pid_t child;
	int r = 0;

	err_clear(&e);
	/* Members of the container's pid namespace see this process: nobody there may look into it.
	 */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		r = err_sys(&e, "become undumpable");
	/* The config asks for these before the cgroup, whose CPUs narrow them. */
	if (r == 0)
		r = init_set_affinity(in->plan->affinity_initial, &e);
	/* Another user's slice may refuse: the process stays in our cgroup then. */
	if (r == 0 && in->o->cgroup && !in_cgroup)
		r = cgroup_join(in->o->cgroup, getpid(), &e);
	else if (r == 0 && in->o->cgroup_fd >= 0 && !in_cgroup &&
		 enter_cgroup(in->o->cgroup_fd, getpid(), &e) < 0)
		err_clear(&e);
	if (r == 0 && join_process(pid, pidfd, &e) == 0) {
		child = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
		if (child == 0)
			init_exec(in);
		if (child < 0)
			(void)err_sys(&e, "clone the process in the container");
		else if (write(report, &child, sizeof(child)) == sizeof(child))
			_exit(0);
	}
	(void)sync_send_err(in->sync, &e);
	_exit(1);
}

static int read_filter(const struct runtime_options *o, struct plan *plan, struct err *e)
{
	int r = plan_read_seccomp(plan, json_path(o->config, "linux", "seccomp", NULL),
				  json_get(o->config, "annotations"), e);

	return r < 0 ? r
		     : plan_make_filter(plan, o->seccomp_cache > 0 ? o->seccomp_cache : -EBADF, e);
}

int runtime_exec(json_object *process, pid_t pid, int pidfd, const struct runtime_options *o,
		 struct runtime_process *ret, struct err *e)
{
	scoped(plan) struct plan *plan = NULL;
	scoped(runtime_process) struct runtime_process p = RUNTIME_PROCESS_NONE;
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int report_r = -EBADF;
	scoped(fd) int report_w = -EBADF;
	scoped(fd) int stage = -EBADF;
	struct init in = INIT_NONE(o);
	scoped(fd) int middle_fd = -EBADF;
	int r = plan_from_process(process, &plan, e), in_cgroup = 0;
	pid_t middle, child = 0;

	/* What the first process may not do, this one may not either. */
	if (r == 0 && o->config && !o->filter)
		r = read_filter(o, plan, e);
	p.subject = o->subject;
	p.wants_listener = o->notify != NULL;
	if (r == 0)
		r = fd_pair(SOCK_SEQPACKET, &p.sync, &theirs, e);
	if (r == 0)
		r = open_stage(&stage, &p, plan, e);
	if (r < 0)
		return r;
	in.stage_fd = stage;
	r = fd_pipe(&report_r, &report_w, e);
	if (r < 0)
		return r;
	/* Born in the cgroup: moving a running process costs an RCU grace period (10 ms). */
	middle = clone_into(0, o->cgroup_fd, &middle_fd, &in_cgroup);
	if (middle < 0) {
		in_cgroup = 0;
		middle = fork();
	}
	if (middle < 0)
		return err_sys(e, "fork");
	if (middle == 0) {
		in.plan = plan;
		in.sync = theirs;
		fd_close(take_fd(&p.sync));
		exec_middle(&in, pid, pidfd, in_cgroup, report_w);
	}
	fd_close(take_fd(&theirs));
	fd_close(take_fd(&report_w));
	if (fd_read_full(report_r, &child, sizeof(child)) == sizeof(child)) {
		p.pid = child;
		p.pidfd = proc_pidfd(child);
		if (p.pidfd < 0)
			p.pidfd = -EBADF;
	}
	while (waitpid(middle, NULL, 0) < 0 && errno == EINTR)
		;
	r = await_ready(&p, e);
	if (r == 0)
		r = runtime_start(&p, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct runtime_process)RUNTIME_PROCESS_NONE;
	return 0;
}
