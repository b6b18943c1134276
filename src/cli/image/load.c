/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/image/image.h"
#include "src/util/scoped.h"

struct load_options {
	const char *input, *signature_policy;
	int quiet;
};

#define AT(f) offsetof(struct load_options, f)
static const struct opt options[] = {
	STR('i', "input", "FILE", AT(input),
	    "Read this file or directory instead of standard input", .complete = "file",
	    .man = "Or what an http:// or https:// URL gives."),
	FLAG('q', "quiet", AT(quiet), "Print no progress",
	     .man = "cove prints none; the option is there for scripts that give it."),
	STR(0, "signature-policy", "FILE", AT(signature_policy),
	    "Use this policy instead of policy.json", .complete = "file", .hidden = 1),
	END,
};

static int load(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct load_options *o = opts;
	const struct image_load_options l = { .path = o->input,
					      .signature_policy = o->signature_policy };
	scoped(strv) char **names = NULL;
	int r;

	(void)args;
	if (!o->input && isatty(STDIN_FILENO))
		return err_set(e, -EINVAL,
			       "cannot read from terminal, use command-line redirection or the "
			       "--input flag");
	r = image_load(en, &l, &names, e);
	for (char **name = r < 0 ? NULL : names; name && *name; name++)
		(void)printf("Loaded image: %s\n", *name);
	return r < 0 ? r : 0;
}

const struct cmd cmd_image_load = {
	.noun = "image",
	.verb = "load",
	.alias = "load",
	.help = "Load the images of an archive or directory",
	.man = "Reads what docker save and cove save write, in the docker-archive and oci-archive "
	       "formats, also "
	       "compressed, and with --input the directories of docker-dir and oci-dir.",
	.examples = "cove load -i base.tar\ncove load -i https://files.example.org/base.tar\n"
		    "ssh host cat base.tar.gz | cove load",
	.max_args = 0,
	.size = sizeof(struct load_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = load,
};
