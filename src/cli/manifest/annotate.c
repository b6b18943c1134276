/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/manifest/entry.h"
#include "src/util/scoped.h"

struct annotate_options {
	struct manifest_entry_options entry;
	int index;
};
_Static_assert(offsetof(struct annotate_options, entry) == 0, "the shared rows fill that");

#define AT(f) offsetof(struct annotate_options, f)
static const struct opt options[] = {
	FLAG(0, "index", AT(index), "Annotate the list itself"),
	STR(0, "subject", "IMAGE", AT(entry.subject), "What the list is about",
	    .complete = "image"),
	END,
};

static int annotate(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct annotate_options *o = opts;
	const struct manifest_entry_options *p = &o->entry;
	int index = o->index || p->subject;
	scoped(mem) char *id = NULL;

	if (!index && !args[1])
		return err_set(e, -EINVAL, "accepts 2 arg(s), received 1");
	if (index &&
	    (p->arch || p->os || p->variant || p->os_version || p->features || p->os_features))
		return err_set(e, -EINVAL,
			       "a list has no platform: only annotations and a subject "
			       "can be given to it");
	if (manifest_list_annotate(en, args[0], args[1], index, p, &id, e) < 0)
		return e->code;
	return manifest_print_id(id);
}

const struct cmd cmd_manifest_annotate = {
	.noun = "manifest",
	.verb = "annotate",
	.args = "LIST IMAGEORARTIFACT",
	.help = "Change what a list says of an entry",
	.man = "IMAGEORARTIFACT is the digest of the entry, or an image in the store. With --index "
	       "or --subject it may be left out.",
	.examples = "cove manifest annotate --arch arm64 --variant v8 app sha256:f00d...",
	.complete = "image",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct annotate_options),
	.groups = (const struct opt *const[]){ manifest_entry_options, options, NULL },
	.run = annotate,
};
