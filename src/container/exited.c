/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/exited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/container/bundle.h"
#include "src/container/event.h"
#include "src/container/limits.h"
#include "src/container/record.h"
#include "src/container/volumes.h"
#include "src/store/store.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

void exited_record(struct engine *en, const struct container_spec *s, const char *id,
		   const char *name, int code, int oom)
{
	struct err e;

	if (!s->rm && record_set_exited(en, id, code, oom, record_now(), &e) < 0)
		dbg("%s", e.text); /* the full disk is told by the next command */
	container_event_exit(en, s, id, name, "died", code, oom);
}

void exited_clean(struct engine *en, const struct container_spec *s, const char *id,
		  const char *name)
{
	struct err e;

	bundle_end(en, s, id);
	if (s->rm) {
		/* The row first, then the files; what is left after a kill in between is collected.
		 */
		if (record_delete(en, id, &e) < 0)
			dbg("%s", e.text);
		if (record_remove_files(en, id, &e) < 0)
			dbg("%s", e.text);
		for (size_t i = 0; s->anonymous_volumes && s->anonymous_volumes[i]; i++)
			if (volumes_remove(en, s->anonymous_volumes[i], &e) < 0)
				dbg("%s", e.text);
		if (s->cidfile)
			(void)unlink(s->cidfile); /* the user may have taken it */
	}
	container_event_spec(en, s, id, name, s->rm ? "remove" : "cleanup");
	record_forget_run(en, id);
}

int exited_main(struct engine *en, char *const *args, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(cgroup) struct cgroup cgroup = CGROUP_NONE;
	int code, r;

	if (strv_len(args) != 4)
		return err_set(e, -EINVAL, "this command is for the monitor only");
	code = (int)strtol(args[1], NULL, 10);
	r = container_find(en, args[0], &c, e);
	if (r < 0)
		return r;
	r = container_spec_decode(c->spec, &spec, e);
	if (r < 0)
		return r;
	if (limits_open_cgroup(en, c->id, &cgroup, e) < 0)
		dbg("%s", e->text); /* the exit record matters more */
	exited_record(en, spec, c->id, c->name, code,
		      *args[3] == '1' || cgroup_oom_kills(&cgroup) > 0);
	limits_end(&cgroup);
	exited_clean(en, spec, c->id, c->name);
	fd_close((int)strtol(args[2], NULL, 10)); /* the lock */
	store_tidy(en->store);
	return 0;
}
