/* SPDX-License-Identifier: Apache-2.0 */
/* Option tables: one row describes an option; parsing, --help, completion and man pages come from
 *it.
 *
 *	#define AT(f) offsetof(struct stop_options, f)
 *	static const struct opt options[] = {
 *		FLAG('a', "all", AT(all), "Stop all running containers"),
 *		INT('t', "time", "SECONDS", AT(timeout), -1, 86400, "Seconds until SIGKILL", .init =
 *-1), LIST(0, "cidfile", "FILE", AT(cidfiles), "Stop the containers named in FILE"),
 *		EXCLUDES("all", "cidfile"),
 *		END,
 *	};
 *
 * After the fixed arguments each row macro takes designated initialisers of struct opt: .def,
 *.init, .values, .optional, .given, .hidden, .spellings, .complete, .man.
 *
 * Everything that is not in a command's tables is refused; nothing is accepted and ignored. */
#ifndef COVE_CLI_OPT_H
#define COVE_CLI_OPT_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

enum opt_kind {
	OPT_END,
	OPT_FLAG,     /* int: 0 or 1; "--x", "--x=true", "--x=false" */
	OPT_TRI,      /* int: as OPT_FLAG, -1 while not given */
	OPT_STR,      /* const char *: borrowed from argv, NULL while not given (or .def) */
	OPT_INT,      /* int, min..max */
	OPT_SIZE,     /* int64_t bytes: "512", "64m", "1.5g", "10kb" (units.h), min..max */
	OPT_DURATION, /* int64_t milliseconds: "300ms", "1.5h", bare numbers count .bare_ms each */
	OPT_REAL,     /* double >= 0 */
	OPT_LIST,     /* char **: owned by the parser, one element each time it is given */
	OPT_CSV,      /* char **: the same, values also split at commas (with CSV quoting) */
	OPT_KEYVAL,   /* char **: as OPT_LIST, each "KEY=VALUE" or "KEY" with a non-empty KEY */
	OPT_REFUSED,  /* known, and refused with .help as the reason */
	OPT_EXCLUDES, /* no option: --NAME and --ARG cannot be used together */
};

struct opt {
	enum opt_kind kind;
	char letter;	    /* 0: none */
	const char *name;   /* without the dashes */
	const char *arg;    /* what the value is called in --help */
	size_t at;	    /* offset of the struct member it fills */
	long long min, max; /* OPT_INT, OPT_SIZE */
	const char *help;   /* one line without a full stop */
	/* The rest is set by designated initialisers where needed. */
	const char *def;       /* default, as a user would type it: applied and shown in --help */
	long long init;	       /* numeric kinds: the silent start value when .def is NULL */
	const char *values;    /* "a|b|c": the only values allowed */
	const char *optional;  /* the value may be left out ("--x" means this); "--x=V" else */
	size_t given;	       /* GIVEN(f): int member set to 1 when the user gave the option */
	const char *spellings; /* "net|nets": other accepted long names, not shown */
	const char
		*complete; /* kind of the value: "image", "container", "file", "dir", "network" */
	const char *man;   /* further sentences for the man page */
	int hidden;	   /* not in --help, completion, man page */
	int bare_ms;	   /* OPT_DURATION: worth of a bare number; 0 refuses it */
};

#define FLAG(l, n, o, h, ...)                                                         \
	{                                                                             \
		.kind = OPT_FLAG, .letter = (l), .name = (n), .at = (o), .help = (h), \
		##__VA_ARGS__                                                         \
	}
#define TRI(l, n, o, h, ...)                                                                       \
	{                                                                                          \
		.kind = OPT_TRI, .letter = (l), .name = (n), .at = (o), .help = (h), ##__VA_ARGS__ \
	}
#define OPT_VALUE(k, l, n, a, o, h, ...)                                                     \
	{                                                                                    \
		.kind = (k), .letter = (l), .name = (n), .arg = (a), .at = (o), .help = (h), \
		##__VA_ARGS__                                                                \
	}
#define STR(l, n, a, o, h, ...)	   OPT_VALUE(OPT_STR, l, n, a, o, h, ##__VA_ARGS__)
#define LIST(l, n, a, o, h, ...)   OPT_VALUE(OPT_LIST, l, n, a, o, h, ##__VA_ARGS__)
#define CSV(l, n, a, o, h, ...)	   OPT_VALUE(OPT_CSV, l, n, a, o, h, ##__VA_ARGS__)
#define KEYVAL(l, n, a, o, h, ...) OPT_VALUE(OPT_KEYVAL, l, n, a, o, h, ##__VA_ARGS__)
#define REAL(l, n, a, o, h, ...)   OPT_VALUE(OPT_REAL, l, n, a, o, h, ##__VA_ARGS__)
#define INT(l, n, a, o, lo, hi, h, ...) \
	OPT_VALUE(OPT_INT, l, n, a, o, h, .min = (lo), .max = (hi), ##__VA_ARGS__)
#define SIZE(l, n, a, o, lo, hi, h, ...) \
	OPT_VALUE(OPT_SIZE, l, n, a, o, h, .min = (lo), .max = (hi), ##__VA_ARGS__)
#define DURATION(l, n, a, o, h, ...) OPT_VALUE(OPT_DURATION, l, n, a, o, h, ##__VA_ARGS__)
#define REFUSED(l, n, h)                                                                  \
	{                                                                                 \
		.kind = OPT_REFUSED, .letter = (l), .name = (n), .help = (h), .hidden = 1 \
	}
#define EXCLUDES(a_, b_)                                                     \
	{                                                                    \
		.kind = OPT_EXCLUDES, .name = (a_), .arg = (b_), .hidden = 1 \
	}
#define END                     \
	{                       \
		.kind = OPT_END \
	}
/* Value of .given for an int member F of struct S. */
#define OPT_GIVEN(s, f) (offsetof(s, f) + 1)

/* A command's tables: a NULL-terminated list, so that commands share groups of rows that fill the
 * same struct. */
typedef const struct opt *const *opt_groups;

#define OPT_STOP_AT_ARG 1 /* options end at the first argument that is none */

/* Give every member its default.  DST is zeroed memory of the options struct.  -ENOMEM. */
int opt_init(opt_groups groups, void *dst, struct err *e);
/* Parse ARGV (NULL-terminated, without the program and command names) into DST.  What is no option
 * is stored, borrowed from ARGV, in ARGS, which has room for strv_len(argv) + 1; "--" ends options
 * and is dropped.  -EINVAL with the text a user expects ("unknown flag: --x") and a hint that names
 * `COMMAND --help`; -ECANCELED when --help was asked for (or -h, where no row uses that letter). */
int opt_parse(opt_groups groups, const char *command, unsigned flags, char *const *argv, void *dst,
	      const char **args, struct err *e);
/* The same, where options that GROUPS lacks may be those of OUTER: initialised before, perhaps
 * filled in part. */
struct opt_outer {
	opt_groups groups;
	void *dst;
};
int opt_parse_within(const struct opt_outer *outer, opt_groups groups, const char *command,
		     unsigned flags, char *const *argv, void *dst, const char **args,
		     struct err *e);
/* Free the lists in DST. */
void opt_done(opt_groups groups, void *dst);
/* The row that answers to long NAME (N bytes), or to LETTER when NAME is NULL; NULL for none. */
const struct opt *opt_find(opt_groups groups, const char *name, size_t n, char letter);
/* Does the option always want a value? */
int opt_wants_value(const struct opt *o);
/* Check and store one VALUE as if given: for defaults from configuration.  -EINVAL. */
int opt_set(const struct opt *o, const char *value, void *dst, struct err *e);
/* Split one line of comma separated values with "" quoting, appending to *RET.  -EINVAL, -ENOMEM.
 */
int opt_split_csv(const char *s, char ***ret);

#define each_opt(o, g, groups)                      \
	for (opt_groups g = (groups); g && *g; g++) \
		for (const struct opt *o = *g; (o)->kind != OPT_END; (o)++)

#endif
