/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/image/download.h"
#include "src/image/image.h"
#include "src/image/platform.h"
#include "src/util/scoped.h"

struct import_options {
	const char *message, *os, *arch, *variant, *policy;
	char **changes;
	int quiet;
};

#define AT(f) offsetof(struct import_options, f)
static const struct opt options[] = {
	STR(0, "arch", "ARCH", AT(arch), "Architecture that the image says it is for",
	    .man = "Without it: this host's."),
	LIST('c', "change", "INSTRUCTION", AT(changes),
	     "Apply a Containerfile instruction to the image",
	     .man = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or "
		    "WORKDIR."),
	STR('m', "message", "TEXT", AT(message), "Comment that the history shows"),
	STR(0, "os", "OS", AT(os), "Operating system that the image says it is for"),
	FLAG('q', "quiet", AT(quiet), "Print no progress",
	     .man = "Without it the URL of a download is told; there is nothing more."),
	STR(0, "signature-policy", "FILE", AT(policy), "Accepted; an archive has no signatures",
	    .hidden = 1),
	STR(0, "variant", "VARIANT", AT(variant), "Variant of that architecture"),
	END,
};

static int import(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct import_options *o = opts;
	char platform[PLATFORM_TEXT_MAX];
	struct image_import_options i = {
		.path = args[0],
		.reference = args[1],
		.message = o->message,
		.changes = o->changes,
	};
	scoped(mem) char *id = NULL;
	int r = platform_compose(o->os, o->arch, o->variant, platform, &i.platform, e);

	if (download_is_url(args[0]) && !o->quiet)
		(void)fprintf(stderr, "Downloading from \"%s\"\n", args[0]);
	if (r == 0)
		r = image_import(en, &i, &id, e);
	if (r >= 0)
		(void)printf("sha256:%s\n", id);
	return r < 0 ? r : 0;
}

const struct cmd cmd_image_import = {
	.noun = "image",
	.verb = "import",
	.alias = "import",
	.args = "PATH [REFERENCE]",
	.help = "Make an image of one layer from a tar archive",
	.man = "PATH is a tar archive of a root file system, its http:// or https:// URL, or - for "
	       "standard input. Prints the ID of the image, which is as old as a file that it is "
	       "made "
	       "of: from the same file and options comes the same image.",
	.examples = "cat root.tar | cove import - debian:imported\ncove import -c 'CMD "
		    "[\"/bin/sh\"]' root.tar mine",
	.complete = "file",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct import_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = import,
};
