/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/container/container.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/table.h"

struct top_options {
	int latest;
};

#define AT(f) offsetof(struct top_options, f)
static const struct opt options[] = {
	FLAG('l', "latest", AT(latest), "Show the newest container"),
	END,
};

/* "pid user,comm": descriptors may be separated by commas as well. */
static int split_descriptors(char **args, char ***ret, struct err *e)
{
	for (; *args; args++) {
		scoped(strv) char **part = strv_split(*args, ',');
		for (size_t i = 0; part && part[i]; i++)
			if (strv_add(ret, part[i]) < 0)
				return err_errno(e, ENOMEM, "top");
	}
	return 0;
}

static int top(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct top_options *o = opts;
	scoped(container) struct container *c = NULL;
	scoped(strv) char **format = NULL;
	scoped(json) json_object *rows = NULL;
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	const char *ref = args[0];
	int r = 0;

	if (o->latest) {
		r = container_latest(en, &c, e);
		ref = r < 0 ? NULL : c->id;
	} else if (ref) {
		args++;
	}
	if (r < 0)
		return r;
	if (!ref)
		return err_set(e, -EINVAL,
			       "you must provide the name or id of a running container");
	r = split_descriptors(args, &format, e);
	if (r == 0)
		r = container_top(en, ref, format, &rows, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < json_len(rows); i++) {
		json_object *row = json_object_array_get_idx(rows, i);
		for (size_t k = 0; k < json_len(row); k++)
			(void)strbuf_printf(&text, "%s%s", k ? "\t" : "", json_str_at(row, k));
		(void)strbuf_putc(&text, '\n');
	}
	r = text.failed ? text.failed : table_align(text.s ? text.s : "", &out);
	if (r < 0)
		return err_errno(e, r, "top");
	(void)fputs(out.s ? out.s : "", stdout);
	return 0;
}

const struct cmd cmd_container_top = {
	.noun = "container",
	.verb = "top",
	.alias = "top",
	.args = "CONTAINER [DESCRIPTOR...]",
	.help = "Show the processes of a container",
	.man = "Descriptors: user, pid, ppid, pcpu, etime, tty, time, args, comm, hpid, huser, "
	       "state, nice, pgid, vsz, rss.",
	.examples = "cove top web\ncove top web pid user comm",
	.complete = "container",
	.max_args = -1,
	.flags = CMD_STOP_AT_ARG,
	.size = sizeof(struct top_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = top,
};
