/* SPDX-License-Identifier: Apache-2.0 */
/* The archive is written into a pipe, from which the role `compress` makes the file.  Trees are
 * read by the role `tree` into a spool file first, because a tar header tells the size. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/tree_role.h"
#include "src/container/checkpoint_archive.h"
#include "src/container/checkpoint_dump.h"
#include "src/container/diff.h"
#include "src/container/generate.h"
#include "src/container/root.h"
#include "src/image/compress.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/new_file.h"
#include "src/util/strbuf.h"
#include "src/util/tar.h"

#define FILE_MODE 0600

struct export
{
	struct engine *en;
	const struct container *c;
	const struct container_spec *spec;
	const struct checkpoint_options *o;
	int dir; /* containers/ID */
	int out; /* the plain archive goes there */
};

static int failed(int r, const char *name, struct err *e)
{
	return r < 0 ? err_errno(e, r, "write %s into the archive", name) : 0;
}

/* ---- one entry ------------------------------------------------------------------------------- */

static int put_bytes(const struct export *x, const char *name, const char *bytes, size_t n,
		     struct err *e)
{
	const struct tar_entry t = {
		.name = name, .type = TAR_FILE, .size = (int64_t)n, .mode = FILE_MODE
	};
	int r = tar_put_header(x->out, &t);

	if (r == 0)
		r = fd_write_all(x->out, bytes, n);
	if (r == 0)
		r = tar_put_padding(x->out, t.size);
	return failed(r, name, e);
}

static int put_json(const struct export *x, const char *name, json_object *o, struct err *e)
{
	scoped(mem) char *text = o ? json_text(o) : NULL;
	return text ? put_bytes(x, name, text, strlen(text), e) : failed(-ENOMEM, name, e);
}

static int put_fd(const struct export *x, const char *name, int fd, struct err *e)
{
	struct tar_entry t = { .name = name, .type = TAR_FILE, .mode = FILE_MODE };
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	t.size = st.st_size;
	t.mtime = st.st_mtim.tv_sec;
	if (r == 0)
		r = tar_put_header(x->out, &t);
	if (r == 0)
		r = fd_copy(fd, 0, t.size, x->out);
	if (r == 0)
		r = tar_put_padding(x->out, t.size);
	return failed(r, name, e);
}

/* The file NAME of directory DIR, as AS; one that is not there is left out. */
static int put_file(const struct export *x, int dir, const char *name, const char *as,
		    struct err *e)
{
	scoped(fd) int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	return fd < 0 ? failed(-errno, as, e) : put_fd(x, as, fd, e);
}

/* ---- criu's images --------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_names(int dir, char ***ret)
{
	scoped(strv) char **v = NULL;
	scoped(dir) DIR *d = NULL;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int r = -errno;
		fd_close(fd);
		return r;
	}
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.' && strv_add(&v, de->d_name) < 0)
			return -ENOMEM;
	if (v)
		qsort(v, strv_len(v), sizeof(*v), compare);
	*ret = take_ptr(&v);
	return 0;
}

/* "parent", of a dump that goes with a pre-dump. */
static int put_link(const struct export *x, const char *name, struct err *e)
{
	const struct tar_entry t = {
		.name = name, .type = TAR_LINK, .link = "../" CHECKPOINT_PREVIOUS, .mode = 0777
	};
	return failed(tar_put_header(x->out, &t), name, e);
}

static int put_image(const struct export *x, int dir, const char *base, const char *name,
		     struct err *e)
{
	scoped(mem) char *as = str_printf("%s/%s", base, name);
	struct stat st;

	if (!as)
		return failed(-ENOMEM, name, e);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(-errno, as, e);
	if (S_ISLNK(st.st_mode) && strcmp(name, "parent") == 0)
		return put_link(x, as, e);
	return S_ISREG(st.st_mode) ? put_file(x, dir, name, as, e) : 0;
}

/* criu's log and numbers stand beside the images there. */
static int is_beside(const char *name)
{
	return strcmp(name, "dump.log") == 0 || strcmp(name, "stats-dump") == 0;
}

static int put_images(const struct export *x, struct err *e)
{
	const char *base = x->o->pre_checkpoint ? CHECKPOINT_PREVIOUS : CHECKPOINT_IMAGES;
	const struct tar_entry top = { .name = x->o->pre_checkpoint ? CHECKPOINT_PREVIOUS "/"
								    : CHECKPOINT_IMAGES "/",
				       .type = TAR_DIR,
				       .mode = 0700 };
	scoped(fd) int dir = openat(x->dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	scoped(strv) char **names = NULL;
	int r = dir < 0 ? -errno : list_names(dir, &names);

	if (r == 0)
		r = tar_put_header(x->out, &top);
	if (r < 0)
		return failed(r, base, e);
	for (char **n = names; n && *n && r == 0; n++)
		r = is_beside(*n) ? put_file(x, dir, *n, *n, e) : put_image(x, dir, base, *n, e);
	return r;
}

/* ---- trees ----------------------------------------------------------------------------------- */

/* The tree DIR_FD/PATH, its top included, as a tar in a spool file. */
static int spool_tree(const struct export *x, int dir_fd, const char *path, int *ret, struct err *e)
{
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	scoped(strv) char **args = NULL;
	scoped(fd) int fd = engine_spool(x->en, e);
	struct tar_entry top = { .name = "./", .type = TAR_DIR };
	const struct root root = ROOT_NONE;
	struct stat st;
	int r;

	if (fd < 0)
		return fd;
	if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "look at %s", path);
	if (root_add_ids(&root, "tar", &args) < 0 || strv_add(&args, path) < 0)
		return err_errno(e, ENOMEM, "read %s", path);
	top.mode = st.st_mode & 07777;
	top.uid = st.st_uid;
	top.gid = st.st_gid;
	top.mtime = st.st_mtim.tv_sec;
	r = tar_put_header(fd, &top);
	if (r < 0)
		return err_errno(e, r, "write a spool file");
	r = tree_reader_start(&reader, x->en->run_fd, dir_fd, fd, args, e);
	if (r == 0)
		r = tree_reader_finish(&reader, e);
	if (r == 0)
		*ret = take_fd(&fd);
	return r;
}

static int put_tree(const struct export *x, int dir_fd, const char *path, const char *as,
		    struct err *e)
{
	scoped(fd) int fd = -EBADF;
	int r = spool_tree(x, dir_fd, path, &fd, e);

	return r < 0 ? err_in(e, "%s", as) : put_fd(x, as, fd, e);
}

static int put_deleted(const struct export *x, struct err *e)
{
	scoped(strv) char **changes = NULL;
	scoped(json) json_object *list = json_object_new_array();
	int r = container_diff(x->en, x->c->id, NULL, DIFF_CONTAINER, &changes, e);

	if (r < 0)
		return r;
	for (char **c = changes; c && *c; c++)
		if (**c == 'D')
			(void)json_object_array_add(list, json_object_new_string(*c + 1));
	return json_len(list) ? put_json(x, "deleted.files", list, e) : 0;
}

static int put_volumes(const struct export *x, struct err *e)
{
	const struct tar_entry top = { .name = "volumes/", .type = TAR_DIR, .mode = 0700 };
	int r = failed(tar_put_header(x->out, &top), "volumes", e);

	for (char **v = x->spec->volumes; v && *v && r == 0; v++) {
		scoped(mem) char *path = str_printf("volumes/%s/_data", *v);
		scoped(mem) char *as = str_printf("volumes/%s.tar", *v);
		r = path && as ? put_tree(x, x->en->graph_fd, path, as, e)
			       : failed(-ENOMEM, "volumes", e);
	}
	return r;
}

static int put_root(const struct export *x, struct err *e)
{
	scoped(mem) char *upper = str_printf("containers/%s/upper", x->c->id);
	int r = upper ? put_tree(x, x->en->graph_fd, upper, "rootfs-diff.tar", e)
		      : failed(-ENOMEM, "rootfs-diff.tar", e);

	return r < 0 ? r : put_deleted(x, e);
}

/* ---- the archive ----------------------------------------------------------------------------- */

static int put_all(const struct export *x, json_object *config, struct err *e)
{
	scoped(json) json_object *about = checkpoint_config_dump(x->c, x->spec);
	json_object *seccomp = NULL;
	int r = generate_seccomp(x->spec, &seccomp, e);

	if (r == 0 && seccomp)
		json_put(json_get(config, "linux"), "seccomp", seccomp);
	if (r == 0)
		r = put_json(x, "config.dump", about, e);
	if (r == 0)
		r = put_json(x, "spec.dump", config, e);
	if (r == 0) /* a private network has the same addresses everywhere */
		r = put_bytes(x, "network.status", "{}", 2, e);
	if (r == 0)
		r = put_images(x, e);
	if (r == 0 && !x->o->ignore_rootfs)
		r = put_root(x, e);
	if (r == 0 && !x->o->ignore_volumes && x->spec->volumes && x->spec->volumes[0])
		r = put_volumes(x, e);
	return r < 0 ? r : failed(tar_put_end(x->out), "its end", e);
}

/* Whichever end failed first made the other fail: a broken pipe is not the story. */
static int write_to(struct export *x, json_object *config, int fd, struct err *e)
{
	scoped(compress_job) struct compress_job job = COMPRESS_JOB_NONE;
	struct compress_result ignored;
	enum compression kind = COMPRESS_ZSTD;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct err other;
	int r = fd_pipe(&in, &out, e);

	(void)compression_parse(x->o->compress ? x->o->compress : "zstd", &kind); /* checked */
	if (r == 0)
		r = compress_stream_start(&job, kind, -1, in, fd, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&in));
	x->out = out;
	(void)sigaction(SIGPIPE, &ignore, &before);
	r = put_all(x, config, e);
	(void)sigaction(SIGPIPE, &before, NULL);
	if (r < 0 && r != -EPIPE)
		return r;
	fd_close(take_fd(&out));
	err_clear(&other);
	if (compress_stream_finish(&job, &ignored, &other) < 0) {
		*e = other;
		return e->code;
	}
	return r;
}

/* A file appears whole or not at all; pipes and devices are written as they are. */
static int write_file(struct export *x, json_object *config, struct err *e)
{
	const char *path = x->o->export_file;
	scoped(new_file) struct new_file f = NEW_FILE_NONE;
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		scoped(fd) int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, "open %s", path) : write_to(x, config, fd, e);
	}
	if (new_file_open(path, FILE_MODE, &f, e) < 0)
		return e->code;
	return write_to(x, config, f.fd, e) < 0 ? e->code : new_file_publish(&f, e);
}

static int has_others(const struct container_spec *s)
{
	const char *const modes[] = { s->network, s->pid_mode, s->ipc_mode, s->uts_mode,
				      s->cgroup_mode };

	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (modes[i] && (str_starts(modes[i], "container:") || str_starts(modes[i], "ns:")))
			return 1;
	return 0;
}

int checkpoint_export_check(const struct container_spec *s, const struct checkpoint_options *o,
			    struct err *e)
{
	scoped(mem) char *dir = NULL;
	const char *slash;

	if (!o->export_file)
		return 0;
	if (has_others(s))
		return err_set(e, -ENOTSUP,
			       "cannot export checkpoints of containers with dependencies");
	if (s->rootfs)
		return err_set(e, -ENOTSUP,
			       "a container on a directory (--rootfs), not on an image, cannot be "
			       "exported");
	if (json_len(s->secrets) || json_len(s->secret_env))
		return err_set(e, -ENOTSUP,
			       "a container with secrets cannot be exported: the archive would "
			       "have them");
	slash = strrchr(o->export_file, '/');
	dir = slash ? strndup(o->export_file, (size_t)(slash - o->export_file + 1)) : strdup(".");
	if (!dir)
		return err_errno(e, ENOMEM, "export");
	return access(dir, W_OK) < 0 ? err_sys(e, "create %s", o->export_file) : 0;
}

int checkpoint_export(struct engine *en, const struct container *c, const struct container_spec *s,
		      json_object *config, int dir, const struct checkpoint_options *o,
		      struct err *e)
{
	struct export x = { .en = en, .c = c, .spec = s, .o = o, .dir = dir, .out = -EBADF };
	int r = write_file(&x, config, e);

	return r < 0 ? err_in(e, "export %s", c->name) : 0;
}
