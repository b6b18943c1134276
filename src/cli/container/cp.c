/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/cp.h"

#include "src/cli/cmd.h"

struct cp_cli {
	struct cp_options o;
	int extract, pause; /* Docker's and Podman's of old: nothing comes of them */
};

#define AT(f) offsetof(struct cp_cli, f)
static const struct opt options[] = {
	FLAG('a', "archive", AT(o.archive),
	     "Give what is copied to the container's user; else its owners are kept",
	     .def = "true"),
	FLAG(0, "extract", AT(extract), "Archives are always unpacked", .hidden = 1),
	FLAG(0, "overwrite", AT(o.overwrite),
	     "Let directories take the place of other files, and the other way round"),
	FLAG(0, "pause", AT(pause), "Nothing is paused", .def = "true", .hidden = 1),
	END,
};

static int cp(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct cp_cli *o = opts;
	return container_cp(en, args[0], args[1], &o->o, e);
}

const struct cmd cmd_container_cp = {
	.noun = "container",
	.verb = "cp",
	.alias = "cp",
	.args = "[CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH",
	.help = "Copy files to, from and between containers",
	.man = "A container may be running, stopped or never started; paths in it begin at its "
	       "root, and what is mounted there (volumes, bind mounts) is seen. A source is "
	       "followed when it is a link.\n\n"
	       "A DEST_PATH that is a directory gets the source in it. One that is not there is "
	       "what the source is called then; the directory above must exist. SRC_PATH/. means "
	       "what is in the directory, without itself. With - as SRC_PATH a tar archive, "
	       "which may be compressed, is read from standard input and unpacked into the "
	       "directory DEST_PATH; with - as DEST_PATH one is written to standard output.\n\n"
	       "On the host, files belong to the user. A name with a colon in it that is no "
	       "container's is given as ./NAME. Of a container's whole root, /dev, /proc and "
	       "/sys are left out.",
	.examples = "cove cp nginx.conf web:/etc/nginx/\ncove cp web:/var/log/. logs\n"
		    "cove cp web:/etc - | tar t",
	.complete = "container",
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct cp_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = cp,
};
