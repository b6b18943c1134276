/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "src/cli/runtime/relay.h"
#include "src/cli/runtime/verb.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define FDS_KEPT_MAX 4096
#define PROCESS_MAX  (16U << 20)
#define GIDS_MAX     1024

struct exec_options {
	const char *process, *console_socket, *pid_file, *cwd, *user, *apparmor, *label, *cgroup;
	char **env, **caps, **groups;
	int tty, detach, no_new_privs, preserve_fds, ignore_paused;
};

#define AT(f) offsetof(struct exec_options, f)
static const struct opt options[] = {
	CSV('g', "additional-gids", "GID", AT(groups), "Give the process this group as well"),
	STR(0, "apparmor", "PROFILE", AT(apparmor), "AppArmor profile of the process"),
	LIST('c', "cap", "CAPABILITY", AT(caps), "Give the process this capability as well"),
	STR(0, "cgroup", "PATH", AT(cgroup), "Put it into this cgroup below the container's"),
	STR(0, "console-socket", "SOCKET", AT(console_socket),
	    "Send the terminal to this Unix socket", .complete = "file"),
	STR(0, "cwd", "DIR", AT(cwd), "Working directory in the container"),
	FLAG('d', "detach", AT(detach), "Leave it running and return"),
	LIST('e', "env", "NAME=VALUE", AT(env), "Add to the environment"),
	FLAG(0, "ignore-paused", AT(ignore_paused), "Start it in a paused container as well"),
	FLAG(0, "no-new-privs", AT(no_new_privs), "It cannot gain privileges by execve(2)"),
	STR(0, "pid-file", "FILE", AT(pid_file), "Write its pid to FILE", .complete = "file"),
	INT(0, "preserve-fds", "N", AT(preserve_fds), 0, FDS_KEPT_MAX,
	    "Hand descriptors 3 to 2+N to it"),
	STR('p', "process", "FILE", AT(process), "The process as JSON (runtime-spec, \"process\")",
	    .complete = "file"),
	STR(0, "process-label", "LABEL", AT(label), "SELinux label of the process"),
	FLAG('t', "tty", AT(tty), "Give it a terminal"),
	STR('u', "user", "UID[:GID]", AT(user), "Who it runs as"),
	END,
};

static int read_process(const char *file, json_object **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n;
	int r = path_read(AT_FDCWD, file, PROCESS_MAX, &text, &n, e);

	return r < 0 ? r : json_parse(text, n, ret, e) < 0 ? err_in(e, "%s", file) : 0;
}

static int exec_here(struct oci *oci, const char *id, const struct exec_options *o,
		     struct oci_exec_options *x, struct err *e)
{
	scoped(runtime_process) struct runtime_process p = RUNTIME_PROCESS_NONE;
	struct relay relay = { .signals = -EBADF };
	int r = 0;

	if (!o->detach)
		r = relay_open(&relay, e);
	if (r == 0)
		r = oci_exec(oci, id, x, &p, e);
	if (r == 0 && o->console_socket)
		fd_close(take_fd(&p.console)); /* it is the socket's owner who reads it */
	if (r == 0 && o->detach)
		p.pid = 0; /* whoever is the reaper gets it */
	else if (r == 0)
		r = relay_run(&relay, &p, e);
	relay_done(&relay);
	return r;
}

static int exec(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct exec_options *o = opts;
	scoped(json) json_object *process = NULL;
	struct oci_exec_options x = { .args = args + 1,
				      .cwd = o->cwd,
				      .user = o->user,
				      .env = o->env,
				      .caps = o->caps,
				      .extra_groups = o->groups,
				      .apparmor = o->apparmor,
				      .label = o->label,
				      .cgroup = o->cgroup,
				      .tty = o->tty,
				      .ignore_paused = o->ignore_paused,
				      .no_new_privs = o->no_new_privs,
				      .console_socket = o->console_socket,
				      .pid_file = o->pid_file,
				      .keeps_terminal = !o->detach && !o->console_socket,
				      .preserve_fds = o->preserve_fds };
	int r = oci_keep_fds(oci, o->preserve_fds, e);

	if (r == 0 && o->process)
		r = read_process(o->process, &process, e);
	if (r < 0)
		return r;
	if (!process && !args[1])
		return err_set(e, -EINVAL, "exec wants a command or --process");
	/* Callers give --tty beside --process: it counts then. */
	if (process && o->tty)
		json_put_bool(process, "terminal", 1);
	x.process = process;
	return exec_here(oci, args[0], o, &x, e);
}

const struct verb verb_exec = {
	.name = "exec",
	.args = "CONTAINER [COMMAND [ARG...]]",
	.help = "Run another process in a running container",
	.man = "Without --process it is like the container's first one, but for what the options "
	       "say.",
	.min_args = 1,
	.max_args = -1,
	.stop_at_arg = 1,
	.failure = 255,
	.size = sizeof(struct exec_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = exec,
};
