/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/image/pull.h"
#include "src/image/artifact.h"
#include "src/image/layer_crypt.h"
#include "src/image/retry.h"
#include "src/util/scoped.h"

struct pull_options {
	struct pull_settings s;
	int quiet;
	char **decryption_keys;
};
_Static_assert(offsetof(struct pull_options, s) == 0, "the shared rows fill struct pull_settings");

#define AT(f) offsetof(struct pull_options, f)
static const struct opt options[] = {
	LIST(0, "decryption-key", "FILE[:PASSWORD]", AT(decryption_keys), DECRYPTION_KEY_HELP,
	     .complete = "file",
	     .man = DECRYPTION_KEY_MAN " Without it encrypted files are stored as they are."),
	FLAG('q', "quiet", AT(quiet), "Print the artifact's digest only"),
	END,
};

static int pull(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct pull_options *o = opts;
	struct remote_options r = { .authfile = o->s.authfile,
				    .creds = o->s.creds,
				    .cert_dir = o->s.cert_dir,
				    .tls_verify = o->s.tls_verify,
				    .retry = o->s.retry,
				    .retry_delay_ms = o->s.retry_delay_ms };
	scoped(json) json_object *keys = NULL;
	scoped(mem) char *digest = NULL;

	if (retry_default(en, &r.retry, &r.retry_delay_ms, e) < 0 ||
	    layer_crypt_keys(o->decryption_keys, &keys, e) < 0)
		return e->code;
	r.decryption_keys = keys;
	if (artifact_pull(en, args[0], &r, &digest, e) < 0)
		return e->code;
	(void)printf("%s\n", digest);
	return 0;
}

const struct cmd cmd_artifact_pull = {
	.noun = "artifact",
	.verb = "pull",
	.args = "ARTIFACT",
	.help = "Fetch an artifact from a registry",
	.man = "Prints its digest. Images are refused. What policy.json(5) says of a registry "
	       "holds "
	       "for its artifacts as for its images.",
	.examples = "cove artifact pull registry.example.org/me/model:1",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct pull_options),
	.groups = (const struct opt *const[]){ pull_registry_options, pull_retry_options, options,
					       NULL },
	.run = pull,
};
