/* SPDX-License-Identifier: Apache-2.0 */
/* The files that tell what a store has are copied before they are read, with a look at them before
 * and after: what changed meanwhile is copied again.  Two changes within one tick of the clock of a
 * file system look like one (inode(7)), so that a catalogue made of files as fresh as that is not
 * believed a second time. */
#include "src/image/image_stores.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "src/image/catalogue.h"
#include "src/image/image.h"
#include "src/store/store.h"
#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define FRESH_NS    100000000LL
#define NS_PER_S    1000000000LL
#define TRIES	    5
#define INDEX_MAX   ((size_t)64 << 20) /* bytes of one list or database */
#define STAMP_MAX   512
#define FILES	    3
#define CATALOGUE_V "5" /* in stamps: what another version of cove made is made anew */

size_t image_stores_n(const struct engine *en)
{
	return 1 + strv_len(en->stores);
}

/* ---- what a store is ------------------------------------------------------------------------- */

struct kind {
	const char *mark;	  /* a store of this kind has it */
	const char *files[FILES]; /* what tells its contents; they may be missing */
};
enum { KIND_COVE, KIND_PODMAN };
static const struct kind kinds[] = {
	[KIND_COVE] = { "db.sqlite", { "db.sqlite", "db.sqlite-wal", NULL } },
	[KIND_PODMAN] = { "overlay-images",
			  { "overlay-images/images.json", "overlay-layers/layers.json",
			    "artifacts/index.json" } },
};

static int kind_of(int root, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (faccessat(root, kinds[i].mark, F_OK, 0) == 0)
			return (int)i;
		if (errno != ENOENT)
			return err_sys(e, "%s", kinds[i].mark);
	}
	if (faccessat(root, "vfs-images", F_OK, 0) == 0)
		return err_set(e, -ENOTSUP, "of Podman's storage drivers only overlay can be read");
	return err_set(e, -ENOENT, "it is no store of cove or Podman");
}

/* How the files look now; *FRESH: not for long. */
static int stamp(int root, const struct kind *k, char out[STAMP_MAX], int *fresh, struct err *e)
{
	struct timespec now;
	size_t n = (size_t)snprintf(out, STAMP_MAX, CATALOGUE_V);

	(void)clock_gettime(CLOCK_REALTIME, &now);
	*fresh = 0;
	for (size_t i = 0; i < FILES && k->files[i]; i++) {
		struct stat st;
		int64_t age;
		if (fstatat(root, k->files[i], &st, 0) < 0) {
			if (errno != ENOENT)
				return err_sys(e, "%s", k->files[i]);
			n += (size_t)snprintf(out + n, STAMP_MAX - n, " -");
			continue;
		}
		n += (size_t)snprintf(out + n, STAMP_MAX - n, " %llx:%llx:%lld:%lld.%ld:%lld.%ld",
				      (unsigned long long)st.st_dev, (unsigned long long)st.st_ino,
				      (long long)st.st_size, (long long)st.st_mtim.tv_sec,
				      st.st_mtim.tv_nsec, (long long)st.st_ctim.tv_sec,
				      st.st_ctim.tv_nsec);
		age = (now.tv_sec - st.st_mtim.tv_sec) * NS_PER_S + now.tv_nsec -
		      st.st_mtim.tv_nsec;
		*fresh |= age > -FRESH_NS && age < FRESH_NS;
	}
	return 0;
}

/* ---- making a catalogue ---------------------------------------------------------------------- */

struct index_file {
	char *bytes;
	size_t n;
};

static void index_done(struct index_file f[FILES])
{
	for (size_t i = 0; i < FILES; i++) {
		free(f[i].bytes);
		f[i] = (struct index_file){ 0 };
	}
}

/* All files as they were at one moment, and their stamp. */
static int read_index(int root, const struct kind *k, struct index_file f[FILES],
		      char out[STAMP_MAX], int *fresh, struct err *e)
{
	char after[STAMP_MAX];
	int r = 0, ignored;

	for (int try = 0; try < TRIES && r == 0; try++) {
		index_done(f);
		r = stamp(root, k, out, fresh, e);
		for (size_t i = 0; i < FILES && k->files[i] && r == 0; i++) {
			r = path_read(root, k->files[i], INDEX_MAX, &f[i].bytes, &f[i].n, e);
			if (r == -ENOENT) {
				err_clear(e);
				r = 0;
			}
		}
		if (r == 0)
			r = stamp(root, k, after, &ignored, e);
		if (r == 0 && strcmp(out, after) == 0)
			return 0;
		err_clear(e);
	}
	return r < 0 ? err_in(e, "read its lists") : err_set(e, -EAGAIN, "it changes all the time");
}

/* SQLite wants files: private ones, for the time being. */
static int read_cove(int dir, const char *dir_path, const char *root,
		     const struct index_file f[FILES], struct store *db, struct err *e)
{
	static const char *const names[] = { "copy", "copy-wal" };
	scoped(mem) char *copy = str_printf("%s/copy", dir_path);
	int r = copy ? 0 : err_errno(e, ENOMEM, "read its database");

	for (size_t i = 0; i < ARRAY_LEN(names) && r == 0; i++)
		if (f[i].bytes)
			r = path_replace(dir, names[i], f[i].bytes, f[i].n, 0600, 0, e);
	return r < 0 ? r : catalogue_read_cove(root, copy, db, e);
}

static int fill(int root_fd, int kind, const char *root, int dir, const char *dir_path,
		struct store *db, struct err *e)
{
	struct index_file f[FILES] = { 0 };
	char text[STAMP_MAX];
	int fresh = 0, r = read_index(root_fd, &kinds[kind], f, text, &fresh, e);

	if (r == 0)
		r = store_begin(db, 0, e);
	if (r == 0)
		r = kind == KIND_COVE ? read_cove(dir, dir_path, root, f, db, e)
				      : catalogue_read_podman(root, f[0].bytes, f[0].n, f[1].bytes,
							      f[1].n, db, e);
	if (r == 0 && kind == KIND_PODMAN)
		r = catalogue_read_podman_signatures(root, f[0].bytes, f[0].n, db, e);
	if (r == 0 && kind == KIND_PODMAN)
		r = catalogue_read_podman_artifacts(root, f[2].bytes, f[2].n, db, e);
	index_done(f);
	if (r == 0)
		r = store_exec(db, e, "INSERT INTO source (stamp) VALUES (?)", "s",
			       fresh ? "" : text);
	return r < 0 ? r : store_commit(db, e);
}

/* Make it in a directory of its own, then give it its NAME below runroot/stores. */
static int make(const struct engine *en, int stores, int root_fd, int kind, const char *root,
		const char *name, struct err *e)
{
	scoped(store) struct store *db = NULL;
	scoped(mem) char *dir_path = NULL;
	scoped(mem) char *path = NULL;
	scoped(fd) int dir = -EBADF;
	char tmp[17];
	int r = id_random(tmp, sizeof(tmp) - 1);

	if (r < 0)
		return err_errno(e, r, "make a name");
	dir_path = str_printf("%s/stores/%s", en->runroot, tmp);
	path = str_printf("%s/stores/%s/db", en->runroot, tmp);
	if (!dir_path || !path)
		return err_errno(e, ENOMEM, "make its catalogue");
	if (mkdirat(stores, tmp, 0700) < 0)
		return err_sys(e, "make directory %s", dir_path);
	dir = openat(stores, tmp, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = dir < 0 ? err_sys(e, "open %s", dir_path)
		    : store_open_file(path, STORE_CATALOGUE_NEW, &db, e);
	if (r == 0)
		r = fill(root_fd, kind, root, dir, dir_path, db, e);
	db = store_close(db);
	if (r == 0 && renameat(dir, "db", stores, name) < 0)
		r = err_sys(e, "name the catalogue %s", name);
	(void)path_rmtree(stores, tmp); /* dies with the runroot at the latest */
	return r;
}

/* ---- reading one ----------------------------------------------------------------------------- */

static int open_catalogue(const struct engine *en, const char *name, struct store **ret,
			  struct err *e)
{
	scoped(mem) char *path = str_printf("%s/stores/%s", en->runroot, name);

	return path ? store_open_file(path, STORE_CATALOGUE, ret, e)
		    : err_errno(e, ENOMEM, "open its catalogue");
}

static int has_stamp(struct store *db, const char *want)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct err ignored;

	return store_query(db, &q, &ignored, "SELECT stamp FROM source", "") == 0 &&
	       store_step(q, &ignored) == 1 && store_text(q, 0) &&
	       strcmp(store_text(q, 0), want) == 0;
}

int image_store_is_ours(const struct engine *en, const char *root)
{
	struct stat a, b;

	return stat(root, &a) == 0 && fstat(en->graph_fd, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int open_stores_dir(const struct engine *en, struct err *e)
{
	int fd;

	if (mkdirat(en->run_fd, "stores", 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/stores", en->runroot);
	fd = openat(en->run_fd, "stores", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s/stores", en->runroot) : fd;
}

static int open_store(const struct engine *en, const char *root, struct store **ret, struct err *e)
{
	scoped(fd) int root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(fd) int stores = -EBADF;
	char hash[SHA256_TEXT_LEN], name[24], text[STAMP_MAX];
	int kind, fresh, r;

	if (root_fd < 0)
		return err_errno(e, errno, "open it");
	if (image_store_is_ours(en, root))
		return 0;
	if (strpbrk(root, ",:\\"))
		return err_set(e, -EINVAL, "a path with ',', ':' or '\\' cannot be used");
	kind = kind_of(root_fd, e);
	if (kind < 0)
		return kind;
	r = stamp(root_fd, &kinds[kind], text, &fresh, e);
	if (r < 0)
		return r;
	sha256_text(root, strlen(root), hash);
	(void)snprintf(name, sizeof(name), "%.16s.db", hash + strlen("sha256:"));
	if (open_catalogue(en, name, ret, e) == 0 && has_stamp(*ret, text))
		return 0;
	err_clear(e);
	*ret = store_close(*ret);
	stores = open_stores_dir(en, e);
	if (stores < 0)
		return stores;
	r = make(en, stores, root_fd, kind, root, name, e);
	return r < 0 ? r : open_catalogue(en, name, ret, e);
}

static void tell(const struct engine *en, const char *root, const struct err *why)
{
	scoped(mem) char *text =
		str_printf("additional image store %s is left out: %s", root, why->text);

	if (en->warn && text)
		en->warn(text);
	else
		dbg("additional image store %s: %s", root, why->text);
}

/* *WHY is filled when it was tried now and could not be read. */
static struct store *catalogue(struct engine *en, size_t k, struct err *why)
{
	struct engine_catalogue *c;

	if (!en->catalogues)
		en->catalogues = calloc(image_stores_n(en), sizeof(*en->catalogues));
	if (!en->catalogues)
		return NULL; /* no memory: as if it were not there, and the next call will tell */
	c = &en->catalogues[k - 1];
	if (c->is_tried)
		return c->db;
	c->is_tried = 1;
	if (open_store(en, en->stores[k - 1], &c->db, why) < 0)
		c->db = store_close(c->db);
	return c->db;
}

struct store *image_store_db(struct engine *en, size_t k, struct err *e)
{
	struct err why = { 0 };
	struct store *s = k == 0 ? engine_store(en, e) : catalogue(en, k, &why);

	if (why.code < 0)
		tell(en, en->stores[k - 1], &why);
	return s;
}

struct store *image_store_need(struct engine *en, size_t k, struct err *e)
{
	struct store *s = k == 0 ? engine_store(en, e) : catalogue(en, k, e);

	if (!s && k > 0)
		(void)(e->code < 0
			       ? err_in(e, "store %s", en->stores[k - 1])
			       : err_set(e, -ENOENT, "store %s cannot be read", en->stores[k - 1]));
	return s;
}

struct store *image_store_db_of(struct engine *en, const struct image *i, struct err *e)
{
	for (size_t k = 1; i->store && k < image_stores_n(en); k++)
		if (strcmp(en->stores[k - 1], i->store) == 0)
			return image_store_db(en, k, e);
	return engine_store(en, e);
}

const char *image_store_of(const struct engine *en, const char *path)
{
	for (char *const *s = en->stores; s && *s; s++)
		if (path_is_below(path, *s))
			return *s;
	return "";
}

/* ---- layers ---------------------------------------------------------------------------------- */

int image_layer_is_elsewhere(const char *name)
{
	return name[0] == '/';
}

int image_layer_dir(const struct engine *en, const char *name, struct err *e)
{
	scoped(mem) char *path =
		image_layer_is_elsewhere(name) ? strdup(name) : str_printf("layers/%s", name);
	int fd;

	if (!path)
		return err_errno(e, ENOMEM, "open layer %s", name);
	fd = openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open layer %s", name) : fd;
}

int image_layer_is_there(const char *name)
{
	scoped(mem) char *tree = str_printf("%s/diff", name);
	struct stat st;

	return !image_layer_is_elsewhere(name) ||
	       (tree && lstat(tree, &st) == 0 && S_ISDIR(st.st_mode));
}

static int has_mask(int fd)
{
	static const char *const names[] = { "user.containers.override_stat",
					     "user.fuseoverlayfs.override_stat" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (fgetxattr(fd, names[i], NULL, 0) > 0)
			return 1;
	return 0;
}

/* The tree has it, or what is in it. */
int image_layer_is_masked(const char *name)
{
	scoped(mem) char *tree =
		image_layer_is_elsewhere(name) ? str_printf("%s/diff", name) : NULL;
	int fd = tree ? open(tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -EBADF;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int masked;

	if (!d) {
		fd_close(fd);
		return 0;
	}
	masked = has_mask(fd);
	for (struct dirent *de; !masked && (de = readdir(d));) {
		scoped(fd) int in = -EBADF;

		if (de->d_type != DT_DIR && de->d_type != DT_REG)
			continue;
		in = openat(fd, de->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		masked = in >= 0 && strcmp(de->d_name, "..") != 0 && has_mask(in);
	}
	return masked;
}

/* The directory round the tree is its maker's, whatever the layer says of the tree. */
int image_layer_is_foreign(const char *name)
{
	struct stat st;

	return image_layer_is_elsewhere(name) && lstat(name, &st) == 0 && st.st_uid != geteuid();
}

int image_layer_is_unfit(const struct engine *en, const char *name)
{
	return (en->copy_layers && image_layer_is_elsewhere(name)) ||
	       image_layer_is_foreign(name) || image_layer_is_masked(name);
}

char *image_layer_path(const struct engine *en, const char *name)
{
	return image_layer_is_elsewhere(name)
		       ? str_printf("%s/diff", name)
		       : str_printf("%s/layers/%s/diff", en->graphroot, name);
}

char *image_layer_tree(const struct engine *en, const char *name, struct err *e)
{
	int elsewhere = image_layer_is_elsewhere(name);
	char *tree = str_printf("%s%s/diff", elsewhere ? "" : "layers/", name);

	if (!tree)
		(void)err_errno(e, ENOMEM, "find a layer");
	if (!tree || image_layer_is_there(name))
		return tree;
	free(tree);
	(void)err_set(e, -ENOENT, "layer %s is not there", name);
	(void)err_hint(e, "it belongs to an additional image store, %s",
		       *image_store_of(en, name) ? "which has lost it: pull the image anew"
						 : "which storage.conf does not name any more");
	return NULL;
}
