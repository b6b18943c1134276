/* SPDX-License-Identifier: Apache-2.0 */
/* The images lie in containers/ID/checkpoint; where they are, the container can be restored.
 * containers/ID/checkpoint.json tells what inspect shows of it. */
#include "src/container/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/checkpoint_archive.h"
#include "src/container/event.h"
#include "src/container/generate.h"
#include "src/container/limits.h"
#include "src/container/private_network.h"
#include "src/container/record.h"
#include "src/runtime/criu.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define IMAGES	 CHECKPOINT_IMAGES
#define PREVIOUS CHECKPOINT_PREVIOUS
#define NOTE	 "checkpoint.json"
#define NOTE_MAX 65536

/* A container's record, spec, and directory below graphroot/containers. */
struct subject {
	struct container *c;
	struct container_spec *spec;
	json_object *config;
	int dir;
};

static void scoped_subject(struct subject *s)
{
	(void)container_free(s->c);
	(void)container_spec_free(s->spec);
	json_free(s->config);
	fd_close(s->dir);
}

static int open_dir(struct engine *en, const char *id)
{
	scoped(mem) char *path = str_printf("containers/%s", id);
	int fd = path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? -EBADF : fd;
}

static int load(struct engine *en, const char *ref, struct subject *s, struct err *e)
{
	int r = container_find(en, ref, &s->c, e);

	if (r == 0)
		r = container_spec_decode(s->c->spec, &s->spec, e);
	if (r == 0)
		r = generate_config(en, s->spec, s->c->id, NULL, NULL, &s->config, e);
	if (r < 0)
		return r;
	s->dir = open_dir(en, s->c->id);
	return s->dir < 0 ? err_sys(e, "open the directory of container %s", ref) : 0;
}

/* Older images go: a checkpoint is whole or it is not there. */
static int make_dir(struct engine *en, const struct subject *s, const char *name, char **ret,
		    struct err *e)
{
	int r = path_rmtree(s->dir, name);

	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "remove the last checkpoint");
	if (mkdirat(s->dir, name, 0700) < 0)
		return err_sys(e, "make a directory for the checkpoint");
	*ret = str_printf("%s/containers/%s/%s", en->graphroot, s->c->id, name);
	return *ret ? 0 : err_errno(e, ENOMEM, "checkpoint");
}

static int check(const struct subject *s, const struct checkpoint_options *o, struct err *e)
{
	if (s->c->state != CONTAINER_RUNNING || s->c->pid <= 0)
		return err_set(e, -EINVAL,
			       "%s is not running, cannot checkpoint: container state improper",
			       s->c->id);
	if (s->c->is_paused) /* criu would wait for it for ever */
		return err_set(e, -EINVAL,
			       "%s is paused, cannot checkpoint: container state improper",
			       s->c->id);
	if (private_network_is_accel(s->spec))
		return err_set(e, -ENOTSUP,
			       "cannot checkpoint %s: its network is accelerated, with sockets of "
			       "the host",
			       s->c->id);
	if (s->spec->rm && !o->leave_running && !o->pre_checkpoint && !o->export_file)
		return err_set(e, -EINVAL,
			       "cannot checkpoint containers that have been started with '--rm' "
			       "unless '--export' is used: nothing would be left to restore");
	return 0;
}

/* ---- what inspect shows ---------------------------------------------------------------------- */

struct note {
	int checkpointed, restored;
	int64_t checkpointed_at, restored_at; /* nanoseconds since the epoch, 0: never */
	char *path, *log, *restore_log;
};

#define AT(f) offsetof(struct note, f)
static const struct field note_fields[] = {
	{ "checkpointed", FIELD_BOOL, AT(checkpointed), 0, NULL },
	{ "checkpointedAt", FIELD_I64, AT(checkpointed_at), 0, NULL },
	{ "path", FIELD_STR, AT(path), FIELD_OMITEMPTY, NULL },
	{ "log", FIELD_STR, AT(log), FIELD_OMITEMPTY, NULL },
	{ "restored", FIELD_BOOL, AT(restored), 0, NULL },
	{ "restoredAt", FIELD_I64, AT(restored_at), 0, NULL },
	{ "restoreLog", FIELD_STR, AT(restore_log), FIELD_OMITEMPTY, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

static void scoped_note(struct note *n)
{
	field_done(note_fields, n);
}

static int read_note(int dir, struct note *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = NULL;
	size_t n = 0;
	int r = path_read(dir, NOTE, NOTE_MAX, &text, &n, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = json_parse(text, n, &o, e);
	return r < 0 ? r : field_decode(note_fields, o, ret, NOTE, e);
}

static int write_note(int dir, const struct note *n, struct err *e)
{
	scoped(json) json_object *o = field_encode(note_fields, n);
	scoped(mem) char *text = o ? json_text(o) : NULL;

	return text ? path_replace(dir, NOTE, text, strlen(text), 0600, 0, e)
		    : err_errno(e, ENOMEM, "note the checkpoint");
}

static int note_checkpoint(const struct subject *s, const char *dir, int keep, struct err *e)
{
	__attribute__((cleanup(scoped_note))) struct note n = { 0 };

	n.checkpointed = 1;
	n.checkpointed_at = record_now();
	n.path = strdup(dir);
	n.log = keep ? str_printf("%s/dump.log", dir) : NULL;
	if (!n.path || (keep && !n.log))
		return err_errno(e, ENOMEM, "note the checkpoint");
	return write_note(s->dir, &n, e);
}

static void drop(char **s)
{
	free(*s);
	*s = NULL;
}

int checkpoint_note_restore(struct engine *en, const char *id, int keep, struct err *e)
{
	__attribute__((cleanup(scoped_note))) struct note n = { 0 };
	scoped(fd) int dir = open_dir(en, id);
	scoped(mem) char *images = checkpoint_dir(en, id);
	int r = dir < 0 ? err_sys(e, "open the directory of container %s", id)
			: read_note(dir, &n, e);

	if (r < 0)
		return r;
	n.checkpointed = 0;
	n.restored = 1;
	n.restored_at = record_now();
	if (keep) {
		free(n.restore_log);
		n.restore_log = images ? str_printf("%s/restore.log", images) : NULL;
	} else {
		drop(&n.path);
		drop(&n.log);
		drop(&n.restore_log);
	}
	return write_note(dir, &n, e);
}

void checkpoint_note_start(struct engine *en, const char *id)
{
	scoped(fd) int dir = open_dir(en, id);

	if (dir >= 0 && unlinkat(dir, NOTE, 0) < 0 && errno != ENOENT)
		dbg("%s of container %s cannot be removed", NOTE, id);
}

static void put_time(json_object *o, const char *name, int64_t ns)
{
	char buf[UNITS_MAX];
	json_put_str(o, name, ns ? time_rfc3339(ns, buf) : "0001-01-01T00:00:00Z");
}

void checkpoint_inspect(struct engine *en, const char *id, json_object *state)
{
	__attribute__((cleanup(scoped_note))) struct note n = { 0 };
	scoped(fd) int dir = open_dir(en, id);
	struct err e;

	err_clear(&e);
	if (dir >= 0 && read_note(dir, &n, &e) < 0)
		dbg("%s", e.text);
	json_put_bool(state, "Checkpointed", n.checkpointed);
	put_time(state, "CheckpointedAt", n.checkpointed_at);
	json_put_str(state, "CheckpointLog", n.log);
	json_put_str(state, "CheckpointPath", n.path);
	json_put_bool(state, "Restored", n.restored);
	put_time(state, "RestoredAt", n.restored_at);
	json_put_str(state, "RestoreLog", n.restore_log);
}

/* ---- checkpoint ------------------------------------------------------------------------------ */

int checkpoint_add_stats(json_object *list, const char *id, const char *dir, int restore,
			 int64_t started, struct err *e)
{
	json_object *numbers = NULL, *o;
	int r = criu_statistics(dir, restore, &numbers, e);

	if (r < 0)
		return r;
	o = json_object_new_object();
	json_put_str(o, "Id", id);
	json_put_int(o, restore ? "runtime_restore_duration" : "runtime_checkpoint_duration",
		     (record_now() - started) / 1000);
	json_put(o, "criu_statistics", numbers);
	return json_object_array_add(list, o) < 0 ? err_errno(e, ENOMEM, "statistics") : 0;
}

/* Of what criu wrote beside the images nothing is needed any more. */
static void drop_logs(const struct subject *s, const char *name)
{
	static const char *const files[] = { "dump.log", "stats-dump" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scoped(mem) char *path = str_printf("%s/%s", name, files[i]);
		if (path && unlinkat(s->dir, path, 0) < 0 && errno != ENOENT)
			dbg("%s cannot be removed", path);
	}
}

static int dump(struct engine *en, const struct subject *s, const struct checkpoint_options *o,
		struct criu_options *c, struct err *e)
{
	const char *name = o->pre_checkpoint ? PREVIOUS : IMAGES;
	scoped(mem) char *dir = NULL;
	int64_t started = record_now();
	int r = make_dir(en, s, name, &dir, e);

	if (r < 0)
		return r;
	c->dir = dir;
	c->config = s->config;
	engine_store_close(en); /* the monitor writes the end */
	r = criu_dump(c, s->c->pid, e);
	if (r == 0 && o->stats)
		r = checkpoint_add_stats(o->stats, s->c->id, dir, 0, started, e);
	return r < 0 || o->pre_checkpoint ? r : note_checkpoint(s, dir, o->keep, e);
}

/* Its processes are stopped: they go on, or end for good. */
static int end_stopped(struct engine *en, const struct subject *s, int signal, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	int r = limits_open_cgroup(en, s->c->id, &cg, e);

	if (r == 0 && cg.kind != CGROUP_KIND_NONE)
		return cgroup_signal_all(&cg, signal, e);
	if (r == 0 && kill(s->c->pid, signal) < 0 && errno != ESRCH)
		r = err_sys(e, "signal the container");
	return r;
}

/* With the end of its processes a container with --rm is gone: they wait for the archive. */
static int export_and_remove(struct engine *en, const struct subject *s,
			     const struct checkpoint_options *o, struct err *e)
{
	struct err ignored;
	int r = checkpoint_export(en, s->c, s->spec, s->config, s->dir, o, e);

	if (r < 0) {
		if (end_stopped(en, s, SIGCONT, &ignored) < 0)
			dbg("%s", ignored.text);
		return r;
	}
	r = end_stopped(en, s, SIGKILL, e);
	if (r == 0)
		r = container_wait(en, s->c->id, &(int){ 0 }, e);
	if (r == -ENOENT) { /* gone, as it should be */
		err_clear(e);
		r = 0;
	}
	return r;
}

int container_checkpoint(struct engine *en, const char *ref, const struct checkpoint_options *o,
			 struct err *e)
{
	__attribute__((cleanup(scoped_subject))) struct subject s = { .dir = -EBADF };
	struct criu_options c = { .leave_running = o->leave_running,
				  .pre_dump = o->pre_checkpoint,
				  .tcp_established = o->tcp_established,
				  .file_locks = o->file_locks,
				  .previous = o->with_previous ? "../" PREVIOUS : NULL };
	int r = criu_check(&c, e);

	if (r == 0)
		r = load(en, ref, &s, e);
	if (r == 0)
		r = check(&s, o, e);
	if (r == 0)
		r = checkpoint_export_check(s.spec, o, e);
	if (r == 0 && o->with_previous && faccessat(s.dir, PREVIOUS "/inventory.img", F_OK, 0) < 0)
		r = err_set(e, -ENOENT, "container %s has no pre-checkpoint", ref);
	if (r != 0)
		return r;
	c.leave_stopped = s.spec->rm && !o->leave_running && !o->pre_checkpoint;
	r = dump(en, &s, o, &c, e);
	if (r == 0 && c.leave_stopped)
		return export_and_remove(en, &s, o, e);
	if (r == 0 && !o->leave_running && !o->pre_checkpoint)
		r = container_wait(en, s.c->id, &(int){ 0 }, e);
	if (r == 0 && o->export_file)
		r = checkpoint_export(en, s.c, s.spec, s.config, s.dir, o, e);
	if (r == 0 && !o->keep)
		drop_logs(&s, o->pre_checkpoint ? PREVIOUS : IMAGES);
	if (r == 0)
		container_event(en, s.c, "checkpoint");
	return r;
}

int container_is_checkpointed(struct engine *en, const char *id)
{
	scoped(mem) char *path = str_printf("containers/%s/" IMAGES "/inventory.img", id);
	return path && faccessat(en->graph_fd, path, F_OK, 0) == 0;
}

int checkpoint_forget(struct engine *en, const char *id, struct err *e)
{
	scoped(fd) int dir = open_dir(en, id);
	int r = dir < 0 ? -errno : path_rmtree(dir, IMAGES);

	if (r == 0)
		r = path_rmtree(dir, PREVIOUS);
	return r < 0 ? err_errno(e, r, "remove the checkpoint") : 0;
}

char *checkpoint_dir(const struct engine *en, const char *id)
{
	return str_printf("%s/containers/%s/" IMAGES, en->graphroot, id);
}
