/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/cut_off.h"

#include <fcntl.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/strbuf.h"

static char *path_of(const char *id)
{
	return str_printf("c/%s/cut-off", id);
}

void cut_off_note(int run_fd, const char *id, int on)
{
	scoped(mem) char *path = path_of(id);

	if (!path)
		return;
	if (on)
		fd_close(openat(run_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	else
		(void)unlinkat(run_fd, path, 0); /* there may be none */
}

int cut_off_is(int run_fd, const char *id)
{
	scoped(mem) char *path = path_of(id);

	return path && faccessat(run_fd, path, F_OK, 0) == 0;
}
