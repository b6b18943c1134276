/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/export.h"

#include "src/cli/cmd.h"
#include "src/cli/output.h"

struct export_options {
	const char *output;
};

#define AT(f) offsetof(struct export_options, f)
static const struct opt options[] = {
	STR('o', "output", "FILE", AT(output), "Write to this file instead of standard output",
	    .complete = "file"),
	END,
};

static int write_root(struct engine *en, void *arg, int fd, struct err *e)
{
	return container_export(en, arg, fd, e);
}

static int export(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct export_options *o = opts;

	return output_archive(en, o->output, write_root, args[0], e);
}

const struct cmd cmd_container_export = {
	.noun = "container",
	.verb = "export",
	.alias = "export",
	.args = "CONTAINER",
	.help = "Write a container's root file system into a tar archive",
	.man = "Volumes and other mounts are not part of it. The container may be running.",
	.examples = "cove export -o web.tar web\ncove export web | tar t",
	.complete = "container",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct export_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = export,
};
