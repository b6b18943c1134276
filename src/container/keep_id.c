/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/keep_id.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "overlay/tree.h"
#include "overlay/tree_role.h"
#include "src/container/root.h"
#include "src/image/image_stores.h"
#include "src/util/account.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/idmap.h"

#define ACCOUNTS_MAX (4U << 20)

static int is_keep_id(const struct container_spec *s)
{
	return s->userns_mode && strcmp(s->userns_mode, "keep-id") == 0 && !userns_is_root();
}

/* ---- layers ---------------------------------------------------------------------------------- */

char *keep_id_tree(const struct engine *en, const char *name)
{
	return str_printf("%s/keep-%u-%u/diff", name, (unsigned)en->uid, (unsigned)en->gid);
}

/* The copy of layer tree FROM in a new directory INTO/diff. */
static int copy(struct engine *en, const char *from, int into, struct err *e)
{
	struct layer_writer w = LAYER_WRITER_NONE;
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	char *const args[] = { "layer", "0", "0", (char *)from, NULL };
	struct layer_result ignored;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct err unpack;
	int r = fd_pipe(&in, &out, e), k;

	if (r == 0)
		r = tree_reader_start(&reader, en->run_fd, en->graph_fd, out, args, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&out));
	err_clear(&unpack);
	k = layer_writer_start_kept(&w, en->run_fd, into, in, en->uid, en->gid, &unpack);
	fd_close(take_fd(&in));
	if (k == 0)
		k = layer_writer_finish(&w, &ignored, &unpack);
	layer_writer_end(&w);
	return err_of_pipe(tree_reader_finish(&reader, e), k, &unpack, e);
}

/* PATH: what keep_id_tree() says.  The directory around the tree is moved: the tree's own belongs
 * to somebody else then. */
static int make_tree(struct engine *en, const char *name, const char *path, struct err *e)
{
	scoped(mem) char *from = str_printf("layers/%s/diff", name);
	scoped(mem) char *to =
		str_printf("layers/%.*s", (int)(strlen(path) - strlen("/diff")), path);
	scoped(mem) char *tmp = NULL;
	scoped(mem) char *made = NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lease = -EBADF;
	struct stat st;
	int r;

	if (!from || !to)
		return err_errno(e, ENOMEM, "copy a layer");
	r = engine_tmpdir(en, &tmp, &dir, &lease, e);
	if (r < 0)
		return r;
	made = str_printf("tmp/%s", tmp);
	r = made ? copy(en, from, dir, e) : err_errno(e, ENOMEM, "copy a layer");
	/* What it does not say; its owner does not matter, upper lies on it. */
	if (r == 0 && (fstatat(en->graph_fd, from, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		       fchmodat(dir, "diff", st.st_mode & 07777, 0) < 0))
		r = err_sys(e, "set the mode of its root");
	(void)unlinkat(dir, "split", 0); /* the archive is made again of the layer itself */
	/* Where it has its name it is whole, after a loss of power, too. */
	if (r == 0 && syncfs(dir) < 0)
		r = err_sys(e, "sync %s", en->graphroot);
	/* Another command's copy is as good as ours. */
	if (r == 0 && renameat(en->graph_fd, made, en->graph_fd, to) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		r = err_sys(e, "put the copy in its place");
	engine_tmpdir_remove(en, tmp);
	return r < 0 ? err_in(e, "give layer %s to others for --userns keep-id", name) : 0;
}

/* Is there anybody else than the caller? */
static int has_range(struct engine *en)
{
	scoped(idmap) struct idmap uids = IDMAP_NONE, gids = IDMAP_NONE;
	struct err ignored;

	return idmap_of_user(en->run_fd, en->uid, en->gid, &uids, &gids, &ignored) == 0 &&
	       idmap_total(&uids) > 1 && idmap_total(&gids) > 1;
}

int keep_id_layers(struct engine *en, struct container_spec *s, struct err *e)
{
	int missing = 0;

	if (!is_keep_id(s) || s->rootfs || !has_range(en))
		return 0;
	for (char **l = s->layers; l && *l; l++) {
		scoped(mem) char *tree = keep_id_tree(en, *l);
		scoped(mem) char *path = tree ? str_printf("layers/%s", tree) : NULL;
		if (!path)
			return err_errno(e, ENOMEM, "copy a layer");
		if (image_layer_is_elsewhere(*l)) /* nothing can be put beside it */
			return 0;
		if (faccessat(en->graph_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (!missing++) /* what one that was killed left needs the room */
			engine_collect(en);
		if (make_tree(en, *l, tree, e) < 0)
			return e->code;
	}
	s->kept_layers = 1;
	return 0;
}

/* ---- accounts -------------------------------------------------------------------------------- */

/* Has a line of TEXT the number ID in its third field, or NAME in its first? */
static int has_account(const char *text, const char *name, unsigned id)
{
	size_t len = strlen(name);

	for (const char *line = text; *line; line += *line == '\n') {
		size_t n = strcspn(line, "\n");
		const char *second = memchr(line, ':', n);
		const char *third =
			second ? memchr(second + 1, ':', n - (size_t)(second + 1 - line)) : NULL;
		if (third && strtoull(third + 1, NULL, 10) == id && third[1] >= '0' &&
		    third[1] <= '9')
			return 1;
		if (second && (size_t)(second - line) == len && memcmp(line, name, len) == 0)
			return 1;
		line += n;
	}
	return 0;
}

/* Write it into the container's own directory, with the owners that the old one has. */
static int write_file(const struct root *root, const char *name, const struct root_file *old,
		      const char *line, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(fd) int upper =
		openat(root->dir_fd, root->upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	scoped(fd) int etc = -EBADF;
	int is_new;

	if (upper < 0)
		return err_sys(e, "open %s", root->upper);
	is_new = mkdirat(upper, "etc", old->dir.st_mode & 07777) == 0;
	if (!is_new && errno != EEXIST)
		return err_sys(e, "make directory etc");
	etc = openat(upper, "etc", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (etc < 0)
		return err_sys(e, "open etc");
	if (is_new && (fchown(etc, old->dir.st_uid, old->dir.st_gid) < 0 ||
		       fchmod(etc, old->dir.st_mode & 07777) < 0))
		return err_sys(e, "give etc its owner");
	(void)strbuf_puts(&b, old->text);
	if (b.len && b.s[b.len - 1] != '\n')
		(void)strbuf_putc(&b, '\n');
	if (strbuf_puts(&b, line) < 0)
		return err_errno(e, ENOMEM, "add an account");
	if (path_replace(etc, name, b.s, b.len, old->st.st_mode & 07777, 0, e) < 0)
		return e->code;
	return fchownat(etc, name, old->st.st_uid, old->st.st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
			       fchmodat(etc, name, old->st.st_mode & 07777, 0) < 0
		       ? err_sys(e, "give %s its owner", name)
		       : 0;
}

static int add_account(const struct root *root, const char *file, const char *name, unsigned id,
		       const char *line, struct err *e)
{
	scoped(root_file) struct root_file a = { 0 };
	int r = root_read(root, "etc", file, ACCOUNTS_MAX, &a, e);

	if (r <= 0 || !a.text || has_account(a.text, name, id))
		return r < 0 ? r : 0;
	return write_file(root, file, &a, line, e);
}

/* The home is the host's where that is mounted, else where the container works. */
static const char *home_of(const struct container_spec *s, const char *home)
{
	for (size_t i = 0; i < json_len(s->mounts); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(s->mounts, i), "destination"),
			   home) == 0)
			return home;
	return s->workdir && *s->workdir ? s->workdir : "/";
}

static int add_caller(struct engine *en, const struct container_spec *s, const struct root *root,
		      struct err *e)
{
	scoped(account) struct account who = ACCOUNT_NONE;
	scoped(mem) char *user = NULL;
	scoped(mem) char *group = NULL;
	unsigned uid = (unsigned)en->uid, gid = (unsigned)en->gid;

	/* What would break the line is left out: nobody has such a name. */
	if (!account_find(en->uid, &who) || strpbrk(who.name, ":\n") || strpbrk(who.home, ":\n") ||
	    (s->workdir && strpbrk(s->workdir, ":\n")))
		return 0;
	user = str_printf("%s:*:%u:%u::%s:/bin/sh\n", who.name, uid, gid, home_of(s, who.home));
	group = str_printf("%s:x:%u:%s\n", who.name, gid, who.name);
	if (!user || !group)
		return err_errno(e, ENOMEM, "add an account");
	return add_account(root, "passwd", who.name, uid, user, e) < 0 ||
			       add_account(root, "group", who.name, gid, group, e) < 0
		       ? e->code
		       : 0;
}

int keep_id_root(struct engine *en, const struct container_spec *s, const char *id, struct err *e)
{
	scoped(root) struct root root = ROOT_NONE;
	const struct container c = { .id = (char *)id };
	struct stat st;
	int r;

	if (!s->kept_layers)
		return 0;
	r = root_of_container(en, &c, s, &root, e);
	if (r < 0)
		return r;
	if (fstatat(root.dir_fd, root.upper, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat %s", root.upper);
	/* Id 0 here is the caller, whose place in the container's numbers root took. */
	if (st.st_uid == 0 &&
	    fchownat(root.dir_fd, root.upper, en->uid != 0, en->gid != 0, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "give the root directory to root");
	return add_caller(en, s, &root, e);
}
