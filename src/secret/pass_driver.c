/* SPDX-License-Identifier: Apache-2.0 */
/* Data in ROOT/ID.gpg, a directory of pass(1): gpg(1) reads and writes it, for the key that
 * ROOT/.gpg-id (or that of a directory above) names. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/secret/driver.h"
#include "src/util/json.h"
#include "src/util/path.h"

#define KEY_MAX 4096

struct place {
	char *root, *key; /* owned */
	const char *home; /* gpg's, or NULL */
};

static void scoped_place(struct place *p)
{
	free(p->root);
	free(p->key);
}

/* The first line of DIR/.gpg-id in *RET (owned): 1, or 0 when there is none. */
static int read_key(const char *dir, char **ret, struct err *e)
{
	scoped(mem) char *path = str_printf("%s/.gpg-id", dir);
	int r = path ? path_read(AT_FDCWD, path, KEY_MAX, ret, NULL, e)
		     : err_errno(e, ENOMEM, "driver pass");

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	(*ret)[strcspn(*ret, "\r\n")] = '\0';
	return 1;
}

/* The nearest one that DIR is below. */
static int find_key(const char *dir, char **ret, struct err *e)
{
	scoped(mem) char *at = strdup(dir);
	int r = at ? 0 : err_errno(e, ENOMEM, "driver pass");

	while (r == 0 && at && at[0] && at[1]) {
		char *slash = strrchr(at, '/');
		r = read_key(at, ret, e);
		if (!slash)
			break;
		*slash = '\0';
	}
	return r;
}

/* Where pass and gopass have their files when nothing is said. */
static int default_root(char **ret, struct err *e)
{
	static const char *const usual[] = { ".password-store", ".local/share/gopass/stores/root" };
	const char *home = getenv("HOME");
	struct stat st;

	for (size_t i = 0; home && i < ARRAY_LEN(usual); i++) {
		scoped(mem) char *path = str_printf("%s/%s", home, usual[i]);
		if (!path)
			return err_errno(e, ENOMEM, "driver pass");
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			*ret = take_ptr(&path);
			return 0;
		}
	}
	(void)err_set(e, -EINVAL, "there is no password store");
	return err_hint(e, "'pass init' makes one; --driver-opts root=DIR names another directory");
}

static int find(json_object *options, struct place *p, struct err *e)
{
	const char *root = json_get_str(options, "root"), *key = json_get_str(options, "key");
	int r = root ? 0 : default_root(&p->root, e);

	p->home = json_get_str(options, "gpghomedir");
	if (r == 0 && root) {
		p->root = root[0] == '/' ? path_clean(root) : NULL;
		if (root[0] != '/')
			r = err_set(e, -EINVAL, "root %s is not absolute: invalid driver option",
				    root);
		else if (!p->root)
			r = err_errno(e, ENOMEM, "driver pass");
	}
	if (r == 0 && key) {
		p->key = strdup(key);
		r = p->key ? 0 : err_errno(e, ENOMEM, "driver pass");
	} else if (r == 0) {
		r = find_key(p->root, &p->key, e);
	}
	return r < 0 ? r : 0;
}

static int check(json_object *options, struct err *e)
{
	scoped(place) struct place p = { .home = NULL };
	return find(options, &p, e);
}

/* gpg [--homedir HOME] ARG...: its exit status.  What it complains of is nobody's to see, as with
 * other engines. */
static int gpg(const struct place *p, char *const *args, const struct secret_data *in,
	       struct secret_data *out, struct err *e)
{
	char program[] = "gpg", homedir[] = "--homedir";
	char *argv[12] = { program };
	scoped(mem) char *home = p->home ? strdup(p->home) : NULL;
	struct proc_options o = { .path = program, .argv = argv, .null_stdio = 1 };
	size_t n = 1;

	if (p->home && !home)
		return err_errno(e, ENOMEM, "run gpg");
	if (home) {
		argv[n++] = homedir;
		argv[n++] = home;
	}
	for (; *args; args++)
		argv[n++] = *args;
	return driver_run(&o, in, out, e);
}

static char *path_of(const struct place *p, const char *id)
{
	return str_printf("%s/%s.gpg", p->root, id);
}

static int load(json_object *options, const char *id, struct secret_data *ret, struct err *e)
{
	char decrypt[] = "--decrypt";
	scoped(place) struct place p = { .home = NULL };
	scoped(secret_data) struct secret_data d = { 0 };
	int r = find(options, &p, e);
	scoped(mem) char *path = r < 0 ? NULL : path_of(&p, id);

	if (r < 0 || !path)
		return r < 0 ? r : err_errno(e, ENOMEM, "driver pass");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return driver_has_none(id, e);
	r = gpg(&p, (char *[]){ decrypt, path, NULL }, NULL, &d, e);
	if (r < 0)
		return r;
	if (r > 0 || !d.n) {
		(void)driver_has_none(id, e);
		return err_hint(e, "gpg could not decrypt %s", path);
	}
	*ret = secret_data_take(&d);
	return 0;
}

static int store(json_object *options, const char *id, const struct secret_data *data,
		 struct err *e)
{
	char encrypt[] = "--encrypt", for_whom[] = "-r", to[] = "-o";
	scoped(place) struct place p = { .home = NULL };
	int r = find(options, &p, e);
	scoped(mem) char *path = r < 0 ? NULL : path_of(&p, id);

	if (r < 0 || !path)
		return r < 0 ? r : err_errno(e, ENOMEM, "driver pass");
	if (!p.key || !*p.key) {
		(void)err_set(e, -EINVAL, "%s has no .gpg-id that names a key", p.root);
		return err_hint(e, "'pass init KEY' makes one; --driver-opts key=KEY names a key");
	}
	r = gpg(&p, (char *[]){ encrypt, for_whom, p.key, to, path, NULL }, data, NULL, e);
	if (r > 0) {
		(void)err_set(e, -EIO, "gpg: exit status %d", r);
		(void)unlink(path); /* the rest of what it wrote, if any */
		return err_hint(e, "'gpg --encrypt -r %s' says why", p.key);
	}
	return r;
}

static int remove_one(json_object *options, const char *id, struct err *e)
{
	scoped(place) struct place p = { .home = NULL };
	int r = find(options, &p, e);
	scoped(mem) char *path = r < 0 ? NULL : path_of(&p, id);

	if (r < 0 || !path)
		return r < 0 ? r : err_errno(e, ENOMEM, "driver pass");
	if (unlink(path) == 0)
		return 0;
	return errno == ENOENT ? driver_has_none(id, e) : err_sys(e, "%s", id);
}

const struct secret_driver secret_driver_pass = {
	.name = "pass", .check = check, .load = load, .store = store, .remove = remove_one
};
