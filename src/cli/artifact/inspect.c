/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/image/artifact.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct inspect_options {
	const char *format;
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct template_schema schema = { .maps = "annotations|Annotations",
						       .member = report_any_case };
	const struct inspect_options *o = opts;
	scoped(artifact) struct artifact *a = NULL;
	scoped(json) json_object *doc = json_object_new_object();
	struct report r = { .name = "artifact inspect", .format = o->format, .schema = &schema };

	if (artifact_find(en, args[0], &a, e) < 0)
		return e->code;
	json_put(doc, "Manifest", json_object_get(a->manifest));
	json_put_str(doc, "Name", a->name);
	json_put_str(doc, "Digest", a->digest);
	if (report_is_json(o->format))
		return report_json(doc, e);
	json_put_int(doc, "TotalSizeBytes", artifact_size(a));
	return report_print_one(&r, doc, e);
}

const struct cmd cmd_artifact_inspect = {
	.noun = "artifact",
	.verb = "inspect",
	.args = "ARTIFACT",
	.help = "Show the manifest of an artifact",
	.examples = "cove artifact inspect model\n"
		    "cove artifact inspect --format '{{.TotalSizeBytes}}' model",
	.complete = "artifact",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
