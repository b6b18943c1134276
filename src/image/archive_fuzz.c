/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an outer archive: walked as the role does it, its answer parsed as the caller does
 * it; and any bytes as the role's answer, because the role is not believed either. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/image/archive.h"
#include "src/util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int has_dots(const char *name)
{
	for (const char *p = name; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		if (p[0] == '.' && p[1] == '.' && (p[2] == '/' || !p[2]))
			return 1;
	}
	return 0;
}

/* What was found must lie in the file, under a name that stays inside. */
static void check(struct image_archive *a, int64_t size)
{
	static const char *const names[] = { "manifest.json", "index.json", "a", "../a", "/a", "" };

	for (size_t i = 0; i < a->n; i++) {
		const struct archive_item *it = image_archive_find(a, a->items[i].name);
		if (a->items[i].name[0] == '/' || has_dots(a->items[i].name) ||
		    has_dots(a->items[i].link))
			abort();
		if (it && (it->kind != ARCHIVE_FILE || it->offset < 0 || it->size < 0 ||
			   it->offset > size || it->size > size - it->offset))
			abort();
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct archive_item *it = image_archive_find(a, names[i]);
		scoped(mem) char *bytes = NULL;
		size_t n;
		struct err e;
		if (it && a->fd >= 0)
			(void)image_archive_read(a, it, 4096, &bytes, &n, &e);
	}
}

static void parse(const char *bytes, size_t n, int fd, int64_t size)
{
	struct image_archive *a = calloc(1, sizeof(*a));
	struct err e;

	a->fd = fd;
	if (archive_index_parse(bytes, n, size, a, &e) == 0)
		check(a, size);
	(void)image_archive_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	char *answer = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&answer, &n);
	struct err e;
	int r;

	if (fd < 0 || !out || fd_write_all(fd, data, size) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	r = archive_walk(fd, out, &e);
	if (r == 0)
		(void)fputc('.', out);
	(void)fclose(out);
	if (r == 0)
		parse(answer, n, fd, (int64_t)size);
	else
		(void)close(fd);
	free(answer);
	parse((const char *)data, size, -EBADF, 1 << 20);
	return 0;
}
