/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/tree_role.h"
#include "src/container/root.h"
#include "src/image/image.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"

#define CHANGES_MAX (512U << 20)

/* One side: its root, and what that was made from. */
static int side_of_container(struct engine *en, const struct container *c, struct root *ret,
			     struct err *e)
{
	scoped(container_spec) struct container_spec *spec = NULL;
	int r = container_spec_decode(c->spec, &spec, e);

	if (r < 0)
		return r;
	if (spec->rootfs)
		return err_set(e, -EINVAL,
			       "container %s runs on a directory (--rootfs), not on an image",
			       c->id);
	return root_of_container(en, c, spec, ret, e);
}

static int side(struct engine *en, const char *ref, enum diff_of of, struct root *ret,
		struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(image) struct image *i = NULL;
	int r = -ENOENT;

	if (of != DIFF_IMAGE)
		r = container_find(en, ref, &c, e);
	if (r == 0)
		return side_of_container(en, c, ret, e);
	if (r != -ENOENT || of == DIFF_CONTAINER)
		return r;
	r = image_find(en, ref, &i, e);
	if (r == -ENOENT && of == DIFF_ANY)
		return err_set(e, -ENOENT, "%s not found: layer not known", ref);
	return r < 0 ? r : root_of_layers(en, i->layers, ret, e);
}

/* OLD... -- NEW...; without an own OLD side, all of NEW but its topmost tree. */
static char **arguments(const struct root *from, const struct root *to)
{
	scoped(strv) char **args = NULL;
	size_t n;

	if (strv_add(&args, "changes") < 0)
		return NULL;
	if (from) {
		if (root_add_trees(from, &args) < 0)
			return NULL;
	} else {
		if (root_add_trees(to, &args) < 0)
			return NULL;
		n = strv_len(args);
		if (n > 1) {
			free(args[n - 1]);
			args[n - 1] = NULL;
		}
	}
	if (strv_add(&args, "--") < 0 || root_add_trees(to, &args) < 0)
		return NULL;
	return take_ptr(&args);
}

static int is_ours(const char *path)
{
	static const char *const ours[] = {
		"/dev",	 "/etc/hostname", "/etc/hosts",		"/etc/mtab",   "/etc/resolv.conf",
		"/proc", "/run",	  "/run/.containerenv", "/run/notify", "/run/secrets",
		"/sys"
	};
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(path, ours[i]) == 0)
			return 1;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

/* The role's answer: believe only its shape. */
static int split(const struct strbuf *text, char ***ret, struct err *e)
{
	scoped(strv) char **v = NULL;
	size_t n = 0, k = 0;

	for (size_t i = 0; i < text->len; i++)
		n += text->s[i] == '\0';
	v = calloc(n + 1, sizeof(*v));
	if (!v)
		return err_errno(e, ENOMEM, "list changes");
	for (size_t at = 0; at < text->len && k < n; at += strlen(text->s + at) + 1) {
		const char *s = text->s + at;
		if (!strchr("ACD", s[0]) || s[0] == '\0' || s[1] != '/')
			return err_set(e, -EPROTO, "the tree role gave a wrong answer");
		if (is_ours(s + 1))
			continue;
		v[k] = strdup(s);
		if (!v[k++])
			return err_errno(e, ENOMEM, "list changes");
	}
	qsort(v, k, sizeof(*v), by_path);
	*ret = take_ptr(&v);
	return 0;
}

int container_diff(struct engine *en, const char *ref, const char *other, enum diff_of of,
		   char ***ret, struct err *e)
{
	scoped(root) struct root to = ROOT_NONE;
	scoped(root) struct root from = ROOT_NONE;
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	scoped(strbuf) struct strbuf text = STRBUF_INIT;
	scoped(strv) char **args = NULL;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	int r = side(en, ref, of, &to, e), got;

	if (r == 0 && other)
		r = side(en, other, of, &from, e);
	if (r < 0)
		return r;
	args = arguments(other ? &from : NULL, &to);
	if (!args)
		return err_errno(e, ENOMEM, "compare");
	engine_store_close(en);
	r = fd_pipe(&in, &out, e);
	if (r == 0)
		r = tree_reader_start(&reader, en->run_fd, to.dir_fd, out, args, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&out));
	strbuf_init(&text, CHANGES_MAX);
	got = fd_read_all(in, &text);
	fd_close(take_fd(&in));
	r = tree_reader_finish(&reader, e);
	if (r < 0)
		return err_in(e, "diff %s", ref);
	return got < 0 ? err_errno(e, got, "read the changes") : split(&text, ret, e);
}
