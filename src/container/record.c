/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/container/cut_off.h"
#include "src/container/limits.h"
#include "src/store/store.h"
#include "src/util/lock.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

const char *const container_state_names[CONTAINER_STATE_COUNT] = { "created", "running", "exited" };

#define EXIT_LOST                                                                      \
	137 /* what a container is said to have ended with when its monitor was killed \
	     */

int64_t record_now(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct container *container_free(struct container *c)
{
	if (!c)
		return NULL;
	free(c->id);
	free(c->name);
	free(c->image_id);
	free(c->image_name);
	free(c->error);
	strv_free(c->command);
	json_free(c->labels);
	json_free(c->ports);
	json_free(c->spec);
	free(c);
	return NULL;
}

void container_list_free(struct container **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)container_free(list[i]);
	free(list);
}

/* ---- locks and live state ------------------------------------------------------------------- */

static void run_path(char *buf, size_t n, const char *id, const char *file)
{
	(void)snprintf(buf, n, "c/%s%s%s", id, *file ? "/" : "", file);
}

int record_lock(struct engine *en, const char *id, int wait_ms, int *ret_fd, struct err *e)
{
	char path[128];
	struct timespec tick = { 0, 20000000 };

	for (;;) {
		int fd;
		run_path(path, sizeof(path), id, "");
		if (mkdirat(en->run_fd, path, 0700) < 0 && errno != EEXIST)
			return err_sys(e, "make directory %s/%s", en->runroot, path);
		run_path(path, sizeof(path), id, "lock");
		fd = lock_file(en->run_fd, path, LOCK_EXCLUSIVE, wait_ms < 0, e);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		if (fd == -ENOENT) /* the directory went away with its container */
			continue;
		if (fd != -EAGAIN || wait_ms <= 0)
			return fd;
		(void)nanosleep(&tick, NULL);
		wait_ms -= 20;
		if (wait_ms < 0)
			wait_ms = 0;
	}
}

int record_is_held(struct engine *en, const char *id)
{
	char path[128];
	struct stat st;
	struct err ignored;
	int fd;

	run_path(path, sizeof(path), id, "lock");
	if (fstatat(en->run_fd, path, &st, 0) < 0)
		return 0;
	fd = lock_file(en->run_fd, path, LOCK_SHARED, 0, &ignored);
	fd_close(fd);
	return fd == -EAGAIN;
}

/* The running boot's id: a state file of another boot is never believed, whatever process has its
 * pid now. */
static void boot_id(char buf[40])
{
	scoped(mem) char *text = NULL;
	struct err ignored;

	buf[0] = '\0';
	if (path_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64, &text, NULL, &ignored) == 0)
		(void)snprintf(buf, 40, "%.*s", (int)strcspn(text, "\n"), text);
}

int record_write_state(struct engine *en, const char *id, pid_t pid, int64_t started, struct err *e)
{
	char path[128], text[256], boot[40];
	scoped(fd) int dir = -EBADF;

	run_path(path, sizeof(path), id, "");
	dir = openat(en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_sys(e, "open %s/%s", en->runroot, path);
	boot_id(boot);
	(void)snprintf(text, sizeof(text),
		       "{\"boot\":\"%s\",\"pid\":%d,\"start_time\":%llu,\"started\":%lld}\n", boot,
		       (int)pid, proc_start_time(pid), (long long)started);
	return path_replace(dir, "state", text, strlen(text), 0600, 0, e);
}

pid_t record_live_pid(struct engine *en, const char *id, int *ret_pidfd)
{
	char path[128], boot[40];
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = NULL;
	scoped(fd) int pidfd = -EBADF;
	struct err ignored;
	pid_t pid;

	run_path(path, sizeof(path), id, "state");
	if (path_read(en->run_fd, path, 4096, &text, NULL, &ignored) < 0 ||
	    json_parse(text, strlen(text), &o, &ignored) < 0)
		return 0;
	pid = (pid_t)json_get_int(o, "pid", 0);
	boot_id(boot);
	if (pid <= 0 || strcmp(json_get_str(o, "boot") ? json_get_str(o, "boot") : "", boot) != 0)
		return 0;
	pidfd = proc_pidfd(pid);
	if (pidfd < 0)
		pidfd = -EBADF;
	if (proc_start_time(pid) != (unsigned long long)json_get_int(o, "start_time", -1))
		return 0;
	if (ret_pidfd)
		*ret_pidfd = take_fd(&pidfd);
	return pid;
}

void record_forget_run(struct engine *en, const char *id)
{
	char path[128];
	int fd;
	scoped(dir) DIR *d = NULL;

	run_path(path, sizeof(path), id, "");
	fd = openat(en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		fd_close(fd);
		return;
	}
	/* The lock's file last: who waits for it looks whether it is still the one in the
	 * directory. */
	for (struct dirent *de; (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 &&
		    strcmp(de->d_name, "lock") != 0 && unlinkat(fd, de->d_name, 0) < 0 &&
		    errno == EISDIR)
			(void)path_rmtree(fd, de->d_name);
	(void)unlinkat(fd, "lock", 0);
	(void)unlinkat(en->run_fd, path, AT_REMOVEDIR); /* what could not be is collected later */
}

int record_remove_files(struct engine *en, const char *id, struct err *e)
{
	scoped(fd) int dir =
		openat(en->graph_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = dir < 0 ? err_sys(e, "open %s/containers", en->graphroot)
			: userns_rmtree(en->run_fd, dir, id, e);
	return r < 0 ? err_in(e, "files of container %.12s", id) : 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int name_is_taken(struct engine *en, const char *name, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct err look;
	if (store_query(en->store, &q, &look, "SELECT id FROM container WHERE name = ?", "s",
			name) == 0 &&
	    store_step(q, &look) > 0)
		return err_set(e, -EEXIST,
			       "creating container storage: the container name \"%s\" is already "
			       "in use by %s. You have to "
			       "remove that container to be able to reuse that name: that name is "
			       "already in use",
			       name, store_text(q, 0));
	return e->code;
}

int record_insert(struct engine *en, const struct container *c, const char *state, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(json) json_object *command = json_strv(c->command);
	int r;

	if (!s)
		return e->code;
	r = store_exec(s, e,
		       "INSERT INTO container (id, name, image_id, image_name, created, command, "
		       "labels, ports, spec, "
		       "state, started) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "ssssisssssi", c->id, c->name, c->image_id, c->image_name, c->created,
		       json_object_to_json_string_ext(command, JSON_C_TO_STRING_PLAIN),
		       json_object_to_json_string_ext(c->labels, JSON_C_TO_STRING_PLAIN),
		       json_object_to_json_string_ext(c->ports, JSON_C_TO_STRING_PLAIN),
		       json_object_to_json_string_ext(c->spec, JSON_C_TO_STRING_PLAIN), state,
		       c->started);
	return r == -EEXIST ? name_is_taken(en, c->name, e) : r < 0 ? r : 0;
}

static int update(struct engine *en, int flags, struct err *e, const char *sql, const char *args,
		  int64_t a, int64_t b, int64_t c, const char *text, const char *id)
{
	struct store *s = engine_store(en, e);
	int r = s ? store_begin(s, flags, e) : e->code;

	if (r < 0)
		return r;
	if (strcmp(args, "is") == 0)
		r = store_exec(s, e, sql, args, a, id);
	else if (strcmp(args, "iss") == 0)
		r = store_exec(s, e, sql, args, a, text, id);
	else if (strcmp(args, "iiis") == 0)
		r = store_exec(s, e, sql, args, a, b, c, id);
	else
		r = store_exec(s, e, sql, args, id);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	return store_commit(s, e);
}

int record_set_running(struct engine *en, const char *id, int64_t started, struct err *e)
{
	return update(
		en, 0, e,
		"UPDATE container SET state = 'running', error = '', started = ? WHERE id = ?",
		"is", started, 0, 0, NULL, id);
}

int record_set_failed(struct engine *en, const char *id, int exit_code, const char *error,
		      struct err *e)
{
	return update(en, 0, e,
		      "UPDATE container SET state = 'created', started = 0, exit_code = ?, error = "
		      "? WHERE id = ?",
		      "iss", exit_code, 0, 0, error, id);
}

int record_set_exited(struct engine *en, const char *id, int exit_code, int oom, int64_t finished,
		      struct err *e)
{
	return update(en, STORE_DURABLE | STORE_REMOVES, e,
		      "UPDATE container SET state = 'exited', exit_code = ?, oom = ?, finished = ? "
		      "WHERE id = ?",
		      "iiis", exit_code, oom, finished, NULL, id);
}

int record_set_spec(struct engine *en, const char *id, json_object *spec, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = s ? store_begin(s, 0, e) : e->code;

	if (r < 0)
		return r;
	r = store_exec(s, e, "UPDATE container SET spec = ? WHERE id = ?", "ss",
		       json_object_to_json_string_ext(spec, JSON_C_TO_STRING_PLAIN), id);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	return store_commit(s, e);
}

int record_set_paused(struct engine *en, const char *id, int on)
{
	char path[128];
	scoped(fd) int fd = -EBADF;

	run_path(path, sizeof(path), id, "paused");
	if (!on)
		return unlinkat(en->run_fd, path, 0) < 0 && errno != ENOENT ? -errno : 0;
	fd = openat(en->run_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : 0;
}

static int is_paused(struct engine *en, const char *id)
{
	char path[128];

	run_path(path, sizeof(path), id, "paused");
	return faccessat(en->run_fd, path, F_OK, 0) == 0;
}

const char *container_state_text(const struct container *c)
{
	return c->is_paused ? "paused" : container_state_names[c->state];
}

int record_delete(struct engine *en, const char *id, struct err *e)
{
	return update(en, STORE_REMOVES, e, "DELETE FROM container WHERE id = ?", "s", 0, 0, 0,
		      NULL, id);
}

/* ---- reading -------------------------------------------------------------------------------- */

#define COLUMNS                                                                               \
	"id, name, image_id, image_name, created, started, finished, state, exit_code, oom, " \
	"error, command, "                                                                    \
	"labels, ports"

static char *dup_text(struct sqlite3_stmt *q, int column)
{
	const char *s = store_text(q, column);
	return strdup(s ? s : "");
}

static json_object *json_column(struct sqlite3_stmt *q, int column)
{
	const char *s = store_text(q, column);
	json_object *o = NULL;
	struct err ignored;
	return s && json_parse(s, strlen(s), &o, &ignored) == 0 ? o : NULL;
}

static int from_row(struct sqlite3_stmt *q, int with_spec, struct container **ret, struct err *e)
{
	scoped(container) struct container *c = calloc(1, sizeof(*c));
	scoped(json) json_object *command = json_column(q, 11);
	const char *state = store_text(q, 7);

	if (!c)
		return err_errno(e, ENOMEM, "read container records");
	c->id = dup_text(q, 0);
	c->name = dup_text(q, 1);
	c->image_id = dup_text(q, 2);
	c->image_name = dup_text(q, 3);
	c->created = store_int(q, 4);
	c->started = store_int(q, 5);
	c->finished = store_int(q, 6);
	for (int i = 0; i < CONTAINER_STATE_COUNT; i++)
		if (state && strcmp(state, container_state_names[i]) == 0)
			c->state = i;
	c->exit_code = (int)store_int(q, 8);
	c->oom = (int)store_int(q, 9);
	c->error = dup_text(q, 10);
	c->labels = json_column(q, 12);
	c->ports = json_column(q, 13);
	if (with_spec)
		c->spec = json_column(q, 14);
	if (!c->id || !c->name || !c->error || json_to_strv(command, &c->command) < 0)
		return err_set(e, -EBADMSG, "the record of container %.12s is damaged",
			       c->id ? c->id : "");
	*ret = take_ptr(&c);
	return 0;
}

/* What a monitor noted of the end before it could not write the record. */
static int noted_code(struct engine *en, const char *id)
{
	char path[128];
	scoped(mem) char *text = NULL;
	struct err ignored;

	run_path(path, sizeof(path), id, "exit");
	return path_read(en->run_fd, path, 16, &text, NULL, &ignored) < 0
		       ? EXIT_LOST
		       : (int)strtol(text, NULL, 10);
}

/* The monitor of container C was killed: write what it would have written.  1: the container was to
 * go with its end
 * (--rm) and is gone. */
static int mend(struct engine *en, struct container *c, int rm, struct err *e)
{
	int r;

	if (!rm) {
		r = record_set_exited(en, c->id, c->exit_code, 0, c->finished, e);
		record_forget_run(en, c->id);
		return r;
	}
	r = record_delete(en, c->id, e);
	if (r == 0)
		r = record_remove_files(en, c->id, e);
	record_forget_run(en, c->id);
	return r < 0 ? r : 1;
}

/* The monitor, which would have removed it, is dead. */
static void end_cgroup(struct engine *en, const char *id)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct err e;

	if (limits_open_cgroup(en, id, &cg, &e) < 0)
		dbg("%s", e.text);
	limits_end(&cg);
}

/* The row says 'running': is that so?  Without its monitor the rest of it is ended and the record
 * mended.  1: it is no more. */
static int refresh(struct engine *en, struct container *c, struct err *e)
{
	scoped(fd) int lock = -EBADF;
	scoped(fd) int pidfd = -EBADF;
	pid_t pid;
	int r;

	if (c->state != CONTAINER_RUNNING)
		return 0;
	if (record_is_held(en, c->id)) {
		c->pid = record_live_pid(en, c->id, NULL);
		c->is_paused = is_paused(en, c->id);
		c->is_cut_off = cut_off_is(en->run_fd, c->id);
		return 0;
	}
	r = record_lock(en, c->id, 0, &lock, e);
	if (r == -EAGAIN) {
		err_clear(e);
		return 0; /* it is just being started or ended */
	}
	if (r < 0)
		return r;
	pid = record_live_pid(en, c->id, &pidfd);
	if (pid > 0 && (pidfd < 0 || proc_pidfd_kill(pidfd, SIGKILL) == -ENOSYS))
		(void)kill(pid, SIGKILL); /* its start time was compared a moment ago */
	end_cgroup(en, c->id);
	c->state = CONTAINER_EXITED;
	c->exit_code = noted_code(en, c->id);
	c->finished = record_now();
	/* The row may have been ended properly between our reading and our lock. */
	{
		scoped(stmt) struct sqlite3_stmt *q = NULL;
		scoped(json) json_object *spec = NULL;
		int rm;
		r = store_query(
			en->store, &q, e,
			"SELECT state, exit_code, finished, spec FROM container WHERE id = ?", "s",
			c->id);
		if (r == 0)
			r = store_step(q, e);
		if (r == 0) {
			record_forget_run(en, c->id);
			return 1;
		}
		if (r < 0)
			return r;
		if (strcmp(store_text(q, 0), "running") != 0) {
			c->state = strcmp(store_text(q, 0), "exited") == 0 ? CONTAINER_EXITED
									   : CONTAINER_CREATED;
			c->exit_code = (int)store_int(q, 1);
			c->finished = store_int(q, 2);
			return 0;
		}
		spec = json_column(q, 3);
		rm = json_get_bool(spec, "Rm", 0);
		store_finish(take_ptr(&q));
		return mend(en, c, rm, e);
	}
}

static int not_found(const char *ref, struct err *e)
{
	return err_set(e, -ENOENT, "no container with name or ID \"%s\" found: no such container",
		       ref);
}

int container_find(struct engine *en, const char *ref, struct container **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(container) struct container *c = NULL;
	struct store *s = engine_store(en, e);
	int r;

	if (!s)
		return e->code;
	r = store_query(s, &q, e,
			"SELECT " COLUMNS ", spec FROM container WHERE name = ?1 OR id = ?1", "s",
			ref + (*ref == '/')); /* as docker writes names */
	if (r == 0)
		r = store_step(q, e);
	if (r == 0 && id_is_prefix(ref)) {
		scoped(mem) char *end = str_printf("%sg", ref); /* after every hex digit */
		store_finish(q);
		q = NULL;
		r = store_query(s, &q, e,
				"SELECT " COLUMNS
				", spec FROM container WHERE id >= ? AND id < ? LIMIT 2",
				"ss", ref, end);
		if (r == 0)
			r = store_step(q, e);
	}
	if (r == 0)
		return not_found(ref, e);
	if (r > 0)
		r = from_row(q, 1, &c, e);
	if (r == 0 && (r = store_step(q, e)) > 0)
		return err_set(e, -EEXIST,
			       "more than one result for container name or ID \"%s\": container "
			       "already exists",
			       ref);
	store_finish(q); /* no read transaction while the record is refreshed */
	q = NULL;
	if (r == 0)
		r = refresh(en, c, e);
	if (r > 0)
		return not_found(ref, e);
	if (r < 0)
		return r;
	*ret = take_ptr(&c);
	return 0;
}

int container_latest(struct engine *en, struct container **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(mem) char *id = NULL;
	struct store *s = engine_store(en, e);
	int r = s ? store_query(s, &q, e, "SELECT id FROM container ORDER BY created DESC LIMIT 1",
				"")
		  : e->code;

	if (r == 0)
		r = store_step(q, e);
	if (r == 0)
		return err_set(e, -ENOENT, "no containers to act on: no such container");
	if (r < 0)
		return r;
	id = dup_text(q, 0);
	store_finish(q);
	q = NULL;
	return id ? container_find(en, id, ret, e) : err_errno(e, ENOMEM, "read container records");
}

int container_list(struct engine *en, int all, struct container ***ret, size_t *ret_n,
		   struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *s = engine_store(en, e);
	struct container **list = NULL;
	size_t n = 0, kept = 0;
	int r;

	if (!s)
		return e->code;
	r = store_query(s, &q, e,
			all ? "SELECT " COLUMNS " FROM container ORDER BY created DESC"
			    : "SELECT " COLUMNS
			      " FROM container WHERE state = 'running' ORDER BY created DESC",
			"");
	while (r >= 0 && (r = store_step(q, e)) > 0) {
		struct container **more = realloc(list, (n + 1) * sizeof(*list));
		if (!more) {
			r = err_errno(e, ENOMEM, "read container records");
			break;
		}
		list = more;
		r = from_row(q, 0, &list[n], e);
		n += r == 0;
	}
	store_finish(q);
	q = NULL;
	for (size_t i = 0; i < n && r >= 0; i++) {
		r = refresh(en, list[i], e);
		if (r > 0) {
			(void)container_free(list[i]);
			list[i] = NULL;
		}
	}
	if (r < 0) {
		container_list_free(list, n);
		return r;
	}
	for (size_t i = 0; i < n; i++)
		if (list[i] && (all || list[i]->state == CONTAINER_RUNNING))
			list[kept++] = list[i];
		else
			(void)container_free(list[i]);
	*ret = list;
	*ret_n = kept;
	return 0;
}

/* Directories of containers without a row, whose lock nobody holds: a creation or a removal that
 * was killed. */
/* What is left of container ID, if it has no record; and what a stopped one does not need. */
static void collect_one(struct engine *en, struct store *s, const char *id)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(fd) int lock = -EBADF;
	struct err ignored;

	if (!id_is_prefix(id) || strlen(id) != ID_LEN ||
	    record_lock(en, id, 0, &lock, &ignored) < 0)
		return;
	if (store_query(s, &q, &ignored, "SELECT 1 FROM container WHERE id = ?", "s", id) == 0 &&
	    store_step(q, &ignored) == 0 && record_remove_files(en, id, &ignored) == 0)
		dbg("removed what was left of container %s", id);
	record_forget_run(en, id);
}

void record_collect(struct engine *en)
{
	static const struct {
		int in_runroot;
		const char *name;
	} places[] = { { 0, "containers" }, { 1, "c" } };
	struct err ignored;
	struct store *s = engine_store(en, &ignored);

	for (size_t i = 0; s && i < ARRAY_LEN(places); i++) {
		int fd = openat(places[i].in_runroot ? en->run_fd : en->graph_fd, places[i].name,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
		if (!d)
			fd_close(fd);
		for (struct dirent *de; d && (de = readdir(d));)
			collect_one(en, s, de->d_name);
	}
}

int record_rename(struct engine *en, const char *id, const char *name, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r;

	if (!s)
		return e->code;
	name += *name == '/'; /* as docker writes names */
	if (!name_is_valid(name))
		return err_set(e, -EINVAL,
			       "names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument");
	r = store_exec(s, e, "UPDATE container SET name = ? WHERE id = ?", "ss", name, id);
	return r == -EEXIST ? name_is_taken(en, name, e) : r < 0 ? r : 0;
}
