/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/container/run.h"
#include "src/util/scoped.h"

struct exec_cli {
	struct exec_options o;
	int latest;
};

#define AT(f) offsetof(struct exec_cli, f)
static const struct opt options[] = {
	FLAG('d', "detach", AT(o.detach), "Run in the background"),
	STR(0, "detach-keys", "KEYS", AT(o.detach_keys), "Keys that detach from the command"),
	LIST('e', "env", "NAME=VALUE", AT(o.env), "Set an environment variable"),
	LIST(0, "env-file", "FILE", AT(o.env_file), "Read environment variables from a file",
	     .complete = "file"),
	FLAG('i', "interactive", AT(o.interactive), "Keep stdin open"),
	FLAG('l', "latest", AT(latest), "Use the newest container"),
	INT(0, "preserve-fds", "N", AT(o.preserve_fds), 0, 1024,
	    "Pass on the descriptors 3 to N+2 as well"),
	FLAG(0, "privileged", AT(o.privileged), "Give the command all capabilities"),
	FLAG('t', "tty", AT(o.tty), "Allocate a terminal"),
	STR('u', "user", "USER[:GROUP]", AT(o.user), "Run as this user"),
	STR('w', "workdir", "DIR", AT(o.workdir), "Working directory in the container"),
	END,
};

static int exec(struct engine *en, void *opts, char **args, struct err *e)
{
	struct exec_cli *o = opts;
	struct attach_options a = { .with_stdin = o->o.interactive,
				    .with_stdout = 1,
				    .with_stderr = 1,
				    .tty = o->o.tty,
				    .sig_proxy = !o->o.tty,
				    .detach_keys = o->o.detach_keys };
	scoped(container) struct container *c = NULL;
	const char *ref = args[0];
	int stage = 0, r;

	if (o->latest) {
		r = container_latest(en, &c, e);
		if (r < 0)
			return r;
		ref = c->id;
	} else if (ref) {
		args++;
	}
	if (!ref)
		return err_set(e, -EINVAL,
			       "exec requires the name or ID of a container or the --latest flag");
	if (!args[0])
		return err_set(e, -EINVAL,
			       "must provide a non-empty command to start an exec session: invalid "
			       "argument");
	r = run_check_fds(o->o.preserve_fds, e);
	if (r < 0)
		return r;
	o->o.command = args;
	r = container_exec(en, ref, &o->o, o->o.detach ? NULL : &a, &stage, e);
	return run_status(r, stage, e);
}

const struct cmd cmd_container_exec = {
	.noun = "container",
	.verb = "exec",
	.alias = "exec",
	.args = "CONTAINER COMMAND [ARG...]",
	.help = "Run a command in a running container",
	.examples = "cove exec -it web sh\ncove exec -u 1000 -w /tmp web id",
	.complete = "container",
	.max_args = -1,
	.flags = CMD_STOP_AT_ARG,
	.size = sizeof(struct exec_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = exec,
};
