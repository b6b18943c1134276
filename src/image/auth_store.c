/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/auth_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/auth_helper.h"
#include "src/util/json.h"
#include "src/util/lock.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

char *auth_store_path(void)
{
	const char *file = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");

	if (file && *file)
		return strdup(file);
	if (run && *run)
		return str_printf("%s/containers/auth.json", run);
	return str_printf("/run/containers/%u/auth.json", (unsigned)geteuid());
}

int auth_place_choose(const char *authfile, const char *compat, struct auth_place *ret,
		      struct err *e)
{
	authfile = authfile && *authfile ? authfile : NULL;
	compat = compat && *compat ? compat : NULL;
	if (authfile && compat)
		return err_set(e, -EINVAL,
			       "options for paths to the credential file and to the "
			       "Docker-compatible credential file can not be set simultaneously");
	ret->compat = compat != NULL;
	ret->path = compat ? strdup(compat) : authfile ? strdup(authfile) : auth_store_path();
	return ret->path ? 0 : err_errno(e, ENOMEM, "find the credential file");
}

/* ---- the document ---------------------------------------------------------------------------- */

/* Borrowed: the member NAME, an object that is made when missing.  NULL: of another type. */
static json_object *object_in(json_object *o, const char *name)
{
	json_object *v = json_get(o, name);

	if (!v) {
		v = json_object_new_object();
		json_put(o, name, v);
	}
	return json_object_is_type(v, json_type_object) ? v : NULL;
}

static int set_entry(json_object *auths, const char *key, const struct credentials *c,
		     struct err *e)
{
	json_object *entry = json_object_new_object();
	char *basic = credentials_basic(c);

	if (!entry || !basic) {
		json_free(entry);
		free(basic);
		return err_errno(e, ENOMEM, "store credentials");
	}
	json_put_str(entry, "auth", basic);
	if (c->identity_token)
		json_put_str(entry, "identitytoken", c->identity_token);
	json_put(auths, key, entry);
	explicit_bzero(basic, strlen(basic));
	free(basic);
	return 1;
}

int auth_document_change(json_object *document, const char *key, const struct credentials *c,
			 char **ret_helper, struct err *e)
{
	json_object *auths;
	const char *helper = json_get_str(json_get(document, "credHelpers"), key);

	if (!json_object_is_type(document, json_type_object) ||
	    !(auths = object_in(document, "auths")))
		return err_set(e, -EBADMSG, "not an object with 'auths'");
	if (!helper || !*helper)
		helper = json_get_str(document, "credsStore");
	if (helper && *helper) {
		*ret_helper = strdup(helper);
		return *ret_helper ? 2 : err_errno(e, ENOMEM, "store credentials");
	}
	if (c)
		return set_entry(auths, key, c, e);
	if (!json_get(auths, key))
		return 0;
	json_object_object_del(auths, key);
	return 1;
}

/* ---- the file -------------------------------------------------------------------------------- */

struct auth_file {
	char *path; /* with links followed: a link stays one */
	const char *name;
	int dir_fd, lock_fd;
	json_object *document;
};

static void scoped_auth_file(struct auth_file *f)
{
	json_free(f->document);
	fd_close(f->lock_fd);
	fd_close(f->dir_fd);
	free(f->path);
}

/* The directory is opened first, and made when MAKE says so. */
static int open_directory(struct auth_file *f, int make, struct err *e)
{
	char *slash = strrchr(f->path, '/');
	scoped(mem) char *dir =
		slash ? strndup(f->path, (size_t)(slash - f->path) + 1) : strdup(".");

	if (!dir)
		return err_errno(e, ENOMEM, "open %s", f->path);
	if (make && path_mkdirs(dir, 0700, e) < 0)
		return e->code;
	f->name = slash ? slash + 1 : f->path;
	f->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->dir_fd < 0 ? err_sys(e, "open %s", dir) : 0;
}

/* Read it, with the lock of those who write it held. */
static int auth_file_open(struct auth_file *f, const char *path, int make, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(mem) char *lock = NULL;
	size_t n = 0;
	int rc;

	f->path = realpath(path, NULL);
	if (!f->path)
		f->path = strdup(path);
	if (!f->path)
		return err_errno(e, ENOMEM, "open %s", path);
	rc = open_directory(f, make, e);
	if (rc < 0)
		return rc;
	lock = str_printf(".%s.lock", f->name);
	f->lock_fd = lock ? lock_file(f->dir_fd, lock, LOCK_EXCLUSIVE, 1, e)
			  : err_errno(e, ENOMEM, "open %s", path);
	if (f->lock_fd < 0)
		return e->code;
	path_collect(f->dir_fd, f->name);
	rc = path_read(f->dir_fd, f->name, AUTH_ANSWER_MAX, &text, &n, e);
	if (rc < 0 && (rc != -ENOENT || !make))
		return rc;
	err_clear(e);
	if (n)
		rc = json_parse(text, n, &f->document, e);
	else
		f->document = json_object_new_object();
	if (text)
		explicit_bzero(text, n);
	if (n && rc < 0)
		return err_in(e, "%s", path);
	return f->document ? 0 : err_errno(e, ENOMEM, "open %s", path);
}

static void auth_file_unlock(const struct auth_file *f)
{
	scoped(mem) char *lock = str_printf(".%s.lock", f->name);

	if (lock)
		(void)unlinkat(f->dir_fd, lock, 0); /* it may stay */
}

static int auth_file_write(const struct auth_file *f, struct err *e)
{
	char *text = json_text_pretty(f->document);
	int rc;

	if (!text)
		return err_errno(e, ENOMEM, "write %s", f->path);
	rc = path_replace(f->dir_fd, f->name, text, strlen(text), 0600, 1, e);
	explicit_bzero(text, strlen(text));
	free(text);
	return rc < 0 ? err_in(e, "%s", f->path) : 0;
}

/* ---- set and remove -------------------------------------------------------------------------- */

static const char *key_in(const struct auth_place *p, const char *key, struct err *e)
{
	if (!p->compat)
		return key;
	if (strchr(key, '/')) {
		(void)err_set(e, -EINVAL,
			      "%s: a namespace cannot be kept in a file of Docker's format", key);
		return NULL;
	}
	return auth_server_key(key);
}

static int change(const struct auth_place *p, const char *name, const struct credentials *c,
		  struct err *e)
{
	__attribute__((cleanup(scoped_auth_file))) struct auth_file f = { .dir_fd = -EBADF,
									  .lock_fd = -EBADF };
	scoped(mem) char *helper = NULL;
	const char *key = key_in(p, name, e);
	int rc = key ? auth_file_open(&f, p->path, c != NULL, e) : e->code;

	if (rc == -ENOENT && !c) {
		err_clear(e);
		return 0;
	}
	if (rc < 0)
		return rc;
	rc = auth_document_change(f.document, key, c, &helper, e);
	if (rc < 0)
		(void)err_in(e, "%s", p->path);
	else if (rc == 1 && auth_file_write(&f, e) < 0)
		rc = e->code;
	auth_file_unlock(&f);
	if (rc != 2 || !helper)
		return rc;
	return c ? auth_helper_store(helper, name, c, e) : auth_helper_erase(helper, name, e);
}

int auth_store_set(const struct auth_place *p, const char *key, const struct credentials *c,
		   struct err *e)
{
	int rc = change(p, key, c, e);

	return rc < 0 ? rc : 0;
}

int auth_store_remove(const struct auth_place *p, const char *key, struct err *e)
{
	return change(p, key, NULL, e);
}

int auth_store_remove_all(const struct auth_place *p, struct err *e)
{
	__attribute__((cleanup(scoped_auth_file))) struct auth_file f = { .dir_fd = -EBADF,
									  .lock_fd = -EBADF };
	json_object *helpers;
	int rc = auth_file_open(&f, p->path, 0, e);

	if (rc == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (rc < 0)
		return rc;
	helpers = json_get(f.document, "credHelpers");
	if (json_object_is_type(helpers, json_type_object)) {
		json_object_object_foreach(helpers, registry, helper)
		{
			const char *name = json_object_is_type(helper, json_type_string)
						   ? json_object_get_string(helper)
						   : "";
			if (rc >= 0)
				rc = auth_helper_erase(name, registry, e);
		}
	}
	json_put(f.document, "auths", json_object_new_object());
	if (rc >= 0)
		rc = auth_file_write(&f, e);
	auth_file_unlock(&f);
	return rc;
}
