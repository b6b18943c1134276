/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct attach_cli {
	const char *detach_keys;
	int latest, no_stdin, sig_proxy;
};

#define AT(f) offsetof(struct attach_cli, f)
static const struct opt options[] = {
	STR(0, "detach-keys", "KEYS", AT(detach_keys), "Keys that detach from the container"),
	FLAG('l', "latest", AT(latest), "Attach to the newest container"),
	FLAG(0, "no-stdin", AT(no_stdin), "Do not attach to stdin"),
	FLAG(0, "sig-proxy", AT(sig_proxy), "Pass signals on to the container", .def = "true"),
	END,
};

static int attach_one(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct attach_cli *o = opts;
	scoped(container) struct container *c = NULL;
	struct attach_options a = { .with_stdout = 1,
				    .with_stderr = 1,
				    .detach_keys = o->detach_keys };
	int r;

	if (!args[0] && !o->latest)
		return err_set(e, -EINVAL,
			       "attach requires the name or id of one running container or the "
			       "latest flag");
	r = args[0] ? container_find(en, args[0], &c, e) : container_latest(en, &c, e);
	if (r < 0)
		return r;
	a.tty = json_get_bool(c->spec, "Tty", 0);
	a.with_stdin = !o->no_stdin && (a.tty || json_get_bool(c->spec, "Interactive", 0));
	a.sig_proxy = o->sig_proxy && !a.tty;
	return container_attach(en, c->id, &a, e);
}

const struct cmd cmd_container_attach = {
	.noun = "container",
	.verb = "attach",
	.alias = "attach",
	.args = "CONTAINER",
	.help = "Attach to a running container",
	.man = "The exit status is that of the container's command; 0 when the detach keys were "
	       "pressed.",
	.examples = "cove attach web",
	.complete = "container",
	.max_args = 1,
	.size = sizeof(struct attach_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = attach_one,
};
