/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/image/push.h"

#include <errno.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/image/manifest_list.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct push_options {
	struct push_settings p;
	int all, insecure, rm;
	char **add_compression;
};
_Static_assert(offsetof(struct push_options, p) == 0, "the shared rows fill struct push_settings");

#define AT(f) offsetof(struct push_options, f)
static const struct opt options[] = {
	CSV(0, "add-compression", "FORMAT", AT(add_compression),
	    "Push each image in this compression as well", .complete = PUSH_COMPRESSIONS,
	    .man = "One of gzip, zstd, zstd:chunked; several may be given. Platforms that the list "
		   "has in it already get no other image. What is added stands behind what the "
		   "list "
		   "names, and the list in the store stays as it is."),
	FLAG(0, "all", AT(all), "Push the images that the list names, too", .def = "true"),
	STR('f', "format", "FORMAT", AT(p.format), "Format of the list and its images",
	    .values = "oci|v2s2|docker", .man = "Without it: the one that each has."),
	FLAG(0, "insecure", AT(insecure), "The same as --tls-verify=false", .hidden = 1),
	FLAG('p', "purge", AT(rm), "The same as --rm", .hidden = 1),
	FLAG(0, "rm", AT(rm), "Remove the list when it was pushed"),
	END,
};

static int push(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct push_options *o = opts;
	struct manifest_push_options m = { .list = args[0], .destination = args[1], .all = o->all };
	struct image_remove_result gone = { 0 };
	scoped(json) json_object *config = NULL;
	scoped(mem) char *digest = NULL;
	int r;

	for (char **c = o->add_compression; c && *c; c++)
		if (!str_in_words(*c, strlen(*c), PUSH_COMPRESSIONS))
			return err_set(e, -EINVAL,
				       "invalid compression format \"%s\": it is one of %s", *c,
				       PUSH_COMPRESSIONS);
	m.add_compression = o->add_compression;
	push_settings_take(&o->p, &m.push);
	if (push_settings_default(en, &config, &m.push, e) < 0)
		return e->code;
	if (o->insecure)
		m.push.tls_verify = 0;
	if (manifest_list_push(en, &m, &digest, e) < 0 ||
	    (o->p.digestfile && push_write_digest(en, o->p.digestfile, digest, e) < 0))
		return e->code;
	if (!o->rm)
		return 0;
	r = manifest_list_remove(en, args[0], &gone, e);
	image_remove_result_done(&gone);
	return r;
}

const struct cmd cmd_manifest_push = {
	.noun = "manifest",
	.verb = "push",
	.args = "LIST [DESTINATION]",
	.help = "Push a list, and the images that it names, to a registry, directory or archive",
	.man = "Images of the store are sent as `cove push` does it. Others are copied, or taken "
	       "over within one registry, from where they are, and keep their digests, unless "
	       "--format, --compression-format or --compression-level ask for something else. "
	       "Where an image gets another digest the list that is written says so; the list in "
	       "the store stays as it is. With --all=false the registry must have the images. "
	       "Signatures that they have where they are go with them, unless --remove-signatures "
	       "is "
	       "given; --sign-by signs the list and each of them.\n\n"
	       "dir:PATH and oci:PATH[:NAME] write the same into a directory, "
	       "oci-archive:FILE[:NAME] into an archive. docker-archive: and docker-daemon: hold "
	       "no "
	       "lists.",
	.examples = "cove manifest push app docker://registry.example.org/app:1\n"
		    "cove manifest push app oci:/tmp/app:1\n"
		    "cove manifest push --rm --format oci app registry.example.org/app:1",
	.complete = "image",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct push_options),
	.groups = (const struct opt *const[]){ pull_registry_options, push_shared_options, options,
					       NULL },
	.run = push,
};
