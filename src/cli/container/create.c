/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/container/run.h"
#include "src/util/scoped.h"

static const struct opt options[] = {
	EXCLUDES("rm", "restart"),
	END,
};

static int create(struct engine *en, void *opts, char **args, struct err *e)
{
	struct container_create_options *o = opts;
	scoped(mem) char *id = NULL;
	int r = run_arguments(o, args, "create", e);

	if (r == 0)
		r = container_create(en, o, &id, container_warn, e);
	if (r == 0)
		(void)printf("%s\n", id);
	return r;
}

const struct cmd cmd_container_create = {
	.noun = "container",
	.verb = "create",
	.alias = "create",
	.args = "IMAGE [COMMAND [ARG...]]",
	.help = "Create a container without starting it",
	.examples = "cove create --name web -p 8080:80 nginx\ncove start web",
	.complete = "image",
	.max_args = -1,
	.flags = CMD_STOP_AT_ARG,
	.size = sizeof(struct container_create_options),
	.groups = (const struct opt *const[]){ options, container_process_rows,
					       container_network_rows, container_storage_rows,
					       container_security_rows, container_resource_rows,
					       container_image_rows, NULL },
	.run = create,
};
