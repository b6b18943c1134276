/* SPDX-License-Identifier: Apache-2.0 */
/* Data in PATH/secretsdata.json, {ID: base64}, as Podman's driver of that name has it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/secret/driver.h"
#include "src/secret/index.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"

#define DATA_FILE "secretsdata.json"
#define LOCK_FILE "secretsdata.lock"
#define FILE_MAX  (64U << 20) /* a process holds all of it, twice */

static int check(json_object *options, struct err *e)
{
	const char *path = json_get_str(options, "path");

	if (!path)
		return err_set(e, -EINVAL, "need path for filedriver: invalid driver option");
	return path[0] == '/' ? 0
			      : err_set(e, -EINVAL,
					"path %s is not absolute: invalid driver option", path);
}

static int open_dir(json_object *options, struct err *e)
{
	const char *path = json_get_str(options, "path");
	int fd = check(options, e) < 0 ? e->code : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && !e->code)
		return err_sys(e, "open %s", path);
	return fd;
}

static int parse(const char *text, size_t n, json_object **ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int r = json_parse(text, n, &o, e);

	if (r == 0)
		r = index_check_strings(o, "it", e);
	if (r == 0 && !o)
		r = err_set(e, -EBADMSG, "it is no table");
	if (r == 0)
		*ret = take_ptr(&o);
	return r;
}

/* What is not there has nothing in it.  DIR is that of OPTIONS. */
static int read_all(json_object *options, int dir, json_object **ret, struct err *e)
{
	scoped(secret_data) struct secret_data text = { 0 };
	int r = path_read(dir, DATA_FILE, FILE_MAX, &text.s, &text.n, e);

	if (r == -ENOENT) {
		err_clear(e);
		*ret = json_object_new_object();
		return *ret ? 0 : err_errno(e, ENOMEM, "read secrets");
	}
	if (r == 0)
		r = parse(text.s, text.n, ret, e);
	return r < 0 ? err_in(e, "%s/%s", json_get_str(options, "path"), DATA_FILE) : 0;
}

static int write_all(int dir, json_object *all, struct err *e)
{
	scoped(secret_data) struct secret_data text = { .s = json_text(all) };

	if (!text.s)
		return err_errno(e, ENOMEM, "write secrets");
	text.n = strlen(text.s);
	if (text.n > FILE_MAX)
		return err_set(e, -E2BIG, "%s would be larger than %u bytes", DATA_FILE, FILE_MAX);
	return path_replace(dir, DATA_FILE, text.s, text.n, 0600, 1, e);
}

static int data_of(json_object *all, const char *id, struct secret_data *ret, struct err *e)
{
	const char *text = json_get_str(all, id);
	unsigned char *bytes = NULL;
	size_t n = 0;
	int r = text ? base64_decode(text, strlen(text), &bytes, &n, e) : driver_has_none(id, e);

	if (r < 0)
		return r;
	*ret = (struct secret_data){ .s = (char *)bytes, .n = n };
	return 0;
}

int file_driver_parse(const char *text, size_t n, const char *id, struct secret_data *ret,
		      struct err *e)
{
	scoped(json) json_object *all = NULL;
	int r = parse(text, n, &all, e);

	return r < 0 ? r : data_of(all, id, ret, e);
}

static int load(json_object *options, const char *id, struct secret_data *ret, struct err *e)
{
	scoped(json) json_object *all = NULL;
	scoped(fd) int dir = open_dir(options, e);
	int r = dir < 0 ? dir : read_all(options, dir, &all, e);

	return r < 0 ? r : data_of(all, id, ret, e);
}

static int store(json_object *options, const char *id, const struct secret_data *data,
		 struct err *e)
{
	scoped(json) json_object *all = NULL;
	scoped(mem) char *text = base64_encode(data->s, data->n);
	scoped(fd) int dir = -EBADF;
	scoped(fd) int lock = -EBADF;
	int r = check(options, e);

	if (r == 0)
		r = path_mkdirs(json_get_str(options, "path"), 0700, e);
	if (r == 0)
		r = dir = open_dir(options, e);
	if (r < 0)
		return r;
	lock = lock_file(dir, LOCK_FILE, LOCK_EXCLUSIVE, 1, e);
	if (lock < 0)
		return lock;
	path_collect(dir, DATA_FILE);
	r = read_all(options, dir, &all, e);
	if (r < 0)
		return r;
	if (!text)
		return err_errno(e, ENOMEM, "write secrets");
	json_put_str(all, id, text);
	explicit_bzero(text, strlen(text));
	return write_all(dir, all, e);
}

static int change(json_object *options, const char *id, const struct secret_list *kept,
		  struct err *e)
{
	scoped(json) json_object *all = NULL;
	scoped(json) json_object *left = json_object_new_object();
	scoped(fd) int dir = open_dir(options, e);
	scoped(fd) int lock = dir < 0 ? dir : lock_file(dir, LOCK_FILE, LOCK_EXCLUSIVE, 1, e);
	int r = lock < 0 ? lock : read_all(options, dir, &all, e);

	if (lock >= 0)
		path_collect(dir, DATA_FILE);
	if (r < 0)
		return r;
	if (!left)
		return err_errno(e, ENOMEM, "write secrets");
	if (id && !json_get(all, id))
		return driver_has_none(id, e);
	json_object_object_foreach(all, key, value)
	{
		if (id ? strcmp(key, id) != 0 : index_exact(kept, key) != NULL)
			json_put(left, key, json_object_get(value));
	}
	return json_object_object_length(left) == json_object_object_length(all)
		       ? 0
		       : write_all(dir, left, e);
}

static int remove_one(json_object *options, const char *id, struct err *e)
{
	const struct secret_list none = { .n = 0 };
	int r = change(options, id, &none, e);

	return r == -ENOENT ? driver_has_none(id, e) : r;
}

int file_driver_prune(json_object *options, const struct secret_list *kept, struct err *e)
{
	return change(options, NULL, kept, e);
}

const struct secret_driver secret_driver_file = {
	.name = "file", .check = check, .load = load, .store = store, .remove = remove_one
};
