/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a tar, applied to a throw-away root as a layer and as a copy.  What must hold:
 * nothing appears outside, and a stream that was taken comes out of the split as it went in. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "overlay/layer_apply.h"
#include "overlay/split.h"
#include "src/util/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static ssize_t next(void *arg, const void **ret, struct err *e)
{
	struct input *in = arg;
	size_t n = in->left < 700 ? in->left : 700;

	(void)e;
	*ret = in->p;
	in->p += n;
	in->left -= n;
	return (ssize_t)n;
}

static int compare(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct input *in = arg;

	(void)e;
	if (n > in->left || memcmp(in->p, bytes, n) != 0)
		abort();
	in->p += n;
	in->left -= n;
	return 0;
}

/* The scratch directory holds N directories and nothing else. */
static void check_outside(int fd, unsigned n)
{
	int dup = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(dup);

	if (!d)
		abort();
	for (struct dirent *de; (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0 && n-- == 0)
			abort();
	(void)closedir(d);
	if (n)
		abort();
}

/* Into a tree that is there already, with links that mean to leave it. */
static void copy(int fd, const uint8_t *data, size_t size)
{
	static const char *const links[] = { "../../../..", "/", "/nowhere/at/all", "..", "." };
	const struct layer_copy how = { .base = "/base", .is_host = 1, .overwrite = size & 1 };
	struct layer_tree_options o = { .copy = &how };
	struct input in = { data, size };
	int64_t tree;
	struct err e;
	int root;

	if (mkdirat(fd, "copy", 0700) < 0 || mkdirat(fd, "copy/base", 0700) < 0 ||
	    mkdirat(fd, "copy/base/d", 0700) < 0)
		abort();
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		const char name[] = { "copy/base/a" };
		char path[sizeof(name)];
		memcpy(path, name, sizeof(name));
		path[sizeof(name) - 2] = (char)('e' + i);
		if (symlinkat(links[i], fd, path) < 0)
			abort();
	}
	root = openat(fd, "copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (layer_apply(root, &o, next, &in, &tree, &e) < 0 && !e.text[0])
		abort();
	(void)close(root);
	check_outside(fd, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[] = "/dev/shm/cove-fuzz-XXXXXX";
	struct rlimit files = { 1 << 20, 1 << 20 };
	struct layer_tree_options o = { 0 };
	struct input in = { data, size };
	int64_t tree;
	struct err e;
	int fd, layer_fd, r;

	(void)signal(SIGXFSZ, SIG_IGN);	       /* EFBIG is what the code shall see */
	(void)setrlimit(RLIMIT_FSIZE, &files); /* holes of a terabyte are for the unit tests */
	if (!mkdtemp(path))
		return 0;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(fd, "layer", 0700) < 0)
		abort();
	layer_fd = openat(fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = layer_apply(layer_fd, &o, next, &in, &tree, &e);
	check_outside(fd, 1);
	if (r < 0 && !e.text[0])
		abort();
	in = (struct input){ data, size };
	if (r == 0)
		r = split_replay(layer_fd, compare, &in, &e);
	else
		in.left = 0;
	/* Without privileges a file of mode 0 cannot be read back. */
	if (r == 0 ? in.left != 0 : in.left && r != -EACCES) {
		(void)fprintf(stderr, "%s\n", e.text);
		abort();
	}
	(void)close(layer_fd);
	copy(fd, data, size);
	if (path_rmtree(AT_FDCWD, path) < 0)
		abort();
	(void)close(fd);
	return 0;
}
