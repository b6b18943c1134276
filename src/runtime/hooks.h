/* SPDX-License-Identifier: Apache-2.0 */
/* OCI hooks: programs of the config that run at fixed moments of a container's life, each with the
 * container's state on its standard input (runtime-spec, config.md "POSIX-platform Hooks").
 *
 *	prestart, createRuntime   parent, before pivot_root      stops the container when it fails
 *	createContainer           init, before pivot_root        the same
 *	startContainer            init, before the program       the same
 *	poststart                 parent, the program runs       a warning
 *	poststop                  parent, all is removed         a warning */
#ifndef COVE_RUNTIME_HOOKS_H
#define COVE_RUNTIME_HOOKS_H

#include <json-c/json_object.h>
#include <sys/types.h>

#include "src/util/err.h"

struct runtime_subject;

/* Are the config's hooks all of the form that the spec asks for?  -EINVAL with the member named. */
int hooks_check(json_object *config, struct err *e);
/* How many hooks of KIND ("prestart", ...) are there? */
size_t hooks_count(json_object *config, const char *kind);
/* Is there one that runs before pivot_root, or that needs the state in the container? */
int hooks_wanted_by_init(json_object *config);
/* The state (runtime-spec, runtime.md "State") of S: owned, NULL when out of memory.  PID 0 is left
 * out. */
json_object *hooks_state(const struct runtime_subject *s, pid_t pid, const char *status);
/* The text of it in a sealed memory file: descriptor or the error. */
int hooks_state_file(const struct runtime_subject *s, pid_t pid, const char *status, struct err *e);
/* Where hooks' standard streams go by the annotations run.oci.hooks.stdout and
 * run.oci.hooks.stderr, files that are made when missing and appended to; -EBADF: not said. */
struct hooks_streams {
	int out, err;
};
#define HOOKS_STREAMS_NONE                   \
	{                                    \
		.out = -EBADF, .err = -EBADF \
	}
/* By the rules of the caller's mount namespace.  -EINVAL for a path that is not absolute. */
int hooks_open_streams(json_object *config, struct hooks_streams *ret, struct err *e);
void hooks_close_streams(struct hooks_streams *s);
static inline __attribute__((unused)) void scoped_hooks_streams(struct hooks_streams *s)
{
	hooks_close_streams(s);
}
/* Run the hooks of KIND one after the other; STATE_FD is of hooks_state_file().  Stops at the first
 * that fails: -ECANCELED with its name and what it said, -ETIMEDOUT. */
int hooks_run(json_object *config, const char *kind, int state_fd, struct err *e);
/* The same with streams that were opened before. */
int hooks_run_with(json_object *config, const char *kind, int state_fd,
		   const struct hooks_streams *streams, struct err *e);
/* Run HOOK with CONFIG on its standard input: what it writes is the config that takes its place
 * (*RET, owned).  -ECANCELED, -ETIMEDOUT; -EINVAL when what it wrote is no JSON object. */
int hooks_filter(json_object *hook, json_object *config, json_object **ret, struct err *e);

#endif
