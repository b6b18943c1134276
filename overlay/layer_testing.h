/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this folder share: a scratch directory with a canary beside the layer, and tars
 * made by hand. */
#ifndef COVE_OVERLAY_LAYER_TESTING_H
#define COVE_OVERLAY_LAYER_TESTING_H

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer_apply.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define UNUSED __attribute__((unused))

struct scratch {
	char path[64];
	int fd;	      /* the scratch directory */
	int layer_fd; /* its layer/ */
};

static UNUSED void scratch_begin(struct scratch *s)
{
	memcpy(s->path, "/tmp/cove-test-XXXXXX", 22);
	CHECK(mkdtemp(s->path) != NULL);
	s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(mkdirat(s->fd, "layer", 0700), 0);
	s->layer_fd = openat(s->fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK(s->layer_fd >= 0);
}

static UNUSED void scratch_end(struct scratch *s)
{
	fd_close(s->layer_fd);
	(void)path_rmtree(s->fd, "layer");
	(void)path_rmtree(s->fd, "canary");
	(void)path_rmtree(s->fd, "src");
	fd_close(s->fd);
	CHECK_INT(path_rmtree(AT_FDCWD, s->path), 0);
}

/* The layer as it was at first. */
static UNUSED void scratch_clear(struct scratch *s)
{
	fd_close(s->layer_fd);
	CHECK_INT(path_rmtree(s->fd, "layer"), 0);
	CHECK_INT(mkdirat(s->fd, "layer", 0700), 0);
	s->layer_fd = openat(s->fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- tars ------------------------------------------------------------------------------------ */

/* One ustar header; SIZE_FIELD (12 bytes) overrides the size's octal text. */
static UNUSED void tar_header(struct strbuf *b, const char *name, char type, long long size,
			      const char *link, const char *size_field)
{
	char h[512];
	unsigned sum = 0;

	memset(h, 0, sizeof(h));
	(void)snprintf(h, 100, "%s", name);
	(void)snprintf(h + 100, 8, "%07o", type == '5' ? 0755 : 0644);
	(void)snprintf(h + 108, 8, "%07o", getuid());
	(void)snprintf(h + 116, 8, "%07o", getgid());
	(void)snprintf(h + 124, 12, "%011llo", (unsigned long long)size & 077777777777ULL);
	if (size_field)
		memcpy(h + 124, size_field, 12);
	(void)snprintf(h + 136, 12, "%011o", 1000000000);
	memset(h + 148, ' ', 8);
	h[156] = type;
	(void)snprintf(h + 157, 100, "%s", link ? link : "");
	memcpy(h + 257, "ustar", 6);
	h[263] = h[264] = '0';
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 7, "%06o", sum);
	CHECK_INT(strbuf_add(b, h, sizeof(h)), 0);
}

static UNUSED void tar_data(struct strbuf *b, const void *bytes, size_t n)
{
	static const char zeros[512];
	CHECK_INT(strbuf_add(b, bytes, n), 0);
	if (n % 512)
		CHECK_INT(strbuf_add(b, zeros, 512 - n % 512), 0);
}

static UNUSED void tar_file(struct strbuf *b, const char *name, const char *text)
{
	tar_header(b, name, '0', (long long)strlen(text), NULL, NULL);
	tar_data(b, text, strlen(text));
}

static UNUSED void tar_end(struct strbuf *b)
{
	static const char zeros[1024];
	CHECK_INT(strbuf_add(b, zeros, sizeof(zeros)), 0);
}

/* layer_next() over bytes in memory, in pieces of STEP. */
struct tar_pieces {
	const char *p;
	size_t left, step;
};

static UNUSED ssize_t tar_next(void *arg, const void **ret, struct err *e)
{
	struct tar_pieces *t = arg;
	size_t n = t->left < t->step ? t->left : t->step;

	(void)e;
	*ret = t->p;
	if (n) /* an empty tar has no bytes to point at */
		t->p += n;
	t->left -= n;
	return (ssize_t)n;
}

static UNUSED int tar_apply(struct scratch *s, const struct strbuf *b, size_t step, struct err *e)
{
	struct layer_tree_options o = { 0 };
	struct tar_pieces t = { b->s, b->len, step };
	int64_t size;

	return layer_apply(s->layer_fd, &o, tar_next, &t, &size, e);
}

#endif
