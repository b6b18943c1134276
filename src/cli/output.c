/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/engine.h"

static int create(const struct engine *en, const char *path)
{
	ENGINE_USERS_UMASK(en);

	return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
}

int output_archive(struct engine *en, const char *path, output_fn *write, void *arg, struct err *e)
{
	scoped(fd) int fd = -EBADF;
	struct stat st;
	int r, is_stdout = !path || !*path;

	if (is_stdout && isatty(STDOUT_FILENO))
		return err_set(e, -EINVAL,
			       "refusing to export to terminal. Use -o flag or redirect");
	if (is_stdout)
		return write(en, arg, STDOUT_FILENO, e);
	fd = create(en, path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	r = write(en, arg, fd, e);
	if (r == 0 && close(take_fd(&fd)) < 0)
		r = err_sys(e, "write %s", path);
	/* Half an archive could be taken for a whole one. */
	if (r < 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(path);
	return r;
}
