/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns/accel.h"
#include "netns/net.h"
#include "netns/netns.h"
#include "src/container/bundle.h"
#include "src/container/checkpoint.h"
#include "src/container/container_net.h"
#include "src/container/event.h"
#include "src/container/exited.h"
#include "src/container/generate.h"
#include "src/container/hooks_dir.h"
#include "src/container/keep_id.h"
#include "src/container/limits.h"
#include "src/container/monitor_slim.h"
#include "src/container/record.h"
#include "src/container/root.h"
#include "src/container/secrets.h"
#include "src/container/session.h"
#include "src/runtime/connect_filter.h"
#include "src/runtime/criu.h"
#include "src/runtime/driver.h"
#include "src/runtime/hooks.h"
#include "src/runtime/runtime.h"
#include "src/store/store.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/join.h"
#include "userns/mount.h"

struct start {
	const struct monitor *m;
	struct session_io io;
	struct runtime_process process;
	struct driver driver;		/* of another runtime, when the container has one */
	struct runtime_subject subject; /* for hooks */
	char *dir;			/* the driver's, or the bundle for hooks */
	struct container_net net;
	int net_again;	  /* times that it was started anew */
	struct net accel; /* beside it, when the network has that */
	struct log *log;
	struct limits limits;
	struct watch watch;
	json_object *config;
	struct sock_filter *filter;
	size_t n_filter;
	struct idmap uids, gids;
	int has_ids;
	int lease;     /* keeps the holder */
	int listen_fd; /* further clients */
	int stage;     /* 1: the program itself could not be executed */
};

/* Nothing of the caller's stays with us: not its terminal, not its pipes, not its working
 * directory. */
/* PRESERVE descriptors from 3 on are the container's. */
static int detach_from_caller(int preserve, struct err *e)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), r;
	sigset_t all;

	(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* from here on we outlive who started us */
	(void)setsid();				   /* a fork's child leads no group */
	if (null < 0 || chdir("/") < 0)
		return err_sys(e, "detach from the caller");
	/* A lock that the caller holds, or the end of a pipe that somebody waits for. */
	r = fd_close_inherited(3 + preserve);
	if (r < 0)
		return err_errno(e, r, "detach from the caller");
	for (int fd = 0; fd < 3; fd++)
		if (!(fd == STDERR_FILENO && dbg_enabled()) && dup2(null, fd) < 0)
			return err_sys(e, "detach from the caller");
	if (null > 2)
		(void)close(null);
	/* SIGCHLD and SIGALRM are read from a descriptor, SIGPIPE means nothing; SIGTERM ends us as
	 * it ends anybody. */
	(void)sigemptyset(&all);
	(void)sigaddset(&all, SIGCHLD);
	(void)sigaddset(&all, SIGALRM);
	(void)sigaddset(&all, SIGPIPE);
	(void)sigaddset(&all, SIGHUP);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	proc_set_title("cove-monitor");
	return 0;
}

static int is_accelerated(const struct start *s)
{
	return s->net.own.accel && !s->m->restore;
}

/* A socket NAME in the runtime directory (*RET, the caller's), by a path short enough for sun_path
 * wherever that directory is. */
static int open_listener(const struct start *s, const char *name, int backlog, int *ret,
			 struct err *e)
{
	char path[128];
	scoped(fd) int dir = -EBADF;
	int sock;

	(void)snprintf(path, sizeof(path), "c/%s", s->m->id);
	dir = openat(s->m->en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_sys(e, "make the %s socket", name);
	(void)unlinkat(dir, name, 0); /* of a monitor that was killed */
	sock = fd_listen_at(dir, name, SOCK_SEQPACKET | SOCK_NONBLOCK, backlog);
	if (sock < 0)
		return err_errno(e, sock, "make the %s socket", name);
	*ret = sock;
	return 0;
}

/* connect(2) of the container is answered by the role accel; of what exec starts, too. */
static int connect_accel(struct start *s, struct err *e)
{
	const struct private_network *own = &s->net.own;
	struct net_config c = { .addresses = &own->addresses,
				.outbound = own->outbound,
				.outbound6 = own->outbound6 };
	scoped(fd) int sock = -EBADF;
	int r = open_listener(s, "accel", 64, &sock, e);

	return r < 0 ? r : accel_connect(&s->accel, &c, s->net.netns, sock, e);
}

/* A port that cannot be had has the status of a program that cannot be executed, as with Podman. */
static int is_port_failure(int r)
{
	return r == -EADDRINUSE || r == -EADDRNOTAVAIL || r == -EACCES;
}

/* Did the program itself fail, rather than what we do for it? */
static int is_exec_failure(int r)
{
	return r == -ENOENT || r == -EACCES || r == -ENOEXEC || r == -EISDIR || r == -ENOTDIR ||
	       r == -EPERM || r == -ELOOP;
}

/* The root is mounted by the container's first process, in its own namespace; unless somebody
 * before that is to see it, another runtime or hooks: then by us, in ours. */
static int mount_root(struct start *s, struct runtime_options *o, struct err *e)
{
	scoped(fd) int root = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	r = mount_propagation("/", MS_SLAVE, e);
	if (r == 0)
		r = runtime_mount_overlay(o->overlay, s->has_ids, &root, e);
	if (r == 0 && chdir("/") < 0) /* it was changed for the relative names of layers */
		r = err_sys(e, "leave the layers' directory");
	if (r < 0)
		return r;
	json_put_str(json_get(s->config, "root"), "path", o->overlay->target);
	o->overlay = NULL;
	return 0;
}

/* Hooks find the container's config.json in its bundle. */
static int prepare_hooks(struct start *s, struct err *e)
{
	const struct monitor *m = s->m;
	int r = hooks_check(s->config, e);

	if (r < 0 || !json_get(s->config, "hooks") || m->spec->runtime)
		return r;
	r = bundle_write(m->en, m->id, s->config, &s->dir, e);
	s->subject = (struct runtime_subject){ .id = m->id,
					       .bundle = s->dir,
					       .config = s->config,
					       .annotations = json_get(s->config, "annotations") };
	return r;
}

/* The container runs: a failure is only told (runtime-spec, "Poststart"). */
static void run_poststart(const struct start *s)
{
	struct err e;
	scoped(fd) int state = -EBADF;
	int r;

	if (!s->subject.id || !hooks_count(s->config, "poststart"))
		return;
	r = state = hooks_state_file(&s->subject, s->process.pid, "running", &e);
	if (r >= 0)
		r = hooks_run(s->config, "poststart", state, &e);
	if (r < 0)
		dbg("%s", e.text);
}

static int create_by_driver(struct start *s, const struct runtime_options *o, struct err *e)
{
	const struct monitor *m = s->m;
	scoped(json) json_object *seccomp = NULL;
	int r = bundle_driver(m->en, m->spec, m->id, &s->dir, &s->driver, e);

	/* What it starts becomes ours when it ends. */
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		r = err_sys(e, "become the parent of orphans");
	if (r == 0)
		r = generate_seccomp(m->spec, &seccomp, e);
	if (r == 0) {
		r = driver_create(&s->driver, o, seccomp, &s->process, e);
		s->stage = is_exec_failure(r);
	}
	return r;
}

/* The processes come back into a network of the same kind, made before them. */
static int restore_process(struct start *s, const struct runtime_options *o, struct err *e)
{
	const struct monitor *m = s->m;
	const struct restore_options *how = m->restore;
	scoped(mem) char *dir = checkpoint_dir(m->en, m->id);
	scoped(fd) int netns = -EBADF;
	struct criu_options c = { .dir = dir,
				  .tcp_established = how->tcp_established,
				  .tcp_close = how->tcp_close,
				  .file_locks = how->file_locks,
				  /* An archive need not have the places of mounts. */
				  .own_mounts = how->import != NULL,
				  .config = s->config };
	int r = dir ? 0 : err_errno(e, ENOMEM, "restore");

	/* What criu starts becomes ours when it ends. */
	if (r == 0 && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
		r = err_sys(e, "become the parent of orphans");
	if (r == 0 && strcmp(m->spec->network, "host") != 0)
		r = netns_make(o->tap, &netns, &s->process.tap, e);
	if (r == 0 && o->want_netns) {
		s->process.tap = dup(netns);
		if (s->process.tap < 0)
			r = err_sys(e, "restore");
	}
	return r < 0 ? r
		     : criu_restore(&c, json_get_str(json_get(s->config, "root"), "path"), o->stdio,
				    netns, o->cgroup, &s->process, e);
}

static int create_process(struct start *s, struct err *e)
{
	const struct monitor *m = s->m;
	const struct container_spec *spec = m->spec;
	struct tap_config tap;
	scoped(root_overlay) struct root_overlay paths = { 0 };
	scoped(mem) char *user = root_user(m->en, spec);
	struct runtime_options o = { .config = s->config,
				     .user = user,
				     .extra_groups = spec->group_add,
				     .make_cwd = spec->make_workdir,
				     .filter = s->filter,
				     .n_filter = s->n_filter,
				     .tap = container_net_tap(&s->net, &tap),
				     .want_netns = s->net.is_bridge || s->net.is_pasta,
				     .cgroup_fd = s->limits.cgroup.fd,
				     .cgroup = &s->limits.cgroup,
				     .keep_groups = spec->keep_groups,
				     .preserve_fds = spec->preserve_fds };
	int r = user ? root_overlay(m->en, m->id, spec, &paths, e)
		     : err_errno(e, ENOMEM, "start the container");

	if (r < 0)
		return r;
	if (!spec->rootfs || spec->rootfs_overlay)
		o.overlay = &paths.overlay;
	if (o.overlay && (spec->runtime || m->restore || json_get(s->config, "hooks")))
		r = mount_root(s, &o, e);
	if (r == 0)
		r = prepare_hooks(s, e);
	if (r < 0)
		return r;
	if (s->subject.id)
		o.subject = &s->subject;
	if (is_accelerated(s))
		o.notify = connect_filter(&o.n_notify);
	memcpy(o.stdio, s->io.theirs, sizeof(o.stdio));
	r = m->restore	    ? restore_process(s, &o, e)
	    : spec->runtime ? create_by_driver(s, &o, e)
			    : runtime_create(&o, &s->process, e);
	if (r == 0)
		r = limits_apply(&s->limits, s->process.pid, e);
	if (r < 0)
		return r;
	s->io.console = take_fd(&s->process.console);
	if (spec->preserve_fds) /* the container has them now */
		(void)fd_close_inherited(3);
	r = container_net_connect(&s->net, s->process.tap, e);
	s->stage = is_port_failure(r);
	fd_close(take_fd(&s->process.tap));
	if (r == 0 && is_accelerated(s))
		r = connect_accel(s, e);
	if (r == 0 && is_accelerated(s))
		r = container_net_share(&s->net, s->accel.control, e);
	return r;
}

static int write_pidfile(struct engine *en, const char *path, pid_t pid, struct err *e)
{
	ENGINE_USERS_UMASK(en);
	char text[16];
	scoped(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	int n = snprintf(text, sizeof(text), "%d", (int)pid);
	if (fd < 0 || write(fd, text, (size_t)n) != n)
		return err_sys(e, "write %s", path);
	return 0;
}

static int has_bind_mounts(const struct container_spec *spec)
{
	for (size_t i = 0; i < json_len(spec->mounts); i++) {
		const char *type = json_get_str(json_object_array_get_idx(spec->mounts, i), "type");
		if (type && strcmp(type, "bind") == 0)
			return 1;
	}
	return 0;
}

static int prepare(struct start *s, struct err *e)
{
	const struct monitor *m = s->m;
	int is_root = userns_is_root(), r = private_network_check(m->spec, e);

	if (r == 0)
		r = userns_join(m->en->run_fd, &s->lease, e);
	if (r == 0 && !is_root) {
		/* What our new namespace maps, seen from inside it: ids 0... in one piece. */
		r = idmap_read(0, "uid_map", &s->uids, e);
		if (r == 0)
			r = idmap_read(0, "gid_map", &s->gids, e);
		s->has_ids = 1;
	}
	if (r == 0)
		r = keep_id_root(m->en, m->spec, m->id, e);
	if (r == 0) {
		r = container_net_start(&s->net, m->en, m->spec, m->id, m->name, e);
		s->stage = is_port_failure(r);
	}
	if (r == 0 && is_accelerated(s))
		r = accel_start(&s->accel, e);
	if (r == 0)
		r = session_io_open(&s->io, m->spec->tty, m->spec->interactive, e);
	if (r == 0)
		r = generate_filter(m->en, m->spec, &s->filter, &s->n_filter, e);
	if (r == 0)
		r = generate_files(m->en, m->spec, m->id, m->name, s->net.status, e);
	if (r == 0)
		r = generate_config(m->en, m->spec, m->id, s->has_ids ? &s->uids : NULL,
				    s->has_ids ? &s->gids : NULL, &s->config, e);
	if (r == 0)
		r = secrets_own(m->en, m->spec, m->id, s->config, e);
	if (r == 0 && (m->en->hooks_dirs || is_root))
		r = hooks_dir_apply(m->en->hooks_dirs, has_bind_mounts(m->spec), &s->config, e);
	if (r == 0 && m->spec->log_path && strcmp(m->spec->log_driver, "none") != 0)
		r = log_open(m->spec->log_path, m->spec->log_size_max, &s->log, e);
	if (r == 0)
		limits_add_rlimits(&s->limits, json_get(s->config, "process"));
	return r;
}

static int start(struct start *s, struct err *e)
{
	const struct monitor *m = s->m;
	int r = prepare(s, e);

	if (r == 0)
		r = create_process(s, e);
	if (r == 0)
		r = open_listener(s, "attach", 16, &s->listen_fd, e);
	if (r == 0)
		r = record_write_state(m->en, m->id, s->process.pid, m->started, e);
	if (r == 0 && m->spec->monitor_pidfile)
		r = write_pidfile(m->en, m->spec->monitor_pidfile, getpid(), e);
	if (r == 0 && m->spec->pidfile)
		r = write_pidfile(m->en, m->spec->pidfile, s->process.pid, e);
	if (r == 0) {
		r = m->restore	       ? 0
		    : m->spec->runtime ? driver_start(&s->driver, e)
				       : runtime_start(&s->process, e);
		s->stage = is_exec_failure(r);
	}
	if (r == 0 && is_accelerated(s))
		r = accel_give(s->accel.control, s->process.listener, e);
	fd_close(take_fd(&s->process.listener));
	if (r == 0)
		run_poststart(s);
	return r;
}

static void start_done(struct start *s)
{
	runtime_process_done(&s->process);
	free(s->dir);
	container_net_done(&s->net);
	net_end(&s->accel);
	session_io_done(&s->io);
	(void)log_close(s->log);
	fd_close(s->listen_fd);
	fd_close(s->lease);
	json_free(s->config);
	free(s->filter);
	idmap_done(&s->uids);
	idmap_done(&s->gids);
	limits_end(&s->limits.cgroup);
	limits_done(&s->limits);
}

static int exit_code_of(int stage, int code)
{
	return !stage ? 125 : code == -ENOENT ? 127 : 126;
}

static void report_failure(const struct monitor *m, int stage, const struct err *e)
{
	struct session_failure f;
	struct err ignored;

	memset(&f, 0, sizeof(f));
	f.stage = stage;
	f.err = *e;
	if (!m->spec->rm &&
	    record_set_failed(m->en, m->id, exit_code_of(stage, e->code), e->text, &ignored) < 0)
		dbg("%s", ignored.text);
	exited_clean(m->en, m->spec, m->id, m->name);
	(void)session_send(m->client, 'f', &f, sizeof(f)); /* the starter may have gone */
}

/* What starting needed is given back: a monitor mostly sleeps. */
static void slim_down(struct start *s)
{
	json_free(s->config);
	s->config = NULL;
	free(s->filter);
	s->filter = NULL;
	(void)malloc_trim(0);
}

static char *keep_fd(int fd)
{
	if (fd >= 0 && fcntl(fd, F_SETFD, 0) < 0)
		fd = -EBADF;
	return str_printf("%d", fd < 0 ? -1 : fd);
}

/* Become cove-monitor, which needs a tenth of the memory.  Returns when that is not possible: then
 * we stay. */
static void become_slim(struct start *s)
{
	const struct monitor *m = s->m;
	scoped(mem) char *program = proc_role_path("cove-monitor");
	char self[PATH_MAX], *argv[SLIM_ARGC + 1] = { 0 };
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int has_log = m->spec->log_path && strcmp(m->spec->log_driver, "none") != 0, complete = 1;

	if (!program || n < 0 || access(program, X_OK) < 0)
		return;
	self[n] = '\0';
	argv[SLIM_NAME] = strdup("cove-monitor");
	argv[SLIM_ID] = strdup(m->id);
	argv[SLIM_COVE] = strdup(self);
	argv[SLIM_GRAPHROOT] = strdup(m->en->graphroot);
	argv[SLIM_RUNROOT] = strdup(m->en->runroot);
	argv[SLIM_PID] = str_printf("%d", (int)s->process.pid);
	argv[SLIM_TERMINAL] = str_printf("%d", s->io.terminal);
	argv[SLIM_LOG] = strdup(has_log ? m->spec->log_path : "");
	argv[SLIM_LOG_MAX] = str_printf("%lld", (long long)m->spec->log_size_max);
	for (int i = 0; i < 3; i++)
		fd_close(take_fd(&s->io.theirs[i]));
	argv[SLIM_CONSOLE] = keep_fd(s->io.console);
	argv[SLIM_IN] = keep_fd(s->io.in);
	argv[SLIM_OUT] = keep_fd(s->io.out);
	argv[SLIM_ERR] = keep_fd(s->io.err);
	argv[SLIM_PIDFD] = keep_fd(s->process.pidfd);
	argv[SLIM_LISTEN] = keep_fd(s->listen_fd);
	argv[SLIM_NET] = keep_fd(container_net_watch(&s->net));
	argv[SLIM_NETNS] = keep_fd(s->net.netns);
	argv[SLIM_ACCEL] = keep_fd(s->accel.control);
	argv[SLIM_WATCH_MEMORY] = str_printf("%lld", (long long)s->limits.watch.memory);
	argv[SLIM_WATCH_PIDS] = str_printf("%lld", (long long)s->limits.watch.pids);
	argv[SLIM_RUN] = keep_fd(m->en->run_fd);
	argv[SLIM_LOCK] = keep_fd(m->lock);
	argv[SLIM_LEASE] = keep_fd(s->lease);
	for (int i = 0; i < SLIM_ARGC; i++)
		complete &= argv[i] != NULL;
	if (complete)
		(void)execv(program, argv);
	for (int i = 0; i < SLIM_ARGC; i++)
		free(argv[i]);
}

static void look(void *arg)
{
	struct start *s = arg;
	watch_look(&s->watch);
}

/* The network's process has died. */
static int renew_net(void *arg)
{
	struct start *s = arg;
	struct err e;

	err_clear(&e);
	if (container_net_again(&s->net, s->net_again++, &e) == 0)
		return container_net_watch(&s->net);
	dbg("%s", e.text);
	return -EBADF;
}

/* The container runs meanwhile: nobody waits for this. */
static void tell_start(const struct monitor *m)
{
	static const char *const started[] = { "init", "start" };

	for (size_t i = 0; i < ARRAY_LEN(started) && !m->restore; i++)
		container_event_spec(m->en, m->spec, m->id, m->name, started[i]);
	if (m->attached)
		container_event_spec(m->en, m->spec, m->id, m->name, "attach");
}

void monitor_main(const struct monitor *m)
{
	struct start s = { .m = m,
			   .io = SESSION_IO_NONE,
			   .process = RUNTIME_PROCESS_NONE,
			   .net = { .net = NET_NONE, .netns = -EBADF },
			   .accel = NET_NONE,
			   .limits = LIMITS_NONE,
			   .lease = -EBADF,
			   .listen_fd = -EBADF };
	struct session_options o = { .io = &s.io, .process = &s.process, .hold_stdin = 0 };
	struct session_started told = { 0 };
	struct err e;
	int r, code, client = -EBADF;

	err_clear(&e);
	/* First: systemd has to know us by our own user id, and the caller to hear of the limits.
	 */
	r = limits_make(m->en, m->spec, m->id, &s.limits, m->en->warn, &e);
	if (r == 0)
		r = detach_from_caller(m->spec->preserve_fds, &e);
	if (r == 0)
		r = start(&s, &e);
	if (r < 0) {
		struct err why = e;
		int stage = s.stage;
		start_done(&s);
		report_failure(m, stage, &why);
		_exit(125);
	}
	(void)alarm((unsigned)m->spec->timeout); /* it stays set in the slim monitor */
	s.watch = (struct watch){ .limits = s.limits.watch, .init = s.process.pid };
	told.pid = s.process.pid;
	told.tty = m->spec->tty;
	slim_down(&s);
	(void)snprintf(told.id, sizeof(told.id), "%s", m->id);
	(void)session_send(m->client, 's', &told, sizeof(told)); /* the starter may have gone */
	tell_start(m);
	if (!m->attached) {
		fd_close(m->client);
		become_slim(&s);
	}
	o.log = s.log;
	o.listen_fd = s.listen_fd;
	o.first_client = m->attached ? m->client : -EBADF;
	if (s.watch.limits.memory + s.watch.limits.pids > 0) {
		o.tick_ms = WATCH_MS;
		o.on_tick = look;
	}
	o.net_fd = container_net_watch(&s.net);
	o.on_net = renew_net;
	o.arg = &s;
	code = session_run(&o, &client, &e);
	if (code < 0) {
		struct session_failure f = { .err = e };
		if (client >= 0)
			(void)session_send(client, 'f', &f, sizeof(f)); /* it may have gone */
		code = 125;
	}
	/* The exit record, durably, before anything is cleaned up. */
	exited_record(m->en, m->spec, m->id, m->name, code,
		      s.watch.killed || cgroup_oom_kills(&s.limits.cgroup) > 0);
	if (client >= 0)
		(void)session_send(client, 'x', &code, sizeof(code)); /* it may have gone */
	net_stop(&s.net.net);
	net_stop(&s.accel);
	start_done(&s);
	exited_clean(m->en, m->spec, m->id, m->name);
	fd_close(client); /* all is done: the client goes */
	fd_close(m->lock);
	store_tidy(m->en->store);
	_exit(0);
}

int monitor_fork(const struct monitor *m, struct err *e)
{
	pid_t pid;

	engine_store_close(m->en); /* a connection must not cross a fork */
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork the monitor");
	if (pid == 0)
		monitor_main(m);
	return 0;
}
