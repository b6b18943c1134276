/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layer_crypt.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/pull_protocol.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define ROLE	     "cove-crypt"
#define PASSWORD_MAX 4096

/* Tell the role M (taken over). */
static int start(struct pull_call *c, json_object *take_m, int dir_fd, int in_fd, int out_fd,
		 struct err *e)
{
	scoped(json) json_object *m = take_m;

	if (!m)
		return err_errno(e, ENOMEM, "start %s", ROLE);
	if (pull_call_start_stream(c, ROLE, -EBADF, dir_fd, in_fd, out_fd, e) < 0)
		return e->code;
	return pull_send(c->socket_fd, take_ptr(&m), e);
}

static int finish(struct pull_call *c, json_object **ret, struct err *e)
{
	int rc = pull_call_receive(c, ret, e);

	pull_call_end(c);
	*c = (struct pull_call)PULL_CALL_NONE;
	if (rc == 0 && !pull_is(*ret, "done"))
		rc = err_set(e, -EPROTO, ROLE " gave a wrong answer");
	return rc;
}

/* ---- encryption ------------------------------------------------------------------------------ */

static json_object *to_recipients(const char *type, char *const *recipients)
{
	json_object *m = pull_message(type);

	if (m)
		json_put_strv(m, "recipients", recipients);
	return m;
}

int layer_crypt_recipients(char *const *recipients, struct err *e)
{
	scoped(pull_call) struct pull_call c = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;

	if (start(&c, to_recipients("recipients", recipients), -EBADF, -EBADF, -EBADF, e) < 0)
		return e->code;
	return finish(&c, &answer, e);
}

int layer_encrypt_start(struct pull_call *c, char *const *recipients, int in_fd, int out_fd,
			struct err *e)
{
	return start(c, to_recipients("encrypt", recipients), -EBADF, in_fd, out_fd, e);
}

int layer_encrypt_finish(struct pull_call *c, struct layer_encrypted *ret, struct err *e)
{
	scoped(json) json_object *answer = NULL;
	const char *digest, *plain;
	int64_t size;

	if (finish(c, &answer, e) < 0)
		return e->code;
	digest = json_get_str(answer, "digest");
	plain = json_get_str(answer, "plain");
	size = json_get_int(answer, "size", -1);
	if (!digest_is_valid(digest) || !digest_is_valid(plain) || size < 0 ||
	    !json_object_is_type(json_get(answer, "annotations"), json_type_object))
		return err_set(e, -EPROTO, ROLE " gave a wrong answer");
	(void)stpcpy(ret->digest, digest); /* valid, so they fit */
	(void)stpcpy(ret->plain, plain);
	ret->size = size;
	ret->annotations = json_object_get(json_get(answer, "annotations"));
	return 0;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* What a descriptor gives in one read, as others take it. */
static int password_of_fd(const char *number, char **ret, struct err *e)
{
	char buf[65];
	unsigned long long fd;
	ssize_t n;

	if (str_to_u64(number, INT32_MAX, &fd) < 0)
		return err_set(e, -EINVAL, "could not parse file descriptor %s", number);
	n = read((int)fd, buf, sizeof(buf) - 1);
	if (n < 0)
		return err_sys(e, "could not read from file descriptor %s", number);
	buf[n] = '\0';
	*ret = strdup(buf);
	explicit_bzero(buf, sizeof(buf));
	return *ret ? 0 : err_errno(e, ENOMEM, "read a password");
}

static int read_password(const char *text, char **ret, struct err *e)
{
	if (str_starts(text, "file="))
		return path_read(AT_FDCWD, text + 5, PASSWORD_MAX, ret, NULL, e);
	if (str_starts(text, "fd="))
		return password_of_fd(text + 3, ret, e);
	*ret = strdup(str_starts(text, "pass=") ? text + 5 : text);
	return *ret ? 0 : err_errno(e, ENOMEM, "read a password");
}

static int add_key(const char *text, json_object *list, struct err *e)
{
	const char *colon = strchr(text, ':');
	scoped(mem) char *path = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
	scoped(mem) char *password = NULL;
	json_object *o;

	if (!path)
		return err_errno(e, ENOMEM, "read keys");
	if (str_starts(text, "provider:"))
		return err_set(e, -ENOTSUP,
			       "%s: key providers (ocicrypt_keyprovider.conf) are not run", text);
	if (colon && read_password(colon + 1, &password, e) < 0)
		return e->code;
	o = json_object_new_object();
	json_put_str(o, "path", path);
	if (password) {
		json_put_str(o, "password", password);
		explicit_bzero(password, strlen(password));
	}
	(void)json_object_array_add(list, o);
	return 0;
}

/* Can they be read at all? */
static int look_at(json_object *keys, struct err *e)
{
	scoped(pull_call) struct pull_call c = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;
	json_object *o = pull_message("look");

	json_put(o, "keys", json_object_get(keys));
	if (start(&c, o, -EBADF, -EBADF, -EBADF, e) < 0)
		return e->code;
	return finish(&c, &answer, e);
}

int layer_crypt_keys(char *const *list, json_object **ret, struct err *e)
{
	scoped(json) json_object *keys = NULL;

	if (!list || !*list)
		return 0;
	keys = json_object_new_array();
	for (; *list; list++)
		if (add_key(*list, keys, e) < 0)
			return err_in(e, "invalid decryption keys");
	if (look_at(keys, e) < 0)
		return e->code;
	*ret = take_ptr(&keys);
	return 0;
}

/* ---- decryption ------------------------------------------------------------------------------ */

int layer_crypt_is_needed(const struct manifest *m)
{
	for (size_t i = 0; i < m->n_layers; i++)
		if (m->layers[i].is_encrypted)
			return 1;
	return 0;
}

int layer_crypt_refuse_signed(const struct manifest *m, struct err *e)
{
	for (size_t i = 0; i < m->n_layers; i++)
		if (m->layers[i].is_encrypted)
			return err_set(e, -EACCES,
				       "layer %s should be decrypted, but we can't modify the "
				       "manifest: Would invalidate signatures",
				       m->layers[i].digest);
	return 0;
}

int layer_crypt_check(json_object *keys, const struct manifest *m, int dir_fd, struct err *e)
{
	scoped(pull_call) struct pull_call c = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;
	json_object *o;

	for (size_t i = 0; i < m->n_layers; i++)
		if (m->layers[i].is_encrypted && !keys) {
			(void)err_set(e, -EACCES,
				      "layer %s is encrypted: missing private key needed for "
				      "decryption",
				      m->layers[i].digest);
			return err_hint(e, "pull it with the private key: --decryption-key FILE");
		}
	o = pull_message("keys");
	json_put(o, "keys", json_object_get(keys));
	if (start(&c, o, dir_fd, -EBADF, -EBADF, e) < 0)
		return e->code;
	return finish(&c, &answer, e);
}

int layer_decrypt_start(struct pull_call *c, json_object *keys, int dir_fd, size_t i, int in_fd,
			int is_part, int out_fd, struct err *e)
{
	json_object *o = pull_message("decrypt");

	json_put(o, "keys", json_object_get(keys));
	json_put_int(o, "layer", (int64_t)i);
	json_put_bool(o, "part", is_part);
	return start(c, o, dir_fd, in_fd, out_fd, e);
}

int layer_decrypt_finish(struct pull_call *c, struct err *e)
{
	scoped(json) json_object *answer = NULL;

	return finish(c, &answer, e);
}
