/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/container/record.h"
#include "src/runtime/driver.h"
#include "src/util/scoped.h"
#include "userns/holder.h"

struct migrate_options {
	const char *new_runtime;
	int migrate_db;
};

#define AT(f) offsetof(struct migrate_options, f)
static const struct opt options[] = {
	FLAG(0, "migrate-db", AT(migrate_db), "Bring the database up to date",
	     .man = "Every command does so."),
	STR(0, "new-runtime", "RUNTIME", AT(new_runtime),
	    "Let all containers be run by this OCI runtime from now on"),
	END,
};

static int set_runtime(struct engine *en, const char *id, const char *runtime, struct err *e)
{
	scoped(container) struct container *c = NULL;
	int r = container_find(en, id, &c, e);

	if (r != 0 || !c)
		return r;
	json_put_str(c->spec, "Runtime", runtime);
	return record_set_spec(en, id, c->spec, e);
}

static int migrate_one(struct engine *en, const struct container *c, const char *runtime,
		       struct err *e)
{
	const struct stop_options o = { .timeout = -1 };
	int r = c->state == CONTAINER_RUNNING ? container_stop(en, c->id, &o, e) : 0;

	if (r == 0 && c->state == CONTAINER_RUNNING)
		(void)printf("stopped %s\n", c->id);
	if (r == 0 && runtime)
		r = set_runtime(en, c->id, runtime, e);
	if (r == -ENOENT) { /* one with --rm, or removed just now */
		err_clear(e);
		r = 0;
	}
	return r;
}

static int migrate(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct migrate_options *o = opts;
	scoped(mem) char *runtime = NULL;
	struct container **list = NULL;
	size_t n = 0;
	int holder, r = 0;

	(void)args;
	if (o->new_runtime && driver_find(o->new_runtime, &runtime, e) < 0)
		return err_set(e, -EINVAL,
			       "change to runtime \"%s\" requested but no such runtime is defined: "
			       "invalid argument",
			       o->new_runtime);
	r = container_list(en, 1, &list, &n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		r = migrate_one(en, list[i], runtime, e);
	container_list_free(list, n);
	holder = r == 0 ? holder_pid(en->run_fd) : 0;
	if (holder > 0)
		(void)kill(holder, SIGTERM); /* the next command makes one with the ids of now */
	return r;
}

const struct cmd cmd_system_migrate = {
	.noun = "system",
	.verb = "migrate",
	.help = "Stop all containers, and let go of the user namespace",
	.man = "For when the user has been given other subordinate ids (/etc/subuid), or after an "
	       "update: what is started next has them.",
	.examples = "cove system migrate",
	.max_args = 0,
	.size = sizeof(struct migrate_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = migrate,
};
