/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns/netns.h"
#include "src/runtime/cgroup.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"

#define LOG_MAX	    (1U << 20)
#define CONFIG_MODE 0600

/* The cgroup is ours: the runtimes that can are told to leave it alone, the others not to mind that
 * they may not make one. */
static const struct {
	const char *name, *option, *value;
} quirks[] = {
	{ "crun", "--cgroup-manager", "disabled" },
	{ "cove-runtime", "--cgroup-manager", "disabled" },
	{ "runc", "--rootless", "true" },
};

int driver_find(const char *name, char **ret, struct err *e)
{
	if (strchr(name, '/')) {
		if (access(name, X_OK) < 0)
			return err_sys(e, "OCI runtime %s", name);
		*ret = realpath(name, NULL);
		return *ret ? 0 : err_sys(e, "OCI runtime %s", name);
	}
	*ret = proc_find_program(name);
	return *ret ? 0
		    : err_set(e, -EINVAL, "default OCI runtime \"%s\" not found: invalid argument",
			      name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* What the runtime wrote into its log last, as an error of ours. */
static int said(const struct driver *d, int dir_fd, int status, struct err *e)
{
	static const struct {
		const char *text;
		int code;
	} meanings[] = {
		{ "not found", -ENOENT },	  { "o such file or directory", -ENOENT },
		{ "ermission denied", -EACCES },  { "peration not permitted", -EPERM },
		{ "xec format error", -ENOEXEC }, { "s a directory", -EISDIR },
	};
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = NULL;
	const char *msg = NULL;
	struct err ignored;
	char *line;

	if (path_read(dir_fd, "log", LOG_MAX, &text, NULL, &ignored) < 0 || !*text)
		return err_set(e, -EIO, "%s ended with status %d and no message",
			       base_name(d->program), status);
	if (text[strlen(text) - 1] == '\n')
		text[strlen(text) - 1] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	if (json_parse(line, strlen(line), &o, &ignored) == 0)
		msg = json_get_str(o, "msg");
	(void)err_set(e, -EIO, "%s: %s", base_name(d->program), msg ? msg : line);
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++)
		if (strstr(msg ? msg : line, meanings[i].text))
			return e->code = meanings[i].code;
	return e->code;
}

static int open_dir(const struct driver *d, struct err *e)
{
	int fd = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open %s", d->dir) : fd;
}

/* The command line up to the verb. */
static int begin_args(const struct driver *d, char ***argv, struct err *e)
{
	const char *name = base_name(d->program);
	scoped(mem) char *root = str_printf("%s/state", d->dir),
			 *log = str_printf("%s/log", d->dir);
	int r = !root || !log ? -ENOMEM : 0;

	if (r == 0)
		r = strv_add(argv, d->program);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(quirks); i++)
		if (strcmp(quirks[i].name, name) == 0) {
			r = strv_add(argv, quirks[i].option);
			if (r == 0)
				r = strv_add(argv, quirks[i].value);
		}
	for (size_t i = 0; r == 0 && d->options && d->options[i]; i++)
		r = strv_add(argv, d->options[i]);
	{
		const char *const rest[] = { "--root", root, "--log", log, "--log-format", "json" };
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(rest); i++)
			r = strv_add(argv, rest[i]);
	}
	return r < 0 ? err_errno(e, r, "start %s", name) : 0;
}

/* Run it to its end.  Its exit status, or the error. */
static int call(const struct driver *d, const int *stdio, struct cgroup *cg, char *const *more,
		struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(child) struct child c = CHILD_NONE;
	struct proc_fd fds[3];
	struct proc_options po = { .path = d->program, .fds = fds, .null_stdio = 1 };
	int r = begin_args(d, &argv, e);

	for (; r == 0 && *more; more++)
		r = strv_add(&argv, *more) < 0 ? err_errno(e, ENOMEM, "start %s", d->program) : 0;
	if (r < 0)
		return r;
	po.argv = argv;
	for (int i = 0; stdio && i < 3; i++)
		if (stdio[i] >= 0)
			fds[po.n_fds++] = (struct proc_fd){ stdio[i], i };
	r = proc_fork(&c, e);
	if (r < 0)
		return err_in(e, "OCI runtime");
	if (r == 0) {
		/* The container's processes are born where the runtime is. */
		if (cg && cgroup_enter(cg, getpid(), e) < 0)
			_exit(126);
		(void)proc_exec(&po, -1, e);
		_exit(127);
	}
	return proc_wait(&c);
}

/* ---- terminal -------------------------------------------------------------------------------- */

/* The socket to which the runtime sends the master of the container's terminal. */
static int listen_for_console(int dir_fd, struct err *e)
{
	int sock;

	(void)unlinkat(dir_fd, "console", 0);
	sock = fd_listen_at(dir_fd, "console", SOCK_STREAM, 1);
	return sock < 0 ? err_errno(e, sock, "make the console socket") : sock;
}

/* The runtime has ended well: what it sent is here. */
static int receive_console(int sock, int *ret, struct err *e)
{
	scoped(fd) int peer = -EBADF;
	char buf[4096]; /* runc sends the terminal's name as well */
	size_t n = 1;
	ssize_t got;

	if (fd_set_nonblock(sock, 1) < 0)
		return err_sys(e, "receive the terminal");
	peer = accept4(sock, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		return err_sys(e, "the runtime sent no terminal");
	got = fd_recv(peer, buf, sizeof(buf), ret, &n);
	return got <= 0 || n != 1 ? err_set(e, -EPROTO, "the runtime sent no terminal") : 0;
}

/* ---- create, start, delete ------------------------------------------------------------------- */

static int write_bundle(int dir_fd, const struct runtime_options *o, json_object *seccomp,
			struct err *e)
{
	scoped(json) json_object *config = NULL;
	scoped(mem) char *text = NULL;
	scoped(fd) int root = -EBADF;
	const char *path = json_get_str(json_get(o->config, "root"), "path");
	int r;

	root = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	r = root < 0 ? err_sys(e, "open root file system %s", path ? path : "") : 0;
	if (r == 0)
		r = driver_config(o, seccomp, root, &config, e);
	if (r < 0)
		return r;
	text = json_text_pretty(config);
	return text ? path_replace(dir_fd, "config.json", text, strlen(text), CONFIG_MODE, 0, e)
		    : err_errno(e, ENOMEM, "write config.json");
}

int driver_create(const struct driver *d, const struct runtime_options *o, json_object *seccomp,
		  struct runtime_process *ret, struct err *e)
{
	scoped(fd) int dir = open_dir(d, e);
	scoped(fd) int console = -EBADF;
	scoped(strv) char **more = NULL;
	scoped(mem) char *pid = str_printf("%s/pid", d->dir),
			 *sock = str_printf("%s/console", d->dir);
	int tty = json_get_bool(json_get(o->config, "process"), "terminal", 0), r;

	if (dir < 0)
		return dir;
	r = write_bundle(dir, o, seccomp, e);
	if (r == 0 && tty) {
		console = listen_for_console(dir, e);
		r = console < 0 ? console : 0;
	}
	if (r < 0)
		return r;
	{
		const char *const args[] = { "create",
					     "--bundle",
					     d->dir,
					     "--pid-file",
					     pid,
					     tty ? "--console-socket" : d->id,
					     tty ? sock : NULL,
					     tty ? d->id : NULL };
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(args) && args[i]; i++)
			r = strv_add(&more, args[i]) < 0
				    ? err_errno(e, ENOMEM, "start %s", d->program)
				    : 0;
	}
	if (r == 0)
		r = call(d, tty ? NULL : o->stdio, o->cgroup, more, e);
	if (r != 0)
		return r < 0 ? r : said(d, dir, r, e);
	r = runtime_read_pid(dir, "pid", "the runtime", ret, e);
	if (r == 0 && tty)
		r = receive_console(console, &ret->console, e);
	if (r == 0 && o->tap)
		r = netns_add_tap(ret->pid, o->tap, &ret->tap, e);
	if (r == 0 && o->want_netns)
		r = ret->tap = netns_of(ret->pid, e);
	return r < 0 ? r : 0;
}

int driver_start(const struct driver *d, struct err *e)
{
	char *const more[] = { "start", (char *)d->id, NULL };
	scoped(fd) int dir = open_dir(d, e);
	int r;

	if (dir < 0)
		return dir;
	r = call(d, NULL, NULL, more, e);
	return r > 0 ? said(d, dir, r, e) : r;
}

void driver_delete(const struct driver *d)
{
	char *const more[] = { "delete", "--force", (char *)d->id, NULL };
	struct err e;

	if (call(d, NULL, NULL, more, &e) < 0)
		dbg("%s", e.text);
}
