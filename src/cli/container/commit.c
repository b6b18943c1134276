/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

struct commit_cli {
	struct commit_options o;
	const char *iidfile;
};

#define AT(f) offsetof(struct commit_cli, f)
static const struct opt options[] = {
	STR('a', "author", "NAME", AT(o.author), "Who the image says made it"),
	LIST('c', "change", "INSTRUCTION", AT(o.changes),
	     "Apply a Containerfile instruction to the image",
	     .man = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or "
		    "WORKDIR."),
	STR(0, "config", "FILE", AT(o.config),
	    "Merge this file, a JSON object like an image's config, into the image's",
	    .complete = "file"),
	STR('f', "format", "FORMAT", AT(o.format), "Format of manifest and config: oci or docker",
	    .def = "oci"),
	STR(0, "iidfile", "FILE", AT(iidfile), "Write the image's ID to this file",
	    .complete = "file"),
	FLAG(0, "include-volumes", AT(o.include_volumes),
	     "Note the container's mounts as volumes of the image"),
	STR('m', "message", "TEXT", AT(o.message), "Comment that the history shows",
	    .man = "With --format docker only."),
	FLAG('p', "pause", AT(o.pause), "Pause the container meanwhile", .def = "true",
	     .given = OPT_GIVEN(struct commit_cli, o.pause_given),
	     .man = "Where containers cannot be paused, that is an error only when the option is "
		    "given."),
	FLAG('q', "quiet", AT(o.quiet), "Print no progress",
	     .man = "Only a terminal is told of it."),
	FLAG('s', "squash", AT(o.squash), "Make one layer of all that is in the container"),
	END,
};

static int write_id(struct engine *en, const char *path, const char *id, struct err *e)
{
	ENGINE_USERS_UMASK(en);
	scoped(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fd_write_all(fd, id, strlen(id));

	return r < 0 ? err_errno(e, r, "write %s", path) : 0;
}

static int commit(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct commit_cli *o = opts;
	scoped(mem) char *id = NULL;
	int r = container_commit(en, args[0], args[1], &o->o, &id, e);

	if (r == 0 && o->iidfile && *o->iidfile)
		r = write_id(en, o->iidfile, id, e);
	if (r == 0)
		(void)printf("%s\n", id);
	return r;
}

const struct cmd cmd_container_commit = {
	.noun = "container",
	.verb = "commit",
	.alias = "commit",
	.args = "CONTAINER [IMAGE]",
	.help = "Make an image of a container",
	.man = "What the container has changed becomes a new layer on those of its image. Volumes "
	       "and other mounts are not part of it. Variables that the engine sets in every "
	       "container are left out of the image. Prints the ID of the image.",
	.examples = "cove commit web web:patched\ncove commit -c 'CMD [\"/bin/httpd\"]' -c ENV=A=b "
		    "web mine",
	.complete = "container",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct commit_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = commit,
};
