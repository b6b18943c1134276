/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/image/image.h"
#include "src/util/strbuf.h"

struct save_options {
	int multi, quiet, compress, uncompressed;
	const char *format, *output, *policy;
};

#define AT(f) offsetof(struct save_options, f)
static const struct opt options[] = {
	FLAG(0, "compress", AT(compress), "Compress the layers of docker-dir"),
	STR(0, "format", "FORMAT", AT(format), "What to write", .def = "docker-archive",
	    .values = "docker-archive|docker-dir|oci-archive|oci-dir",
	    .man = "docker-dir and oci-dir write a directory, which --output names, with one "
		   "image."),
	FLAG('m', "multi-image-archive", AT(multi),
	     "Take further arguments as images, not as names"),
	STR('o', "output", "FILE", AT(output), "Write to this file instead of standard output",
	    .complete = "file"),
	FLAG(0, "uncompressed", AT(uncompressed), "Write plain layers",
	     .man = "Archives have them anyway."),
	FLAG('q', "quiet", AT(quiet), "Print no progress",
	     .man = "cove prints none; the option is there for scripts that give it."),
	STR(0, "signature-policy", "FILE", AT(policy), "Accepted; what is in the store is trusted",
	    .hidden = 1),
	END,
};

static int save(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct save_options *o = opts;
	const char *output = o->output && *o->output ? o->output : NULL;
	const struct image_save_options s = {
		.references = args,
		.format = o->format,
		.output = output,
		.multi = o->multi,
		.compress = o->compress,
	};
	int is_dir = str_ends(o->format, "-dir");

	if (o->compress && strcmp(o->format, "docker-dir") != 0)
		return err_set(e, -EINVAL,
			       "--compress can only be set when --format is 'docker-dir'");
	if (output && strchr(output, ':')) /* what follows would be taken for a name */
		return err_set(e, -EINVAL, "invalid filename (should not contain ':') \"%s\"",
			       output);
	if (is_dir && !output)
		return err_set(e, -EINVAL, "--format %s wants --output", o->format);

	if (!output && isatty(STDOUT_FILENO))
		return err_set(e, -EINVAL, "refusing to save to terminal. Use -o flag or redirect");
	return image_save(en, &s, e);
}

const struct cmd cmd_image_save = {
	.noun = "image",
	.verb = "save",
	.alias = "save",
	.args = "IMAGE [IMAGE...]",
	.help = "Write images into an archive or directory",
	.examples = "cove save -o alpine.tar alpine:latest\ncove save --format oci-archive alpine "
		    "> alpine-oci.tar",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct save_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = save,
};
