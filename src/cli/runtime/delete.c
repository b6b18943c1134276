/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/verb.h"

struct delete_options {
	int force;
};

#define AT(f) offsetof(struct delete_options, f)
static const struct opt options[] = {
	FLAG('f', "force", AT(force), "Kill it first; none at all is no failure"),
	END,
};

static int delete (struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct delete_options *o = opts;
	return oci_delete(oci, args[0], o->force, e);
}

const struct verb verb_delete = {
	.name = "delete",
	.args = "CONTAINER",
	.help = "Remove a container that has stopped",
	.man = "One that was made and never started is removed as well.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct delete_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = delete,
};
