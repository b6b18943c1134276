/* SPDX-License-Identifier: Apache-2.0 */
/* exec: another process in a running container.  A small monitor of its own keeps its streams, so
 * that -d and a client that goes away leave it running. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/accel.h"
#include "src/container/attach.h"
#include "src/container/create.h"
#include "src/container/event.h"
#include "src/container/generate.h"
#include "src/container/limits.h"
#include "src/container/private_network.h"
#include "src/container/record.h"
#include "src/container/root.h"
#include "src/container/secrets.h"
#include "src/container/session.h"
#include "src/runtime/connect_filter.h"
#include "src/runtime/runtime.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

struct exec {
	struct engine *en;
	const struct container *c;
	const struct container_spec *spec;
	const struct exec_options *o;
	json_object *process; /* owned, as are filter and user */
	struct sock_filter *filter;
	size_t n_filter;
	char *user; /* a copy: the options lie in argv, which the new title overwrites */
	pid_t pid;
	int pidfd, client, attached;
	int is_accel;
	int accel; /* a connection to the role of that name; -EBADF: none */
};

static void scoped_exec(struct exec *x)
{
	json_free(x->process);
	free(x->filter);
	free(x->user);
	fd_close(x->accel);
}

static void __attribute__((noreturn)) exec_monitor(struct exec *x)
{
	struct session_io io = SESSION_IO_NONE;
	struct runtime_process process = RUNTIME_PROCESS_NONE;
	scoped(limits) struct limits limits = LIMITS_NONE;
	struct runtime_options o = { .user = x->user,
				     .extra_groups = x->spec->group_add,
				     .filter = x->filter,
				     .n_filter = x->n_filter,
				     .keep_groups = x->spec->keep_groups,
				     .preserve_fds = x->o->preserve_fds };
	struct session_options so = {
		.io = &io, .process = &process, .first_client = -EBADF, .listen_fd = -EBADF
	};
	struct session_started told = { 0 };
	struct session_failure f;
	struct err e;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), code, client = -EBADF, r;
	sigset_t block;

	err_clear(&e);
	(void)setsid(); /* a fork's child leads no group */
	proc_set_title("cove-exec");
	(void)sigemptyset(&block);
	(void)sigaddset(&block, SIGCHLD);
	(void)sigaddset(&block, SIGPIPE);
	(void)sigaddset(&block, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &block, NULL);
	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	(void)fd_close_inherited(3 + x->o->preserve_fds); /* as the container's monitor does */
	r = limits_open(x->en, x->spec, x->c->id, &limits, &e);
	if (r == 0)
		r = cgroup_approach(&limits.cgroup, &e);
	o.cgroup_fd = limits.cgroup.fd;
	o.cgroup = limits.cgroup.kind == CGROUP_KIND_V1 ? &limits.cgroup : NULL;
	limits_add_rlimits(&limits, x->process);
	if (r == 0)
		r = limits_apply(&limits, 0, &e);
	if (r == 0)
		r = session_io_open(&io, x->o->tty, x->o->interactive, &e);
	memcpy(o.stdio, io.theirs, sizeof(o.stdio));
	if (x->is_accel)
		o.notify = connect_filter(&o.n_notify);
	if (r == 0)
		r = runtime_exec(x->process, x->pid, x->pidfd, &o, &process, &e);
	if (x->o->preserve_fds) /* the command has them now */
		(void)fd_close_inherited(3);
	if (r == 0 && x->accel >= 0 && accel_give(x->accel, process.listener, &e) < 0)
		dbg("%s", e.text);
	fd_close(take_fd(&process.listener));
	if (r < 0) {
		memset(&f, 0, sizeof(f));
		f.stage = r == -ENOENT || r == -EACCES || r == -ENOEXEC || r == -EISDIR ||
			  r == -ENOTDIR || r == -EPERM;
		f.err = e;
		(void)session_send(x->client, 'f', &f, sizeof(f)); /* the starter may have gone */
		_exit(125);
	}
	io.console = take_fd(&process.console);
	told.pid = process.pid;
	told.tty = x->o->tty;
	(void)session_send(x->client, 's', &told, sizeof(told)); /* likewise */
	container_event_spec(x->en, x->spec, x->c->id, x->c->name, "exec");
	if (x->attached)
		so.first_client = x->client;
	else
		fd_close(x->client);
	code = session_run(&so, &client, &e);
	if (code < 0)
		code = 125;
	container_event_exit(x->en, x->spec, x->c->id, x->c->name, "exec_died", code, 0);
	if (client >= 0)
		(void)session_send(client, 'x', &code, sizeof(code)); /* likewise */
	_exit(0);
}

/* Without the role nobody answers connect(2), which then fails: the container's processes may have
 * sockets of the host. */
static void connect_accel(struct exec *x)
{
	char path[128];
	scoped(fd) int dir = -EBADF;
	int sock;

	x->is_accel = private_network_is_accel(x->spec);
	if (!x->is_accel)
		return;
	(void)snprintf(path, sizeof(path), "c/%s", x->c->id);
	dir = openat(x->en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	sock = dir < 0 ? -errno : fd_connect_at(dir, "accel", SOCK_SEQPACKET);
	x->accel = sock < 0 ? -EBADF : sock;
}

static int prepare(struct exec *x, struct err *e)
{
	scoped(strv) char **env = strv_copy(x->spec->env);
	struct winsize w;
	int r = env ? 0 : err_errno(e, ENOMEM, "exec");

	if (r == 0 && x->o->tty && !spec_env_get(env, "TERM"))
		r = spec_env_set(&env, "TERM=xterm", e);
	if (r == 0)
		r = secrets_add_env(x->spec, &env, e);
	if (r == 0)
		r = create_env_options(&env, x->o->env_file, x->o->env, e);
	if (r < 0)
		return r;
	if (x->o->workdir && x->o->workdir[0] != '/')
		return err_set(
			e, -EINVAL,
			"the working directory \"%s\" is invalid, it needs to be an absolute path",
			x->o->workdir);
	x->process = generate_exec_process(x->spec, x->o, env);
	if (!x->process)
		return err_errno(e, ENOMEM, "exec");
	if (x->o->tty && ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0) {
		json_object *size = json_object_new_object();
		json_put_int(size, "height", w.ws_row);
		json_put_int(size, "width", w.ws_col);
		json_put(x->process, "consoleSize", size);
	}
	/* The container's own filter: what its first process may not do, this one may not either.
	 */
	if (x->o->privileged)
		return 0;
	return generate_filter(x->en, x->spec, &x->filter, &x->n_filter, e);
}

int container_exec(struct engine *en, const char *ref, const struct exec_options *o,
		   const struct attach_options *a, int *ret_stage, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int pidfd = -EBADF;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	scoped(exec) struct exec x = { .en = en, .o = o, .attached = a != NULL, .accel = -EBADF };
	int r = container_find(en, ref, &c, e);
	pid_t pid;

	*ret_stage = 0;
	if (r < 0)
		return r;
	if (c->state == CONTAINER_RUNNING && !c->is_paused)
		x.pid = record_live_pid(en, c->id, &pidfd);
	if (x.pid <= 0)
		return err_set(e, -EINVAL,
			       "can only create exec sessions on running containers: container "
			       "state improper");
	r = container_spec_decode(c->spec, &spec, e);
	x.c = c;
	x.spec = spec;
	x.pidfd = pidfd;
	if (r == 0 && spec)
		r = secrets_load(en, spec, e);
	if (r != 0 || !spec)
		return r;
	connect_accel(&x);
	x.user = o->user ? strdup(o->user) : root_user(en, spec);
	r = x.user ? prepare(&x, e) : err_errno(e, ENOMEM, "exec");
	if (r < 0)
		return r;
	r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);
	if (r < 0)
		return r;
	x.client = theirs;
	engine_store_close(en);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork the exec session's monitor");
	if (pid == 0)
		exec_monitor(&x);
	fd_close(take_fd(&theirs));
	return attach_started(ours, a, NULL, ret_stage, e);
}
