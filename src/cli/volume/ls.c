/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/cli/volume/filter.h"
#include "src/util/json.h"

struct ls_options {
	char **filter;
	const char *format;
	int noheading, quiet;
};

#define AT(f) offsetof(struct ls_options, f)
static const struct opt options[] = {
	LIST('f', "filter", "KEY=VALUE", AT(filter), "Show only some",
	     .man = "Keys: " VOLUME_FILTER_KEYS),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG('n', "noheading", AT(noheading), "Print no heading"),
	FLAG('q', "quiet", AT(quiet), "Print names only"),
	END,
};

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct report_header headers[] = { { "Name", "VOLUME NAME" }, { NULL, NULL } };
	const struct ls_options *o = opts;
	int has_format = o->format && *o->format;
	struct report r = { .name = "volumes",
			    .format = o->quiet ? "{{.Name}}" : o->format,
			    .headers = headers,
			    .schema = &volume_schema,
			    .no_heading = o->noheading,
			    .standard = "table {{.Driver}}\\t{{.Name}}" };
	scoped(json) json_object *list = NULL;
	int bad;

	(void)args;
	if (o->quiet && has_format)
		return err_set(e, -EINVAL, "quiet and format flags cannot be used together");
	bad = volume_filter(en, o->filter, !report_is_json(r.format), &list, e);
	if (bad < 0)
		return bad;
	r.no_heading |= !json_len(list); /* as Podman does */
	return report_is_json(r.format) ? report_json(list, e) : report_print(&r, list, e);
}

const struct cmd cmd_volume_ls = {
	.noun = "volume",
	.verb = "ls",
	.verbs = "list",
	.args = "",
	.help = "List volumes",
	.examples = "cove volume ls\ncove volume ls --filter dangling=true --quiet",
	.max_args = 0,
	.size = sizeof(struct ls_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};
