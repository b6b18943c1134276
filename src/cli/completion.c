/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/util/path.h"

struct completion_options {
	const char *file;
};

#define AT(f) offsetof(struct completion_options, f)
static const struct opt options[] = {
	STR('f', "file", "FILE", AT(file), "Write to this file instead of standard output",
	    .complete = "file"),
	END,
};

static int completion(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct completion_options *o = opts;
	const char *script = complete_script(args[0]);

	(void)en;
	if (!script)
		return err_set(e, -EINVAL,
			       "invalid argument \"%s\" for \"cove completion\": choose from bash, "
			       "zsh, fish",
			       args[0]);
	if (o->file)
		return path_replace(AT_FDCWD, o->file, script, strlen(script), 0644, 0, e);
	return fputs(script, stdout) < 0 ? err_sys(e, "write to standard output") : 0;
}

const struct cmd cmd_completion = {
	.verb = "completion",
	.args = "bash|zsh|fish",
	.help = "Print the completion script for a shell",
	.man = "The scripts ask cove itself, so they never grow old. Installed packages bring them "
	       "along.",
	.examples = "cove completion bash > ~/.local/share/bash-completion/completions/cove\n"
		    "cove completion zsh -f _cove",
	.complete = "bash|zsh|fish",
	.min_args = 1,
	.max_args = 1,
	.flags = CMD_NO_ENGINE,
	.size = sizeof(struct completion_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = completion,
};
