/* SPDX-License-Identifier: Apache-2.0 */
/* Records of artifacts: finding, listing, removing, extracting. */
#include "src/image/artifact.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/artifact_store.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

struct artifact *artifact_free(struct artifact *a)
{
	if (!a)
		return NULL;
	free(a->id);
	free(a->name);
	free(a->digest);
	json_free(a->manifest);
	free(a);
	return NULL;
}

void artifact_list_free(struct artifact **list, size_t n)
{
	for (size_t i = 0; list && i < n; i++)
		(void)artifact_free(list[i]);
	free(list);
}

int64_t artifact_size(const struct artifact *a)
{
	json_object *layers = json_get(a->manifest, "layers");
	int64_t size = 0;

	for (size_t i = 0; i < json_len(layers); i++)
		size += json_get_int(json_object_array_get_idx(layers, i), "size", 0);
	return size;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A row with id, name, digest, added. */
static int read_row(struct engine *en, struct sqlite3_stmt *q, struct artifact **ret, struct err *e)
{
	scoped(artifact) struct artifact *a = calloc(1, sizeof(*a));
	scoped(mem) char *text = NULL;
	size_t n = 0;

	if (!a)
		return err_errno(e, ENOMEM, "read an artifact");
	a->id = strdup(store_text(q, 0));
	a->name = store_text(q, 1) ? strdup(store_text(q, 1)) : NULL;
	a->digest = strdup(store_text(q, 2));
	a->added = store_int(q, 3);
	if (!a->id || !a->digest || (store_text(q, 1) && !a->name))
		return err_errno(e, ENOMEM, "read an artifact");
	if (!digest_is_valid(a->digest))
		return err_set(e, -EBADMSG, "the record of artifact %.12s is damaged", a->id);
	if (image_blob_read(en, a->digest, &text, &n, e) < 0 ||
	    json_parse(text, n, &a->manifest, e) < 0)
		return err_in(e, "artifact %s", a->name ? a->name : a->digest);
	*ret = take_ptr(&a);
	return 0;
}

#define ROW "SELECT id, name, digest, added FROM artifact "

/* Of store number K: 1 with *RET, 0: there is none, or the error. */
static int first_in(struct engine *en, size_t k, const char *sql, const char *arg,
		    struct artifact **ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct artifact *a = NULL;
	struct store *s = image_store_db(en, k, e);
	int r;

	if (!s)
		return k ? 0 : e->code;
	r = store_query(s, &q, e, sql, "s", arg);
	if (r == 0)
		r = store_step(q, e);
	if (r <= 0)
		return r;
	r = read_row(en, q, &a, e);
	if (r < 0 || !a)
		return r < 0 ? r : 0;
	a->is_elsewhere = k > 0;
	*ret = a;
	return 1;
}

/* The same of all stores: our own has the first word. */
static int first(struct engine *en, const char *sql, const char *arg, struct artifact **ret,
		 struct err *e)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < image_stores_n(en); k++)
		r = first_in(en, k, sql, arg, ret, e);
	return r;
}

int artifact_find(struct engine *en, const char *ref, struct artifact **ret, struct err *e)
{
	scoped(mem) char *name = NULL;
	const char *hex = str_starts(ref, "sha256:") ? ref + 7 : ref;
	struct err ignored = { 0 };
	int r = 0;

	if (artifact_name(ref, &name, &ignored) == 0)
		r = first(en, ROW "WHERE name = ?", name, ret, e);
	if (r == 0 && !strchr(ref, '/'))
		r = first(en,
			  ROW "WHERE length(name) > length(?1) AND (substr(name, -length(?1) - 1) "
			      "= '/' || ?1 OR substr(name, -length(?1) - 8) = '/' || ?1 || "
			      "':latest') ORDER BY name LIMIT 1",
			  ref, ret, e);
	if (r == 0 && id_is_prefix(hex) && strlen(hex) >= 3)
		r = first(en,
			  ROW "WHERE name IS NOT NULL AND substr(digest, 8, length(?1)) = ?1 ORDER "
			      "BY name LIMIT 1",
			  hex, ret, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return err_set(e, -ENOENT, "%s: artifact does not exist", ref);
}

/* Add those of store number K. */
static int list_store(struct engine *en, size_t k, struct artifact ***list, size_t *n,
		      struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct store *s = image_store_db(en, k, e);
	int r;

	if (!s)
		return k ? 0 : e->code;
	r = store_query(s, &q, e, ROW "WHERE name IS NOT NULL ORDER BY name", "");
	while (r == 0 && (r = store_step(q, e)) > 0) {
		struct artifact **more = reallocarray(*list, *n + 1, sizeof(struct artifact *));
		if (!more)
			return err_errno(e, ENOMEM, "list artifacts");
		*list = more;
		r = read_row(en, q, &more[*n], e);
		if (r == 0)
			more[(*n)++]->is_elsewhere = k > 0;
	}
	return r;
}

int artifact_list(struct engine *en, struct artifact ***ret, size_t *ret_n, struct err *e)
{
	struct artifact **list = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t k = 0; r == 0 && k < image_stores_n(en); k++)
		r = list_store(en, k, &list, &n, e);
	if (r < 0) {
		artifact_list_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

int artifact_remove(struct engine *en, const char *ref, char **ret_digest, struct err *e)
{
	scoped(artifact) struct artifact *a = NULL;
	struct store *s;
	int r;

	if (artifact_find(en, ref, &a, e) < 0)
		return e->code;
	if (a->is_elsewhere)
		return err_set(e, -EROFS, "cannot remove read-only artifact \"%s\"", a->name);
	s = engine_store(en, e);
	if (!s || store_begin(s, STORE_DURABLE | STORE_REMOVES, e) < 0)
		return e->code;
	r = store_exec(s, e, "DELETE FROM artifact WHERE id = ?", "s", a->id);
	if (r < 0) {
		store_rollback(s);
		return r;
	}
	if (store_commit(s, e) < 0)
		return e->code;
	image_collect(en);
	*ret_digest = take_ptr(&a->digest);
	return 0;
}

/* ---- extracting ------------------------------------------------------------------------------ */

static const char *title_of(json_object *layer)
{
	const char *t = json_get_str(json_get(layer, "annotations"), ARTIFACT_TITLE);

	return t && *t ? t : NULL;
}

/* A title is a name from outside: one component, nothing else. */
static int check_title(const char *title, struct err *e)
{
	if (strchr(title, '/') || !strcmp(title, ".") || !strcmp(title, ".."))
		return err_set(e, -EINVAL, "the title \"%s\" is no file name", title);
	return 0;
}

/* The blob of LAYER as file NAME of the directory DIR_FD, or as it is when DIR_FD is AT_FDCWD. */
static int extract(struct engine *en, json_object *layer, int dir_fd, const char *name,
		   struct err *e)
{
	const char *digest = json_get_str(layer, "digest");
	struct stat st;
	int rc;

	if (!digest || !digest_is_valid(digest))
		return err_set(e, -EBADMSG, "the artifact is damaged in the store");
	scoped(fd) int from = image_blob_open(en, digest, e);
	if (from < 0)
		return from;
	if (fstat(from, &st) < 0)
		return err_sys(e, "stat blob %s", digest);
	ENGINE_USERS_UMASK(en);
	scoped(fd) int to =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (to < 0)
		return err_sys(e, "create %s", name);
	rc = fd_copy(from, 0, st.st_size, to);
	return rc < 0 ? err_errno(e, rc, "write %s", name) : 0;
}

static int is_wanted(json_object *layer, const struct artifact_extract_options *o)
{
	const char *digest = json_get_str(layer, "digest"), *title = title_of(layer);

	if (o->digest)
		return digest && !strncmp(digest, o->digest, strlen(o->digest));
	return !o->title || (title && !strcmp(title, o->title));
}

static int extract_to_dir(struct engine *en, json_object *layers, int dir,
			  const struct artifact_extract_options *o, struct err *e)
{
	for (size_t i = 0; i < json_len(layers); i++) {
		json_object *l = json_object_array_get_idx(layers, i);
		const char *name = title_of(l);

		if (!is_wanted(l, o))
			continue;
		if (name && check_title(name, e) < 0)
			return e->code;
		/* What has no title is called by its digest. */
		scoped(mem) char *plain =
			name ? NULL : str_printf("sha256-%.64s", json_get_str(l, "digest") + 7);
		if (extract(en, l, dir, name ? name : plain, e) < 0)
			return e->code;
	}
	return 0;
}

int artifact_extract(struct engine *en, const char *ref, const char *path,
		     const struct artifact_extract_options *o, struct err *e)
{
	scoped(artifact) struct artifact *a = NULL;
	json_object *layers, *one = NULL;
	size_t n = 0;
	int r;

	if (o->digest && o->title)
		return err_set(e, -EINVAL, "cannot specify both digest and title");
	r = artifact_find(en, ref, &a, e);
	if (r != 0 || !a)
		return r;
	layers = json_get(a->manifest, "layers");
	for (size_t i = 0; i < json_len(layers); i++) {
		json_object *l = json_object_array_get_idx(layers, i);
		const char *digest = json_get_str(l, "digest");

		if (!digest || !digest_is_valid(digest))
			return err_set(e, -EBADMSG, "the artifact is damaged in the store");
		if (is_wanted(l, o) && !n++)
			one = l;
	}
	if (!n)
		return err_set(e, -ENOENT, "no blob with the %s \"%s\"",
			       o->digest ? "digest" : "title",
			       o->digest  ? o->digest
			       : o->title ? o->title
					  : "");
	scoped(fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		return extract_to_dir(en, layers, dir, o, e);
	if (errno != ENOENT && errno != ENOTDIR)
		return err_sys(e, "open %s", path);
	if (n > 1)
		return err_set(e, -ENOTDIR,
			       "%s: the artifact has several files, which go into a directory",
			       path);
	return extract(en, one, AT_FDCWD, path, e);
}
