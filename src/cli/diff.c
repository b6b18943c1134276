/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/container/container.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct diff_cli, f)
const struct opt diff_rows[] = {
	STR(0, "format", "FORMAT", AT(format), "Print as json"),
	END,
};
const struct opt diff_latest_rows[] = {
	FLAG('l', "latest", AT(latest), "Use the newest container"),
	END,
};

static int print_json(char *const *changes, struct err *e)
{
	static const struct {
		char kind;
		const char *name;
	} lists[] = { { 'C', "changed" }, { 'A', "added" }, { 'D', "deleted" } };
	scoped(json) json_object *o = json_object_new_object();

	for (size_t i = 0; o && i < ARRAY_LEN(lists); i++) {
		json_object *list = json_object_new_array();
		for (char *const *c = changes; *c; c++)
			if (**c == lists[i].kind)
				(void)json_object_array_add(list, json_object_new_string(*c + 1));
		if (json_len(list))
			json_put(o, lists[i].name, list);
		else
			json_free(list);
	}
	return o ? report_json(o, e) : err_errno(e, ENOMEM, "diff");
}

/* Names are the container's: nothing of them may steer the terminal. */
static int print_lines(char *const *changes, struct err *e)
{
	for (; *changes; changes++) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		if (name_escape(&b, *changes + 1) < 0 || printf("%c %s\n", **changes, b.s) < 0)
			return err_sys(e, "write to standard output");
	}
	return 0;
}

int diff_print(struct engine *en, const struct diff_cli *o, char **args, enum diff_of of,
	       struct err *e)
{
	scoped(strv) char **changes = NULL;
	scoped(container) struct container *latest = NULL;
	const char *ref = args[0], *other = ref ? args[1] : NULL;
	int json = report_is_json(o->format), r = 0;

	if (o->format && *o->format && !json)
		return err_set(e, -EINVAL, "only supported value for '--format' is 'json'");
	if (o->latest && ref)
		return err_set(e, -EINVAL, "--latest and containers cannot be used together");
	if (!o->latest && !ref)
		return err_set(e, -EINVAL, "container must be named");
	if (o->latest)
		r = container_latest(en, &latest, e);
	if (r == 0)
		r = container_diff(en, latest ? latest->id : ref, other, of, &changes, e);
	if (r < 0 || !changes)
		return r;
	return json ? print_json(changes, e) : print_lines(changes, e);
}

static int diff(struct engine *en, void *opts, char **args, struct err *e)
{
	return diff_print(en, opts, args, DIFF_ANY, e);
}

const struct cmd cmd_diff = {
	.verb = "diff",
	.args = "{CONTAINER|IMAGE} [{CONTAINER|IMAGE}]",
	.help = "Show what a container or an image changed",
	.man = "Prints a line for each path that was added (A), changed (C) or deleted (D): of a "
	       "container against its image, of an image against its lower layers, of the first "
	       "argument against the second when two are given.",
	.examples = "cove diff web\ncove diff --format json web\ncove diff mine:2 mine:1",
	.complete = "container",
	.max_args = 2,
	.size = sizeof(struct diff_cli),
	.groups = (const struct opt *const[]){ diff_rows, diff_latest_rows, NULL },
	.run = diff,
};
