/* SPDX-License-Identifier: Apache-2.0 */
/* Both ways: for each record its files, for each file its record.  The publishing lock is held for
 * the second, so that nothing is taken for a leftover that is just about to get its record. */
#include "src/image/image_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "overlay/layer.h"
#include "overlay/layer_measure.h"
#include "overlay/layer_verify.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/strbuf.h"

#define DIFFERENT "it is %lld bytes, not %lld"

/* ---- findings -------------------------------------------------------------------------------- */

void check_done(struct check *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->found[i].name);
		free(c->found[i].text);
	}
	free(c->found);
	c->found = NULL;
	c->n = c->n_damages = 0;
}

int check_add(struct check *c, enum check_of of, const char *name, const char *fmt, ...)
{
	struct check_finding *f = reallocarray(c->found, c->n + 1, sizeof(*f));
	va_list ap;
	int r;

	if (!f)
		return -ENOMEM;
	c->found = f;
	f = &f[c->n];
	*f = (struct check_finding){ .of = of, .name = strdup(name) };
	va_start(ap, fmt);
	r = vasprintf(&f->text, fmt, ap);
	va_end(ap);
	if (r < 0 || !f->name) {
		free(f->name);
		if (r >= 0)
			free(f->text);
		return -ENOMEM;
	}
	c->n++;
	c->n_damages += of != CHECK_LEFTOVER;
	return 0;
}

int check_add_leftover(struct engine *en, struct check *c, const char *path)
{
	struct stat st;
	struct timespec now;
	int r;

	if (fstatat(en->graph_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0; /* gone by now */
	(void)clock_gettime(CLOCK_REALTIME, &now);
	r = check_add(c, CHECK_LEFTOVER, path, "no record names it");
	/* Some command should have removed it long ago. */
	if (r == 0 && now.tv_sec - st.st_mtime > c->max_s)
		c->n_damages++;
	return r;
}

int check_has(const struct check *c, enum check_of of, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->found[i].of == of && strcmp(c->found[i].name, name) == 0)
			return 1;
	return 0;
}

/* ---- the database ---------------------------------------------------------------------------- */

static int check_database(struct store *s, struct check *c, struct err *e)
{
	static const char *const pragmas[] = { "PRAGMA integrity_check(20)",
					       "PRAGMA quick_check(20)" };
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(stmt) struct sqlite3_stmt *keys = NULL;
	int r = store_query(s, &q, e, pragmas[c->quick != 0], "");

	while (r == 0 && (r = store_step(q, e)) > 0) {
		const char *text = store_text(q, 0);
		r = text && strcmp(text, "ok") != 0
			    ? check_add(c, CHECK_DATABASE, "db.sqlite", "%s", text)
			    : 0;
	}
	if (r == 0)
		r = store_query(s, &keys, e, "PRAGMA foreign_key_check", "");
	while (r == 0 && (r = store_step(keys, e)) > 0)
		r = check_add(c, CHECK_DATABASE, "db.sqlite",
			      "a row of %s names one of %s that is not there", store_text(keys, 0),
			      store_text(keys, 2));
	return r;
}

/* ---- layers ---------------------------------------------------------------------------------- */

struct layer_row {
	char *name, *diff_id;
	int64_t diff_size, tree_size;
};

static void rows_free(struct layer_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(rows[i].name);
		free(rows[i].diff_id);
	}
	free(rows);
}

/* All of them before the first is looked at: no transaction is open meanwhile. */
static int read_rows(struct store *s, struct layer_row **ret, size_t *n, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e,
			    "SELECT name, diff_id, diff_size, tree_size FROM layer ORDER BY name",
			    "");

	while (r == 0 && (r = store_step(q, e)) > 0) {
		struct layer_row *more = reallocarray(*ret, *n + 1, sizeof(*more));
		if (!more)
			return err_errno(e, ENOMEM, "read layers");
		*ret = more;
		more = &more[(*n)++];
		*more = (struct layer_row){ .name = strdup(store_text(q, 0)),
					    .diff_id = strdup(store_text(q, 1)),
					    .diff_size = store_int(q, 2),
					    .tree_size = store_int(q, 3) };
		r = more->name && more->diff_id ? 0 : err_errno(e, ENOMEM, "read layers");
	}
	return r;
}

/* A tree of its own beside it, for a moment. */
static int verify(struct engine *en, int dir, struct layer_result *ret, int *ret_same,
		  struct err *e)
{
	scoped(mem) char *tmp = NULL;
	scoped(fd) int scratch = -EBADF;
	scoped(fd) int lease = -EBADF;
	int r = engine_tmpdir(en, &tmp, &scratch, &lease, e);

	if (r == 0)
		r = layer_verify(en->run_fd, dir, scratch, ret, ret_same, e);
	if (tmp)
		engine_tmpdir_remove(en, tmp);
	if (r == -EROFS)
		return err_hint(e, "layers cannot be unpacked once more: --quick does without");
	if (r == -ENOSPC || r == -EDQUOT)
		return err_hint(e, "there is no room to unpack the largest layer once more: "
				   "--quick does without");
	return r;
}

/* Every byte, every name: the tar stream is made again, and unpacked. */
static int check_contents(struct engine *en, struct check *c, const struct layer_row *l, int dir,
			  struct err *e)
{
	struct layer_result got = { 0 };
	int same = 0, r = verify(en, dir, &got, &same, e);

	if (r == -EBADMSG || r == -ENOENT || r == -EINVAL || r == -ENOTDIR || r == -EISDIR) {
		r = check_add(c, CHECK_LAYER, l->name, "%s", e->text);
		err_clear(e);
		return r;
	}
	if (r < 0)
		return r;
	if (got.diff_size != l->diff_size)
		return check_add(c, CHECK_LAYER, l->name, "as a tar " DIFFERENT,
				 (long long)got.diff_size, (long long)l->diff_size);
	if (strcmp(got.diff_id, l->diff_id) != 0)
		return check_add(c, CHECK_LAYER, l->name, "it is %s, not %s", got.diff_id,
				 l->diff_id);
	return same ? 0
		    : check_add(c, CHECK_LAYER, l->name,
				"its files are not those of its archive: names, owners, modes or "
				"links differ");
}

static int check_layer(struct engine *en, struct check *c, const struct layer_row *l, struct err *e)
{
	char diff[] = "diff", kept[] = "kept";
	char *const trees[] = { diff, kept, NULL };
	scoped(mem) char *path = str_printf("layers/%s", l->name);
	scoped(fd) int dir =
		path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		     : -1;
	int64_t size = 0;
	int r;

	if (!digest_is_valid(l->diff_id))
		return check_add(c, CHECK_LAYER, l->name, "its record is damaged");
	if (image_layer_is_elsewhere(l->name)) /* whose contents are its owner's matter */
		return image_layer_is_there(l->name) ? 0
						     : check_add(c, CHECK_LAYER, l->name,
								 "its additional image store has "
								 "it no more, or is not mounted");
	if (dir < 0)
		return check_add(c, CHECK_LAYER, l->name, "its directory: %s", strerror(errno));
	if (faccessat(dir, "split", R_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return check_add(c, CHECK_LAYER, l->name, "its file split: %s", strerror(errno));
	r = layer_measure(en->run_fd, dir, trees, &size, e);
	if (r == -ENOENT || r == -ENOTDIR) {
		r = check_add(c, CHECK_LAYER, l->name, "its files: %s", strerror(-r));
		err_clear(e);
		return r;
	}
	if (r < 0)
		return r;
	if (size != l->tree_size) {
		r = check_add(c, CHECK_LAYER, l->name, "its files: " DIFFERENT, (long long)size,
			      (long long)l->tree_size);
		if (r < 0)
			return r;
	}
	return c->quick ? 0 : check_contents(en, c, l, dir, e);
}

static int check_layers(struct engine *en, struct store *s, struct check *c, struct err *e)
{
	struct layer_row *rows = NULL;
	size_t n = 0;
	int r = read_rows(s, &rows, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = check_layer(en, c, &rows[i], e);
		if (r == -ENOMEM && !e->code)
			r = err_errno(e, ENOMEM, "check the store");
	}
	rows_free(rows, n);
	return r;
}

/* ---- images ---------------------------------------------------------------------------------- */

static int list(struct store *s, const char *sql, char ***ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, sql, "");

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(ret, store_text(q, 0)) < 0 ? err_errno(e, ENOMEM, "read records") : 0;
	return r;
}

/* The documents agree with the records. */
static int check_documents(struct engine *en, struct check *c, const struct image *i, struct err *e)
{
	json_object *ids = json_path(i->config, "rootfs", "diff_ids", NULL);
	size_t n = strv_len(i->layers);

	if (json_len(ids) != n)
		return check_add(c, CHECK_IMAGE, i->id, "it has %zu layers, its config says %zu", n,
				 json_len(ids));
	for (size_t k = 0; k < n; k++) {
		const char *want = json_str_at(ids, k);
		scoped(mem) char *name = NULL;
		int r = image_layer_by_diff_id(en, want ? want : "", &name, e);
		if (r < 0 && r != -ENOENT)
			return r;
		err_clear(e);
		if (r < 0 || strcmp(name, i->layers[k]) != 0)
			return check_add(c, CHECK_IMAGE, i->id,
					 "layer %zu is not that of its config", k + 1);
		if (check_has(c, CHECK_LAYER, name))
			return check_add(c, CHECK_IMAGE, i->id, "layer %s is damaged", name);
	}
	return 0;
}

static int check_images(struct engine *en, struct store *s, struct check *c, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int r = list(s, "SELECT id FROM image ORDER BY id", &ids, e);

	for (char **id = ids; id && *id && r == 0; id++) {
		scoped(image) struct image *i = NULL;
		r = image_by_id(en, *id, &i, e);
		if (r == -ENOENT) { /* removed meanwhile */
			err_clear(e);
			r = 0;
		} else if (r == -EBADMSG) {
			r = check_add(c, CHECK_IMAGE, *id, "%s", e->text);
			err_clear(e);
		} else if (r == 0) {
			r = check_documents(en, c, i, e);
		}
	}
	return r;
}

/* ---- leftovers ------------------------------------------------------------------------------- */

static int is_known(char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(*names, name) == 0)
			return 1;
	return 0;
}

/* What a living process has under way keeps its lease. */
static int is_leased(int tmp, const char *name)
{
	scoped(mem) char *lease =
		str_ends(name, ".lease") ? strdup(name) : str_printf("%s.lease", name);
	struct err ignored;
	struct stat st;
	int fd;

	if (!lease || fstatat(tmp, lease, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	fd = lock_file(tmp, lease, LOCK_SHARED, 0, &ignored);
	fd_close(fd);
	return fd < 0;
}

static int check_dir(struct engine *en, struct check *c, const char *dir, char *const *known,
		     int with_leases)
{
	int fd = openat(en->graph_fd, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return 0; /* nothing was ever there */
	}
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		scoped(mem) char *path = str_printf("%s/%s", dir, de->d_name);
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0 ||
		    is_known(known, de->d_name) || (with_leases && is_leased(fd, de->d_name)))
			continue;
		r = path ? check_add_leftover(en, c, path) : -ENOMEM;
	}
	return r;
}

static int check_leftovers(struct engine *en, struct store *s, struct check *c, struct err *e)
{
	scoped(strv) char **layers = NULL;
	scoped(strv) char **unused = NULL;
	scoped(strv) char **blobs = NULL;
	scoped(fd) int lock = lock_file(en->graph_fd, "publish.lock", LOCK_EXCLUSIVE, 1, e);
	int r = lock < 0 ? lock : list(s, "SELECT name FROM layer", &layers, e);

	if (r == 0)
		r = list(s,
			 "SELECT name FROM layer WHERE name NOT IN (SELECT layer FROM image_layer)",
			 &unused, e);
	if (r == 0)
		r = list(s, IMAGE_BLOBS, &blobs, e);
	if (r < 0)
		return r;
	for (char **l = unused; l && *l && r == 0; l++) {
		scoped(mem) char *path = str_printf("layers/%s", *l);
		if (!image_layer_is_elsewhere(*l))
			r = path ? check_add_leftover(en, c, path) : -ENOMEM;
	}
	if (r == 0)
		r = check_dir(en, c, "layers", layers, 0);
	if (r == 0)
		r = check_dir(en, c, "blobs/sha256", blobs, 0);
	if (r == 0)
		r = check_dir(en, c, "tmp", NULL, 1);
	return r < 0 ? err_errno(e, r, "check the store") : 0;
}

int image_check(struct engine *en, struct check *c, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = s ? check_database(s, c, e) : e->code;

	if (r == 0)
		r = check_layers(en, s, c, e);
	if (r == 0)
		r = check_images(en, s, c, e);
	if (r == 0)
		r = check_leftovers(en, s, c, e);
	if (r < 0 && !e->code)
		return err_errno(e, r, "check the store");
	return r;
}

/* ---- repair ---------------------------------------------------------------------------------- */

/* The contents are right, the number is not: it is written anew. */
static int mend_size(struct engine *en, struct store *s, const char *name, struct err *e)
{
	char diff[] = "diff", kept[] = "kept";
	char *const trees[] = { diff, kept, NULL };
	scoped(mem) char *path = str_printf("layers/%s", name);
	scoped(fd) int dir =
		path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
		     : -1;
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct check again = { .quick = 1 };
	struct layer_row l = { .name = (char *)name };
	int64_t size = 0;
	int r = dir < 0 ? -ENOENT : layer_measure(en->run_fd, dir, trees, &size, e);

	if (r < 0)
		return 0; /* it is missing: more than a number is wrong */
	r = store_query(s, &q, e, "SELECT diff_id, diff_size FROM layer WHERE name = ?", "s", name);
	if (r == 0)
		r = store_step(q, e);
	if (r <= 0)
		return r;
	l.diff_id = strdup(store_text(q, 0));
	l.diff_size = store_int(q, 1);
	store_finish(take_ptr(&q));
	r = l.diff_id ? check_contents(en, &again, &l, dir, e) : err_errno(e, ENOMEM, "repair");
	free(l.diff_id);
	if (r == 0 && again.n == 0) {
		r = store_exec(s, e, "UPDATE layer SET tree_size = ? WHERE name = ?", "is", size,
			       name);
		r = r < 0 ? r : 1;
	} else if (r == 0) {
		r = 0;
	}
	check_done(&again);
	return r;
}

static int remove_damaged(struct engine *en, const char *id, check_busy_fn *busy, void *arg,
			  char ***deleted, struct err *e)
{
	struct image_remove_result res = { 0 };
	int r = image_remove_unused(en, id, 0, &res, e);

	if (r == -EBUSY && busy(arg, id, e) == 1) {
		err_clear(e);
		r = image_remove_unused(en, id, 0, &res, e);
	}
	image_remove_result_done(&res);
	if (r == -EBUSY || r == -ENOENT) {
		err_clear(e);
		return 0; /* the second look tells that it is still there */
	}
	if (r == 0 && strv_add(deleted, id) < 0)
		r = err_errno(e, ENOMEM, "repair the store");
	return r;
}

/* Images that have layer NAME. */
static int remove_users(struct engine *en, struct store *s, const char *name, check_busy_fn *busy,
			void *arg, char ***deleted, struct err *e)
{
	scoped(strv) char **ids = NULL;
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, "SELECT DISTINCT image_id FROM image_layer WHERE layer = ?",
			    "s", name);

	while (r == 0 && (r = store_step(q, e)) > 0)
		r = strv_add(&ids, store_text(q, 0)) < 0 ? err_errno(e, ENOMEM, "repair") : 0;
	store_finish(take_ptr(&q));
	for (char **id = ids; id && *id && r == 0; id++)
		r = remove_damaged(en, *id, busy, arg, deleted, e);
	return r;
}

int image_check_repair(struct engine *en, const struct check *c, check_busy_fn *busy, void *arg,
		       char ***ret_deleted, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(strv) char **mended = NULL;
	scoped(check) struct check again = { .quick = 1, .max_s = c->max_s };
	int r = s ? 0 : e->code;

	for (size_t i = 0; i < c->n && r >= 0; i++) {
		const struct check_finding *f = &c->found[i];
		if (f->of != CHECK_LAYER || is_known(mended, f->name))
			continue;
		r = mend_size(en, s, f->name, e);
		if (r == 1)
			r = strv_add(&mended, f->name) < 0 ? err_errno(e, ENOMEM, "repair") : 0;
		else if (r == 0)
			r = remove_users(en, s, f->name, busy, arg, ret_deleted, e);
	}
	/* One whose layer was mended has nothing wrong any more. */
	if (r >= 0)
		r = image_check(en, &again, e);
	for (size_t i = 0; i < c->n && r >= 0; i++) {
		const struct check_finding *f = &c->found[i];
		if (f->of == CHECK_IMAGE && check_has(&again, CHECK_IMAGE, f->name))
			r = remove_damaged(en, f->name, busy, arg, ret_deleted, e);
	}
	if (r < 0)
		return r;
	/* Rows of layers that no image has any more go with their directories. */
	(void)store_exec(s, e,
			 "DELETE FROM layer WHERE name NOT IN (SELECT layer FROM image_layer)", "");
	engine_collect(en);
	image_collect(en);
	return 0;
}
