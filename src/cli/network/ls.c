/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/network/filter.h"
#include "src/cli/report.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/names.h"

struct ls_options {
	char **filter;
	const char *format;
	int no_trunc, noheading, quiet;
};

#define AT(f) offsetof(struct ls_options, f)
static const struct opt options[] = {
	LIST('f', "filter", "KEY=VALUE", AT(filter), "Show only some",
	     .man = "Keys: id, name, driver, label, label!, dangling, until."),
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs"),
	FLAG('n', "noheading", AT(noheading), "Print no heading"),
	FLAG('q', "quiet", AT(quiet), "Print names only"),
	END,
};

/* Label lists are shown as key=value. */
static json_object *table_row(json_object *o, int no_trunc)
{
	json_object *row = network_row(o);
	char id[ID_LEN + 1];

	(void)snprintf(id, sizeof(id), "%.*s", no_trunc ? ID_LEN : ID_SHORT_LEN,
		       json_get_str(o, "id"));
	json_put_str(row, "ID", id);
	return row;
}

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct report_header headers[] = { { "ID", "NETWORK ID" }, { NULL, NULL } };
	const struct ls_options *o = opts;
	struct report r = { .name = "networks",
			    .format = o->quiet ? "{{.Name}}" : o->format,
			    .headers = headers,
			    .schema = &network_schema,
			    .no_heading = o->noheading,
			    .standard = "table {{.ID}}\\t{{.Name}}\\t{{.Driver}}" };
	scoped(json) json_object *all = NULL;
	scoped(json) json_object *list = NULL;
	scoped(json) json_object *rows = json_object_new_array();
	int bad = network_list(en, &all, e);

	(void)args;
	if (bad == 0)
		bad = network_filter(en, all, o->filter, &list, e);
	if (bad < 0)
		return bad;
	if (report_is_json(r.format))
		return report_json(list, e);
	for (size_t i = 0; i < json_len(list); i++)
		(void)json_object_array_add(
			rows, table_row(json_object_array_get_idx(list, i), o->no_trunc));
	return rows ? report_print(&r, rows, e) : err_errno(e, ENOMEM, "list networks");
}

const struct cmd cmd_network_ls = {
	.noun = "network",
	.verb = "ls",
	.verbs = "list",
	.args = "",
	.help = "List networks",
	.examples = "cove network ls\ncove network ls --filter dangling=true --quiet",
	.max_args = 0,
	.size = sizeof(struct ls_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};
