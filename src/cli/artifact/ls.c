/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/image/artifact.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define NS_PER_S   1000000000LL
#define DIGEST_CUT 19 /* "sha256:" and twelve digits */

struct ls_options {
	int no_trunc, no_heading;
	const char *format;
};

#define AT(f) offsetof(struct ls_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate digests"),
	FLAG('n', "noheading", AT(no_heading), "Do not print column headings"),
	END,
};

static json_object *row(const struct artifact *a, const struct ls_options *o)
{
	const char *slash = strrchr(a->name, '/'), *at = strchr(a->name, '@'),
		   *colon = at ? at : strrchr(slash ? slash : a->name, ':');
	scoped(mem) char *repository =
		strndup(a->name, colon ? (size_t)(colon - a->name) : strlen(a->name));
	json_object *t = json_object_new_object();
	char text[UNITS_MAX], digest[80];
	scoped(mem) char *ago = str_printf(
		"%s ago", duration_human(time_now_ns() / NS_PER_S - a->added / NS_PER_S, text));

	(void)snprintf(digest, sizeof(digest), "%.*s", o->no_trunc ? 72 : DIGEST_CUT, a->digest);
	json_put_str(t, "Repository", repository);
	json_put_str(t, "Tag", colon ? colon + 1 : "");
	json_put_str(t, "Digest", digest);
	json_put_str(t, "Created", ago);
	json_put_str(t, "CreatedAt", time_long(a->added, 0, text));
	json_put_str(t, "Size", size_human(artifact_size(a), "", text));
	json_put_int(t, "VirtualSize", artifact_size(a));
	return t;
}

static int ls(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct report_header headers[] = { { "Created", "CREATED" },
							{ "Size", "SIZE" },
							{ NULL, NULL } };
	const struct ls_options *o = opts;
	const struct report r = {
		.name = "artifacts",
		.format = o->format,
		.headers = headers,
		.standard = "table {{.Repository}}\\t{{.Tag}}\\t{{.Digest}}\\t{{.Created}}\\t{{."
			    "Size}}",
		.no_heading = o->no_heading,
	};
	scoped(json) json_object *list = json_object_new_array();
	struct artifact **all = NULL;
	size_t n = 0;

	(void)args;
	if (!list)
		return err_errno(e, ENOMEM, "list artifacts");
	if (artifact_list(en, &all, &n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(list, row(all[i], o));
	artifact_list_free(all, n);
	return report_is_json(o->format) ? report_json(list, e) : report_print(&r, list, e);
}

const struct cmd cmd_artifact_ls = {
	.noun = "artifact",
	.verb = "ls",
	.verbs = "list",
	.args = "",
	.help = "List artifacts",
	.examples = "cove artifact ls --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	.max_args = 0,
	.size = sizeof(struct ls_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = ls,
};

void complete_artifacts(struct engine *en, const char *prefix)
{
	struct artifact **all = NULL;
	struct err ignored = { 0 };
	size_t n = 0;

	if (artifact_list(en, &all, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (str_starts(all[i]->name, prefix))
			(void)printf("%s\n", all[i]->name);
	artifact_list_free(all, n);
}
