/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/proc.h"
#include "src/util/scoped.h"

#define STAGE_SIZE_MAX (4 << 20)

int stage_open(void)
{
	scoped(mem) char *path = proc_role_path("cove-stage");
	scoped(fd) int from = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -EBADF;
	scoped(fd) int to = -EBADF;
	struct stat st;
	off_t at = 0;

	if (from < 0)
		return path ? -errno : -ENOMEM;
	to = memfd_create("cove-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (to < 0 || fstat(from, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > STAGE_SIZE_MAX)
		return -EINVAL;
	while (at < st.st_size)
		if (sendfile(to, from, &at, (size_t)(st.st_size - at)) <= 0)
			return -EIO;
	/* Executable by whichever user the program runs as. */
	if (fchmod(to, 0555) < 0 ||
	    fcntl(to, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return -errno;
	return take_fd(&to);
}
