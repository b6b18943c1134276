/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/inspect.h"

#include <errno.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/container/container.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

const struct template_schema container_inspect_schema = {
	.maps = "Labels|Annotations|Ports|PortBindings|Data|Config.Labels",
	.times = "Created|StartedAt|FinishedAt",
};

struct inspect_options {
	const char *format;
	int latest;
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template", .def = "json"),
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	END,
};

static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct inspect_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	scoped(container) struct container *newest = NULL;
	char *latest[2] = { NULL, NULL };
	int status = 0, r;

	if (o->latest) {
		r = container_latest(en, &newest, e);
		if (r < 0)
			return r;
		latest[0] = newest->id;
		args = latest;
	}
	if (!args[0])
		return err_set(e, -EINVAL, "no containers specified");
	for (; *args; args++) {
		json_object *doc = NULL;
		if (container_inspect(en, *args, &doc, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
		else
			(void)json_object_array_add(list, doc);
	}
	r = report_inspect(o->format, list, &container_inspect_schema, e);
	return r < 0 ? r : status;
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
