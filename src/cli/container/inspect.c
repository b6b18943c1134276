/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/inspect.h"

#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/inspect.h"
#include "src/cli/report.h"
#include "src/util/json.h"
#include "src/util/names.h"

/* Documents leave out what is empty in a mount, templates may ask for it. */
static json_object *member(void *ctx, json_object *o, const char *name, const char *arg)
{
	json_object *found = report_any_case(ctx, o, name, arg);

	if (!found && !arg && json_get(o, "Destination") && json_get(o, "RW") &&
	    str_in_words(name, strlen(name), "Name|SubPath"))
		return json_object_new_string("");
	return found;
}

const struct template_schema container_inspect_schema = {
	.maps = "Labels|Annotations|Ports|PortBindings|Data|Config.Labels|Networks",
	.times = "Created|StartedAt|FinishedAt",
	.member = member,
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	FLAG('s', "size", AT(size), "Show how large its files are"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	struct inspect_options *o = opts;

	o->type = "container";
	return inspect_objects(en, o, args, e);
}

const struct cmd cmd_container_inspect = {
	.noun = "container",
	.verb = "inspect",
	.args = "CONTAINER [CONTAINER...]",
	.help = "Show all that is known of a container",
	.examples = "cove container inspect web",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
