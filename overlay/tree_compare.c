/* SPDX-License-Identifier: Apache-2.0 */
/* Two views side by side.  A directory made of the same layers on both sides is the same and not
 * read. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "overlay/tree.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct compare {
	const struct tree *from, *to;
	tree_change_fn *fn;
	void *arg;
	struct err *e;
};

static int tell(const struct compare *c, char kind, const char *path)
{
	scoped(mem) char *full = str_printf("/%s", path);
	return full ? c->fn(c->arg, kind, full, c->e)
		    : err_errno(c->e, ENOMEM, "compare /%s", path);
}

static int same_stack(const struct compare *c, const struct tree_dir *a, const struct tree_dir *b)
{
	if (a->n_stack != b->n_stack)
		return 0;
	for (size_t i = 0; i < a->n_stack; i++)
		if (strcmp(c->from->layers[a->stack[i]], c->to->layers[b->stack[i]]) != 0)
			return 0;
	return 1;
}

static int look(const struct tree *t, const struct tree_entry *en, const char *path,
		struct stat *ret)
{
	scoped(fd) int fd = tree_open(t, en->layer, path, O_PATH);
	return fd < 0 ? fd : fstat(fd, ret) < 0 ? -errno : 0;
}

/* 1: another owner, mode, device, or (of what is no directory) time or size. */
static int differ(const struct compare *c, const struct tree_entry *a, const struct tree_entry *b,
		  const char *path)
{
	struct stat x = { 0 }, y = { 0 };
	int r;

	if (strcmp(c->from->layers[a->layer], c->to->layers[b->layer]) == 0)
		return 0;
	r = look(c->from, a, path, &x);
	if (r == 0)
		r = look(c->to, b, path, &y);
	if (r < 0)
		return tree_is_missing(r) ? 1 : err_errno(c->e, r, "look at /%s", path);
	if (x.st_mode != y.st_mode || x.st_uid != y.st_uid || x.st_gid != y.st_gid ||
	    x.st_rdev != y.st_rdev)
		return 1;
	return !S_ISDIR(x.st_mode) &&
	       (x.st_size != y.st_size || x.st_mtim.tv_sec != y.st_mtim.tv_sec ||
		x.st_mtim.tv_nsec != y.st_mtim.tv_nsec);
}

static int compare_dir(const struct compare *c, const char *path, const struct tree_dir *from,
		       const struct tree_dir *to);

/* The directories behind A and B (each NULL where there is none).  1: something in them differs. */
static int compare_below(const struct compare *c, const char *path, const struct tree_dir *from,
			 const struct tree_entry *a, const struct tree_dir *to,
			 const struct tree_entry *b)
{
	scoped(tree_dir) struct tree_dir x = { 0 };
	scoped(tree_dir) struct tree_dir y = { 0 };
	int r = 0;

	if (a && a->kind == TREE_DIR)
		r = tree_stack(c->from, path, from, a->layer, &x, c->e);
	if (r == 0 && b && b->kind == TREE_DIR)
		r = tree_stack(c->to, path, to, b->layer, &y, c->e);
	if (r == 0 && !same_stack(c, &x, &y))
		r = tree_list(c->from, path, &x, c->e);
	else
		return r;
	if (r == 0)
		r = tree_list(c->to, path, &y, c->e);
	return r < 0 ? r : compare_dir(c, path, &x, &y);
}

/* The same name on one side or both.  1: it, or something in it, differs. */
static int compare_entry(const struct compare *c, const char *dir, const struct tree_dir *from,
			 const struct tree_entry *a, const struct tree_dir *to,
			 const struct tree_entry *b)
{
	const struct tree_entry *any = b ? b : a;
	scoped(mem) char *path = any ? tree_join(dir, any->name) : NULL;
	char kind = 'C';
	int r = 0, below;

	if (!path)
		return err_errno(c->e, ENOMEM, "compare /%s", dir);
	if (a && a->kind == TREE_GONE)
		a = NULL;
	if (b && b->kind == TREE_GONE)
		b = NULL;
	if (!a && !b)
		return 0;
	if (!b)
		r = tell(c, 'D', path);
	if (r < 0 || !b)
		return r < 0 ? r : 1;
	if (a)
		r = differ(c, a, b, path);
	else
		kind = 'A';
	if (r < 0)
		return r;
	below = compare_below(c, path, from, a, to, b);
	if (below < 0)
		return below;
	if (!r && !below && kind == 'C')
		return 0;
	r = tell(c, kind, path);
	return r < 0 ? r : 1;
}

static int compare_dir(const struct compare *c, const char *path, const struct tree_dir *from,
		       const struct tree_dir *to)
{
	size_t i = 0, k = 0;
	int changed = 0;

	while (i < from->n || k < to->n) {
		const struct tree_entry *a = i < from->n ? &from->entries[i] : NULL;
		const struct tree_entry *b = k < to->n ? &to->entries[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name), r;

		r = compare_entry(c, path, from, order <= 0 ? a : NULL, to, order >= 0 ? b : NULL);
		if (r < 0)
			return r;
		changed |= r;
		i += order <= 0;
		k += order >= 0;
	}
	return changed;
}

int tree_compare(const struct tree *from, const struct tree *to, tree_change_fn *fn, void *arg,
		 struct err *e)
{
	const struct compare c = { .from = from, .to = to, .fn = fn, .arg = arg, .e = e };
	scoped(tree_dir) struct tree_dir x = { 0 };
	scoped(tree_dir) struct tree_dir y = { 0 };
	int r = tree_stack(from, "", NULL, SIZE_MAX, &x, e);

	if (r == 0)
		r = tree_stack(to, "", NULL, SIZE_MAX, &y, e);
	if (r == 0)
		r = tree_list(from, "", &x, e);
	if (r == 0)
		r = tree_list(to, "", &y, e);
	if (r == 0)
		r = compare_dir(&c, "", &x, &y);
	return r < 0 ? r : 0;
}
