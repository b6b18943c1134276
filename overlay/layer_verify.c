/* SPDX-License-Identifier: Apache-2.0 */
/* The same code that unpacked the layer says what the tree has to be, whatever games its stream
 * plays with names and links; the role `tree` writes both as archives in the same order. */
#include "overlay/layer_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "overlay/tree_role.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define CHUNK 65536

static void scoped_layer_writer(struct layer_writer *w)
{
	layer_writer_end(w);
}

static int unpack_again(int run_fd, int dir_fd, int scratch_fd, struct layer_result *ret,
			struct err *e)
{
	scoped(layer_writer) struct layer_writer reader = LAYER_WRITER_NONE;
	scoped(layer_writer) struct layer_writer writer = LAYER_WRITER_NONE;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct layer_result stream;
	struct err writing = { 0 };
	int r = fd_pipe(&in, &out, e), wrote;

	if (r == 0)
		r = layer_tar_start(&reader, run_fd, dir_fd, out, e);
	fd_close(take_fd(&out));
	if (r == 0)
		r = layer_writer_start(&writer, run_fd, scratch_fd, in, e);
	fd_close(take_fd(&in));
	if (r < 0)
		return r;
	wrote = layer_writer_finish(&writer, ret, &writing);
	/* Whoever failed first made the other fail. */
	r = layer_writer_finish(&reader, &stream, e);
	if (wrote < 0 && (r == 0 || r == -EPIPE)) {
		*e = writing;
		return wrote;
	}
	return r;
}

static int start_reader(struct tree_reader *t, int run_fd, int dir_fd, int *ret_in, struct err *e)
{
	char what[] = "same", none[] = "0", tree[] = "diff";
	char *const args[] = { what, none, none, tree, NULL };
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	int r = fd_pipe(&in, &out, e);

	if (r == 0)
		r = tree_reader_start(t, run_fd, dir_fd, out, args, e);
	if (r == 0)
		*ret_in = take_fd(&in);
	return r;
}

/* 1: the same bytes to the end of both. */
static int compare(int a, int b, struct err *e)
{
	scoped(mem) char *x = malloc(CHUNK);
	scoped(mem) char *y = malloc(CHUNK);

	if (!x || !y)
		return err_errno(e, ENOMEM, "compare a layer");
	for (;;) {
		ssize_t n = fd_read_full(a, x, CHUNK), m = fd_read_full(b, y, CHUNK);
		if (n < 0 || m < 0)
			return err_errno(e, (int)(n < 0 ? n : m), "compare a layer");
		if (n != m || memcmp(x, y, (size_t)n) != 0)
			return 0;
		if (n == 0)
			return 1;
	}
}

static int compare_trees(int run_fd, int dir_fd, int scratch_fd, int *ret_same, struct err *e)
{
	scoped(tree_reader) struct tree_reader ours = TREE_READER_NONE;
	scoped(tree_reader) struct tree_reader theirs = TREE_READER_NONE;
	scoped(fd) int a = -EBADF;
	scoped(fd) int b = -EBADF;
	int r = start_reader(&ours, run_fd, dir_fd, &a, e);

	if (r == 0)
		r = start_reader(&theirs, run_fd, scratch_fd, &b, e);
	if (r == 0)
		r = *ret_same = compare(a, b, e);
	if (r <= 0)
		return r;
	/* Both may have ended early. */
	r = tree_reader_finish(&ours, e);
	return r < 0 ? r : tree_reader_finish(&theirs, e);
}

int layer_verify(int run_fd, int dir_fd, int scratch_fd, struct layer_result *ret, int *ret_same,
		 struct err *e)
{
	int r = unpack_again(run_fd, dir_fd, scratch_fd, ret, e);
	return r < 0 ? r : compare_trees(run_fd, dir_fd, scratch_fd, ret_same, e);
}
