/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a tar-split file, compressed here so that the fuzzer sees through gzip; every 8th input
 * is taken as the compressed file itself. */
#include <assert.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/tar_split.h"
#include "src/util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int swallow(void *arg, const void *bytes, size_t n, struct err *e)
{
	size_t *total = arg;

	(void)bytes;
	(void)e;
	*total += n;
	return *total > (64 << 20) ? -E2BIG : 0;
}

/* One layer directory for all inputs, with a file and a link in it. */
static int layer(void)
{
	static char path[] = "/dev/shm/cove-fuzz-XXXXXX";
	int fd, file;

	if (path[sizeof(path) - 2] == 'X' && mkdtemp(path)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (mkdirat(fd, "diff", 0700) < 0 || symlinkat("/etc/passwd", fd, "diff/l") < 0)
			abort();
		file = openat(fd, "diff/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd_write_all(file, "contents", 8) < 0)
			abort();
		(void)close(file);
		return fd;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static size_t compress(const uint8_t *data, size_t size, uint8_t *out, size_t n)
{
	static struct isal_zstream z;

	isal_deflate_init(&z);
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	z.next_in = (uint8_t *)(uintptr_t)data;
	z.avail_in = (uint32_t)size;
	z.next_out = out;
	z.avail_out = (uint32_t)n;
	return isal_deflate(&z) == COMP_OK ? n - z.avail_out : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[1 << 16];
	size_t n, total = 0;
	int dir, fd, r;
	struct err e = { 0 };

	if (size > sizeof(out) / 2)
		return 0;
	dir = layer();
	fd = memfd_create("tar-split", MFD_CLOEXEC);
	n = size % 8 == 7 ? 0 : compress(data, size, out, sizeof(out));
	r = n ? fd_write_all(fd, out, n) : fd_write_all(fd, data, size);
	assert(r == 0 && lseek(fd, 0, SEEK_SET) == 0);
	(void)tar_split_replay(dir, fd, swallow, &total, &e);
	(void)close(fd);
	(void)close(dir);
	return 0;
}
