/* SPDX-License-Identifier: Apache-2.0 */
/* A volume is made in tmp and gets its place by one rename: who sees it sees it whole. */
#include "src/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "overlay/layer_measure.h"
#include "src/store/events.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/make.h"
#include "userns/join.h"

#define RECORD	   "volume.json"
#define RECORD_MAX (1U << 20)
#define NS_PER_S   1000000000LL

#define AT(f) offsetof(struct volume, f)
static const struct field fields[] = {
	{ "Driver", FIELD_STR, AT(driver), 0, NULL },
	{ "CreatedAt", FIELD_STR, AT(created), 0, NULL },
	{ "Labels", FIELD_JSON, AT(labels), 0, NULL },
	{ "Options", FIELD_JSON, AT(options), 0, NULL },
	{ "UID", FIELD_INT, AT(uid), 0, NULL },
	{ "GID", FIELD_INT, AT(gid), 0, NULL },
	{ "Anonymous", FIELD_BOOL, AT(is_anonymous), 0, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

struct volume *volume_free(struct volume *v)
{
	if (v) {
		field_done(fields, v);
		free(v->name);
		free(v);
	}
	return NULL;
}

/* ---- names and places ------------------------------------------------------------------------ */

static int check_name(const char *name, struct err *e)
{
	if (name_is_valid(name))
		return 0;
	return err_set(e, -EINVAL, "volume name \"%s\" is not valid", name);
}

static int no_such(const char *name, struct err *e)
{
	return err_set(e, -ENOENT, "no such volume %s", name);
}

void volume_event(struct engine *en, const char *name, const char *status)
{
	events_write(en, &(struct event){ .type = "volume", .status = status, .name = name });
}

/* ---- making ---------------------------------------------------------------------------------- */

struct volume *volume_new(const char *name, int64_t created_ns)
{
	scoped(volume) struct volume *v = calloc(1, sizeof(*v));
	char buf[UNITS_MAX];

	if (!v)
		return NULL;
	v->name = strdup(name);
	v->driver = strdup("local");
	v->created = strdup(time_rfc3339(created_ns, buf));
	v->labels = json_object_new_object();
	v->options = json_object_new_object();
	return v->name && v->driver && v->created && v->labels && v->options ? take_ptr(&v) : NULL;
}

struct gift {
	const struct volume *v;
	int dir;
};

static int give(void *arg, struct err *e)
{
	const struct gift *g = arg;

	if (fchownat(g->dir, "_data", (uid_t)g->v->uid, (gid_t)g->v->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "give the volume to %d:%d", g->v->uid, g->v->gid);
	return 0;
}

static int give_owner(struct engine *en, int dir, const struct volume *v, struct err *e)
{
	struct gift g = { .v = v, .dir = dir };

	return v->uid > 0 || v->gid > 0 ? userns_do(en->run_fd, give, &g, e) : 0;
}

static int fill(struct engine *en, int dir, const struct volume *v, int durable, struct err *e)
{
	scoped(json) json_object *doc = field_encode(fields, v);
	scoped(mem) char *text = doc ? json_text(doc) : NULL;
	int r;

	if (!text)
		return err_errno(e, ENOMEM, "make volume %s", v->name);
	r = path_replace(dir, RECORD, text, strlen(text), 0600, durable, e);
	if (r < 0)
		return r;
	if (mkdirat(dir, "_data", 0755) < 0 ||
	    fchmodat(dir, "_data", 0755, 0) < 0) /* whatever the umask */
		return err_sys(e, "make volume %s", v->name);
	return give_owner(en, dir, v, e);
}

int volume_make(struct engine *en, const struct volume *v, int durable, struct err *e)
{
	scoped(mem) char *tmp = NULL;
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lease = -EBADF;
	char from[64], to[300];
	int r = check_name(v->name, e);

	if (r == 0)
		r = engine_tmpdir(en, &tmp, &dir, &lease, e);
	if (r < 0)
		return r;
	r = fill(en, dir, v, durable, e);
	(void)snprintf(from, sizeof(from), "tmp/%s", tmp);
	(void)snprintf(to, sizeof(to), "volumes/%s", v->name);
	/* Over an empty directory it goes; one with something in it is a volume. */
	if (r == 0 && renameat(en->graph_fd, from, en->graph_fd, to) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST
			    ? err_set(e, -EEXIST,
				      "volume with name %s already exists: volume already exists",
				      v->name)
			    : err_sys(e, "make volume %s", v->name);
	engine_tmpdir_remove(en, tmp);
	if (r == 0)
		volume_event(en, v->name, "create");
	return r;
}

/* ---- finding --------------------------------------------------------------------------------- */

static int data_is_there(struct engine *en, const char *name, struct stat *st)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "volumes/%s/_data", name);
	return fstatat(en->graph_fd, path, st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st->st_mode);
}

/* The directory alone; its record, if it has one, stays. */
static int make_data(struct engine *en, const char *name, struct err *e)
{
	scoped(mem) char *path = str_printf("volumes/%s/_data", name);

	if (!path)
		return err_errno(e, ENOMEM, "make volume %s", name);
	if ((mkdirat(en->graph_fd, path, 0755) < 0 && errno != EEXIST) ||
	    fchmodat(en->graph_fd, path, 0755, 0) < 0)
		return err_sys(e, "make volume %s", name);
	return 0;
}

int volume_ensure(struct engine *en, const char *name, char **ret_data, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	struct stat st;
	int r = check_name(name, e);

	if (r == 0 && !data_is_there(en, name, &st)) {
		v = volume_new(name, time_now_ns());
		r = v ? volume_make(en, v, 0, e) : err_errno(e, ENOMEM, "make volume %s", name);
		if (r == -EEXIST) { /* somebody was faster, or took its data away */
			err_clear(e);
			r = data_is_there(en, name, &st) ? 0 : make_data(en, name, e);
		}
	}
	if (r < 0)
		return r;
	*ret_data = str_printf("%s/volumes/%s/_data", en->graphroot, name);
	return *ret_data ? 0 : err_errno(e, ENOMEM, "make volume %s", name);
}

static int decode(struct volume *v, const char *text, size_t n, struct err *e)
{
	scoped(json) json_object *doc = NULL;
	int r = json_parse(text, n, &doc, e);

	if (r < 0)
		return r;
	field_done(fields, v);
	r = field_decode(fields, doc, v, RECORD, e);
	if (r == 0 &&
	    (!v->driver || !v->created || !json_object_is_type(v->labels, json_type_object) ||
	     !json_object_is_type(v->options, json_type_object)))
		r = err_set(e, -EBADMSG, "%s: something is missing", RECORD);
	return r;
}

int volume_load(struct engine *en, const char *name, struct volume **ret, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(mem) char *text = NULL;
	scoped(mem) char *path = str_printf("volumes/%s", name);
	scoped(fd) int dir = -EBADF;
	struct stat st;
	size_t n = 0;
	int r;

	if (!name_is_valid(name) || !path || !data_is_there(en, name, &st))
		return no_such(name, e);
	dir = openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) < 0)
		return errno == ENOENT ? no_such(name, e) : err_sys(e, "open volume %s", name);
	/* What earlier versions made is as old as the directory, in which nothing changes. */
	v = volume_new(name, (int64_t)st.st_mtim.tv_sec * NS_PER_S + st.st_mtim.tv_nsec);
	if (!v)
		return err_errno(e, ENOMEM, "read volume %s", name);
	r = path_read(dir, RECORD, RECORD_MAX, &text, &n, e);
	if (r == 0)
		r = decode(v, text, n, e);
	else if (r == -ENOENT) {
		err_clear(e);
		r = 0;
	}
	if (r < 0)
		return err_in(e, "volume %s", name);
	*ret = take_ptr(&v);
	return 0;
}

int volume_find(struct engine *en, const char *ref, struct volume **ret, struct err *e)
{
	scoped(strv) char **names = NULL;
	const char *found = NULL;
	int r = volume_load(en, ref, ret, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	r = volume_list(en, &names, e);
	if (r < 0)
		return r;
	for (char **name = names; *ref && name && *name; name++) {
		if (!str_starts(*name, ref))
			continue;
		if (found)
			return err_set(e, -EINVAL,
				       "more than one result for volume name %s: volume already "
				       "exists",
				       ref);
		found = *name;
	}
	if (found)
		return volume_load(en, found, ret, e);
	return err_set(e, -ENOENT, "no volume with name \"%s\" found: no such volume", ref);
}

int volume_mend(struct engine *en, const char *name, struct err *e)
{
	scoped(volume) struct volume *v = NULL;
	scoped(mem) char *data = NULL;
	scoped(mem) char *record = str_printf("volumes/%s/" RECORD, name);
	int r = volume_ensure(en, name, &data, e);

	if (r == 0)
		r = volume_load(en, name, &v, e);
	if (r != -EBADMSG)
		return r;
	err_clear(e);
	if (!record || unlinkat(en->graph_fd, record, 0) < 0)
		return err_sys(e, "remove the record of volume %s", name);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int volume_list(struct engine *en, char ***ret, struct err *e)
{
	int fd = openat(en->graph_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	scoped(strv) char **v = NULL;

	if (!d) {
		fd_close(fd);
		return err_sys(e, "open %s/volumes", en->graphroot);
	}
	for (struct dirent *de; (de = readdir(d));)
		if (name_is_valid(de->d_name) && strv_add(&v, de->d_name) < 0)
			return err_errno(e, ENOMEM, "list volumes");
	if (v)
		qsort(v, strv_len(v), sizeof(*v), by_name);
	*ret = take_ptr(&v);
	return 0;
}

/* ---- what is in it --------------------------------------------------------------------------- */

int volume_size(struct engine *en, const char *name, int64_t *ret, struct err *e)
{
	char path[300];
	char *const trees[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "volumes/%s/_data", name);
	return layer_measure(en->run_fd, en->graph_fd, trees, ret, e);
}

int volume_is_empty(struct engine *en, const char *name)
{
	scoped(mem) char *path = str_printf("volumes/%s/_data", name);
	int fd = path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
		      : -1;
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return 0; /* somebody has closed it: it is in use */
	}
	for (struct dirent *de; (de = readdir(d));)
		if (strcmp(de->d_name, ".") != 0 && strcmp(de->d_name, "..") != 0)
			return 0;
	return 1;
}

int volume_remove(struct engine *en, const char *name, struct err *e)
{
	scoped(fd) int dir =
		openat(en->graph_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r = check_name(name, e);

	if (r < 0)
		return r;
	if (dir < 0)
		return err_sys(e, "open %s/volumes", en->graphroot);
	if (userns_rmtree(en->run_fd, dir, name, e) < 0)
		return e->code;
	volume_event(en, name, "remove");
	return 0;
}
