/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/cli/runtime/verb.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"

int runtime_log_open(struct runtime_log *l, const struct runtime_globals *g, struct err *e)
{
	l->fd = -EBADF;
	l->json = strcmp(g->log_format, "json") == 0;
	l->debug = g->debug;
	if (!g->log || !*g->log)
		return 0;
	/* A descriptor beyond those that --preserve-fds may name. */
	l->fd = open(g->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return l->fd < 0 ? err_sys(e, "open the log %s", g->log) : 0;
}

static void put_file(const struct runtime_log *l, const char *level, const char *text)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *line = NULL, *whole = NULL;
	struct timespec t;
	struct tm tm;
	char when[40];

	(void)clock_gettime(CLOCK_REALTIME, &t);
	(void)gmtime_r(&t.tv_sec, &tm);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (l->json) {
		o = json_object_new_object();
		json_put_str(o, "level", level);
		json_put_str(o, "msg", text);
		json_put_str(o, "time", when);
		line = json_text(o);
	} else {
		line = str_printf("%s [%s] %s", when, level, text);
	}
	whole = line ? str_printf("%s\n", line) : NULL;
	if (whole)
		(void)fd_write_all(l->fd, whole, strlen(whole)); /* stderr has it as well */
}

void runtime_log(const struct runtime_log *l, const char *level, const char *text)
{
	scoped(strbuf) struct strbuf escaped = STRBUF_INIT;

	(void)fflush(stdout);
	/* Callers that give a log put our name in front themselves. */
	(void)fprintf(stderr, "%s%s%s\n", l->fd >= 0 ? "" : "cove-runtime: ",
		      strcmp(level, "error") == 0 ? "" : "warning: ",
		      name_escape(&escaped, text) == 0 && escaped.s ? escaped.s : "out of memory");
	if (l->fd >= 0)
		put_file(l, level, text);
}
