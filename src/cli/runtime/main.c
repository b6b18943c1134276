/* SPDX-License-Identifier: Apache-2.0 */
/* cove-runtime: global options, the verb, its options, its arguments; then the verb runs and main()
 * tells how it ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/runtime/verb.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define VERB(name) &verb_##name,
const struct verb *const verb_table[] = {
#include "src/cli/runtime/verbs.def"
	NULL
};
#undef VERB

#define AT(f) offsetof(struct runtime_globals, f)
static const struct opt global_options[] = {
	STR(0, "cgroup-manager", "MANAGER", AT(cgroup_manager), "How control groups are made",
	    .values = "auto|cgroupfs|systemd|disabled",
	    .man = "auto is what fits best: systemd where config.json names a slice, else a "
		   "directory."),
	STR(0, "criu", "PATH", AT(criu), "The program criu(8), else searched in PATH",
	    .complete = "file"),
	FLAG(0, "debug", AT(debug), "Log what is done"),
	STR(0, "generate", "KIND", AT(generate), "Write the man page or the completion",
	    .hidden = 1, .values = "man|bash"),
	STR(0, "log", "FILE", AT(log), "Write failures to FILE as well", .complete = "file"),
	STR(0, "log-format", "FORMAT", AT(log_format), "Form of the lines in it", .def = "text",
	    .values = "text|json"),
	STR(0, "log-level", "LEVEL", AT(log_level), "Accepted for callers that give it",
	    .hidden = 1),
	STR(0, "root", "DIR", AT(root), "Where the state of containers is kept", .complete = "dir",
	    .man = "Without it: /run/cove-runtime for root, else $XDG_RUNTIME_DIR/cove-runtime."),
	STR(0, "rootless", "VALUE", AT(rootless),
	    "Taken for the sake of runc's callers: what is possible is found out",
	    .values = "true|false|auto"),
	FLAG(0, "systemd-cgroup", AT(systemd_cgroup), "The same as --cgroup-manager=systemd"),
	FLAG('v', "version", AT(version), "Print the version"),
	END,
};
const struct opt *const runtime_global_groups[] = { global_options, NULL };

/* What callers look for: "NAME version X", "spec: X" and a line of features. */
static int print_version(void)
{
	(void)printf("cove-runtime version %s\nspec: %s\n+SECCOMP +CAP +APPARMOR +SELINUX +EBPF "
		     "+SYSTEMD\n",
		     PACKAGE_VERSION, RUNTIME_SPEC_VERSION);
	return 0;
}

static const struct verb *find_verb(const char *name)
{
	for (const struct verb *const *v = verb_table; *v; v++)
		if (strcmp((*v)->name, name) == 0)
			return *v;
	return NULL;
}

static int check_args(const struct verb *v, size_t n, struct err *e)
{
	if (n < (size_t)v->min_args)
		(void)err_set(e, -EINVAL, "%s wants %s", v->name, v->args);
	else if (v->max_args >= 0 && n > (size_t)v->max_args)
		(void)err_set(e, -EINVAL, "%s takes %s and nothing more", v->name,
			      v->args ? v->args : "no arguments");
	else
		return 0;
	return err_hint(e, "See 'cove-runtime %s --help'", v->name);
}

static int run_with(const struct verb *v, const struct runtime_globals *g, void *options,
		    char **args, struct oci *oci, struct err *e)
{
	scoped(fd) int root = -EBADF;
	int r = v->no_root ? 0 : oci_open_root(g->root, &root, e);

	if (r < 0)
		return r;
	oci->root_fd = root;
	return v->run(oci, options, args, e);
}

static int run_verb(const struct verb *v, const struct runtime_globals *g, char *const *argv,
		    struct oci *oci, struct err *e)
{
	scoped(mem) void *options = calloc(1, v->size ? v->size : 1);
	scoped(mem) const char **args = calloc(strv_len(argv) + 1, sizeof(*args));
	scoped(mem) char *command = str_printf("cove-runtime %s", v->name);
	int r;

	if (!options || !args || !command)
		return err_errno(e, ENOMEM, "start");
	r = opt_init(v->groups, options, e);
	if (r >= 0)
		r = opt_parse(v->groups, command, v->stop_at_arg ? OPT_STOP_AT_ARG : 0, argv,
			      options, args, e);
	if (r == -ECANCELED)
		r = runtime_help_verb(v);
	else if (r >= 0) {
		r = check_args(v, strv_len((char *const *)args), e);
		if (r == 0)
			r = run_with(v, g, options, (char **)args, oci, e);
	}
	opt_done(v->groups, options);
	return r;
}

static int parse_manager(const struct runtime_globals *g, enum cgroup_manager *ret)
{
	const char *name = g->systemd_cgroup ? "systemd" : g->cgroup_manager;

	*ret = CGROUP_AUTO;
	for (int i = 0; name && i < CGROUP_MANAGER_COUNT; i++)
		if (strcmp(name, cgroup_manager_names[i]) == 0)
			*ret = (enum cgroup_manager)i;
	return 0;
}

static void warn(const char *text)
{
	const struct runtime_log l = { .fd = -EBADF };
	runtime_log(&l, "warning", text);
}

static int dispatch(const struct runtime_globals *g, char *const *argv, int *ret_failure,
		    struct err *e)
{
	struct oci oci = { .root_fd = -EBADF, .criu = g->criu, .warn = warn };
	const struct verb *v;

	if (g->version)
		return print_version();
	if (g->generate)
		return !argv[0] ? err_set(e, -EINVAL, "--generate needs a directory")
		       : strcmp(g->generate, "man") == 0 ? runtime_man(argv[0], e)
							 : runtime_bash(argv[0], e);
	if (!argv[0] || strcmp(argv[0], "help") == 0)
		return runtime_help();
	v = find_verb(argv[0]);
	if (!v) {
		(void)err_set(e, -EINVAL, "there is no verb '%s'", argv[0]);
		return err_hint(e, "See 'cove-runtime --help'");
	}
	*ret_failure = v->failure ? v->failure : 1;
	(void)parse_manager(g, &oci.manager);
	return run_verb(v, g, argv + 1, &oci, e);
}

static int failed(const struct runtime_globals *g, int status, const struct err *e)
{
	struct runtime_log l;
	struct err log_error;
	scoped(mem) char *text = e->hint[0] ? str_printf("%s (%s)", e->text, e->hint) : NULL;

	err_clear(&log_error);
	/* Opened only now: a start that goes well costs nothing, and no descriptor lies in the way
	 * of those that are kept for the container. */
	if (!g->log_format || runtime_log_open(&l, g, &log_error) < 0)
		l = (struct runtime_log){ .fd = -EBADF };
	if (log_error.code)
		runtime_log(&l, "warning", log_error.text);
	runtime_log(&l, "error", text ? text : e->text);
	fd_close(l.fd);
	return status;
}

int main(int argc, char **argv)
{
	scoped(mem) const char **args = calloc((size_t)argc + 1, sizeof(*args));
	struct runtime_globals g = { 0 };
	struct err e = { 0 };
	int failure = 1, r;

	r = args ? fd_fill_stdio(&e) : err_errno(&e, ENOMEM, "start");
	if (r >= 0)
		r = opt_init(runtime_global_groups, &g, &e);
	if (r >= 0)
		r = opt_parse(runtime_global_groups, "cove-runtime", OPT_STOP_AT_ARG,
			      argv + (argc > 0), &g, args, &e);
	if (r == -ECANCELED) {
		r = runtime_help();
	} else if (r >= 0) {
		dbg_enable(g.debug);
		r = dispatch(&g, (char *const *)args, &failure, &e);
	}
	opt_done(runtime_global_groups, &g);
	if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)) && errno != EPIPE)
		r = err_sys(&e, "write to standard output");
	return r < 0 ? failed(&g, failure, &e) : r;
}
