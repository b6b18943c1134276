/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs of cove-runtime: each is one struct verb in src/cli/runtime/VERB.c, named verb_VERB, and
 * one line in verbs.def, the only list of them. */
#ifndef COVE_CLI_RUNTIME_VERB_H
#define COVE_CLI_RUNTIME_VERB_H

#include <stddef.h>

#include "src/cli/opt.h"
#include "src/runtime/oci.h"
#include "src/util/err.h"

/* Options that stand before the verb. */
struct runtime_globals {
	const char *root, *log, *log_format, *cgroup_manager, *log_level, *rootless, *criu,
		*generate;
	int debug, systemd_cgroup, version;
};

struct verb {
	const char *name;
	const char *args; /* "CONTAINER [SIGNAL]" */
	const char *help; /* one line */
	const char *man;  /* paragraphs for the man page, or NULL */
	int min_args, max_args;
	int stop_at_arg; /* options end at the first argument */
	int no_root;	 /* OCI has no root_fd */
	int failure;	 /* the exit status of a failure, 0: 1 */
	size_t size;	 /* of the options struct */
	opt_groups groups;
	/* OPTIONS has been filled, ARGS is borrowed.  >= 0: the exit status. */
	int (*run)(struct oci *oci, void *options, char **args, struct err *e);
};

#define VERB(name) extern const struct verb verb_##name;
#include "src/cli/runtime/verbs.def"
#undef VERB
/* NULL-terminated. */
extern const struct verb *const verb_table[];
extern const struct opt *const runtime_global_groups[];

/* log.c: what callers read.  The line goes to stderr, and to the file of --log as text or JSON. */
struct runtime_log {
	int fd; /* -EBADF: stderr only */
	int json;
	int debug;
};
int runtime_log_open(struct runtime_log *l, const struct runtime_globals *g, struct err *e);
void runtime_log(const struct runtime_log *l, const char *level, const char *text);

/* help.c: --help and the man page, from the tables. */
int runtime_help(void);
int runtime_help_verb(const struct verb *v);
/* Write cove-runtime.1 into directory DIR. */
int runtime_man(const char *dir, struct err *e);
/* The bash completion file cove-runtime into directory DIR. */
int runtime_bash(const char *dir, struct err *e);

#endif
