/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "src/util/scoped.h"

#define RESERVE_FILE  "reserve"
#define RESERVE_BYTES (256 << 10)
#define NEEDED_BYTES  (128 << 10) /* more than a transaction that removes writes */
#define KEEP_FACTOR   8		  /* a reserve is no reason to fill the file system */

static unsigned long long available(int graph_fd)
{
	struct statvfs v;
	return fstatvfs(graph_fd, &v) < 0 ? 0 : (unsigned long long)v.f_bavail * v.f_frsize;
}

void reserve_keep(int graph_fd)
{
	scoped(fd) int fd = -EBADF;

	if (faccessat(graph_fd, RESERVE_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	    available(graph_fd) < (unsigned long long)KEEP_FACTOR * RESERVE_BYTES)
		return;
	fd = openat(graph_fd, RESERVE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return; /* another command makes it just now, or the store cannot be written at all
			 */
	/* A file system that cannot promise blocks (NFS before 4.2) has none: written zeros may be
	 * stored as nothing. */
	if (fallocate(fd, 0, 0, RESERVE_BYTES) < 0)
		(void)unlinkat(graph_fd, RESERVE_FILE, 0); /* it would only be an empty file */
}

int reserve_spend(int graph_fd)
{
	scoped(fd) int fd = openat(graph_fd, RESERVE_FILE, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	/* Only an attempt tells of quotas, too. */
	if (fallocate(fd, 0, RESERVE_BYTES, NEEDED_BYTES) == 0 && ftruncate(fd, RESERVE_BYTES) == 0)
		return 0;
	return unlinkat(graph_fd, RESERVE_FILE, 0) == 0;
}
