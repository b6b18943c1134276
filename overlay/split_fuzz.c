/* SPDX-License-Identifier: Apache-2.0 */
/* Records of a split file, compressed here so that the fuzzer sees through zstd; every 8th input is
 * taken as the compressed file itself. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "overlay/split.h"
#include "src/util/fd.h"

#define MAGIC "cove-split 1\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int swallow(void *arg, const void *bytes, size_t n, struct err *e)
{
	size_t *total = arg;

	(void)bytes;
	(void)e;
	*total += n;
	return *total > (64 << 20) ? -E2BIG : 0;
}

/* One layer directory for all inputs, with a file, a link and a kept file in it. */
static int layer(void)
{
	static char path[] = "/dev/shm/cove-fuzz-XXXXXX";
	int fd, file;

	if (path[sizeof(path) - 2] == 'X' && mkdtemp(path)) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (mkdirat(fd, "diff", 0700) < 0 || mkdirat(fd, "kept", 0700) < 0 ||
		    symlinkat("/etc/passwd", fd, "diff/l") < 0)
			abort();
		file = openat(fd, "diff/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd_write_all(file, "contents", 8) < 0)
			abort();
		(void)close(file);
		return fd;
	}
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[1 << 16], plain[1 << 15];
	size_t n, total = 0;
	int fd, split;
	struct err e;

	if (size > sizeof(plain) - sizeof(MAGIC))
		return 0;
	fd = layer();
	split = openat(fd, "split", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	memcpy(plain, MAGIC, sizeof(MAGIC));
	memcpy(plain + strlen(MAGIC), data, size);
	n = ZSTD_compress(out, sizeof(out), plain, strlen(MAGIC) + size, 1);
	if (size % 8 == 7)
		(void)fd_write_all(split, data, size);
	else if (!ZSTD_isError(n))
		(void)fd_write_all(split, out, n);
	(void)close(split);
	(void)split_replay(fd, swallow, &total, &e);
	(void)close(fd);
	return 0;
}
