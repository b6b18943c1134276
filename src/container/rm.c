/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/event.h"
#include "src/container/mount.h"
#include "src/container/record.h"
#include "src/container/spec.h"
#include "src/volume/volume.h"

static void remove_volumes(struct engine *en, const struct container_spec *spec)
{
	struct err e;
	for (size_t i = 0; spec->anonymous_volumes && spec->anonymous_volumes[i]; i++)
		if (volume_remove(en, spec->anonymous_volumes[i], &e) < 0)
			dbg("%s", e.text);
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
