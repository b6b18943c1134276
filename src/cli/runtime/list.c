/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/report.h"
#include "src/cli/runtime/verb.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct list_options {
	const char *format;
	int quiet;
};

#define AT(f) offsetof(struct list_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Form of the list", .def = "table",
	    .values = "table|json"),
	FLAG('q', "quiet", AT(quiet), "Ids only"),
	END,
};

static int list(struct oci *oci, void *opts, char **args, struct err *e)
{
	static const struct report_header headers[] = { { "id", "NAME" },
							{ "pid", "PID" },
							{ "status", "STATUS" },
							{ "bundle", "BUNDLE PATH" },
							{ "created", "CREATED" },
							{ "owner", "OWNER" },
							{ NULL, NULL } };
	const struct report table = { .name = "list",
				      .standard =
					      "table {{.id}}\t{{.pid}}\t{{.status}}\t{{.bundle}}"
					      "\t{{.created}}\t{{.owner}}",
				      .headers = headers };
	const struct list_options *o = opts;
	scoped(json) json_object *containers = NULL;
	int r = oci_list(oci, &containers, e);

	(void)args;
	if (r < 0)
		return r;
	if (o->quiet) {
		for (size_t i = 0; i < json_len(containers); i++)
			(void)puts(json_get_str(json_object_array_get_idx(containers, i), "id"));
		return 0;
	}
	if (strcmp(o->format, "json") == 0)
		return report_json(containers, e);
	return report_print(&table, containers, e);
}

const struct verb verb_list = {
	.name = "list",
	.help = "List containers",
	.max_args = 0,
	.size = sizeof(struct list_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = list,
};
