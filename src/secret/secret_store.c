/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/secret/driver.h"
#include "src/secret/index.h"
#include "src/store/config.h"
#include "src/store/events.h"
#include "src/store/reserve.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/units.h"

#define DIR_NAME   "secrets"
#define INDEX_FILE "secrets.json"
#define LOCK_FILE  "secrets.lock"
#define INDEX_MAX  (16U << 20)

/* The list while somebody changes it. */
struct change {
	struct engine *en;
	struct secret_list list;
	int dir, lock;
};

static void scoped_change(struct change *c)
{
	secret_list_done(&c->list);
	fd_close(c->lock);
	fd_close(c->dir);
}

/* ---- reading and writing the list ------------------------------------------------------------ */

static int open_dir(struct engine *en)
{
	int fd = openat(en->graph_fd, DIR_NAME, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_index(struct engine *en, int dir, struct secret_list *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r = path_read(dir, INDEX_FILE, INDEX_MAX, &text, &n, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = index_parse(text, n, ret, e);
	return r < 0 ? err_in(e, "%s/%s/%s", en->graphroot, DIR_NAME, INDEX_FILE) : 0;
}

static int by_name(const void *a, const void *b)
{
	const struct secret *x = a, *y = b;
	return strcmp(x->name, y->name);
}

int secret_list(struct engine *en, struct secret_list *ret, struct err *e)
{
	scoped(fd) int dir = open_dir(en);
	int r = 0;

	if (dir < 0)
		return dir == -ENOENT ? 0
				      : err_errno(e, dir, "open %s/%s", en->graphroot, DIR_NAME);
	r = read_index(en, dir, ret, e);
	if (r == 0 && ret->n)
		qsort(ret->secret, ret->n, sizeof(*ret->secret), by_name);
	return r;
}

static int change_begin(struct change *c, struct err *e)
{
	struct engine *en = c->en;

	if (mkdirat(en->graph_fd, DIR_NAME, 0700) == 0)
		(void)fsync(en->graph_fd); /* what lies in it is synced by itself */
	else if (errno != EEXIST)
		return err_sys(e, "make %s/%s", en->graphroot, DIR_NAME);
	c->dir = open_dir(en);
	if (c->dir < 0)
		return err_errno(e, c->dir, "open %s/%s", en->graphroot, DIR_NAME);
	c->lock = lock_file(c->dir, LOCK_FILE, LOCK_EXCLUSIVE, 1, e);
	if (c->lock < 0)
		return c->lock;
	path_collect(c->dir, INDEX_FILE);
	return read_index(en, c->dir, &c->list, e);
}

static int change_commit(struct change *c, struct err *e)
{
	scoped(mem) char *text = index_text(&c->list);

	return text ? path_replace(c->dir, INDEX_FILE, text, strlen(text), 0600, 1, e)
		    : err_errno(e, ENOMEM, "write the list of secrets");
}

static void note(struct engine *en, const char *id, const char *status)
{
	events_write(en, &(struct event){ .type = "secret", .status = status, .id = id });
}

/* ---- finding --------------------------------------------------------------------------------- */

int secret_find(struct engine *en, const char *ref, struct secret *ret, struct err *e)
{
	scoped(secret_list) struct secret_list l = { 0 };
	struct secret *s = NULL;
	int r = secret_list(en, &l, e);

	if (r == 0)
		r = index_find(&l, ref, &s, e);
	if (r < 0)
		return r;
	return secret_copy(s, ret) < 0 ? err_errno(e, ENOMEM, "read secrets") : 0;
}

static int load_data(const struct secret *s, struct secret_data *data, struct err *e)
{
	const struct secret_driver *d = NULL;
	int r = secret_driver_find(s->driver, &d, e);

	return r < 0 || !d ? r : d->load(s->driver_options, s->id, data, e);
}

int secret_load(struct engine *en, const char *ref, struct secret *ret, struct secret_data *data,
		struct err *e)
{
	int again = 1;

	for (;;) {
		scoped(secret) struct secret s = { 0 };
		scoped(secret) struct secret now = { 0 };
		struct err ignored;
		int r = secret_find(en, ref, &s, e);

		if (r < 0)
			return r;
		r = load_data(&s, data, e);
		/* No lock is held: it may have been replaced by another one just now. */
		if (r == -ENOENT && again-- && secret_find(en, ref, &now, &ignored) == 0 &&
		    strcmp(now.id, s.id) != 0) {
			err_clear(e);
			continue;
		}
		if (r == 0 && ret) {
			*ret = s;
			s = (struct secret){ .id = NULL };
		}
		return r;
	}
}

/* ---- making ---------------------------------------------------------------------------------- */

static int check_name(const char *name, struct err *e)
{
	size_t n = strlen(name);

	if (!n || n > SECRET_NAME_MAX || strpbrk(name, ",/="))
		return err_set(e, -EINVAL,
			       "secret name \"%s\" can not include '=', '/', ',', or the '\\0' "
			       "(NULL) and be between 1 and %d characters: invalid secret name",
			       name, SECRET_NAME_MAX);
	return name_is_valid(name) ? 0
				   : err_set(e, -EINVAL,
					     "secret name \"%s\" is not of the form "
					     "[a-zA-Z0-9][a-zA-Z0-9_.-]*: "
					     "invalid secret name",
					     name);
}

/* KEY=VALUE of LIST into O; a KEY alone has the value "" where that IS_FINE. */
static int add_pairs(json_object *o, char *const *list, int is_fine)
{
	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		scoped(mem) char *key = eq ? strndup(*list, (size_t)(eq - *list)) : strdup(*list);
		if (!key)
			return -ENOMEM;
		if (!*key || (!eq && !is_fine))
			return -EINVAL;
		json_put_str(o, key, eq ? eq + 1 : "");
	}
	return 0;
}

static int set_labels(struct secret *s, char *const *labels, struct err *e)
{
	s->labels = json_object_new_object();
	for (; s->labels && labels && *labels; labels++) {
		char *one[] = { *labels, NULL };
		int r = add_pairs(s->labels, one, 1);
		if (r < 0)
			return r == -ENOMEM ? err_errno(e, r, "labels")
					    : err_set(e, r,
						      "unable to process labels: invalid label "
						      "format: \"%s\"",
						      *labels);
	}
	return s->labels ? 0 : err_errno(e, ENOMEM, "labels");
}

/* What containers.conf has is of the driver that it names. */
static int set_options(struct secret *s, json_object *config, char *const *given, struct err *e)
{
	json_object *table = json_get(config, "secrets"), *opts = json_get(table, "opts");
	const char *driver = json_get_str(table, "driver");

	if (index_check_strings(opts, "containers.conf: opts of [secrets]", e) < 0)
		return e->code;
	s->driver_options = json_object_new_object();
	if (!s->driver_options)
		return err_errno(e, ENOMEM, "options of a driver");
	for (; given && *given; given++) {
		char *one[] = { *given, NULL };
		int r = add_pairs(s->driver_options, one, 0);
		if (r < 0)
			return err_set(e, r,
				       "invalid argument \"%s\" for \"--driver-opts\" flag: %s "
				       "must be formatted as key=value",
				       *given, *given);
	}
	if (json_object_object_length(s->driver_options) || !opts ||
	    strcmp(s->driver, driver ? driver : SECRET_DRIVER) != 0)
		return 0;
	json_object_object_foreach(opts, key, value)
	{
		json_put(s->driver_options, key, json_object_get(value));
	}
	return 0;
}

static int set_driver(struct engine *en, const struct secret_options *o, struct secret *s,
		      const struct secret_driver **ret, struct err *e)
{
	scoped(json) json_object *config = NULL;
	scoped(mem) char *path = str_printf("%s/%s/filedriver", en->graphroot, DIR_NAME);
	const char *name = o->driver && *o->driver ? o->driver : NULL;
	int r = config_read(en, &config, e);

	if (r < 0)
		return r;
	if (!name)
		name = json_get_str(json_get(config, "secrets"), "driver");
	s->driver = strdup(name && *name ? name : SECRET_DRIVER);
	if (!s->driver || !path)
		return err_errno(e, ENOMEM, "create a secret");
	r = secret_driver_find(s->driver, ret, e);
	if (r == 0)
		r = set_options(s, config, o->driver_opts, e);
	if (r == 0 && *ret == &secret_driver_file && !json_get(s->driver_options, "path"))
		json_put_str(s->driver_options, "path", path);
	return r < 0 || !*ret ? r : (*ret)->check(s->driver_options, e);
}

/* OLD: the one that it replaces, or NULL. */
static int set_identity(struct secret *s, const char *name, const struct secret *old, struct err *e)
{
	char now[UNITS_MAX], id[SECRET_ID_LEN + 1];
	int r = id_random(id, SECRET_ID_LEN);

	if (r < 0)
		return err_errno(e, r, "name a secret");
	(void)time_rfc3339(time_now_ns(), now);
	s->id = strdup(id);
	s->name = strdup(name);
	s->created = strdup(old ? old->created : now);
	s->updated = strdup(now);
	return s->id && s->name && s->created && s->updated
		       ? 0
		       : err_errno(e, ENOMEM, "create a secret");
}

/* Data that is left of commands that were killed, in our own place alone. */
static void prune(const struct change *c, const struct secret *s)
{
	scoped(mem) char *path = str_printf("%s/%s/filedriver", c->en->graphroot, DIR_NAME);
	const char *have = json_get_str(s->driver_options, "path");
	struct err e;

	err_clear(&e);
	if (path && have && strcmp(s->driver, SECRET_DRIVER) == 0 && strcmp(path, have) == 0 &&
	    file_driver_prune(s->driver_options, &c->list, &e) < 0)
		dbg("%s", e.text);
}

static int forget_data(const struct secret *s, struct err *e)
{
	const struct secret_driver *d = NULL;
	int r = secret_driver_find(s->driver, &d, e);

	if (r == 0 && d)
		r = d->remove(s->driver_options, s->id, e);
	if (r != -ENOENT)
		return r;
	err_clear(e); /* a command was killed before it could remove the entry, too */
	return 0;
}

/* The list could not be written, or not be synced: is ID in the one that is there? */
static int is_listed(const struct change *c, const char *id)
{
	scoped(secret_list) struct secret_list l = { 0 };
	struct err e;

	err_clear(&e);
	return read_index(c->en, c->dir, &l, &e) < 0 || index_exact(&l, id);
}

static int publish(struct change *c, const struct secret *s, const struct secret_driver *d,
		   const struct secret_data *data, struct secret *old, struct err *e)
{
	scoped(secret) struct secret replaced = { 0 };
	struct err ignored;
	int r = d->store(s->driver_options, s->id, data, e);

	if (r < 0)
		return err_in(e, "creating secret %s", s->name);
	if (old) {
		r = secret_copy(old, &replaced);
		if (r == 0)
			index_drop(&c->list, old);
	}
	if (r == 0)
		r = index_add(&c->list, s);
	r = r < 0 ? err_errno(e, ENOMEM, "creating secret %s", s->name) : change_commit(c, e);
	if (r < 0 && !is_listed(c, s->id))
		(void)d->remove(s->driver_options, s->id, &ignored); /* nobody knows of it */
	if (r < 0)
		return r;
	err_clear(&ignored);
	if (replaced.id && forget_data(&replaced, &ignored) < 0 && c->en->warn)
		c->en->warn(ignored.text);
	prune(c, s);
	return 0;
}

int secret_create(struct engine *en, const struct secret_options *o, const struct secret_data *data,
		  char **ret_id, struct err *e)
{
	scoped(change) struct change c = { .en = en, .dir = -EBADF, .lock = -EBADF };
	scoped(secret) struct secret s = { 0 };
	const struct secret_driver *d = NULL;
	struct secret *old = NULL;
	int r = check_name(o->name, e);

	if (r == 0)
		r = set_labels(&s, o->label, e);
	if (r == 0)
		r = set_driver(en, o, &s, &d, e);
	if (r == 0)
		r = change_begin(&c, e);
	if (r < 0 || !d)
		return r;
	old = index_exact(&c.list, o->name);
	if (old && o->ignore) {
		*ret_id = strdup(old->id);
		return *ret_id ? 0 : err_errno(e, ENOMEM, "create a secret");
	}
	if (old && !o->replace)
		return err_set(e, -EEXIST, "%s: secret name in use", o->name);
	r = set_identity(&s, o->name, old, e);
	if (r == 0)
		r = publish(&c, &s, d, data, old, e);
	if (r < 0)
		return r;
	note(en, s.id, "create");
	*ret_id = take_ptr(&s.id);
	return 0;
}

/* ---- removing -------------------------------------------------------------------------------- */

int secret_remove(struct engine *en, const char *ref, char **ret_id, struct err *e)
{
	scoped(change) struct change c = { .en = en, .dir = -EBADF, .lock = -EBADF };
	scoped(mem) char *id = NULL;
	struct secret *s = NULL;
	int r;

	/* Both files are written anew, without it: that takes room. */
	if (reserve_spend(en->graph_fd))
		dbg("the disk is full: the store's reserve is used");
	r = change_begin(&c, e);
	if (r == 0)
		r = index_find(&c.list, ref, &s, e);
	if (r < 0 || !s)
		return r;
	id = strdup(s->id);
	if (!id)
		return err_errno(e, ENOMEM, "remove a secret");
	r = forget_data(s, e);
	if (r == 0) {
		index_drop(&c.list, s);
		r = change_commit(&c, e);
	}
	reserve_keep(en->graph_fd);
	if (r < 0)
		return err_in(e, "deleting secret %s", ref);
	note(en, id, "remove");
	*ret_id = take_ptr(&id);
	return 0;
}

/* ---- check ----------------------------------------------------------------------------------- */

int secret_check(struct engine *en, secret_damage_fn *fn, void *arg, struct err *e)
{
	scoped(secret_list) struct secret_list l = { 0 };
	int r = secret_list(en, &l, e);

	if (r == -EBADMSG || r == -E2BIG || r == -EINVAL) {
		r = fn(arg, INDEX_FILE, e->text);
		err_clear(e);
	}
	for (size_t i = 0; i < l.n && r == 0; i++) {
		scoped(secret_data) struct secret_data d = { 0 };
		if (strcmp(l.secret[i].driver, SECRET_DRIVER) != 0)
			continue;
		if (load_data(&l.secret[i], &d, e) < 0)
			r = fn(arg, l.secret[i].name, e->text);
		err_clear(e);
	}
	return r;
}
