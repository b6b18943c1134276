/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/sign.h"
#include "src/cli/cmd.h"

#define AT(f) offsetof(struct image_sign_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Sign every image of a list too"),
	STR(0, "authfile", "FILE", AT(authfile), "File with the credentials of registries",
	    .complete = "file"),
	STR(0, "cert-dir", "DIR", AT(cert_dir), "Certificates and keys for the registry",
	    .complete = "dir"),
	STR('d', "directory", "DIR", AT(directory), "Write signatures into this directory",
	    .complete = "dir"),
	STR(0, "sign-by", "KEY", AT(sign_by), "Sign with this key of gpg's"),
	END,
};

static int sign(struct engine *en, void *opts, char **args, struct err *e)
{
	struct image_sign_options o = *(const struct image_sign_options *)opts;

	o.references = args;
	return image_sign(en, &o, e);
}

const struct cmd cmd_image_sign = {
	.noun = "image",
	.verb = "sign",
	.args = "IMAGE [IMAGE...]",
	.help = "Sign images",
	.man = "The signature, made by gpg(1), says that the manifest which the registry has now "
	       "is IMAGE; with containers-storage:IMAGE, that the one which is stored here is. It "
	       "goes to DIR, or else to the lookaside store that registries.d(5) "
	       "names for IMAGE, as REPOSITORY@sha256=DIGEST/signature-NUMBER.",
	.examples =
		"cove image sign --sign-by me@example.org docker://registry.example.org/me/app:1",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct image_sign_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = sign,
};
