/* SPDX-License-Identifier: Apache-2.0 */
/* Commands: each is one struct cmd in src/cli/NOUN/VERB.c, named cmd_NOUN_VERB, and one line in
 * commands.def, the only list of them. */
#ifndef COVE_CLI_CMD_H
#define COVE_CLI_CMD_H

#include <stddef.h>
#include <stdint.h>

#include "src/cli/exit.h"
#include "src/cli/opt.h"
#include "src/util/err.h"

struct engine;

enum cmd_flags {
	CMD_STOP_AT_ARG =
		1,	   /* options end at the first argument: run, create, exec, top, unshare */
	CMD_NO_ENGINE = 2, /* EN is NULL: version, completion, doctor */
	CMD_HIDDEN = 4,
	CMD_RAW_ARGS = 8, /* ARGS is argv untouched: no option is parsed */
};

struct cmd {
	const char *noun;  /* "container", "image", ...; NULL for a command of the top level */
	const char *verb;  /* "stop" */
	const char *verbs; /* "list|ps": more spellings inside the noun, or NULL */
	const char *alias; /* "ps" or "rmi|...": top-level spellings, the first is shown, or NULL */
	const char *args;  /* "CONTAINER [CONTAINER...]", shown behind the options */
	const char *help;  /* one line */
	const char *man;   /* paragraphs for the man page and "Description:", or NULL */
	const char *examples;	/* lines without the leading "  ", or NULL */
	const char *complete;	/* kind of the arguments: "image", "container", "file", ... */
	int min_args, max_args; /* max -1: any number */
	const char *args_error; /* own text for too few arguments, or NULL */
	unsigned flags;		/* enum cmd_flags */
	enum exit_rule exit;	/* how a negative errno from run() becomes an exit status */
	size_t size;		/* of the options struct */
	opt_groups groups;	/* NULL: no options but --help */
	/* OPTIONS has been filled (zeroed, defaults, command line); ARGS is NULL-terminated and
	 * borrowed.
	 * >= 0: the exit status (of the contained command, for run and exec).  A negative errno:
	 * failed, E says why; main prints "Error: TEXT" and the hint and exits by .exit. */
	int (*run)(struct engine *en, void *options, char **args, struct err *e);
};

struct noun {
	const char *name, *help;
};

/* All commands and nouns, NULL-terminated, in the order of commands.def. */
extern const struct cmd *const cmd_list[];
extern const struct noun noun_list[];

#define CMD(noun, verb) extern const struct cmd cmd_##noun##_##verb;
#define TOP(verb)	extern const struct cmd cmd_##verb;
#define NOUN(name, help)
#define COMPLETER(kind, function) void function(struct engine *en, const char *prefix);
#include "src/cli/commands.def"
#undef CMD
#undef TOP
#undef NOUN
#undef COMPLETER

/* Options of `cove` itself: the first group stands before the command, the others there or among
 * the command's own. */
struct globals {
	const char *root, *runroot, *log_level, *cgroup_manager, *runtime, *storage_driver,
		*generate, *events_backend, *out, *registries_conf, *config;
	int version, noout, debug;
	char **storage_opts, **runtime_flags, **hooks_dirs;
	/* What is of other engines alone. */
	const char *nothing;
	char **nothings;
	int no_flag;
};
#define LOG_LEVELS "trace|debug|info|warn|warning|error|fatal|panic"
extern const struct opt *const global_groups[];
extern const opt_groups global_anywhere; /* those that commands take, too */

/* Find the command that ARGV ("image", "ls", ...) begins with; *RET_USED words belong to its name.
 * NULL and *RET_NOUN when a noun alone was named; NULL and no noun when there is no such command.
 */
const struct cmd *cmd_find(char *const *argv, size_t *ret_used, const struct noun **ret_noun);
/* "cove run" or "cove image ls" (the shortest spelling a user types) in BUF. */
const char *cmd_path(const struct cmd *c, char *buf, size_t n);
/* Check the number of arguments.  -EINVAL with Podman's wording. */
int cmd_check_args(const struct cmd *c, size_t n, struct err *e);

/* The point in time that a --since or --until names, nanoseconds since the epoch; S NULL: *RET
 * stays.
 */
int cmd_time(const char *s, int64_t *ret, struct err *e);

/* help.c: --help of `cove`, of a noun, of a command, to standard output. */
int help_top(void);
int help_noun(const struct noun *n);
int help_command(const struct cmd *c);
/* man.c: a page for cove and for each command, into directory DIR. */
int man_generate(const char *dir, struct err *e);
/* complete.c: the hidden protocol "cove __complete WORDS... LAST": candidates, one a line (with a
 * tab and a description), then ":" and the directive bits that cobra's shell scripts know. */
int complete_main(char *const *words, const struct globals *g);
/* complete.c: the script for SHELL ("bash", "zsh", "fish"), or NULL. */
const char *complete_script(const char *shell);
/* Write it into directory DIR, under the name its shell looks for. */
int complete_generate(const char *shell, const char *dir, struct err *e);

#endif
