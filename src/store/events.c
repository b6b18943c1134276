/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/events.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/config.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define DIRECTORY "events"
#define FILE_NAME DIRECTORY "/events.log"
#define MAX_SIZE  (1 << 20) /* containers.conf(5) */
#define NS_PER_MS 1000000

/* ---- where it is ----------------------------------------------------------------------------- */

int events_configure(struct engine *en, json_object *config, struct err *e)
{
	json_object *engine = json_get(config, "engine"),
		    *size = json_get(engine, "events_logfile_max_size");
	const char *logger = en->events.backend ? en->events.backend
						: json_get_str(engine, "events_logger"),
		   *path = json_get_str(engine, "events_logfile_path");

	en->events.max_size = MAX_SIZE;
	if (json_object_is_type(size, json_type_int))
		en->events.max_size = json_object_get_int64(size);
	else if (size && size_parse(json_object_get_string(size), &en->events.max_size) < 0)
		return err_set(e, -EINVAL, "containers.conf: events_logfile_max_size is no size");
	if (path && *path && !en->events.path) {
		en->events.path = strdup(path);
		if (!en->events.path)
			return err_errno(e, ENOMEM, "read containers.conf");
	}
	/* The journal is another program's; who asks for it in a file shared with others gets ours.
	 */
	en->events.off = logger && strcmp(logger, "none") == 0;
	en->events.known = 1;
	return 0;
}

static void look_up(struct engine *en)
{
	scoped(json) json_object *config = NULL;
	struct err e;

	if (en->events.known)
		return;
	if (config_read(en, &config, &e) < 0 || events_configure(en, config, &e) < 0) {
		dbg("%s", e.text);
		en->events.known = 1;
		en->events.max_size = MAX_SIZE;
	}
}

const char *events_backend(struct engine *en)
{
	look_up(en);
	return en->events.off ? "none" : "file";
}

static char *log_path(const struct engine *en, const char *suffix)
{
	return en->events.path ? str_printf("%s%s", en->events.path, suffix)
			       : str_printf("%s/" FILE_NAME "%s", en->runroot, suffix);
}

/* ---- writing --------------------------------------------------------------------------------- */

static int open_log(const struct engine *en)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
	int fd;

	if (en->events.path)
		return open(en->events.path, flags, 0600);
	fd = openat(en->run_fd, FILE_NAME, flags, 0600);
	if (fd < 0 && errno == ENOENT && mkdirat(en->run_fd, DIRECTORY, 0700) == 0)
		fd = openat(en->run_fd, FILE_NAME, flags, 0600);
	return fd;
}

static void put_some(json_object *o, const char *name, const char *s)
{
	if (s && *s)
		json_put_str(o, name, s);
}

static char *event_line(const struct event *ev)
{
	scoped(json) json_object *o = json_object_new_object();
	const char *text;
	char when[UNITS_MAX];

	if (!o)
		return NULL;
	if (ev->has_exit_code)
		json_put_int(o, "ContainerExitCode", ev->exit_code);
	if (ev->oom)
		json_put_bool(o, "OOMKilled", 1);
	put_some(o, "ID", ev->id);
	put_some(o, "Image", ev->image);
	json_put_str(o, "Name", ev->name);
	json_put_str(o, "Status", ev->status);
	json_put_str(o, "Time", time_rfc3339(time_now_ns(), when));
	json_put_str(o, "Type", ev->type);
	put_some(o, "network", ev->network);
	put_some(o, "error", ev->error);
	json_put(o, "Attributes",
		 ev->attributes ? json_object_get(ev->attributes) : json_object_new_object());
	text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							 JSON_C_TO_STRING_NOSLASHESCAPE);
	return text ? str_printf("%s\n", text) : NULL;
}

/* FD has grown too long.  Of several writers that see it one gets the lock, and it looks whether
 * the file still has its name. */
static void rotate(struct engine *en, int fd)
{
	scoped(mem) char *now = log_path(en, "");
	scoped(mem) char *old = log_path(en, ".1");
	const struct event began = { .type = "system", .status = "log-rotation", .name = now };
	struct stat ours, named;

	if (!now || !old || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &ours) < 0 ||
	    stat(now, &named) < 0 || ours.st_ino != named.st_ino || ours.st_dev != named.st_dev)
		return;
	if (rename(now, old) == 0)
		events_write(en, &began);
}

void events_write(struct engine *en, const struct event *ev)
{
	scoped(mem) char *line = NULL;
	scoped(fd) int fd = -EBADF;
	struct stat st;
	size_t n;

	look_up(en);
	if (en->events.off)
		return;
	line = event_line(ev);
	fd = line ? open_log(en) : -ENOMEM;
	if (fd < 0) {
		dbg("event %s %s is not noted: %s", ev->type, ev->status, strerror(errno));
		return;
	}
	n = strlen(line);
	if (write(fd, line, n) != (ssize_t)n)
		dbg("event %s %s is not noted", ev->type, ev->status);
	if (en->events.max_size > 0 && fstat(fd, &st) == 0 && st.st_size > en->events.max_size)
		rotate(en, fd);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
	const struct events_query *q;
	events_fn *fn;
	void *arg;
};

static int tell(const struct reading *r, const char *line, size_t n, struct err *e)
{
	scoped(json) json_object *o = NULL;
	struct err ignored;
	const char *when;
	int64_t ns;

	if (json_parse(line, n, &o, &ignored) < 0)
		return 0;
	when = json_get_str(o, "Time");
	if (!when || !json_get_str(o, "Type") || !json_get_str(o, "Status") ||
	    time_parse(when, 0, &ns) < 0 || ns < r->q->since || (r->q->until && ns > r->q->until))
		return 0;
	return r->fn(r->arg, o, e);
}

/* What is there from where F stands.  A line without an end is left for the next time. */
static int drain(const struct reading *r, FILE *f, struct err *e)
{
	scoped(mem) char *line = NULL;
	size_t room = 0;
	long at = ftell(f);
	ssize_t n;
	int rc = 0;

	clearerr(f);
	while (rc >= 0 && (n = getline(&line, &room, f)) > 0 && line[n - 1] == '\n') {
		at = ftell(f);
		rc = tell(r, line, (size_t)n, e);
	}
	(void)fseek(f, at, SEEK_SET); /* a regular file */
	return rc;
}

static FILE *open_for_reading(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f)
		fd_close(fd);
	return f;
}

static int is_same_file(FILE *f, const char *path)
{
	struct stat a, b;

	return f && fstat(fileno(f), &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

/* Watches the directory: files come and go in it. */
static int watch_directory(const struct engine *en, struct err *e)
{
	scoped(mem) char *path = log_path(en, "");
	char *slash = path ? strrchr(path, '/') : NULL;
	int fd;

	if (!path)
		return err_errno(e, ENOMEM, "read the event log");
	if (slash)
		*slash = '\0';
	if (!en->events.path)
		(void)mkdirat(en->run_fd, DIRECTORY, 0700); /* may be there */
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, slash ? path : ".",
					IN_CREATE | IN_MODIFY | IN_MOVED_FROM | IN_ONLYDIR) < 0) {
		fd_close(fd);
		return err_sys(e, "watch %s", path);
	}
	return fd;
}

/* Until something was written: 1; or until the query's end: 0. */
static int wait_for_more(int watch, const struct events_query *q, struct err *e)
{
	char buf[sizeof(struct inotify_event) + NAME_MAX + 1];
	struct pollfd p = { watch, POLLIN, 0 };
	int64_t left = q->until ? (q->until - time_now_ns()) / NS_PER_MS : -1;
	int r;

	if (q->until && left <= 0)
		return 0;
	r = poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left);
	if (r < 0 && errno != EINTR)
		return err_sys(e, "wait for events");
	while (read(watch, buf, sizeof(buf)) > 0)
		;
	return 1;
}

int events_read(struct engine *en, const struct events_query *q, events_fn *fn, void *arg,
		struct err *e)
{
	const struct reading r = { q, fn, arg };
	scoped(mem) char *now = NULL;
	scoped(mem) char *old = NULL;
	scoped(file) FILE *f = NULL;
	scoped(fd) int watch = -EBADF;
	int rc = 1;

	look_up(en);
	now = log_path(en, "");
	old = log_path(en, ".1");
	if (!now || !old)
		return err_errno(e, ENOMEM, "read the event log");
	if (q->follow) {
		watch = watch_directory(en, e);
		if (watch < 0)
			return watch;
	}
	f = open_for_reading(old);
	if (f && drain(&r, f, e) < 0)
		return e->code;
	while (rc > 0) {
		if (f && drain(&r, f, e) < 0)
			return e->code;
		if (!is_same_file(f, now)) { /* what F is has its last lines now */
			if (f && drain(&r, f, e) < 0)
				return e->code;
			if (f)
				(void)fclose(f);
			f = open_for_reading(now);
			if (f)
				continue;
		}
		rc = q->follow ? wait_for_more(watch, q, e) : 0;
	}
	return rc;
}
