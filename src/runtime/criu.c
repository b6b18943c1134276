/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/criu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/runtime/criu_rpc.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/mount.h"

#define LOG_MAX	    (16U << 20)
#define DESCRIPTORS "descriptors.json"
#define PID_FILE    "cove-restore.pid"
#define NETWORK_KEY "cove-network"
#define NETNS_FD    9 /* in criu, clear of what it is given otherwise */
#define STDIO_FD    10
#define RPC_FD	    14

/* Root of the host: 0 in the first user namespace (linux/proc_ns.h, PROC_USER_INIT_INO). */
static int is_real_root(void)
{
	struct stat st;
	return geteuid() == 0 && (stat("/proc/self/ns/user", &st) < 0 || st.st_ino == 0xEFFFFFFDU);
}

int criu_check(const struct criu_options *o, struct err *e)
{
	char *const argv[] = { (char *)(o->program ? o->program : "criu"), "--version", NULL };
	scoped(mem) char *out = NULL;
	int r;

	if (!is_real_root()) {
		(void)err_set(e, -EPERM, "checkpoint and restore need root");
		return err_hint(e, "criu(8) reads and makes processes with rights that a user "
				   "namespace does not give");
	}
	r = proc_capture(argv, 4096, &out, e);
	if (r == 0)
		return 0;
	(void)err_set(e, -ENOENT, "checkpoint and restore need the program criu");
	return err_hint(e, "ask your administrator for the package criu");
}

/* ---- the command line ------------------------------------------------------------------------ */

static int add(char ***argv, const char *s)
{
	return strv_add(argv, s);
}

static int add_external(char ***argv, const char *key, const char *value)
{
	scoped(mem) char *s = str_printf("mnt[%s]:%s", key, value);
	int r = s ? add(argv, "--external") : -ENOMEM;

	return r < 0 ? r : add(argv, s);
}

static int add_pair(char ***argv, const char *option, const char *value)
{
	int r = add(argv, option);
	return r < 0 ? r : add(argv, value);
}

static int is_bind(json_object *mount)
{
	json_object *options = json_get(mount, "options");
	const char *type = json_get_str(mount, "type");
	int bind = type && strcmp(type, "bind") == 0;

	for (size_t i = 0; i < json_len(options) && !bind; i++) {
		const char *word = json_str_at(options, i);
		bind = word && (strcmp(word, "bind") == 0 || strcmp(word, "rbind") == 0);
	}
	return bind && json_get_str(mount, "destination") && json_get_str(mount, "source");
}

/* Mounts whose source is the host's. A dump names the place, a restore what belongs there. */
static int add_mounts(char ***argv, json_object *config, int restore)
{
	json_object *mounts = json_get(config, "mounts");
	json_object *masked = json_path(config, "linux", "maskedPaths", NULL);
	int r = 0;

	for (size_t i = 0; i < json_len(mounts) && r == 0; i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		const char *to = json_get_str(m, "destination");
		if (is_bind(m))
			r = add_external(argv, to, restore ? json_get_str(m, "source") : to);
	}
	/* A masked file has the host's /dev/null on it; masked directories have a tmpfs. */
	for (size_t i = 0; i < json_len(masked) && r == 0; i++) {
		const char *path = json_str_at(masked, i);
		struct stat st;
		if (path && stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
			r = add_external(argv, path, restore ? "/dev/null" : path);
	}
	return r;
}

static const char *work_dir(const struct criu_options *o)
{
	return o->work ? o->work : o->dir;
}

static int add_flags(char ***argv, const struct criu_options *o)
{
	const struct {
		int wanted;
		const char *option;
	} flags[] = {
		{ o->leave_running && !o->pre_dump, "--leave-running" },
		{ o->leave_stopped, "--leave-stopped" },
		{ o->tcp_established, "--tcp-established" },
		{ o->tcp_close, "--tcp-close" },
		{ o->file_locks, "--file-locks" },
		{ o->pre_dump || o->previous, "--track-mem" },
		{ o->ext_unix_sk, "--ext-unix-sk" },
		{ o->shell_job, "--shell-job" },
		{ o->link_remap, "--link-remap" },
		{ o->auto_dedup, "--auto-dedup" },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(flags) && r == 0; i++)
		if (flags[i].wanted)
			r = add(argv, flags[i].option);
	return r;
}

static int begin(char ***argv, const struct criu_options *o, const char *verb, const char *log)
{
	const char *program = o->program ? o->program : "criu";
	scoped(mem) char *mode =
		str_printf("--manage-cgroups=%s", o->manage_cgroups ? o->manage_cgroups : "ignore");
	const char *const fixed[] = { program,	    verb,	 "--images-dir", o->dir,
				      "--work-dir", work_dir(o), "--log-file",	 log,
				      "-v4",	    mode };
	int r = mode ? 0 : -ENOMEM;

	for (size_t i = 0; i < ARRAY_LEN(fixed) && r == 0; i++)
		r = add(argv, fixed[i]);
	return r < 0 ? r : add_flags(argv, o);
}

/* criu's log has its reason in the first line that says Error; those after it tell who gave up. */
static int failed(const struct criu_options *o, const char *verb, const char *log, int status,
		  struct err *e)
{
	scoped(mem) char *path = str_printf("%s/%s", work_dir(o), log);
	scoped(mem) char *text = NULL;
	const char *reason = NULL;
	struct err ignored;

	err_clear(&ignored);
	if (path && path_read(AT_FDCWD, path, LOG_MAX, &text, NULL, &ignored) == 0)
		reason = strstr(text, "Error (");
	if (!reason)
		return err_set(e, -EIO, "criu %s ended with status %d", verb, status);
	(void)err_set(e, -EIO, "criu %s: %.*s", verb, (int)strcspn(reason, "\n"), reason);
	return err_hint(e, "all that it says is in %s", path);
}

/* A terminal's master is outside; only requests have a word for that. */
static int has_terminal(const struct criu_options *o)
{
	return json_get_bool(json_get(o->config, "process"), "terminal", 0);
}

/* ---- dump ------------------------------------------------------------------------------------ */

/* "net[4026531840]:KEY" */
static int network_key(pid_t pid, char **ret)
{
	char path[64], link[64];
	ssize_t n;
	unsigned long inode;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return -errno;
	link[n] = '\0';
	inode = strtoul(strlen(link) > 5 ? link + 5 : "", NULL, 10); /* net:[4026531840] */
	*ret = str_printf("net[%lu]:" NETWORK_KEY, inode);
	return *ret ? 0 : -ENOMEM;
}

/* What the standard streams are now, so that a restore can tell criu which it replaces. */
static int note_descriptors(const struct criu_options *o, pid_t pid, struct err *e)
{
	scoped(json) json_object *list = json_object_new_array();
	scoped(mem) char *text = NULL;
	scoped(fd) int dir = open(o->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; i < 3; i++) {
		char path[64], link[PATH_MAX];
		ssize_t n;
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, i);
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		(void)json_object_array_add(list, json_object_new_string(link));
	}
	text = json_text(list);
	if (dir < 0 || !text)
		return err_sys(e, "note the standard streams");
	return path_replace(dir, DESCRIPTORS, text, strlen(text), 0600, 0, e);
}

static int dump_terminal(const struct criu_options *o, char *const *argv, struct err *e)
{
	scoped(criu_rpc) struct criu_rpc rpc = CRIU_RPC_NONE;
	scoped(child) struct child c = CHILD_NONE;
	char *const swrk[] = { argv[0], (char *)"swrk", (char *)"3", NULL };
	struct proc_fd fd = { .to = 3 };
	struct proc_options po = {
		.path = argv[0], .argv = swrk, .null_stdio = 1, .fds = &fd, .n_fds = 1
	};
	struct criu_answer answer = { .master = -EBADF };
	int r = criu_rpc_prepare(&rpc, argv, e);

	fd.from = rpc.theirs;
	if (r == 0)
		r = proc_spawn(&po, &c, e);
	if (r == 0)
		r = criu_rpc_call(&rpc, &answer, e);
	if (r < 0)
		return r;
	fd_close(answer.master);
	(void)proc_wait(&c); /* the answer tells */
	return answer.ok ? 0 : failed(o, "dump", "dump.log", 1, e);
}

int criu_dump(const struct criu_options *o, pid_t pid, struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(child) struct child c = CHILD_NONE;
	scoped(mem) char *network = NULL;
	struct proc_options po = { .null_stdio = 1 };
	char number[16];
	int r = note_descriptors(o, pid, e);

	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", (int)pid);
	r = begin(&argv, o, o->pre_dump ? "pre-dump" : "dump", "dump.log");
	if (r == 0)
		r = network_key(pid, &network);
	{
		const char *const more[] = { "--tree", number, "--external", network };
		for (size_t i = 0; i < ARRAY_LEN(more) && r == 0; i++)
			r = add(&argv, more[i]);
	}
	if (r == 0 && o->previous)
		r = add_pair(&argv, "--prev-images-dir", o->previous);
	if (r == 0)
		r = add_mounts(&argv, o->config, 0);
	if (r < 0)
		return err_errno(e, r, "checkpoint");
	if (has_terminal(o))
		return dump_terminal(o, argv, e);
	po.path = argv[0];
	po.argv = argv;
	r = proc_spawn(&po, &c, e);
	if (r == 0)
		r = proc_wait(&c);
	return r > 0 ? failed(o, "dump", "dump.log", r, e) : r;
}

/* ---- restore --------------------------------------------------------------------------------- */

struct inherited {
	struct proc_fd fds[5];
	size_t n;
};

static int inherit(char ***argv, struct inherited *h, int fd, int to, const char *key)
{
	scoped(mem) char *s = str_printf("fd[%d]:%s", to, key);
	int r = s ? add(argv, "--inherit-fd") : -ENOMEM;

	h->fds[h->n++] = (struct proc_fd){ fd, to };
	return r < 0 ? r : add(argv, s);
}

static int inherit_streams(const struct criu_options *o, char ***argv, const int stdio[3],
			   struct inherited *h, struct err *e)
{
	scoped(mem) char *path = str_printf("%s/%s", o->dir, DESCRIPTORS);
	scoped(mem) char *text = NULL;
	scoped(json) json_object *list = NULL;
	size_t n = 0;
	int r = path ? path_read(AT_FDCWD, path, 65536, &text, &n, e)
		     : err_errno(e, ENOMEM, "restore");

	if (r == 0)
		r = json_parse(text, n, &list, e);
	for (int i = 0; i < 3 && r == 0; i++) {
		const char *was = json_str_at(list, (size_t)i);
		if (was && str_starts(was, "pipe:") && stdio[i] >= 0)
			r = inherit(argv, h, stdio[i], STDIO_FD + i, was);
	}
	return r < 0 ? err_in(e, "restore the standard streams") : 0;
}

/* The place of a mount in ROOT, as long as it is not inside another mount. */
static int make_place(int root, json_object *mounts, json_object *mount)
{
	const char *to = json_get_str(mount, "destination");
	struct stat st = { .st_mode = S_IFDIR };
	int fd;

	if (!to)
		return 0;
	for (size_t i = 0; i < json_len(mounts); i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		const char *other = json_get_str(m, "destination");
		if (m != mount && other && path_is_below(to, other))
			return 0;
	}
	if (is_bind(mount) && stat(json_get_str(mount, "source"), &st) < 0)
		return -errno;
	fd = S_ISDIR(st.st_mode) ? path_mkdirs_in(root, to, 0755) : path_mkfile_in(root, to, 0644);
	fd_close(fd);
	return fd < 0 ? fd : 0;
}

/* criu(8) wants a mount point as root. */
static int prepare_root(const struct criu_options *o, const char *root, struct err *e)
{
	json_object *mounts = json_get(o->config, "mounts");
	scoped(fd) int fd = -EBADF;
	int r;

	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	r = mount_propagation("/", MS_SLAVE, e);
	if (r < 0)
		return r;
	if (mount(root, root, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_sys(e, "bind %s", root);
	fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open %s", root);
	for (size_t i = 0; i < json_len(mounts); i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		r = make_place(fd, mounts, m);
		if (r < 0)
			return err_errno(e, r, "mount %s", json_get_str(m, "destination"));
	}
	return 0;
}

/* What criu makes is born where it is: in the cgroup. */
static int run_restore(const struct criu_options *o, const char *root, struct cgroup *cg,
		       const struct proc_options *po, struct criu_rpc *rpc,
		       struct criu_answer *answer, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int r = fd_pipe(&ours, &theirs, e);

	if (r == 0)
		r = proc_fork(&c, e);
	if (r < 0)
		return err_in(e, "criu");
	if (r == 0) {
		/* Clear of those that criu is given. */
		int report = fcntl(theirs, F_DUPFD_CLOEXEC, RPC_FD + 1);
		r = report < 0 ? err_sys(e, "criu") : 0;
		if (r == 0 && o->own_mounts)
			r = prepare_root(o, root, e);
		if (r == 0 && cg)
			r = cgroup_enter(cg, getpid(), e);
		if (r == 0)
			(void)proc_exec(po, report, e);
		(void)err_send(report < 0 ? theirs : report, e); /* else our status tells */
		_exit(127);
	}
	fd_close(take_fd(&theirs));
	r = err_recv(ours, e);
	if (r == 0 && rpc)
		r = criu_rpc_call(rpc, answer, e);
	if (r < 0)
		return err_in(e, "restore");
	r = proc_wait(&c);
	if (rpc)
		r = !answer->ok;
	return r > 0 ? failed(o, "restore", "restore.log", r, e) : r;
}

/* As criu_restore(), ARGV being its command line. */
static int restore_terminal(const struct criu_options *o, const char *root, char *const *argv,
			    struct inherited *h, struct cgroup *cg, struct runtime_process *ret,
			    struct err *e)
{
	scoped(criu_rpc) struct criu_rpc rpc = CRIU_RPC_NONE;
	char number[16];
	char *const swrk[] = { argv[0], (char *)"swrk", number, NULL };
	struct proc_options po = { .path = argv[0], .argv = swrk, .null_stdio = 1, .fds = h->fds };
	struct criu_answer answer = { .master = -EBADF };
	int r = criu_rpc_prepare(&rpc, argv, e);

	if (r < 0)
		return r;
	(void)snprintf(number, sizeof(number), "%d", RPC_FD);
	h->fds[h->n++] = (struct proc_fd){ rpc.theirs, RPC_FD };
	po.n_fds = h->n;
	r = run_restore(o, root, cg, &po, &rpc, &answer, e);
	if (r == 0 && (answer.pid <= 0 || answer.master < 0))
		r = err_set(e, -EPROTO, "criu gave no %s",
			    answer.pid <= 0 ? "process" : "terminal");
	if (r < 0) {
		fd_close(answer.master);
		return r;
	}
	ret->pid = answer.pid;
	ret->pidfd = proc_pidfd(answer.pid);
	if (ret->pidfd < 0)
		ret->pidfd = -EBADF;
	ret->console = answer.master;
	return 0;
}

static int add_restore(char ***argv, const struct criu_options *o, const char *root)
{
	const char *const more[] = { "--root",	  root,	    "--restore-detached",
				     "--pidfile", PID_FILE, "--skip-in-flight" };
	int r = begin(argv, o, "restore", "restore.log");

	for (size_t i = 0; i < ARRAY_LEN(more) && r == 0; i++)
		r = add(argv, more[i]);
	if (r == 0 && o->lsm_profile)
		r = add_pair(argv, "--lsm-profile", o->lsm_profile);
	if (r == 0 && o->lsm_context)
		r = add_pair(argv, "--lsm-mount-context", o->lsm_context);
	return r < 0 ? r : add_mounts(argv, o->config, 1);
}

int criu_restore(const struct criu_options *o, const char *root, const int stdio[3], int netns,
		 struct cgroup *cg, struct runtime_process *ret, struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(mem) char *pid_file = str_printf("%s/" PID_FILE, work_dir(o));
	struct inherited h = { .n = 0 };
	struct proc_options po = { .null_stdio = 1, .fds = h.fds };
	int r = pid_file ? add_restore(&argv, o, root) : -ENOMEM;

	if (r == 0 && netns >= 0)
		r = inherit(&argv, &h, netns, NETNS_FD, NETWORK_KEY);
	if (r < 0)
		return err_errno(e, r, "restore");
	r = inherit_streams(o, &argv, stdio, &h, e);
	if (r < 0)
		return r;
	if (has_terminal(o))
		return restore_terminal(o, root, argv, &h, cg, ret, e);
	(void)unlink(pid_file); /* of a restore that was killed: criu makes a new one only */
	po.path = argv[0];
	po.argv = argv;
	po.n_fds = h.n;
	r = run_restore(o, root, cg, &po, NULL, NULL, e);
	if (r == 0)
		r = runtime_read_pid(AT_FDCWD, pid_file, "criu", ret, e);
	(void)unlink(pid_file);
	return r;
}
