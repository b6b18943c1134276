/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/scp.h"

#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct scp_options {
	const char *format;
	int quiet;
};

#define AT(f) offsetof(struct scp_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "The form in which the image goes",
	    .def = "docker-archive", .values = "oci-archive|docker-archive"),
	FLAG('q', "quiet", AT(quiet), "Print nothing"),
	END,
};

static int scp(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct scp_options *o = opts;
	scoped(strv) char **names = NULL;

	if (image_scp(en, args[0], args[1], o->format, o->quiet, &names, e) < 0)
		return e->code;
	for (char **n = names; n && *n && !o->quiet; n++)
		(void)printf("Loaded image: %s\n", *n);
	return 0;
}

const struct cmd cmd_image_scp = {
	.noun = "image",
	.verb = "scp",
	.args = "IMAGE [HOST::]",
	.help = "Copy an image to or from another host or user",
	.man = "IMAGE is an image of this store, or [USER@]HOST::IMAGE; [USER@]HOST:: is where it "
	       "goes, this store when it is left out. HOST is what ssh(1) takes, with :PORT where "
	       "needed, or the name of a connection in podman-connections.json. "
	       "USER@localhost:: is another user of this host, reached by sudo(8). On the other "
	       "side cove or podman must be installed. The archive is not kept anywhere on the "
	       "way.",
	.examples = "cove image scp app me@build.example.org::\n"
		    "cove image scp build.example.org::app\n"
		    "sudo cove image scp me@localhost::app",
	.complete = "image",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct scp_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = scp,
};
