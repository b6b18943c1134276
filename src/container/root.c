/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/root.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "overlay/layer_tree.h"
#include "overlay/tree.h"
#include "src/container/keep_id.h"
#include "src/image/image_stores.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

void root_done(struct root *r)
{
	fd_close(r->dir_fd);
	strv_free(r->layers);
	free(r->upper);
	*r = (struct root)ROOT_NONE;
}

int root_of_layers(struct engine *en, char *const *names, struct root *ret, struct err *e)
{
	ret->dir_fd = fcntl(en->graph_fd, F_DUPFD_CLOEXEC, 3);
	if (ret->dir_fd < 0)
		return err_sys(e, "open %s", en->graphroot);
	for (; names && *names; names++) {
		scoped(mem) char *path = image_layer_tree(en, *names, e);
		if (!path)
			return e->code;
		if (strv_add(&ret->layers, path) < 0)
			return err_errno(e, ENOMEM, "read layers");
	}
	return 0;
}

static int root_of_kept(struct engine *en, char *const *names, struct root *ret, struct err *e)
{
	ret->dir_fd = fcntl(en->graph_fd, F_DUPFD_CLOEXEC, 3);
	if (ret->dir_fd < 0)
		return err_sys(e, "open %s", en->graphroot);
	for (; names && *names; names++) {
		scoped(mem) char *tree = keep_id_tree(en, *names);
		scoped(mem) char *path = tree ? str_printf("layers/%s", tree) : NULL;
		if (!path || strv_add(&ret->layers, path) < 0)
			return err_errno(e, ENOMEM, "read layers");
	}
	return 0;
}

int root_of_directory(const char *path, struct root *ret, struct err *e)
{
	ret->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->dir_fd < 0)
		return err_sys(e, "open %s", path);
	return strv_add(&ret->layers, ".") < 0 ? err_errno(e, ENOMEM, "read %s", path) : 0;
}

int root_of_container(struct engine *en, const struct container *c,
		      const struct container_spec *spec, struct root *ret, struct err *e)
{
	int r;

	if (spec->userns_mode && strcmp(spec->userns_mode, "keep-id") == 0) {
		ret->self_uid = en->uid;
		ret->self_gid = en->gid;
	}
	if (spec->rootfs_overlay)
		return err_set(e, -ENOTSUP,
			       "not with --rootfs %s:O, whose changes lie in another place",
			       spec->rootfs);
	if (spec->rootfs)
		return root_of_directory(spec->rootfs, ret, e);
	r = spec->kept_layers ? root_of_kept(en, spec->layers, ret, e)
			      : root_of_layers(en, spec->layers, ret, e);
	if (r < 0)
		return r;
	ret->upper = str_printf("containers/%s/upper", c->id);
	return ret->upper ? 0 : err_errno(e, ENOMEM, "read the root of a container");
}

int root_read(const struct root *r, const char *dir, const char *name, size_t max,
	      struct root_file *ret, struct err *e)
{
	scoped(strv) char **layers = strv_copy(r->layers);
	struct tree t = { .root_fd = r->dir_fd };
	scoped(tree_dir) struct tree_dir stack = { 0 };
	scoped(mem) char *path = tree_join(dir, name);
	size_t n;

	if (!path || (r->upper && strv_add(&layers, r->upper) < 0))
		return err_errno(e, ENOMEM, "read /%s/%s", dir, name);
	t.layers = layers;
	n = strv_len(layers);
	if (tree_stack(&t, dir, NULL, n ? n - 1 : 0, &stack, e) < 0)
		return e->code;
	for (size_t i = 0; i < stack.n_stack; i++) {
		scoped(fd) int in = tree_open(&t, stack.stack[i], dir, O_PATH | O_DIRECTORY);
		scoped(fd) int at = tree_open(&t, stack.stack[i], path, O_PATH);
		scoped(fd) int fd = -EBADF;
		if (tree_is_missing(at))
			continue;
		if (at < 0 || in < 0 || fstat(at, &ret->st) < 0 || fstat(in, &ret->dir) < 0)
			return err_errno(e, at < 0 ? at : errno, "open the container's /%s", path);
		if (!S_ISREG(ret->st.st_mode)) /* a whiteout, or something strange */
			return 0;
		fd = tree_open(&t, stack.stack[i], path, O_RDONLY | O_NONBLOCK);
		if (fd < 0)
			return err_errno(e, fd, "open the container's /%s", path);
		return path_read_fd(fd, name, max, &ret->text, NULL, e) < 0 ? e->code : 1;
	}
	return 0;
}

int root_add_ids(const struct root *r, const char *what, char ***args)
{
	char uid[16], gid[16];

	(void)snprintf(uid, sizeof(uid), "%u", (unsigned)r->self_uid);
	(void)snprintf(gid, sizeof(gid), "%u", (unsigned)r->self_gid);
	return strv_add(args, what) < 0 || strv_add(args, uid) < 0 || strv_add(args, gid) < 0
		       ? -ENOMEM
		       : 0;
}

int root_add_trees(const struct root *r, char ***args)
{
	int k = 0;

	for (char **l = r->layers; l && *l && k == 0; l++)
		k = strv_add(args, *l);
	if (k == 0 && r->upper)
		k = strv_add(args, r->upper);
	return k;
}

/* ---- mounted --------------------------------------------------------------------------------- */

void root_overlay_done(struct root_overlay *o)
{
	free(o->base);
	free(o->upper);
	free(o->work);
	free(o->target);
	strv_free(o->lower);
	*o = (struct root_overlay){ 0 };
}

char *root_lower(const struct engine *en, const struct container_spec *s, const char *name,
		 struct err *e)
{
	char *tree;

	if (image_layer_is_elsewhere(name))
		return image_layer_tree(en, name, e);
	tree = s && s->kept_layers ? keep_id_tree(en, name) : str_printf("%s/diff", name);
	if (!tree)
		(void)err_errno(e, ENOMEM, "mount the root file system");
	return tree;
}

int root_overlay(const struct engine *en, const char *id, const struct container_spec *spec,
		 struct root_overlay *ret, struct err *e)
{
	int r = 0;

	ret->base = str_printf("%s/layers", en->graphroot);
	ret->upper = str_printf("../containers/%s/upper", id);
	ret->work = str_printf("../containers/%s/work", id);
	ret->target = str_printf("%s/containers/%s/merged", en->graphroot, id);
	if (spec->rootfs)
		r = strv_add(&ret->lower, spec->rootfs);
	for (size_t i = 0; !spec->rootfs && spec->layers && spec->layers[i] && r == 0; i++) {
		scoped(mem) char *tree = root_lower(en, spec, spec->layers[i], e);
		if (!tree)
			return e->code;
		r = strv_add(&ret->lower, tree);
	}
	if (r < 0 || !ret->base || !ret->upper || !ret->work || !ret->target)
		return err_errno(e, ENOMEM, "mount the root file system");
	ret->overlay = (struct runtime_overlay){ .base = ret->base,
						 .lower = ret->lower,
						 .upper = ret->upper,
						 .work = ret->work,
						 .target = ret->target };
	return 0;
}

mode_t root_mode(const struct engine *en, const struct container_spec *spec)
{
	struct stat st;

	if (spec->rootfs)
		return stat(spec->rootfs, &st) == 0 ? st.st_mode & 07777 : LAYER_TOP_MODE;
	for (size_t i = strv_len(spec->layers); i-- > 0;) {
		struct err ignored;
		scoped(mem) char *tree = root_lower(en, spec, spec->layers[i], &ignored);
		scoped(mem) char *path =
			tree ? str_printf("%s/layers/%s", en->graphroot, tree) : NULL;
		if (path && stat(*tree == '/' ? tree : path, &st) == 0 &&
		    (st.st_mode & 07777) != LAYER_TOP_MODE)
			return st.st_mode & 07777;
	}
	return LAYER_TOP_MODE;
}

char *root_user(const struct engine *en, const struct container_spec *spec)
{
	if (spec->userns_mode && strcmp(spec->userns_mode, "keep-id") == 0 &&
	    (!spec->user || !*spec->user))
		return str_printf("%u:%u", en->uid, en->gid);
	return strdup(spec->user ? spec->user : "");
}
