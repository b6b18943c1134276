/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/image/push.h"
#include "src/cli/cmd.h"
#include "src/image/artifact.h"
#include "src/image/retry.h"
#include "src/util/scoped.h"

struct push_options {
	struct push_settings p;
	const char *policy;
};
_Static_assert(offsetof(struct push_options, p) == 0, "the shared rows fill struct push_settings");

#define AT(f) offsetof(struct push_options, f)
static const struct opt options[] = {
	STR(0, "digestfile", "FILE", AT(p.digestfile),
	    "Write the digest of the manifest to this file", .complete = "file"),
	FLAG('q', "quiet", AT(p.quiet), "Print no progress"),
	STR(0, "sign-by", "KEY", AT(p.sign_by), "Sign with this key of gpg's"),
	STR(0, "sign-by-sigstore", "FILE", AT(p.sign_params),
	    "Sign for sigstore as this file of parameters says", .complete = "file",
	    .man = "containers-sigstore-signing-params.yaml(5), of which privateKeyFile and "
		   "privateKeyPassphraseFile are known."),
	STR(0, "sign-by-sigstore-private-key", "FILE", AT(p.sign_key),
	    "Sign with this private key for sigstore", .complete = "file"),
	EXCLUDES("sign-by-sigstore", "sign-by-sigstore-private-key"),
	STR(0, "sign-by-sq-fingerprint", "FINGERPRINT", AT(p.sign_sq),
	    "Sign with this key of Sequoia's",
	    .man = "By sq(1) 1.0 or newer, from its key store; cove-push(1) says more."),
	STR(0, "sign-passphrase-file", "FILE", AT(p.passphrase),
	    "Read the passphrase of the key from this file", .complete = "file"),
	STR(0, "signature-policy", "FILE", AT(policy), "Accepted; what is in the store is trusted",
	    .hidden = 1),
	END,
};

static int push(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct push_options *o = opts;
	struct image_push_options p;
	scoped(mem) char *digest = NULL;

	push_settings_take(&o->p, &p);
	p.retry = o->p.s.retry;
	p.retry_delay_ms = o->p.s.retry_delay_ms;
	if (retry_default(en, &p.retry, &p.retry_delay_ms, e) < 0 ||
	    artifact_push(en, args[0], &p, &digest, e) < 0)
		return e->code;
	return o->p.digestfile ? push_write_digest(en, o->p.digestfile, digest, e) : 0;
}

const struct cmd cmd_artifact_push = {
	.noun = "artifact",
	.verb = "push",
	.args = "ARTIFACT",
	.help = "Copy an artifact to the registry that its name leads to",
	.examples = "cove artifact push registry.example.org/me/model:1",
	.complete = "artifact",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct push_options),
	.groups = (const struct opt *const[]){ pull_registry_options, pull_retry_options, options,
					       NULL },
	.run = push,
};
