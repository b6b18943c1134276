/* SPDX-License-Identifier: Apache-2.0 */
/* The list of commands, and finding one by what the user typed. */
#include "src/cli/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/util/units.h"

#define CMD(noun, verb) &cmd_##noun##_##verb,
#define TOP(verb)	&cmd_##verb,
#define NOUN(name, help)
#define COMPLETER(kind, function)
const struct cmd *const cmd_list[] = {
#include "src/cli/commands.def"
	NULL
};
#undef CMD
#undef TOP
#undef NOUN

#define CMD(noun, verb)
#define TOP(verb)
#define NOUN(name, help) { #name, help },
const struct noun noun_list[] = {
#include "src/cli/commands.def"
	{ NULL, NULL }
};

#define AT(f) offsetof(struct globals, f)
static const struct opt own_options[] = {
	STR(0, "generate", "KIND", AT(generate), "Write man pages or completions into a directory",
	    .hidden = 1, .values = "man|bash|zsh|fish"),
	FLAG('v', "version", AT(version), "Print the version"),
	END,
};

static const struct opt global_options[] = {
	STR(0, "cgroup-manager", "MANAGER", AT(cgroup_manager), "How control groups are made",
	    .values = "cgroupfs|systemd",
	    .man = "Without it cove makes control groups itself, below the one it was started in, "
		   "where that is delegated to the user, and asks systemd for a scope only where a "
		   "limit could not be kept otherwise. cgroupfs: never asks systemd. systemd: "
		   "always."),
	STR(0, "config", "DIR", AT(config), "Keep credentials in config.json of this directory",
	    .complete = "dir"),
	STR(0, "events-backend", "BACKEND", AT(events_backend), "Where events are noted",
	    .values = "file|journald|none",
	    .man = "Without it: events_logger of containers.conf(5), else file. journald means "
		   "file, "
		   "too: `cove events` reads no journal."),
	LIST(0, "hooks-dir", "DIR", AT(hooks_dirs), "Directory of OCI hooks for containers",
	     .complete = "dir",
	     .man = "May be given several times.  Without it: for real root "
		    "/usr/share/containers/oci/hooks.d "
		    "and /etc/containers/oci/hooks.d, for others none.  Patterns in the files are "
		    "POSIX "
		    "extended regular expressions."),
	STR(0, "log-level", "LEVEL", AT(log_level), "Log messages above this level", .def = "warn",
	    .complete = LOG_LEVELS,
	    .man = "One of trace, debug, info, warn, warning, error, fatal, panic."),
	STR(0, "out", "FILE", AT(out), "Write standard output into FILE", .complete = "file",
	    .man = "That of a container in the foreground, too.  FILE is overwritten."),
	STR(0, "registries-conf", "FILE", AT(registries_conf), "Read FILE as registries.conf(5)",
	    .hidden = 1, .complete = "file"),
	STR(0, "root", "DIR", AT(root), "Where images and containers are stored", .complete = "dir",
	    .man = "Without it: the setting in storage.conf(5), else $XDG_DATA_HOME/cove."),
	STR(0, "runroot", "DIR", AT(runroot), "Where state lives that a reboot ends",
	    .complete = "dir",
	    .man = "Without it: the setting in storage.conf(5), else $XDG_RUNTIME_DIR/cove."),
	STR(0, "runtime", "PROGRAM", AT(runtime), "OCI runtime that starts containers",
	    .complete = "file",
	    .man = "A path, or a name that is searched in $PATH: crun, runc.  Without it cove "
		   "starts "
		   "containers itself, which is faster."),
	LIST(0, "runtime-flag", "FLAG", AT(runtime_flags),
	     "Global option for that runtime, without its dashes"),
	STR(0, "storage-driver", "DRIVER", AT(storage_driver), "Taken for other engines' sake",
	    .values = "overlay|overlay2|vfs|fuse-overlayfs|btrfs|zfs",
	    .man = "Layers are put together by overlay whatever driver is named, as with the "
		   "driver of storage.conf."),
	LIST(0, "storage-opt", "KEY=VALUE", AT(storage_opts),
	     "additionalimagestore=PATH: a store of images to read",
	     .man = "May be given several times; takes the place of what storage.conf and "
		    "$STORAGE_OPTS say, and an empty one of it all.  PATH is the store of another "
		    "cove "
		    "(its "
		    "--root) or of Podman (overlay driver), of which nothing is ever changed.  "
		    "What "
		    "else Podman's storage knows (mountopt, mount_program, ignore_chown_errors, "
		    "size, "
		    "...) is taken and has no effect."),
	REFUSED(0, "imagestore", "images and containers are kept in one place, see --root"),
	REFUSED('c', "connection", "commands run here; there is no remote service"),
	REFUSED('H', "host", "commands run here; there is no remote service"),
	REFUSED('r', "remote", "commands run here; there is no remote service"),
	REFUSED(0, "url", "commands run here; there is no remote service"),
	END,
};

/* What scripts written for Podman say and nothing here needs. */
static const struct opt other_options[] = {
	STR(0, "conmon", "FILE", AT(nothing), "Of Podman: no effect", .complete = "file"),
	STR(0, "cpu-profile", "FILE", AT(nothing), "Of Podman: no effect", .hidden = 1),
	STR(0, "db-backend", "KIND", AT(nothing), "Of Podman: no effect", .hidden = 1),
	FLAG('D', "debug", AT(debug), "The same as --log-level debug", .hidden = 1),
	STR(0, "max-workers", "N", AT(nothing), "Of Podman: no effect", .hidden = 1),
	STR(0, "memory-profile", "FILE", AT(nothing), "Of Podman: no effect", .hidden = 1),
	STR(0, "namespace", "NAME", AT(nothing), "Of Podman: no effect", .hidden = 1),
	STR(0, "network-backend", "NAME", AT(nothing), "Of Podman: no effect", .hidden = 1),
	FLAG(0, "noout", AT(noout), "The same as --out /dev/null", .hidden = 1),
	LIST(0, "pull-option", "KEY=VALUE", AT(nothings), "Of Podman: no effect", .hidden = 1),
	FLAG(0, "syslog", AT(no_flag), "Of Podman: no effect"),
	STR(0, "tmpdir", "DIR", AT(nothing), "Of Podman: no effect", .complete = "dir",
	    .man = "What a reboot ends lies in --runroot."),
	FLAG(0, "trace", AT(no_flag), "Of Podman: no effect", .hidden = 1),
	END,
};
const struct opt *const global_groups[] = { own_options, global_options, other_options, NULL };
const opt_groups global_anywhere = global_groups + 1;

const struct cmd *cmd_find(char *const *argv, size_t *ret_used, const struct noun **ret_noun)
{
	*ret_noun = NULL;
	*ret_used = 0;
	if (!argv[0])
		return NULL;
	for (const struct noun *n = noun_list; n->name; n++)
		if (strcmp(argv[0], n->name) == 0)
			*ret_noun = n;
	*ret_used = *ret_noun && argv[1] ? 2 : 1;
	for (const struct cmd *const *c = cmd_list; *c; c++) {
		const struct cmd *k = *c;
		if (*ret_noun) {
			if (argv[1] && k->noun && strcmp(k->noun, argv[0]) == 0 &&
			    (strcmp(k->verb, argv[1]) == 0 ||
			     str_in_words(argv[1], strlen(argv[1]), k->verbs)))
				return k;
		} else if ((!k->noun && strcmp(k->verb, argv[0]) == 0) ||
			   str_in_words(argv[0], strlen(argv[0]), k->alias)) {
			return k;
		}
	}
	return NULL;
}

const char *cmd_path(const struct cmd *c, char *buf, size_t n)
{
	if (c->alias)
		(void)snprintf(buf, n, "cove %.*s", (int)strcspn(c->alias, "|"), c->alias);
	else if (c->noun)
		(void)snprintf(buf, n, "cove %s %s", c->noun, c->verb);
	else
		(void)snprintf(buf, n, "cove %s", c->verb);
	return buf;
}

int cmd_check_args(const struct cmd *c, size_t n, struct err *e)
{
	char path[128];
	int got = (int)n, lo = c->min_args, hi = c->max_args;

	if (got >= lo && (hi < 0 || got <= hi))
		return 0;
	if (got < lo && c->args_error)
		return err_set(e, -EINVAL, "%s", c->args_error);
	if (hi == 0)
		return err_set(e, -EINVAL, "`%s` takes no arguments",
			       cmd_path(c, path, sizeof(path)));
	if (lo == hi)
		return err_set(e, -EINVAL, "accepts %d arg(s), received %d", hi, got);
	if (hi < 0)
		return err_set(e, -EINVAL, "requires at least %d arg(s), only received %d", lo,
			       got);
	if (lo == 0)
		return err_set(e, -EINVAL, "accepts at most %d arg(s), received %d", hi, got);
	return err_set(e, -EINVAL, "accepts between %d and %d arg(s), received %d", lo, hi, got);
}

int cmd_time(const char *s, int64_t *ret, struct err *e)
{
	if (s && time_parse(s, time_now_ns(), ret) < 0)
		return err_set(e, -EINVAL, "unable to parse time \"%s\"", s);
	return 0;
}
