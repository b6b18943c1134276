/* SPDX-License-Identifier: Apache-2.0 */
/* pause, unpause and update: what is done to a running container through its cgroup. */
#include <errno.h>
#include <string.h>

#include "src/container/event.h"
#include "src/container/limits.h"
#include "src/container/record.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

/* A running container's record, spec and cgroup. */
struct subject {
	struct container *c;
	struct container_spec *spec;
	struct cgroup cg;
};

static void scoped_subject(struct subject *s)
{
	(void)container_free(s->c);
	(void)container_spec_free(s->spec);
	cgroup_done(&s->cg);
}

static int load(struct engine *en, const char *ref, struct subject *s, struct err *e)
{
	int r = container_find(en, ref, &s->c, e);
	return r < 0 ? r : container_spec_decode(s->c->spec, &s->spec, e);
}

static int freeze(struct engine *en, struct subject *s, int on, struct err *e)
{
	int r = limits_adopt(en, s->spec, s->c->id, s->c->pid, &s->cg, e);

	if (r == 0)
		r = cgroup_freeze(&s->cg, on, e);
	if (r == -ENOTSUP)
		(void)err_hint(e, "containers can be paused where a cgroup is delegated: with "
				  "systemd in a login session, or by systemd-run --user --scope "
				  "--property=Delegate=yes cove ...");
	return r;
}

int container_pause(struct engine *en, const char *ref, struct err *e)
{
	scoped(subject) struct subject s = { .cg = CGROUP_NONE };
	int r = load(en, ref, &s, e);

	if (r < 0)
		return r;
	if (s.c->is_paused)
		return err_set(e, -EINVAL, "\"%s\" is already paused: container state improper",
			       s.c->id);
	if (s.c->state != CONTAINER_RUNNING || s.c->pid <= 0)
		return err_set(e, -EINVAL,
			       "\"%s\" is not running, can't pause: container state improper",
			       s.c->id);
	/* Noted first: what is frozen and not noted could not be found again. */
	r = record_set_paused(en, s.c->id, 1);
	if (r < 0)
		return err_errno(e, r, "note that container %s is paused", ref);
	r = freeze(en, &s, 1, e);
	if (r < 0) {
		(void)record_set_paused(en, s.c->id, 0); /* it is gone with the container */
		return err_in(e, "cannot pause container %s", ref);
	}
	container_event(en, s.c, "pause");
	return 0;
}

int container_unpause(struct engine *en, const char *ref, struct err *e)
{
	scoped(subject) struct subject s = { .cg = CGROUP_NONE };
	int r = load(en, ref, &s, e);

	if (r < 0)
		return r;
	if (!s.c->is_paused)
		return err_set(e, -EINVAL,
			       "\"%s\" is not paused, can't unpause: container state improper",
			       s.c->id);
	r = freeze(en, &s, 0, e);
	if (r < 0)
		return err_in(e, "cannot unpause container %s", ref);
	r = record_set_paused(en, s.c->id, 0);
	if (r < 0)
		return err_errno(e, r, "note that container %s goes on", ref);
	container_event(en, s.c, "unpause");
	return 0;
}

/* ---- update ---------------------------------------------------------------------------------- */

/* Of a running container: by its cgroup, which it may get for this. */
static int change(struct engine *en, struct subject *s, json_object *all, json_object *update,
		  struct err *e)
{
	scoped(json) json_object *parts = json_object_new_object();
	int r = limits_adopt(en, s->spec, s->c->id, s->c->pid, &s->cg, e);

	if (r < 0)
		return r;
	if (limits_unmet(update, s->cg.unmet))
		return err_set(e, -ENOTSUP,
			       "--%s is not kept by a cgroup and cannot be changed while the "
			       "container runs",
			       limits_unmet(update, s->cg.unmet));
	/* Whole groups: a new memory limit is written together with the limit of swap that was
	 * there. */
	json_object_object_foreach(update, group, unused)
	{
		(void)unused;
		json_put(parts, group, json_object_get(json_get(all, group)));
	}
	r = cgroup_update(&s->cg, parts, e);
	if (r == -ENOTSUP && !s->cg.scope) {
		struct err ignored;
		if (limits_move(en, s->spec, s->c->id, s->c->pid, &s->cg, &ignored) == 0)
			r = cgroup_update(&s->cg, parts, e);
	}
	return r;
}

int container_update(struct engine *en, const char *ref, const struct resource_options *o,
		     char **ret_id, struct err *e)
{
	scoped(subject) struct subject s = { .cg = CGROUP_NONE };
	scoped(json) json_object *update = NULL;
	json_object *all = NULL;
	int r = load(en, ref, &s, e);

	if (r == 0)
		r = resources_parse(o, s.spec->resources, &update, e);
	if (r < 0)
		return r;
	if (json_object_object_length(update)) {
		if (json_object_deep_copy(s.spec->resources, &all, NULL) < 0)
			all = json_object_new_object();
		r = cgroup_resources_merge(all, update, e);
		if (r == 0 && s.c->state == CONTAINER_RUNNING)
			r = change(en, &s, all, update, e);
		json_put(s.c->spec, "Resources", all);
		if (r == 0)
			r = record_set_spec(en, s.c->id, s.c->spec, e);
	}
	if (r < 0)
		return err_in(e, "cannot update container %s", ref);
	container_event(en, s.c, "update");
	if (ret_id) {
		*ret_id = strdup(s.c->id);
		if (!*ret_id)
			return err_errno(e, ENOMEM, "update container %s", ref);
	}
	return 0;
}
