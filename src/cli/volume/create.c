/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/volume/volume.h"

#define AT(f) offsetof(struct volume_create_options, f)
static const struct opt options[] = {
	STR('d', "driver", "DRIVER", AT(driver), "Driver of the volume", .def = "local",
	    .man = "local is the only one."),
	INT(0, "gid", "GID", AT(gid), 0, INT_MAX, "Group that it belongs to, as containers see it",
	    .init = -1),
	FLAG(0, "ignore", AT(ignore), "Do not fail if the volume is there"),
	LIST('l', "label", "KEY[=VALUE]", AT(label), "Set a label"),
	LIST('o', "opt", "KEY[=VALUE]", AT(opt), "Set an option of the driver",
	     .man = "type=bind (or type=none with o=bind) and device=DIR: a directory of the host. "
		    "type=tmpfs: memory, which each container has for itself while it runs. o= has "
		    "options of mount(8) and uid=, gid=, noquota, nocopy; for tmpfs size= and "
		    "inodes=, too. Other types need root, and fail when a container is to have the "
		    "volume; so do sizes of directories, at once."),
	INT(0, "uid", "UID", AT(uid), 0, INT_MAX, "User that it belongs to, as containers see it",
	    .init = -1),
	END,
};

static int create(struct engine *en, void *opts, char **args, struct err *e)
{
	struct volume_create_options *o = opts;
	scoped(mem) char *name = NULL;
	int r;

	o->name = args[0];
	r = volume_create(en, o, &name, e);
	if (r == 0)
		(void)printf("%s\n", name);
	return r;
}

const struct cmd cmd_volume_create = {
	.noun = "volume",
	.verb = "create",
	.args = "[NAME]",
	.help = "Make a volume",
	.man = "A directory that outlives containers; they get it by `run --volume NAME:DIR`. "
	       "Without "
	       "NAME it gets a random one.",
	.examples = "cove volume create data\n"
		    "cove volume create --opt type=bind --opt device=/srv/data data\n"
		    "cove volume create --opt type=tmpfs --opt o=size=64m,mode=1777 scratch",
	.max_args = 1,
	.size = sizeof(struct volume_create_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = create,
};
