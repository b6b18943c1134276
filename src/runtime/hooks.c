/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/runtime.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define OUTPUT_SHOWN 1000 /* bytes of what a failed hook said last */
#define POLL_MS	     10
#define CONFIG_MAX   (32U << 20)

static const char *const kinds[] = { "prestart",       "createRuntime", "createContainer",
				     "startContainer", "poststart",	"poststop" };

static json_object *hooks_of(json_object *config, const char *kind)
{
	return json_get(json_get(config, "hooks"), kind);
}

size_t hooks_count(json_object *config, const char *kind)
{
	return json_len(hooks_of(config, kind));
}

int hooks_wanted_by_init(json_object *config)
{
	if (!json_get(config, "hooks"))
		return 0;
	return hooks_count(config, "prestart") || hooks_count(config, "createRuntime") ||
	       hooks_count(config, "createContainer") || hooks_count(config, "startContainer");
}

/* ---- the form -------------------------------------------------------------------------------- */

static int is_strings(json_object *list)
{
	if (!list)
		return 1;
	if (!json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_len(list); i++)
		if (!json_str_at(list, i))
			return 0;
	return 1;
}

static int check_one(json_object *hook, const char *kind, size_t i, struct err *e)
{
	const char *path = json_get_str(hook, "path");
	json_object *timeout = json_get(hook, "timeout");

	if (!path || path[0] != '/')
		return err_set(e, -EINVAL, "config.json: hooks.%s[%zu]: path is not absolute", kind,
			       i);
	if (!is_strings(json_get(hook, "args")) || !is_strings(json_get(hook, "env")))
		return err_set(e, -EINVAL,
			       "config.json: hooks.%s[%zu]: args and env must be lists of strings",
			       kind, i);
	if (timeout &&
	    (!json_object_is_type(timeout, json_type_int) || json_object_get_int64(timeout) <= 0))
		return err_set(e, -EINVAL,
			       "config.json: hooks.%s[%zu]: timeout must be greater than zero",
			       kind, i);
	return 0;
}

int hooks_check(json_object *config, struct err *e)
{
	json_object *hooks = json_get(config, "hooks");

	if (hooks && !json_object_is_type(hooks, json_type_object))
		return err_set(e, -EINVAL, "config.json: 'hooks' has the wrong type");
	for (size_t k = 0; hooks && k < ARRAY_LEN(kinds); k++) {
		json_object *list = json_get(hooks, kinds[k]);
		if (list && !json_object_is_type(list, json_type_array))
			return err_set(e, -EINVAL, "config.json: 'hooks.%s' has the wrong type",
				       kinds[k]);
		for (size_t i = 0; i < json_len(list); i++) {
			int r = check_one(json_object_array_get_idx(list, i), kinds[k], i, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* ---- the state ------------------------------------------------------------------------------- */

json_object *hooks_state(const struct runtime_subject *s, pid_t pid, const char *status)
{
	json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put_str(o, "ociVersion", RUNTIME_SPEC_VERSION);
	json_put_str(o, "id", s->id);
	json_put_str(o, "status", status);
	if (pid > 0)
		json_put_int(o, "pid", pid);
	json_put_str(o, "bundle", s->bundle);
	if (s->annotations)
		json_put(o, "annotations", json_object_get(s->annotations));
	return o;
}

int hooks_state_file(const struct runtime_subject *s, pid_t pid, const char *status, struct err *e)
{
	scoped(json) json_object *state = hooks_state(s, pid, status);
	scoped(mem) char *text = state ? json_text(state) : NULL;
	scoped(fd) int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (!text)
		return err_errno(e, ENOMEM, "write the state for the hooks");
	if (fd < 0)
		return err_sys(e, "write the state for the hooks");
	r = fd_write_all(fd, text, strlen(text));
	if (r == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		r = -errno;
	return r < 0 ? err_errno(e, r, "write the state for the hooks") : take_fd(&fd);
}

/* ---- running --------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* 1: it has ended, 0: the time is up.  pidfds can be polled since Linux 5.3; before that it is
 * looked at again and again. */
static int await_end(const struct child *c, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = c->pidfd, .events = POLLIN };
		int64_t left = deadline < 0 ? -1 : deadline - now_ms();
		siginfo_t info = { 0 };
		int wait;

		if (deadline >= 0 && left <= 0)
			left = 0;
		wait = c->pidfd < 0 && (left < 0 || left > POLL_MS) ? POLL_MS
		       : left > INT_MAX				    ? INT_MAX
								    : (int)left;
		if (poll(&p, 1, wait) > 0)
			return 1;
		if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid == c->pid)
			return 1;
		if (deadline >= 0 && now_ms() >= deadline)
			return 0;
	}
}

/* The end of what it said, as one line. */
static void read_output(int fd, char *buf, size_t n)
{
	off_t size = lseek(fd, 0, SEEK_END), from = size > (off_t)n - 1 ? size - (off_t)n + 1 : 0;
	ssize_t got = pread(fd, buf, n - 1, from < 0 ? 0 : from);

	if (got < 0)
		got = 0;
	while (got > 0 && (buf[got - 1] == '\n' || buf[got - 1] == ' '))
		got--;
	buf[got] = '\0';
}

/* OUT_FD gets its standard output and SAID_FD its errors. */
static int run_with(json_object *hook, int in_container, int state_fd, int out, int said_fd,
		    struct err *e)
{
	static char *const nothing[] = { NULL };
	scoped(strv) char **argv = NULL;
	scoped(strv) char **env = NULL;
	scoped(child) struct child c = CHILD_NONE;
	const char *path = json_get_str(hook, "path");
	int64_t timeout = json_get_int(hook, "timeout", -1);
	const struct proc_fd fds[] = { { state_fd, 0 }, { out, 1 }, { said_fd, 2 } };
	struct proc_options o = { .path = path, .fds = fds, .n_fds = ARRAY_LEN(fds) };
	char said[OUTPUT_SHOWN];
	int r;

	if (json_to_strv(json_get(hook, "args"), &argv) < 0 ||
	    json_to_strv(json_get(hook, "env"), &env) < 0 ||
	    (strv_len(argv) == 0 && strv_add(&argv, path) < 0))
		return err_errno(e, ENOMEM, "run it");
	o.argv = argv;
	/* Without an "env" one that runs outside has the caller's, as hook authors expect; what the
	 * container brings along does not see it. */
	o.env = json_get(hook, "env") ? (env ? env : nothing) : in_container ? nothing : NULL;
	if (lseek(state_fd, 0, SEEK_SET) < 0)
		return err_sys(e, "run it");
	r = proc_spawn(&o, &c, e);
	if (r < 0)
		return r;
	if (!await_end(&c, timeout > 0 ? now_ms() + timeout * 1000 : -1))
		return err_set(e, -ETIMEDOUT, "not done after %lld s and killed",
			       (long long)timeout);
	r = proc_wait(&c);
	if (r == 0)
		return 0;
	read_output(said_fd, said, sizeof(said));
	return err_set(e, -ECANCELED, r > 128 ? "killed by signal %d%s%s" : "exit status %d%s%s",
		       r > 128 ? r - 128 : r, said[0] ? ": " : "", said);
}

/* A copy of FD, or, where that is none, a file in memory for the message of a failure. */
static int stream_or_memory(int fd)
{
	return fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : memfd_create("output", MFD_CLOEXEC);
}

static int run_one(json_object *hook, int in_container, int state_fd, const struct hooks_streams *s,
		   struct err *e)
{
	scoped(fd) int said = stream_or_memory(s->err);
	scoped(fd) int out = s->out >= 0 || s->err >= 0 ? stream_or_memory(s->out)
							: fcntl(said, F_DUPFD_CLOEXEC, 3);

	return out < 0 || said < 0 ? err_sys(e, "run it")
				   : run_with(hook, in_container, state_fd, out, said, e);
}

/* A file of its own in memory with the text of O. */
static int text_file(json_object *o, struct err *e)
{
	scoped(mem) char *text = json_text(o);
	scoped(fd) int fd = memfd_create("config", MFD_CLOEXEC);
	int r = !text ? -ENOMEM : fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	return r < 0 ? err_errno(e, r, "hand over the config") : take_fd(&fd);
}

static int filter(json_object *hook, json_object *config, json_object **ret, struct err *e)
{
	scoped(fd) int in = text_file(config, e);
	scoped(fd) int out = memfd_create("output", MFD_CLOEXEC);
	scoped(fd) int said = memfd_create("errors", MFD_CLOEXEC);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(json) json_object *o = NULL;
	int r;

	if (in < 0)
		return in;
	if (out < 0 || said < 0)
		return err_sys(e, "run it");
	r = run_with(hook, 0, in, out, said, e);
	if (r < 0)
		return r;
	strbuf_init(&b, CONFIG_MAX);
	if (lseek(out, 0, SEEK_SET) < 0)
		return err_sys(e, "read what it wrote");
	r = fd_read_all(out, &b);
	if (r < 0)
		return err_errno(e, r, "read what it wrote");
	r = json_parse(b.s, b.len, &o, e);
	if (r < 0)
		return err_in(e, "what it wrote");
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EINVAL, "what it wrote is no object");
	*ret = json_object_get(o);
	return 0;
}

int hooks_filter(json_object *hook, json_object *config, json_object **ret, struct err *e)
{
	int r = filter(hook, config, ret, e);

	return r < 0 ? err_in(e, "precreate hook %s", json_get_str(hook, "path")) : 0;
}

static int open_stream(json_object *config, const char *name, int *ret, struct err *e)
{
	const char *path = json_get_str(json_get(config, "annotations"), name);

	if (!path)
		return 0;
	if (path[0] != '/')
		return err_set(e, -EINVAL, "config.json: %s '%s' is not absolute", name, path);
	*ret = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC, 0600);
	return *ret < 0 ? err_sys(e, "open %s of %s", path, name) : 0;
}

int hooks_open_streams(json_object *config, struct hooks_streams *ret, struct err *e)
{
	int r = open_stream(config, "run.oci.hooks.stdout", &ret->out, e);
	return r < 0 ? r : open_stream(config, "run.oci.hooks.stderr", &ret->err, e);
}

void hooks_close_streams(struct hooks_streams *s)
{
	fd_close(take_fd(&s->out));
	fd_close(take_fd(&s->err));
}

int hooks_run(json_object *config, const char *kind, int state_fd, struct err *e)
{
	scoped(hooks_streams) struct hooks_streams s = HOOKS_STREAMS_NONE;
	int r = hooks_count(config, kind) ? hooks_open_streams(config, &s, e) : 0;

	return r < 0 ? r : hooks_run_with(config, kind, state_fd, &s, e);
}

int hooks_run_with(json_object *config, const char *kind, int state_fd,
		   const struct hooks_streams *streams, struct err *e)
{
	json_object *list = hooks_of(config, kind);
	int in_container = strcmp(kind, "startContainer") == 0;

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *hook = json_object_array_get_idx(list, i);
		int r = run_one(hook, in_container, state_fd, streams, e);
		if (r < 0) {
			/* No code of a hook's may look like one of the program's. */
			e->code = r == -ETIMEDOUT ? r : -ECANCELED;
			return err_in(e, "%s hook %zu (%s)", kind, i, json_get_str(hook, "path"));
		}
	}
	return 0;
}
