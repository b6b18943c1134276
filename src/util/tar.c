/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/tar.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "src/util/fd.h"

#define NAME_LEN 99 /* of the header's own field */

/* WIDTH bytes at P: octal digits and a NUL, or the sign of base 256 and the number's bytes. */
static void put_number(char *p, size_t width, uint64_t v)
{
	if (v >> (3 * (width - 1)) == 0) {
		for (size_t i = width - 1; i-- > 0; v >>= 3)
			p[i] = (char)('0' + (v & 7));
		return;
	}
	for (size_t i = width; i-- > 1; v >>= 8)
		p[i] = (char)(v & 0xff);
	p[0] = (char)0x80;
}

static int put_block(int fd, const struct tar_entry *t, const char *name, char type)
{
	char block[TAR_BLOCK] = { 0 };
	unsigned sum = 0;

	(void)snprintf(block, NAME_LEN + 1, "%s", name);
	put_number(block + 100, 8, t->mode);
	put_number(block + 108, 8, t->uid);
	put_number(block + 116, 8, t->gid);
	put_number(block + 124, 12, (uint64_t)t->size);
	put_number(block + 136, 12, t->mtime > 0 ? (uint64_t)t->mtime : 0);
	memset(block + 148, ' ', 8);
	block[156] = type;
	(void)snprintf(block + 157, NAME_LEN + 1, "%s", t->link ? t->link : "");
	memcpy(block + 257, "ustar", 6);
	block[263] = block[264] = '0'; /* the version */
	for (size_t i = 0; i < sizeof(block); i++)
		sum += (unsigned char)block[i];
	(void)snprintf(block + 148, 7, "%06o", sum & 0777777U);
	return fd_write_all(fd, block, sizeof(block));
}

static int put_long_name(int fd, const char *name)
{
	const struct tar_entry t = { .size = (int64_t)strlen(name) + 1 };
	int r = put_block(fd, &t, "././@LongLink", 'L');

	if (r == 0)
		r = fd_write_all(fd, name, (size_t)t.size);
	return r < 0 ? r : tar_put_padding(fd, t.size);
}

int tar_put_header(int fd, const struct tar_entry *t)
{
	int r = 0;

	if (t->link && strlen(t->link) > NAME_LEN)
		return -ENAMETOOLONG;
	if (strlen(t->name) > NAME_LEN)
		r = put_long_name(fd, t->name);
	return r < 0 ? r : put_block(fd, t, t->name, (char)t->type);
}

int tar_put_padding(int fd, int64_t size)
{
	static const char zeros[TAR_BLOCK];
	size_t over = (size_t)(size % TAR_BLOCK);

	return over ? fd_write_all(fd, zeros, TAR_BLOCK - over) : 0;
}

int tar_put_end(int fd)
{
	static const char zeros[2 * TAR_BLOCK];

	return fd_write_all(fd, zeros, sizeof(zeros));
}
