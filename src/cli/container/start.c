/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/filter.h"
#include "src/cli/container/run.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct start_options {
	struct container_selection s;
	int attach, interactive, sig_proxy;
	const char *detach_keys;
};

#define AT(f) offsetof(struct start_options, f)
static const struct opt options[] = {
	FLAG(0, "all", AT(s.all), "Start all containers that are not running"),
	FLAG('a', "attach", AT(attach), "Attach to the container's output"),
	STR(0, "detach-keys", "KEYS", AT(detach_keys), "Keys that detach from the container"),
	LIST('f', "filter", "KEY=VALUE", AT(s.filters), "Start the containers that pass",
	     .man = CONTAINER_FILTER_KEYS),
	FLAG('i', "interactive", AT(interactive), "Attach to the container's stdin as well"),
	FLAG('l', "latest", AT(s.latest), "Start the newest container"),
	FLAG(0, "sig-proxy", AT(sig_proxy), "Pass signals on to the container", .def = "true"),
	END,
};

static int start_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	int stage;
	(void)arg;
	return container_start(en, ref, NULL, &stage, e);
}

static int start_attached(struct engine *en, const struct start_options *o, const char *ref,
			  struct err *e)
{
	scoped(container) struct container *c = NULL;
	struct attach_options a = { .with_stdin = o->interactive,
				    .with_stdout = 1,
				    .with_stderr = 1,
				    .detach_keys = o->detach_keys };
	int stage = 0, r = ref ? container_find(en, ref, &c, e) : container_latest(en, &c, e);

	if (r < 0)
		return r;
	a.tty = json_get_bool(c->spec, "Tty", 0);
	a.sig_proxy = o->sig_proxy && !a.tty;
	r = container_start(en, c->id, &a, &stage, e);
	return run_status(r, stage, e);
}

static int start(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct start_options *o = opts;

	if (o->attach || o->interactive) {
		if (args[0] && args[1])
			return err_set(e, -EINVAL,
				       "you cannot start and attach multiple containers at once");
		if (!args[0] && !o->s.latest)
			return err_set(e, -EINVAL, "start requires at least one argument");
		return start_attached(en, o, args[0], e);
	}
	if (!args[0] && !o->s.latest && !o->s.all && !o->s.filters)
		return err_set(e, -EINVAL, "start requires at least one argument");
	if (args[0] && o->s.all)
		return err_set(e, -EINVAL,
			       "either start all containers or the container(s) provided in the "
			       "arguments");
	return container_each_of(en, args, &o->s, EXIT_ENGINE, start_one, NULL, e);
}

const struct cmd cmd_container_start = {
	.noun = "container",
	.verb = "start",
	.alias = "start",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Start containers",
	.examples = "cove start web\ncove start -ai work",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct start_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = start,
};
