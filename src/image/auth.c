/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/auth.h"

#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/auth_helper.h"
#include "src/image/reference.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void scoped_secret(char **s)
{
	wipe(*s);
}

void credentials_done(struct credentials *c)
{
	free(c->username);
	wipe(c->password);
	wipe(c->identity_token);
	*c = (struct credentials){ 0 };
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64_encode(const char *s, size_t n)
{
	char *out = malloc((n + 2) / 3 * 4 + 1), *p = out;

	for (size_t i = 0; out && i < n; i += 3) {
		unsigned v = (unsigned char)s[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)s[i + 2] : 0;
		*p++ = base64_digits[v >> 18];
		*p++ = base64_digits[v >> 12 & 63];
		*p++ = i + 1 < n ? base64_digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < n ? base64_digits[v & 63] : '=';
	}
	if (p)
		*p = '\0';
	return out;
}

/* NULL for anything that is no base64 (padding may lack) or holds a NUL. */
static char *base64_decode(const char *s)
{
	size_t n = strlen(s);
	char *out, *p;
	unsigned v = 0, bits = 0;

	while (n && s[n - 1] == '=')
		n--;
	out = p = malloc(n * 3 / 4 + 1);
	for (size_t i = 0; p && i < n; i++) {
		const char *at = strchr(base64_digits, s[i]);

		if (!s[i] || !at) {
			explicit_bzero(out, (size_t)(p - out));
			free(out);
			return NULL;
		}
		v = v << 6 | (unsigned)(at - base64_digits);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*p++ = (char)(v >> bits & 0xff);
		}
	}
	if (!p)
		return NULL;
	*p = '\0';
	if (strlen(out) != (size_t)(p - out)) {
		free(out);
		return NULL;
	}
	return out;
}

int credentials_parse(const char *s, struct credentials *ret, struct err *e)
{
	const char *colon = strchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : strlen(s);
	struct credentials c = { 0 };

	if (!n)
		return err_set(e, -EINVAL, "credentials can't be empty");
	c.username = strndup(s, n);
	c.password = strdup(colon ? colon + 1 : "");
	if (!c.username || !c.password) {
		credentials_done(&c);
		return err_errno(e, ENOMEM, "read credentials");
	}
	*ret = c;
	return 0;
}

char *credentials_basic(const struct credentials *c)
{
	__attribute__((cleanup(scoped_secret))) char *plain =
		str_printf("%s:%s", c->username ? c->username : "", c->password ? c->password : "");

	return plain ? base64_encode(plain, strlen(plain)) : NULL;
}

/* Docker writes keys as URLs ("https://host/v1/"): what is between scheme and path. */
static char *key_host(const char *key)
{
	const char *scheme = strstr(key, "://");

	if (scheme)
		key = scheme + 3;
	return strndup(key, strcspn(key, "/"));
}

static json_object *find_by_host(json_object *auths, const char *registry)
{
	if (!json_object_is_type(auths, json_type_object))
		return NULL;
	json_object_object_foreach(auths, key, entry)
	{
		scoped(mem) char *host =
			strstr(key, "://") || str_ends(key, "/v1/") ? key_host(key) : NULL;

		if (host && (!strcmp(host, registry) || (!strcmp(registry, REFERENCE_HUB) &&
							 !strcmp(host, "index.docker.io"))))
			return entry;
	}
	return NULL;
}

/* The entry with the longest key. */
static json_object *find_entry(json_object *auths, const char *registry, const char *repository)
{
	scoped(mem) char *key = str_printf("%s/%s", registry, repository);
	char *slash;

	while (key) {
		json_object *o = json_get(auths, key);
		if (o)
			return o;
		slash = strrchr(key, '/');
		if (!slash)
			break;
		*slash = '\0';
	}
	return find_by_host(auths, registry);
}

/* 1: filled, 0: the entry says nothing. */
static int read_entry(json_object *entry, const char *registry, struct credentials *ret,
		      struct err *e)
{
	const char *auth = json_get_str(entry, "auth");
	const char *token = json_get_str(entry, "identitytoken");
	__attribute__((cleanup(scoped_secret))) char *plain = NULL;
	struct credentials c = { 0 };

	if (!json_object_is_type(entry, json_type_object))
		return err_set(e, -EBADMSG, "credentials of %s: the entry is no object", registry);
	if (auth && *auth) {
		plain = base64_decode(auth);
		if (!plain || !strchr(plain, ':'))
			return err_set(e, -EBADMSG,
				       "credentials of %s: 'auth' is not base64 of user:password",
				       registry);
		if (plain[0] != ':' && credentials_parse(plain, &c, e) < 0)
			return e->code;
	}
	if (token && *token && !(c.identity_token = strdup(token))) {
		credentials_done(&c);
		return err_errno(e, ENOMEM, "read credentials");
	}
	if (!c.username && !c.identity_token)
		return 0;
	*ret = c;
	return 1;
}

int auth_find(json_object *file, const char *registry, const char *repository,
	      struct credentials *ret, char **ret_helper, struct err *e)
{
	json_object *auths = json_get(file, "auths"), *entry;
	const char *helper = json_get_str(json_get(file, "credHelpers"), registry);
	int rc;

	if (!json_object_is_type(file, json_type_object))
		return err_set(e, -EBADMSG, "not a JSON object");
	if (!helper) {
		entry = find_entry(auths, registry, repository);
		rc = entry ? read_entry(entry, registry, ret, e) : 0;
		if (rc != 0)
			return rc;
		helper = json_get_str(file, "credsStore");
	}
	if (!helper || !*helper)
		return 0;
	*ret_helper = strdup(helper);
	return *ret_helper ? 2 : err_errno(e, ENOMEM, "read credentials");
}

int auth_helper_answer(const char *bytes, size_t n, struct credentials *ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	const char *user, *secret;
	struct credentials c = { 0 };

	if (json_parse(bytes, n, &o, e) < 0)
		return e->code;
	user = json_get_str(o, "Username");
	secret = json_get_str(o, "Secret");
	if (!user || !secret)
		return err_set(e, -EBADMSG, "the answer has no Username and Secret");
	if (!*user && !*secret)
		return 0;
	if (!strcmp(user, "<token>")) {
		c.identity_token = strdup(secret);
	} else {
		c.username = strdup(user);
		c.password = strdup(secret);
	}
	if (!c.identity_token && !(c.username && c.password)) {
		credentials_done(&c);
		return err_errno(e, ENOMEM, "read credentials");
	}
	*ret = c;
	return 1;
}

/* 1: found, 0: not in this file (or no such file). */
static int look_in(const char *path, const char *registry, const char *repository, int bare,
		   struct credentials *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(mem) char *helper = NULL;
	scoped(json) json_object *o = NULL;
	size_t n = 0;
	int rc;

	rc = path_read(AT_FDCWD, path, AUTH_ANSWER_MAX, &text, &n, e);
	if (rc < 0)
		return rc;
	if (!n)
		return 0;
	rc = json_parse(text, n, &o, e);
	explicit_bzero(text, n);
	if (rc < 0)
		return err_in(e, "%s", path);
	if (bare) { /* ~/.dockercfg is the "auths" object itself */
		json_object *outer = json_object_new_object();
		json_put(outer, "auths", take_ptr(&o));
		o = outer;
	}
	rc = auth_find(o, registry, repository, ret, &helper, e);
	if (rc == 2 && helper)
		rc = auth_helper_get(helper, registry, ret, e);
	return rc < 0 ? err_in(e, "%s", path) : rc;
}

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

/* The files to look in, most wanted first. */
static char **places(void)
{
	static const struct {
		const char *var, *below;
	} rows[] = {
		{ "XDG_RUNTIME_DIR", "containers/auth.json" },
		{ "XDG_CONFIG_HOME", "containers/auth.json" },
		{ "HOME", ".config/containers/auth.json" },
		{ "DOCKER_CONFIG", "config.json" },
		{ "HOME", ".docker/config.json" },
		{ "HOME", ".dockercfg" },
	};
	scoped(mem) char *no_session =
		str_printf("/run/containers/%u/auth.json", (unsigned)geteuid());
	char **v = NULL;

	if (!env("XDG_RUNTIME_DIR") && no_session)
		(void)strv_add(&v, no_session); /* out of memory: fewer places */
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *dir = env(rows[i].var);
		scoped(mem) char *path = NULL;

		if (!dir || (i == 2 && env("XDG_CONFIG_HOME")) || (i == 4 && env("DOCKER_CONFIG")))
			continue;
		path = str_printf("%s/%s", dir, rows[i].below);
		if (path)
			(void)strv_add(&v, path); /* out of memory: fewer places */
	}
	return v;
}

int auth_file_check(const char *authfile, struct err *e)
{
	return authfile && *authfile && access(authfile, R_OK) < 0
		       ? err_sys(e, "credential file is not accessible: %s", authfile)
		       : 0;
}

int auth_lookup(const char *authfile, const char *registry, const char *repository,
		struct credentials *ret, struct err *e)
{
	scoped(strv) char **v = NULL;
	int rc = 0;

	if (!authfile || !*authfile)
		authfile = env("REGISTRY_AUTH_FILE");
	if (authfile)
		return look_in(authfile, registry, repository, 0, ret, e);
	v = places();
	for (char **path = v; path && *path; path++) {
		rc = look_in(*path, registry, repository, str_ends(*path, "/.dockercfg"), ret, e);
		if (rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES) {
			err_clear(e);
			rc = 0;
		}
		if (rc != 0)
			break;
	}
	return rc;
}
