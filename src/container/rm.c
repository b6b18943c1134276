/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/event.h"
#include "src/container/mount.h"
#include "src/container/record.h"
#include "src/container/spec.h"
#include "src/container/volumes.h"
#include "src/store/store.h"
#include "src/util/strbuf.h"

/* Unless another container was given one by its name. */
static void remove_volumes(struct engine *en, const struct container_spec *spec)
{
	struct err e;
	for (size_t i = 0; spec->anonymous_volumes && spec->anonymous_volumes[i]; i++)
		if (volumes_remove(en, spec->anonymous_volumes[i], &e) < 0)
			dbg("%s", e.text);
}

static int shares(const struct container_spec *s, const char *mode)
{
	const char *const modes[] = { s->network,  s->pid_mode,	   s->ipc_mode,
				      s->uts_mode, s->cgroup_mode, s->userns_mode };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i] && strcmp(modes[i], mode) == 0)
			return 1;
	return 0;
}

int container_dependents(struct engine *en, const char *ref, char ***ret, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(mem) char *mode = NULL;
	scoped(strv) char **list = NULL;
	struct store *s;
	int r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	s = engine_store(en, e);
	mode = str_printf("container:%s", c->id);
	if (!s || !mode)
		return s ? err_errno(e, ENOMEM, "remove a container") : e->code;
	r = store_query(s, &q, e,
			"SELECT id, spec FROM container WHERE instr(spec, ?) ORDER BY created DESC",
			"s", mode);
	while (r == 0 && (r = store_step(q, e)) > 0) {
		scoped(container_spec) struct container_spec *spec = NULL;
		scoped(json) json_object *doc = NULL;
		const char *text = store_text(q, 1);
		struct err ignored;
		r = 0;
		/* The text may be a label's; a damaged record depends on nothing. */
		if (json_parse(text, strlen(text), &doc, &ignored) == 0 &&
		    container_spec_decode(doc, &spec, &ignored) == 0 && shares(spec, mode) &&
		    strv_add(&list, store_text(q, 0)) < 0)
			r = err_errno(e, ENOMEM, "remove a container");
	}
	if (r < 0)
		return r;
	*ret = take_ptr(&list);
	return 0;
}

static int refuse_dependents(struct engine *en, const char *id, struct err *e)
{
	scoped(strv) char **list = NULL;
	scoped(strbuf) struct strbuf ids = STRBUF_INIT;
	int r = container_dependents(en, id, &list, e);

	if (r < 0 || !list)
		return r;
	for (char **l = list; *l; l++)
		(void)strbuf_printf(&ids, "%s%s", l == list ? "" : ", ", *l);
	return err_set(e, -EEXIST,
		       "container %s has dependent containers which must be removed before it: %s: "
		       "container already exists",
		       id, ids.s ? ids.s : "");
}

int container_rm(struct engine *en, const char *ref, const struct rm_options *o, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	struct stop_options stop = { .timeout = o->timeout };
	scoped(fd) int lock = -EBADF;
	int r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	if (c->state == CONTAINER_RUNNING && !o->force)
		return err_set(e, -EBUSY,
			       "cannot remove container %s as it is running - running or paused "
			       "containers cannot be removed "
			       "without force: container state improper",
			       c->id);
	r = refuse_dependents(en, c->id, e);
	if (r < 0)
		return r;
	if (c->is_paused)
		stop.timeout = 0;
	if (c->state == CONTAINER_RUNNING) {
		r = container_stop(en, c->id, &stop, e);
		if (r < 0 && r != -ENOENT)
			return r;
		err_clear(e);
	}
	/* By `mount`, where this process can see it. */
	r = container_unmount(en, c->id, 1, e);
	if (r < 0)
		return r;
	r = record_lock(en, c->id, 30000, &lock, e);
	if (r == -EAGAIN)
		return err_set(e, -EBUSY, "container %s is in use by another command", ref);
	if (r < 0)
		return r;
	r = container_spec_decode(c->spec, &spec, e);
	if (r < 0)
		err_clear(e);		 /* a damaged record can still be removed */
	r = record_delete(en, c->id, e); /* fine when --rm was faster */
	if (r == -ENOSPC && record_remove_files(en, c->id, e) == 0) {
		/* The disk is full, perhaps of this container's own files: they make room for their
		 * record's end. */
		err_clear(e);
		r = record_delete(en, c->id, e);
	}
	if (r == 0)
		r = record_remove_files(en, c->id, e);
	if (r == 0 && spec && (o->volumes || spec->rm))
		remove_volumes(en, spec);
	record_forget_run(en, c->id);
	if (r == 0)
		container_event(en, c, "remove");
	return r;
}

int container_rm_each(struct engine *en, char *const *ids, int timeout, struct err *e)
{
	const struct rm_options rm = { .force = 1, .timeout = timeout };

	for (; ids && *ids; ids++) {
		int r = container_rm(en, *ids, &rm, e);
		if (r < 0 && r != -ENOENT)
			return r;
		err_clear(e);
	}
	return 0;
}

int container_rename(struct engine *en, const char *ref, const char *name, struct err *e)
{
	scoped(container) struct container *c = NULL;
	int r = container_find(en, ref, &c, e);

	if (r == 0)
		r = record_rename(en, c->id, name, e);
	if (r != 0)
		return r;
	free(c->name);
	c->name = strdup(name);
	container_event(en, c, "rename");
	return 0;
}
