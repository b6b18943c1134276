/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/network/filter.h"
#include "src/cli/report.h"

struct inspect_network_options {
	const char *format;
};

#define AT(f) offsetof(struct inspect_network_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct inspect_network_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	int status = 0, r, is_json = !o->format || !*o->format || report_is_json(o->format);

	if (!list)
		return err_errno(e, ENOMEM, "inspect");
	for (; *args; args++) {
		scoped(json) json_object *network = NULL;
		if (network_inspect(en, *args, &network, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
		else
			(void)json_object_array_add(list, is_json ? json_object_get(network)
								  : network_row(network));
	}
	r = report_inspect(is_json ? NULL : o->format, list, &network_schema, e);
	return r < 0 ? r : status;
}

const struct cmd cmd_network_inspect = {
	.noun = "network",
	.verb = "inspect",
	.args = "NETWORK [NETWORK...]",
	.help = "Show all that is known of a network",
	.man = "\"containers\" are those that run, with their addresses.",
	.examples = "cove network inspect front\n"
		    "cove network inspect --format '{{range .Subnets}}{{.Subnet}}{{end}}' front",
	.complete = "network",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct inspect_network_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
