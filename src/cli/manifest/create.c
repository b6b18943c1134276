/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/manifest/entry.h"
#include "src/util/scoped.h"

struct create_options {
	int all, amend, insecure, tls_verify;
	char **annotations;
};

#define AT(f) offsetof(struct create_options, f)
static const struct opt options[] = {
	FLAG(0, "all", AT(all), "Add every image of lists, not only those for this host"),
	FLAG('a', "amend", AT(amend), "Add to a list that exists already"),
	LIST(0, "annotation", "KEY=VALUE", AT(annotations), "Give the list this annotation"),
	FLAG(0, "insecure", AT(insecure), "The same as --tls-verify=false", .hidden = 1),
	TRI(0, "tls-verify", AT(tls_verify), "Require HTTPS and verified certificates"),
	END,
};

static int create(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct create_options *o = opts;
	const struct manifest_add_options a = {
		.remote = { .tls_verify = o->insecure ? 0 : o->tls_verify, .retry = -1 },
		.entry = { .annotations = o->annotations },
		.all = o->all,
	};
	scoped(mem) char *id = NULL;

	if (manifest_list_create(en, args[0], args + 1, o->amend, &a, &id, e) < 0)
		return e->code;
	return manifest_print_id(id);
}

const struct cmd cmd_manifest_create = {
	.noun = "manifest",
	.verb = "create",
	.args = "LIST [IMAGE...]",
	.help = "Make a list of images",
	.man = "The list is called LIST, with localhost/ in front where that has no registry. It "
	       "names each IMAGE as `cove manifest add` would.",
	.examples = "cove manifest create app localhost/app-amd64 localhost/app-arm64\n"
		    "cove manifest push app docker://registry.example.org/app:1",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct create_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = create,
};
