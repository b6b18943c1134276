/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/image/pull.h"
#include "src/cli/manifest/entry.h"
#include "src/image/artifact.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct manifest_entry_options, f)
const struct opt manifest_entry_options[] = {
	LIST(0, "annotation", "KEY=VALUE", AT(annotations), "Give the entry this annotation"),
	STR(0, "arch", "ARCH", AT(arch), "The architecture that the image is for"),
	CSV(0, "features", "FEATURE", AT(features), "Features of the processor that it needs"),
	STR(0, "os", "OS", AT(os), "The operating system that the image is for"),
	CSV(0, "os-features", "FEATURE", AT(os_features),
	    "Features of the operating system that it needs"),
	STR(0, "os-version", "VERSION", AT(os_version),
	    "The version of the operating system that it is for"),
	STR(0, "variant", "VARIANT", AT(variant), "The variant of the architecture that it is for"),
	END,
};

struct add_options {
	struct manifest_entry_options entry;
	int all, artifact, no_titles, insecure, tls_verify;
	const char *config, *config_type, *layer_type, *subject, *type;
	const char *authfile, *cert_dir, *creds;
};
_Static_assert(offsetof(struct add_options, entry) == 0, "the shared rows fill that");

#undef AT
#define AT(f) offsetof(struct add_options, f)
static const struct opt options[] = {
	FLAG(0, "all", AT(all), "Add every image of a list, not only that for this host"),
	FLAG(0, "artifact", AT(artifact), "Add files, as an artifact"),
	STR(0, "artifact-config", "FILE", AT(config), "The artifact's config", .complete = "file"),
	STR(0, "artifact-config-type", "TYPE", AT(config_type), "The config's media type"),
	FLAG(0, "artifact-exclude-titles", AT(no_titles), "Do not note the names of the files"),
	STR(0, "artifact-layer-type", "TYPE", AT(layer_type), "The media type of the files"),
	STR(0, "artifact-subject", "IMAGE", AT(subject), "What the artifact is about",
	    .complete = "image"),
	STR(0, "artifact-type", "TYPE", AT(type), "The artifact's type"),
	STR(0, "authfile", "FILE", AT(authfile), "File with the credentials of registries",
	    .complete = "file"),
	STR(0, "cert-dir", "DIR", AT(cert_dir), "Certificates and keys for the registry",
	    .complete = "dir"),
	STR(0, "creds", "USER[:PASSWORD]", AT(creds), "Credentials for the registry"),
	FLAG(0, "insecure", AT(insecure), "The same as --tls-verify=false", .hidden = 1),
	TRI(0, "tls-verify", AT(tls_verify), "Require HTTPS and verified certificates"),
	END,
};

int manifest_print_id(const char *id)
{
	(void)printf("%s\n", id);
	return 0;
}

static int add_artifact(struct engine *en, const struct add_options *o, char **args, struct err *e)
{
	const struct artifact_options a = { .type = o->type ? o->type : ARTIFACT_TYPE_UNKNOWN,
					    .file_type = o->layer_type,
					    .config = o->config,
					    .config_type = o->config_type,
					    .subject = o->subject,
					    .no_titles = o->no_titles };
	scoped(mem) char *digest = NULL;
	scoped(mem) char *id = NULL;

	if (artifact_add(en, NULL, args + 1, &a, &digest, e) < 0 ||
	    manifest_list_add_artifact(en, args[0], digest, &o->entry, &id, e) < 0)
		return e->code;
	return manifest_print_id(id);
}

static int add(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct add_options *o = opts;
	const struct manifest_add_options a = {
		.remote = { .authfile = o->authfile,
			    .creds = o->creds,
			    .cert_dir = o->cert_dir,
			    .tls_verify = o->insecure ? 0 : o->tls_verify,
			    .retry = -1 },
		.entry = o->entry,
		.all = o->all,
	};

	if (o->artifact)
		return add_artifact(en, o, args, e);
	if (o->config || o->config_type || o->no_titles || o->layer_type || o->subject || o->type)
		return err_set(e, -EINVAL, "--artifact-* options are for --artifact");
	for (char **ref = args + 1; *ref; ref++) {
		scoped(mem) char *id = NULL;

		if (manifest_list_add(en, args[0], *ref, &a, &id, e) < 0)
			return e->code;
		if (!ref[1])
			(void)manifest_print_id(id);
	}
	return 0;
}

const struct cmd cmd_manifest_add = {
	.noun = "manifest",
	.verb = "add",
	.args = "LIST IMAGEORARTIFACT [IMAGEORARTIFACT...]",
	.help = "Add images or artifacts to a list",
	.man = "What is in the store is taken from there; anything else is looked for in "
	       "registries, and stays there until the list is pushed. docker://NAME is always one "
	       "of a registry. What another transport names comes into the store first. Of a list "
	       "the image for --os, --arch and --variant is taken, or that for this host, unless "
	       "--all is given.\n\n"
	       "Prints the list's ID.",
	.examples = "cove manifest add app docker://registry.example.org/app:arm64\n"
		    "cove manifest add --artifact --artifact-type text/x-notes app NOTES",
	.complete = "image",
	.min_args = 2,
	.max_args = -1,
	.size = sizeof(struct add_options),
	.groups = (const struct opt *const[]){ manifest_entry_options, options, NULL },
	.run = add,
};
