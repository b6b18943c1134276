/* SPDX-License-Identifier: Apache-2.0 */
/* cove: global options, the command, its options, its arguments; then the command runs and main()
 * tells how it ended.  Nothing is opened before it is known that the command needs it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/prompt.h"
#include "src/container/container_net.h"
#include "src/container/exited.h"
#include "src/store/engine.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* A word that is no command, or none at all: say so behind the help of what was reached. */
static int no_such_command(char *const *argv, const struct noun *noun, struct err *e)
{
	const char *next = noun ? argv[1] : argv[0];
	const char *name = noun ? noun->name : "", *gap = noun ? " " : "";

	if (next && (strcmp(next, "--help") == 0 || strcmp(next, "-h") == 0))
		return help_noun(noun);
	if (next) {
		(void)err_set(e, -EINVAL, "unrecognized command `cove %s%s%s`", name, gap, next);
		return err_hint(e, "Try 'cove %s%s--help' for more information", name, gap);
	}
	(void)(noun ? help_noun(noun) : help_top());
	return err_set(e, -EINVAL, "missing command 'cove %s%sCOMMAND'", name, gap);
}

static int run_parsed(const struct cmd *c, const struct globals *g, void *options, char **args,
		      struct err *e)
{
	scoped(engine) struct engine *en = NULL;
	const struct engine_options eo = { .graphroot = g->root,
					   .runroot = g->runroot,
					   .storage_opts = g->storage_opts };

	if (!(c->flags & CMD_NO_ENGINE)) {
		int r = engine_open(&eo, &en, e);
		if (r < 0)
			return r;
		en->cgroup_manager = g->cgroup_manager;
		en->events.backend = g->events_backend;
		en->runtime = g->runtime;
		en->runtime_flags = g->runtime_flags;
		en->hooks_dirs = g->hooks_dirs;
		en->warn = container_warn;
		if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
			en->choose = prompt_choice;
	}
	return c->run(en, options, args, e);
}

/* Let the options of `cove` itself act that concern every command.  1: a level that is none, told.
 */
static int begin(const struct globals *g, struct err *e)
{
	const char *out = g->noout ? "/dev/null" : g->out;

	if (!str_in_words(g->log_level, strlen(g->log_level), LOG_LEVELS)) {
		(void)err_set(e, -EINVAL,
			      "Log Level \"%s\" is not supported, choose from: trace, debug, info, "
			      "warn, warning, error, fatal, panic",
			      g->log_level);
		(void)exit_failed(EXIT_ENGINE, 0, e);
		return 1;
	}
	dbg_enable(g->debug || str_in_words(g->log_level, strlen(g->log_level), "debug|trace"));
	if (g->registries_conf && setenv("CONTAINERS_REGISTRIES_CONF", g->registries_conf, 1) < 0)
		return err_sys(e, "--registries-conf");
	if (g->config) {
		scoped(mem) char *file = str_printf("%s/config.json", g->config);
		if (!file || setenv("REGISTRY_AUTH_FILE", file, 1) < 0)
			return err_sys(e, "--config");
	}
	if (out) {
		scoped(fd) int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0)
			return err_sys(e, "open %s", out);
	}
	return 0;
}

/* The exit status, or a negative errno. */
static int run_command(const struct cmd *c, struct globals *g, char *const *argv, struct err *e)
{
	const struct opt_outer outer = { .groups = global_anywhere, .dst = g };
	scoped(mem) void *options = calloc(1, c->size ? c->size : 1);
	scoped(mem) const char **args = calloc(strv_len(argv) + 1, sizeof(*args));
	char path[128];
	int r;

	if (!options || !args)
		return err_errno(e, ENOMEM, "start");
	if (c->flags & CMD_RAW_ARGS) {
		r = begin(g, e);
		return r ? r : run_parsed(c, g, options, (char **)argv, e);
	}
	r = opt_init(c->groups, options, e);
	if (r >= 0)
		r = opt_parse_within(&outer, c->groups, cmd_path(c, path, sizeof(path)),
				     c->flags & CMD_STOP_AT_ARG ? OPT_STOP_AT_ARG : 0, argv,
				     options, args, e);
	if (r >= 0)
		r = cmd_check_args(c, strv_len((char *const *)args), e);
	if (r >= 0)
		r = begin(g, e);
	if (r == -ECANCELED)
		r = help_command(c);
	else if (r == 0) {
		r = run_parsed(c, g, options, (char **)args, e);
		if (r < 0)
			r = exit_failed(c->exit, 0, e);
	}
	opt_done(c->groups, options);
	return r;
}

/* What a monitor that has become slim asks of us: its last act, or another network process. */
static int run_for_monitor(int (*fn)(struct engine *, char *const *, struct err *),
			   const struct globals *g, char *const *args, struct err *e)
{
	static char *const nothing[] = { NULL };
	scoped(engine) struct engine *en = NULL;
	const struct engine_options eo = { .graphroot = g->root,
					   .runroot = g->runroot,
					   .storage_opts = nothing };
	int r = engine_open(&eo, &en, e);

	return r < 0 ? r : fn(en, args, e);
}

static int dispatch(struct globals *g, char *const *argv, struct err *e)
{
	const struct noun *noun;
	const struct cmd *c;
	size_t used;

	if (g->version) {
		(void)printf("cove version %s\n", PACKAGE_VERSION);
		return 0;
	}
	if (g->generate && !argv[0])
		return err_set(e, -EINVAL, "--generate needs a directory");
	if (g->generate)
		return strcmp(g->generate, "man") == 0 ? man_generate(argv[0], e)
						       : complete_generate(g->generate, argv[0], e);
	if (argv[0] && strcmp(argv[0], "__complete") == 0)
		return complete_main(argv + 1, g);
	if (argv[0] && strcmp(argv[0], "__exited") == 0)
		return run_for_monitor(exited_main, g, argv + 1, e);
	if (argv[0] && strcmp(argv[0], "__network") == 0)
		return run_for_monitor(container_net_main, g, argv + 1, e);
	c = cmd_find(argv, &used, &noun);
	if (c)
		return run_command(c, g, argv + used, e);
	return no_such_command(argv, noun, e);
}

int main(int argc, char **argv)
{
	scoped(mem) const char **args = calloc((size_t)argc + 1, sizeof(*args));
	struct globals g = { 0 };
	struct err e = { 0 };
	int r;

	r = args ? fd_fill_stdio(&e) : err_errno(&e, ENOMEM, "start");
	if (r >= 0)
		r = opt_init(global_groups, &g, &e);
	if (r >= 0)
		r = opt_parse(global_groups, "cove", OPT_STOP_AT_ARG, argv + (argc > 0), &g, args,
			      &e);
	if (r == -ECANCELED)
		r = help_top();
	else if (r >= 0)
		r = dispatch(&g, (char *const *)args, &e);
	opt_done(global_groups, &g);
	if (r < 0)
		r = exit_failed(EXIT_ENGINE, 0, &e);
	if ((fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE && r == 0) {
		(void)err_sys(&e, "write to standard output");
		r = exit_failed(EXIT_ENGINE, 0, &e);
	}
	return r;
}
