/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/export.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/util/scoped.h"

struct export_options {
	const char *output;
};

#define AT(f) offsetof(struct export_options, f)
static const struct opt options[] = {
	STR('o', "output", "FILE", AT(output), "Write to this file instead of standard output",
	    .complete = "file"),
	END,
};

static int create(const struct engine *en, const char *path)
{
	ENGINE_USERS_UMASK(en);

	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
}

static int export(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct export_options *o = opts;
	scoped(fd) int fd = -EBADF;
	const char *output = o->output && *o->output ? o->output : NULL;
	struct stat st;
	int r;

	if (!output && isatty(STDOUT_FILENO))
		return err_set(e, -EINVAL,
			       "refusing to export to terminal. Use -o flag or redirect");
	if (!output)
		return container_export(en, args[0], STDOUT_FILENO, e);
	fd = create(en, output);
	if (fd < 0)
		return err_sys(e, "open %s", output);
	r = container_export(en, args[0], fd, e);
	if (r == 0 && close(take_fd(&fd)) < 0)
		r = err_sys(e, "write %s", output);
	/* Half an archive could be taken for a whole one. */
	if (r < 0 && stat(output, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(output);
	return r;
}

const struct cmd cmd_container_export = {
	.noun = "container",
	.verb = "export",
	.alias = "export",
	.args = "CONTAINER",
	.help = "Write a container's root file system into a tar archive",
	.man = "Volumes and other mounts are not part of it. The container may be running.",
	.examples = "cove export -o web.tar web\ncove export web | tar t",
	.complete = "container",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct export_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = export,
};
