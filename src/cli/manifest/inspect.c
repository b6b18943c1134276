/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/image/manifest_list.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct inspect_options {
	int insecure, tls_verify, verbose;
	const char *authfile;
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR(0, "authfile", "FILE", AT(authfile), "File with the credentials of registries",
	    .complete = "file"),
	FLAG(0, "insecure", AT(insecure), "The same as --tls-verify=false", .hidden = 1),
	TRI(0, "tls-verify", AT(tls_verify), "Require HTTPS and verified certificates"),
	FLAG('v', "verbose", AT(verbose), "Accepted; everything is shown", .hidden = 1),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct inspect_options *o = opts;
	const struct remote_options r = { .authfile = o->authfile,
					  .tls_verify = o->insecure ? 0 : o->tls_verify,
					  .retry = -1 };
	scoped(json) json_object *doc = NULL;

	if (manifest_list_inspect(en, args[0], &r, &doc, e) < 0)
		return e->code;
	return report_json(doc, e);
}

const struct cmd cmd_manifest_inspect = {
	.noun = "manifest",
	.verb = "inspect",
	.args = "IMAGE",
	.help = "Show a list, or the manifest of an image",
	.man = "What is not in the store is looked for in its registry.",
	.examples = "cove manifest inspect app\n"
		    "cove manifest inspect docker://registry.example.org/app:1",
	.complete = "image",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
