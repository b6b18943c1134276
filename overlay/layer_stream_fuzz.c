/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a compressed layer: it ends, with an error that says something or with digests. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "overlay/layer_stream.h"
#include "src/util/fd.h"
#include "src/util/sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(fd) int fd = memfd_create("blob", MFD_CLOEXEC);
	scoped(layer_stream) struct layer_stream *s = NULL;
	struct layer_result got = { 0 };
	char digest[SHA256_TEXT_LEN];
	size_t total = 0;
	const void *p;
	struct err e = { 0 };
	ssize_t n;

	if (fd < 0 || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    layer_stream_new(fd, (int64_t)size, &s, &e) < 0)
		abort();
	layer_stream_go(s);
	while ((n = layer_stream_next(s, &p, &e)) > 0) {
		total += (size_t)n;
		if (total > (16 << 20))
			return 0; /* a bomb; giving up in the middle is tried, too */
	}
	if (n < 0 && (!e.text[0] || e.code >= 0))
		abort();
	if (n < 0)
		return 0;
	if (layer_stream_result(s, &got, &e) < 0 || got.size != (int64_t)size ||
	    got.diff_size != (int64_t)total)
		abort();
	sha256_text(data, size, digest);
	if (strcmp(digest, got.digest) != 0)
		abort();
	return 0;
}
