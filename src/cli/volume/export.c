/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/output.h"
#include "src/store/engine.h"
#include "src/volume/volume.h"

struct export_options {
	const char *output;
};

#define AT(f) offsetof(struct export_options, f)
static const struct opt options[] = {
	STR('o', "output", "FILE", AT(output), "Write to this file instead of standard output",
	    .complete = "file"),
	END,
};

static int write_volume(struct engine *en, void *arg, int fd, struct err *e)
{
	return volume_export(en, arg, fd, e);
}

static int export(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct export_options *o = opts;
	scoped(volume) struct volume *v = NULL;
	int r = volume_load(en, args[0], &v, e);

	return r < 0 ? r : output_archive(en, o->output, write_volume, v, e);
}

const struct cmd cmd_volume_export = {
	.noun = "volume",
	.verb = "export",
	.args = "VOLUME",
	.help = "Write what is in a volume into a tar archive",
	.man = "Containers may use the volume meanwhile.",
	.examples = "cove volume export -o data.tar data\ncove volume export data | tar t",
	.complete = "volume",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct export_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = export,
};
