/* SPDX-License-Identifier: Apache-2.0 */
/* cove unshare: a command in the user namespace that containers are nested in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/store/engine.h"
#include "userns/join.h"

static int unshare_cmd(struct engine *en, void *opts, char **args, struct err *e)
{
	const char *own = getenv("SHELL");
	char *shell[] = { (char *)(own ? own : "/bin/sh"), NULL };
	char **argv = args[0] ? args : shell;
	int r;

	(void)opts;
	if (userns_is_root())
		return err_set(e, -EINVAL, "please use unshare with rootless");
	r = userns_enter(en->run_fd, e);
	if (r < 0)
		return r;
	if (setenv("CONTAINERS_GRAPHROOT", en->graphroot, 1) < 0 ||
	    setenv("CONTAINERS_RUNROOT", en->runroot, 1) < 0)
		return err_sys(e, "set the environment");
	(void)execvp(argv[0], argv);
	r = err_sys(e, "execute %s", argv[0]);
	exit_complain(e);
	err_clear(e);
	return exit_status(EXIT_EXEC, r);
}

const struct cmd cmd_unshare = {
	.verb = "unshare",
	.args = "[COMMAND [ARG...]]",
	.help = "Run a command in the user namespace of the containers",
	.man = "There the caller is root, and the subordinate ids are 1 and above: files of "
	       "images, volumes and containers can "
	       "be looked at and changed. Without a command it is the user's shell.",
	.examples = "cove unshare cat /proc/self/uid_map",
	.max_args = -1,
	.flags = CMD_STOP_AT_ARG,
	.run = unshare_cmd,
};
