/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/util/scoped.h"
#include "src/volume/volume.h"

static int open_source(const char *path, struct err *e)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, -errno, "open %s: %s", path,
			       errno == ENOENT ? "no such file or directory" : strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		fd_close(fd);
		return err_set(e, -EISDIR, "read %s: is a directory", path);
	}
	return fd;
}

static int import(struct engine *en, void *opts, char **args, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(fd) int file = -EBADF;
	int is_stdin = !args[1] || strcmp(args[1], "-") == 0;
	int r = volume_load(en, args[0], &v, e);

	(void)opts;
	if (r < 0)
		return r;
	if (is_stdin && isatty(STDIN_FILENO))
		return err_set(e, -EINVAL,
			       "refusing to read an archive from a terminal: name a file");
	if (is_stdin)
		return volume_import(en, v, STDIN_FILENO, e);
	file = open_source(args[1], e);
	return file < 0 ? file : volume_import(en, v, file, e);
}

const struct cmd cmd_volume_import = {
	.noun = "volume",
	.verb = "import",
	.args = "VOLUME [SOURCE]",
	.help = "Unpack a tar archive into a volume",
	.man = "SOURCE is a file, compressed or not; - or nothing is standard input. What is in "
	       "the "
	       "volume "
	       "already stays, unless the archive has something of the same name.",
	.examples =
		"cove volume import data data.tar\ngunzip <data.tar.gz | cove volume import data -",
	.complete = "volume",
	.min_args = 1,
	.max_args = 2,
	.run = import,
};
