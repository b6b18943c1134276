/* SPDX-License-Identifier: Apache-2.0 */
/* The archive is never unpacked.  It is indexed by the role `archive`; criu's images are copied out
 * of it by our own choice of names, the two documents are read with limits, and the tars inside,
 * root file system and volumes, are given to the role `layer`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer.h"
#include "src/container/archived.h"
#include "src/container/checkpoint_archive.h"
#include "src/container/create.h"
#include "src/image/archive.h"
#include "src/image/image_stores.h"
#include "src/runtime/criu.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/tar.h"
#include "src/volume/volume.h"

#define DUMP_MAX    (4U << 20)
#define DELETED_MAX (64U << 20)
#define STAGE	    "import"

struct import {
	struct engine *en;
	const struct restore_options *o;
	struct image_archive *archive, *previous;
	struct archived about;
	struct container *c;
	struct container_spec *spec;
	int dir; /* containers/ID */
};

static void import_done(struct import *m)
{
	(void)image_archive_free(m->archive);
	(void)image_archive_free(m->previous);
	archived_done(&m->about);
	(void)container_free(m->c);
	(void)container_spec_free(m->spec);
	fd_close(m->dir);
}
static inline void scoped_import(struct import *m)
{
	import_done(m);
}

/* ---- reading the documents ------------------------------------------------------------------- */

static int read_json(const struct image_archive *a, const char *name, size_t limit,
		     json_object **ret, struct err *e)
{
	const struct archive_item *item = image_archive_find(a, name);
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r;

	if (!item)
		return err_set(e, -EBADMSG, "it is no checkpoint archive: %s is missing", name);
	r = image_archive_read(a, item, limit, &text, &n, e);
	if (r == 0)
		r = json_parse(text, n, ret, e);
	return r < 0 ? err_in(e, "%s", name) : 0;
}

static int read_documents(struct import *m, struct err *e)
{
	scoped(json) json_object *config = NULL;
	scoped(json) json_object *spec = NULL;
	int r = read_json(m->archive, "config.dump", DUMP_MAX, &config, e);

	if (r == 0)
		r = read_json(m->archive, "spec.dump", DUMP_MAX, &spec, e);
	if (r == 0)
		r = archived_parse(config, spec, m->o->volume, m->o->publish, &m->about, e);
	if (r == 0 && !image_archive_find(m->archive, CHECKPOINT_IMAGES "/inventory.img"))
		r = err_set(e, -EBADMSG, "it has no checkpoint");
	return r;
}

static int open_archives(struct import *m, struct err *e)
{
	int r = image_archive_open(m->en, m->o->import, &m->archive, e);

	if (r == 0 && m->o->import_previous)
		r = image_archive_open(m->en, m->o->import_previous, &m->previous, e);
	if (r < 0)
		return r;
	r = read_documents(m, e);
	return r < 0 ? err_in(e, "%s", m->o->import) : 0;
}

/* The host's directories are the user's to give, not the archive's to take. */
static int check_mounts(const struct import *m, struct err *e)
{
	const char *to = m->about.binds ? m->about.binds[0] : NULL;

	if (to) {
		(void)err_set(e, -EINVAL, "%s: the container had something of its host's at %s",
			      m->o->import, to);
		return err_hint(e, "name what is to be there now: --volume PATH:%s", to);
	}
	for (size_t i = 0; i < m->about.n_volumes && !m->o->ignore_volumes; i++) {
		const struct archived_volume *v = &m->about.volumes[i];
		scoped(mem) char *path = str_printf("volumes/%s", v->name);
		if (!path)
			return err_errno(e, ENOMEM, "restore");
		if (!v->is_anonymous && faccessat(m->en->graph_fd, path, F_OK, 0) == 0)
			return err_set(
				e, -EEXIST,
				"volume with name %s already exists. Use --ignore-volumes to "
				"not restore content of volumes",
				v->name);
	}
	return 0;
}

static int check_image(const struct import *m, struct err *e)
{
	const char *want = m->about.image_id, *have = m->spec->image_id;

	if (!want || !have || strcmp(want, have) == 0)
		return 0;
	return err_set(e, -EINVAL,
		       "the image %s is another one here: %.12s, the checkpoint has %.12s",
		       m->about.options.image, have, want);
}

/* ---- criu's images --------------------------------------------------------------------------- */

static int is_plain_name(const char *s)
{
	return name_is_valid(s) && !str_starts(s, "cove-");
}

static int copy_out(const struct image_archive *a, const struct archive_item *item, int dir,
		    const char *name, struct err *e)
{
	scoped(fd) int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_copy(a->fd, item->offset, item->size, fd);

	return r < 0 ? err_errno(e, r, "write %s", name) : 0;
}

/* Files of BASE/ in the archive into the new directory BASE of the container. */
static int take_images(const struct import *m, const struct image_archive *a, const char *base,
		       struct err *e)
{
	size_t skip = strlen(base) + 1;
	scoped(fd) int dir = -EBADF;
	int r = 0;

	if (mkdirat(m->dir, base, 0700) < 0)
		return err_sys(e, "make a directory for the checkpoint");
	dir = openat(m->dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open the directory of the checkpoint");
	for (size_t i = 0; i < a->n && r == 0; i++) {
		const struct archive_item *item = &a->items[i];
		const char *name = item->name + skip;

		if (strlen(item->name) <= skip || strncmp(item->name, base, skip - 1) != 0 ||
		    item->name[skip - 1] != '/' || !is_plain_name(name))
			continue;
		if (i + 1 < a->n && strcmp(a->items[i + 1].name, item->name) == 0)
			continue; /* the later of two counts */
		if (item->kind == ARCHIVE_FILE)
			r = copy_out(a, item, dir, name, e);
		else if (item->kind == ARCHIVE_LINK && strcmp(name, "parent") == 0 &&
			 symlinkat("../" CHECKPOINT_PREVIOUS, dir, name) < 0)
			r = err_sys(e, "write %s", name);
	}
	return r;
}

static int take_checkpoint(const struct import *m, struct err *e)
{
	int r = take_images(m, m->archive, CHECKPOINT_IMAGES, e);

	if (r == 0 && m->previous)
		r = take_images(m, m->previous, CHECKPOINT_PREVIOUS, e);
	if (r == 0 &&
	    faccessat(m->dir, CHECKPOINT_IMAGES "/parent", F_OK, AT_SYMLINK_NOFOLLOW) == 0 &&
	    faccessat(m->dir, CHECKPOINT_PREVIOUS "/inventory.img", F_OK, 0) < 0) {
		(void)err_set(e, -EINVAL, "%s holds only what changed since a pre-checkpoint",
			      m->o->import);
		return err_hint(e, "give that with --import-previous");
	}
	return r;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* Entries that go before those of a tar, in a spool file. */
struct prefix {
	const struct import *m;
	int fd;
	char *last; /* path whose directories are there already */
};

/* Directories that an archive does not list are as they are in the image. */
static int put_dir(struct prefix *p, const char *path)
{
	struct tar_entry t = { .name = path, .type = TAR_DIR };

	for (size_t i = strv_len(p->m->spec->layers); i-- > 0;) {
		struct err ignored;
		scoped(mem) char *layer =
			image_layer_tree(p->m->en, p->m->spec->layers[i], &ignored);
		scoped(fd) int top =
			layer ? openat(p->m->en->graph_fd, layer, O_PATH | O_DIRECTORY | O_CLOEXEC)
			      : -1;
		scoped(fd) int fd =
			top < 0 ? -1
				: path_open_in(top, path, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
		struct stat st;
		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		t.mode = st.st_mode & 07777;
		t.uid = st.st_uid;
		t.gid = st.st_gid;
		t.mtime = st.st_mtim.tv_sec;
		return tar_put_header(p->fd, &t);
	}
	return 0;
}

/* Those above PATH. */
static int put_dirs(struct prefix *p, const char *path)
{
	int r = 0;

	for (const char *slash = strchr(path, '/'); slash && r == 0;
	     slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash - path) + 1;
		scoped(mem) char *dir = strndup(path, n);
		if (!dir)
			return -ENOMEM;
		if (!p->last || strncmp(p->last, path, n) != 0)
			r = put_dir(p, dir);
	}
	free(p->last);
	p->last = strdup(path);
	return p->last ? r : -ENOMEM;
}

static int put_whiteout(struct prefix *p, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	scoped(mem) char *mark = str_printf("%.*s.wh.%s", (int)(name - path), path, name);
	const struct tar_entry t = { .name = mark, .type = TAR_FILE, .mode = 0600 };
	int r = mark ? put_dirs(p, path) : -ENOMEM;

	return r < 0 ? r : tar_put_header(p->fd, &t);
}

static int put_deleted(struct prefix *p, struct err *e)
{
	scoped(json) json_object *list = NULL;
	int r = 0;

	if (!image_archive_find(p->m->archive, "deleted.files"))
		return 0;
	if (read_json(p->m->archive, "deleted.files", DELETED_MAX, &list, e) < 0)
		return e->code;
	for (size_t i = 0; i < json_len(list) && r == 0; i++) {
		const char *s = json_str_at(list, i);
		scoped(mem) char *clean = s && *s ? path_clean(s) : NULL;
		if (!clean || strlen(clean) < 2)
			return err_set(e, -EBADMSG, "deleted.files: a path is not valid");
		r = put_whiteout(p, clean + 1);
	}
	return r < 0 ? err_errno(e, r, "write a spool file") : 0;
}

static int put_all_dirs(struct prefix *p, const struct archive_item *tar, struct err *e)
{
	scoped(image_archive) struct image_archive *inner = NULL;
	int r = image_archive_open_inner(p->m->archive, tar, &inner, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < inner->n && r == 0; i++)
		r = put_dirs(p, inner->items[i].name);
	return r < 0 ? err_errno(e, r, "write a spool file") : 0;
}

/* Unpack LENGTH bytes of FD from OFFSET on, a tar, and put the result in the place of the empty
 * directory NAME of DIR. */
static int unpack(const struct import *m, int fd, int64_t offset, int64_t length, int dir,
		  const char *name, struct err *e)
{
	struct layer_writer w = LAYER_WRITER_NONE;
	struct layer_result ignored;
	scoped(fd) int stage = -EBADF;
	int r;

	if (mkdirat(m->dir, STAGE, 0700) < 0)
		return err_sys(e, "make a directory");
	stage = openat(m->dir, STAGE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (stage < 0)
		return err_sys(e, "open a directory");
	r = layer_writer_start_range(&w, m->en->run_fd, stage, fd, offset, length, e);
	if (r == 0)
		r = layer_writer_finish(&w, &ignored, e);
	layer_writer_end(&w);
	if (r == 0 && renameat(stage, "diff", dir, name) < 0)
		r = err_sys(e, "put it in its place");
	if (path_rmtree(m->dir, STAGE) < 0)
		dbg("%s of container %s cannot be removed", STAGE, m->c->id);
	return r;
}

static int take_root(const struct import *m, struct err *e)
{
	const struct archive_item *tar = image_archive_find(m->archive, "rootfs-diff.tar");
	scoped(fd) int spool = engine_spool(m->en, e);
	struct prefix p = { .m = m, .fd = spool };
	struct stat st;
	int r = spool < 0 ? spool : put_deleted(&p, e);

	if (r == 0 && tar)
		r = put_all_dirs(&p, tar, e);
	free(p.last);
	if (r < 0)
		return r;
	r = tar ? fd_copy(m->archive->fd, tar->offset, tar->size, spool) : tar_put_end(spool);
	if (r < 0)
		return err_errno(e, r, "write a spool file");
	if (fstat(spool, &st) < 0)
		return err_sys(e, "read a spool file");
	r = unpack(m, spool, 0, st.st_size, m->dir, "upper", e);
	return r < 0 ? err_in(e, "rootfs-diff.tar") : 0;
}

/* What is mounted at TARGET: a volume of the new container. */
static const char *volume_at(const struct import *m, const char *target)
{
	for (size_t i = 0; i < json_len(m->spec->mounts); i++) {
		json_object *mount = json_object_array_get_idx(m->spec->mounts, i);
		const char *to = json_get_str(mount, "destination");
		if (to && strcmp(to, target) == 0)
			return json_get_str(mount, "volume");
	}
	return NULL;
}

static int take_volumes(const struct import *m, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < m->about.n_volumes && r == 0; i++) {
		const struct archived_volume *v = &m->about.volumes[i];
		const char *name = volume_at(m, v->target);
		scoped(mem) char *file = v->is_shm ? strdup("devshm-checkpoint.tar")
						   : str_printf("volumes/%s.tar", v->name);
		scoped(mem) char *data = name ? str_printf("volumes/%s/_data", name) : NULL;
		const struct archive_item *tar = file ? image_archive_find(m->archive, file) : NULL;

		if (m->o->ignore_volumes && !v->is_shm)
			continue;
		if (tar && data)
			r = unpack(m, m->archive->fd, tar->offset, tar->size, m->en->graph_fd, data,
				   e);
		if (r == 0 && v->is_shm && data && fchmodat(m->en->graph_fd, data, 01777, 0) < 0)
			r = err_sys(e, "change the mode");
		if (r < 0)
			return err_in(e, "volume %s", v->name);
	}
	return 0;
}

/* ---- the container --------------------------------------------------------------------------- */

static int fill(struct import *m, struct err *e)
{
	scoped(mem) char *path = str_printf("containers/%s", m->c->id);
	int r;

	m->dir = path ? openat(m->en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (m->dir < 0)
		return err_sys(e, "open the directory of container %s", m->c->id);
	r = check_image(m, e);
	if (r == 0)
		r = take_checkpoint(m, e);
	if (r == 0 && !m->o->ignore_rootfs)
		r = take_root(m, e);
	return r < 0 ? r : take_volumes(m, e);
}

static int make_and_restore(struct import *m, char **ret_id, struct err *e)
{
	struct container_create_options o = m->about.options;
	scoped(fd) int lock = -EBADF;
	int r;

	o.name = m->o->name ? m->o->name : m->about.name;
	o.id = m->o->name ? NULL : m->about.id;
	r = create_record(m->en, &o, "created", m->en->warn, &m->c, &m->spec, &lock, e);
	if (r != 0)
		return r;
	r = fill(m, e);
	record_forget_run(m->en, m->c->id);
	fd_close(take_fd(&lock));
	if (r == 0)
		r = container_restore(m->en, m->c->id, m->o, e);
	if (r != 0)
		return r;
	*ret_id = strdup(m->c->id);
	return *ret_id ? 0 : err_errno(e, ENOMEM, "restore");
}

/* Nothing is left of a container that could not be restored, nor of the volumes that it brought. */
static void undo(struct import *m)
{
	const struct rm_options rm = { .force = 1, .volumes = 1, .timeout = 0 };
	struct err e;

	if (container_rm(m->en, m->c->id, &rm, &e) < 0)
		dbg("%s", e.text);
	for (size_t i = 0; i < m->about.n_volumes && !m->o->ignore_volumes; i++)
		if (!m->about.volumes[i].is_anonymous &&
		    volume_remove(m->en, m->about.volumes[i].name, &e) < 0)
			dbg("%s", e.text);
}

int container_import(struct engine *en, const struct restore_options *o, char **ret_id,
		     struct err *e)
{
	scoped(import) struct import m = { .en = en, .o = o, .dir = -EBADF };
	int r = criu_check(&(struct criu_options){ 0 }, e);

	if (r == 0)
		r = open_archives(&m, e);
	if (r == 0)
		r = check_mounts(&m, e);
	if (r == 0)
		r = make_and_restore(&m, ret_id, e);
	if (r < 0 && m.c)
		undo(&m);
	return r;
}
