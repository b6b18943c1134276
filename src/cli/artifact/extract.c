/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/image/artifact.h"

#define AT(f) offsetof(struct artifact_extract_options, f)
static const struct opt options[] = {
	STR(0, "digest", "DIGEST", AT(digest), "Extract only the file with this digest"),
	STR(0, "title", "TITLE", AT(title), "Extract only the file with this name"),
	END,
};

static int extract(struct engine *en, void *opts, char **args, struct err *e)
{
	return artifact_extract(en, args[0], args[1], opts, e);
}

const struct cmd cmd_artifact_extract = {
	.noun = "artifact",
	.verb = "extract",
	.args = "ARTIFACT PATH",
	.help = "Copy the files of an artifact out of the store",
	.man = "PATH is a directory, or for one file the file to be written. A file that has no "
	       "name in the artifact is called sha256-DIGEST.",
	.examples = "cove artifact extract registry.example.org/me/model:1 /tmp\n"
		    "cove artifact extract --title README model ./README",
	.complete = "artifact",
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct artifact_extract_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = extract,
};
