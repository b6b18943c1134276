/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/cli/volume/filter.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

struct inspect_volume_options {
	int all;
	const char *format;
};

#define AT(f) offsetof(struct inspect_volume_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Show all volumes"),
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct inspect_volume_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	scoped(strv) char **all = NULL;
	scoped(mem) struct err *failures = NULL;
	int for_template = o->format && *o->format && !report_is_json(o->format);
	int status = 0, r = 0;
	size_t n = 0;

	if (o->all == (args[0] != NULL))
		return err_set(e, -EINVAL, "provide one or more volume names or use --all");
	if (o->all)
		r = volume_list(en, &all, e);
	if (r < 0)
		return r;
	failures = calloc(strv_len(o->all ? all : args) + 1, sizeof(*failures));
	if (!failures || !list)
		return err_errno(e, ENOMEM, "inspect");
	for (char **name = o->all ? all : args; name && *name; name++) {
		json_object *doc = NULL;
		if (volume_inspect(en, *name, for_template, &doc, e) < 0) {
			failures[n++] = *e;
			err_clear(e);
		} else {
			(void)json_object_array_add(list, doc);
		}
	}
	r = report_inspect(for_template ? o->format : NULL, list, &volume_schema, e);
	if (r < 0)
		return r;
	(void)fflush(stdout); /* what was found comes before what was not */
	for (size_t i = 0; i < n; i++)
		status = exit_failed(EXIT_ENGINE, status, &failures[i]);
	return status;
}

const struct cmd cmd_volume_inspect = {
	.noun = "volume",
	.verb = "inspect",
	.args = "VOLUME [VOLUME...]",
	.help = "Show all that is known of a volume",
	.examples = "cove volume inspect data\n"
		    "cove volume inspect --format '{{.Mountpoint}}' data",
	.complete = "volume",
	.max_args = -1,
	.size = sizeof(struct inspect_volume_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
