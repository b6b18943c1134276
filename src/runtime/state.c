/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/runtime.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define STATE_FILE "state.json"
#define LOCK_NAME  "lock"
#define FILE_MAX   (16U << 20) /* of state.json and config.json */

const char *const state_status_names[STATE_STATUS_COUNT] = { "creating", "created", "running",
							     "paused", "stopped" };

#define AT(f) offsetof(struct state, f)
static const struct field fields[] = {
	{ "id", FIELD_STR, AT(id), FIELD_REQUIRED, NULL },
	{ "bundle", FIELD_STR, AT(bundle), 0, NULL },
	{ "rootfs", FIELD_STR, AT(rootfs), FIELD_OMITEMPTY, NULL },
	{ "created", FIELD_STR, AT(created), 0, NULL },
	{ "boot", FIELD_STR, AT(boot), 0, NULL },
	{ "owner", FIELD_INT, AT(owner), 0, NULL },
	{ "pid", FIELD_INT, AT(pid), 0, NULL },
	{ "startTime", FIELD_I64, AT(start_time), 0, NULL },
	{ "annotations", FIELD_JSON, AT(annotations), FIELD_OMITEMPTY, NULL },
	{ "cgroup", FIELD_JSON, AT(cgroup), FIELD_OMITEMPTY, NULL },
	{ "extra", FIELD_JSON, AT(extra), FIELD_OMITEMPTY, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

void state_done(struct state *s)
{
	field_done(fields, s);
	cgroup_done(&s->cg);
	fd_close(s->lock_fd);
	fd_close(s->dir_fd);
	*s = (struct state)STATE_NONE;
}

int state_check_id(const char *id, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+-.";
	size_t n = strlen(id);

	if (n == 0 || n > NAME_MAX || strspn(id, allowed) != n || id[0] == '.')
		return err_set(e, -EINVAL,
			       "invalid container id '%.64s': letters, digits and _ + - . are "
			       "allowed, and no dot in front",
			       id);
	return 0;
}

/* ---- the lock -------------------------------------------------------------------------------- */

static int lock_state(struct state *s, int wait)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	scoped(fd) int fd =
		openat(s->dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return -errno;
	do
		r = fcntl(fd, wait ? F_SETLKW : F_SETLK, &l);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	s->lock_fd = take_fd(&fd);
	return 0;
}

int state_lock(int root_fd, struct state *s, struct err *e)
{
	struct stat here, there;
	int r = lock_state(s, 1);

	/* It may have been deleted while we waited, and made again. */
	if (r == -ENOENT ||
	    (r == 0 && (fstat(s->dir_fd, &here) < 0 ||
			fstatat(root_fd, s->id, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
			here.st_ino != there.st_ino || here.st_dev != there.st_dev)))
		return err_set(e, -ENOENT, "container %s does not exist", s->id);
	return r < 0 ? err_errno(e, r, "lock container %s", s->id) : 0;
}

void state_unlock(struct state *s)
{
	fd_close(take_fd(&s->lock_fd));
}

/* Is somebody at work on it? */
static int is_locked(const struct state *s)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	scoped(fd) int fd = -EBADF;

	if (s->lock_fd >= 0)
		return 0; /* we are */
	fd = openat(s->dir_fd, LOCK_NAME, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* ---- making and reading ---------------------------------------------------------------------- */

static char *boot_id(void)
{
	char buf[64];
	scoped(fd) int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : fd_read_full(fd, buf, sizeof(buf) - 1);

	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return strdup(buf);
}

static char *now_text(void)
{
	struct timespec t;
	struct tm tm;
	char day[32];

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	return str_printf("%s.%09ldZ", day, t.tv_nsec);
}

int state_make(int root_fd, const char *id, struct state *ret, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	s.id = strdup(id);
	s.created = now_text();
	s.boot = boot_id();
	s.owner = (int)getuid();
	if (!s.id || !s.created || !s.boot)
		return err_errno(e, ENOMEM, "container %s", id);
	if (mkdirat(root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_set(e, -EEXIST, "container with id exists already: %s", id);
		return err_sys(e, "make the state directory of %s", id);
	}
	s.dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = s.dir_fd < 0 ? -errno : lock_state(&s, 0);
	if (r < 0) /* a `delete --force` was faster than we are */
		return err_errno(e, r, "lock the state directory of %s", id);
	*ret = s;
	s = (struct state)STATE_NONE;
	return 0;
}

static int read_state(struct state *s, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *text = NULL;
	size_t n;
	int r = path_read(s->dir_fd, STATE_FILE, FILE_MAX, &text, &n, e);

	if (r == -ENOENT) { /* killed while it was made */
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = json_parse(text, n, &o, e);
	if (r == 0) {
		free(s->id);
		s->id = NULL;
		r = field_decode(fields, o, s, STATE_FILE, e);
	}
	if (r == 0 && s->cgroup)
		r = cgroup_from_json(s->cgroup, &s->cg, e);
	return r;
}

int state_open(int root_fd, const char *id, int lock, struct state *ret, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	int r = state_check_id(id, e);

	if (r < 0)
		return r;
	s.dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.dir_fd < 0 && errno == ENOENT)
		return err_set(e, -ENOENT, "container %s does not exist", id);
	if (s.dir_fd < 0)
		return err_sys(e, "open the state of container %s", id);
	s.id = strdup(id);
	if (!s.id)
		return err_errno(e, ENOMEM, "container %s", id);
	r = lock ? state_lock(root_fd, &s, e) : 0;
	if (r < 0)
		return r;
	if (read_state(&s, e) < 0)
		return err_in(e, "container %s", id);
	*ret = s;
	s = (struct state)STATE_NONE;
	return 0;
}

int state_write(struct state *s, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *text = NULL;

	if (s->cg.kind != CGROUP_KIND_NONE) {
		json_free(s->cgroup);
		s->cgroup = cgroup_to_json(&s->cg);
	}
	o = field_encode(fields, s);
	text = o ? json_text(o) : NULL;
	if (!text)
		return err_errno(e, ENOMEM, "write %s", STATE_FILE);
	return path_replace(s->dir_fd, STATE_FILE, text, strlen(text), 0600, 0, e);
}

int state_config(const struct state *s, json_object **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n;
	int r = path_read(s->dir_fd, STATE_CONFIG, FILE_MAX, &text, &n, e);

	if (r == 0)
		r = json_parse(text, n, ret, e);
	return r < 0 ? err_in(e, "container %s", s->id) : 0;
}

/* ---- what it is doing ------------------------------------------------------------------------ */

/* proc_pid_stat(5): "PID (NAME) S ..." with the start time as field 22. */
static int is_alive(pid_t pid, unsigned long long start_time)
{
	char path[64], buf[1024], *p;
	scoped(fd) int fd = -EBADF;
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : fd_read_full(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return 0;
	buf[n] = '\0';
	p = strrchr(buf, ')'); /* the name before it may hold anything */
	if (!p || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X')
		return 0;
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p && strtoull(p + 1, NULL, 10) == start_time;
}

static int is_this_boot(const struct state *s)
{
	scoped(mem) char *now = boot_id();
	return now && s->boot && strcmp(now, s->boot) == 0;
}

enum state_status state_status(const struct state *s)
{
	if (s->pid <= 0)
		return is_locked(s) ? STATE_CREATING : STATE_STOPPED;
	if (!is_this_boot(s) || !is_alive(s->pid, (unsigned long long)s->start_time))
		return STATE_STOPPED;
	if (faccessat(s->dir_fd, STATE_SOCKET, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return STATE_CREATED;
	return cgroup_is_frozen(&s->cg) == 1 ? STATE_PAUSED : STATE_RUNNING;
}

int state_pidfd(const struct state *s)
{
	int fd = s->pid > 0 ? proc_pidfd(s->pid) : -ESRCH;

	/* The pidfd is of whoever has the pid now: looked at after it was taken. */
	if (s->pid <= 0 || !is_this_boot(s) ||
	    !is_alive(s->pid, (unsigned long long)s->start_time)) {
		fd_close(fd);
		return -ESRCH;
	}
	return fd;
}

int state_remove(int root_fd, struct state *s, struct err *e)
{
	int r = path_rmtree(root_fd, s->id);
	return r < 0 ? err_errno(e, r, "remove the state directory of %s", s->id) : 0;
}
