/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/image/image.h"

struct save_options {
	int multi, quiet;
	const char *format, *output;
};

#define AT(f) offsetof(struct save_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "What to write", .def = "docker-archive",
	    .values = "docker-archive|oci-archive"),
	FLAG('m', "multi-image-archive", AT(multi),
	     "Take further arguments as images, not as names"),
	STR('o', "output", "FILE", AT(output), "Write to this file instead of standard output",
	    .complete = "file"),
	FLAG('q', "quiet", AT(quiet), "Print no progress",
	     .man = "cove prints none; the option is there for scripts that give it."),
	END,
};

static int save(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct save_options *o = opts;
	const struct image_save_options s = {
		.references = args,
		.format = o->format,
		.output = o->output,
		.multi = o->multi,
	};

	if (!o->output && isatty(STDOUT_FILENO))
		return err_set(e, -EINVAL, "refusing to save to terminal. Use -o flag or redirect");
	return image_save(en, &s, e);
}

const struct cmd cmd_image_save = {
	.noun = "image",
	.verb = "save",
	.alias = "save",
	.args = "IMAGE [IMAGE...]",
	.help = "Write images into an archive",
	.examples = "cove save -o alpine.tar alpine:latest\ncove save --format oci-archive alpine "
		    "> alpine-oci.tar",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct save_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = save,
};
