/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/secret/secret.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

/* ---- the option ------------------------------------------------------------------------------ */

void secret_use_done(struct secret_use *u)
{
	free(u->source);
	free(u->target);
	*u = (struct secret_use){ .source = NULL };
}

static int replace(char **dst, const char *value)
{
	free(*dst);
	*dst = strdup(value);
	return *dst ? 0 : -ENOMEM;
}

static int number(const char *s, int base, unsigned long max, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (*s < '0' || *s > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(s, &end, base);
	if (errno || *end || v > max)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* TYPE: what it has been so far; MOUNT_ONLY: an option was given that variables do not have. */
static int parse_word(const char *word, struct secret_use *u, const char **type, int *mount_only,
		      struct err *e)
{
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value++ - word) : 0;
	int r = 0;

	if (!value)
		return err_set(e, -EINVAL, "option %s must be in form option=value: parsing secret",
			       word);
	if (str_in_words(word, n, "source")) {
		r = replace(&u->source, value);
	} else if (str_in_words(word, n, "target")) {
		r = replace(&u->target, value);
	} else if (str_in_words(word, n, "type")) {
		if (*type)
			return err_set(e, -EINVAL,
				       "cannot set more than one secret type: parsing secret");
		if (strcmp(value, "mount") != 0 && strcmp(value, "env") != 0)
			return err_set(e, -EINVAL, "type %s is invalid: parsing secret", value);
		*type = value;
	} else if (str_in_words(word, n, "mode")) {
		*mount_only = 1;
		if (number(value, 8, UINT32_MAX, &u->mode) < 0)
			return err_set(e, -EINVAL, "mode %s invalid: parsing secret", value);
	} else if (str_in_words(word, n, "uid|UID|gid|GID")) {
		int is_user = word[0] == 'u' || word[0] == 'U';
		*mount_only = 1;
		if (number(value, 10, UINT32_MAX, is_user ? &u->uid : &u->gid) < 0)
			return err_set(e, -EINVAL, "%s %s invalid: parsing secret",
				       is_user ? "UID" : "GID", value);
	} else {
		return err_set(e, -EINVAL, "option %s invalid: parsing secret", word);
	}
	return r < 0 ? err_errno(e, r, "--secret") : 0;
}

int secrets_parse(const char *s, struct secret_use *ret, struct err *e)
{
	scoped(strv) char **word = strv_split(s, ',');
	scoped(secret_use) struct secret_use u = { .mode = 0444 };
	const char *type = NULL;
	size_t i = 0, n = strv_len(word);
	int mount_only = 0, r = word ? 0 : err_errno(e, ENOMEM, "--secret");

	if (r == 0 && n && (n == 1 || !strchr(word[0], '='))) {
		r = replace(&u.source, word[i++]);
		if (r < 0)
			return err_errno(e, r, "--secret");
	}
	for (; i < n && r == 0; i++)
		r = parse_word(word[i], &u, &type, &mount_only, e);
	if (r == 0 && str_ends(s, ",")) /* which leaves no word */
		r = parse_word("", &u, &type, &mount_only, e);
	if (r < 0)
		return r;
	if (!u.source || !*u.source)
		return err_set(e, -EINVAL, "no source found %s: parsing secret", s);
	u.is_env = type && strcmp(type, "env") == 0;
	if (u.is_env && mount_only)
		return err_set(e, -EINVAL,
			       "UID, GID, Mode options cannot be set with secret type env: parsing "
			       "secret");
	if (u.target && !*u.target) {
		free(u.target);
		u.target = NULL;
	}
	*ret = u;
	u = (struct secret_use){ .source = NULL };
	return 0;
}

/* ---- variables ------------------------------------------------------------------------------- */

static int load_one(struct engine *en, const char *name, const char *variable, char ***values,
		    struct err *e)
{
	scoped(secret_data) struct secret_data data = { 0 };
	scoped(secret_data) struct secret_data kv = { 0 };
	int r = secret_load(en, name, NULL, &data, e);

	if (r < 0)
		return r;
	if (strlen(data.s) != data.n)
		return err_set(e, -EINVAL,
			       "secret %s has a NUL byte: it cannot be a variable's value", name);
	kv.s = str_printf("%s=%s", variable, data.s);
	if (!kv.s)
		return err_errno(e, ENOMEM, "secret %s", name);
	kv.n = strlen(kv.s);
	return strv_add(values, kv.s) < 0 ? err_errno(e, ENOMEM, "secret %s", name) : 0;
}

int secrets_load(struct engine *en, struct container_spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < json_len(s->secret_env) && r == 0; i++) {
		json_object *o = json_object_array_get_idx(s->secret_env, i);
		const char *name = json_get_str(o, "Name"), *variable = json_get_str(o, "Variable");
		r = name && variable ? load_one(en, name, variable, &s->secret_values, e)
				     : err_set(e, -EBADMSG, "container record: secret_env");
	}
	return r;
}

int secrets_add_env(const struct container_spec *s, char ***env, struct err *e)
{
	int r = 0;

	for (char *const *kv = s->secret_values; kv && *kv && r == 0; kv++)
		r = spec_env_set(env, *kv, e);
	return r;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Who ID of the container is outside of it; without a map the same. */
static int outside(json_object *map, int64_t id, int64_t *ret)
{
	for (size_t i = 0; i < json_len(map); i++) {
		json_object *x = json_object_array_get_idx(map, i);
		int64_t inside = json_get_int(x, "containerID", 0);
		if (id >= inside && id - inside < json_get_int(x, "size", 0)) {
			*ret = json_get_int(x, "hostID", 0) + id - inside;
			return 0;
		}
	}
	*ret = id;
	return map ? -EINVAL : 0;
}

static int own_one(int dir, json_object *secret, size_t number_, json_object *config, struct err *e)
{
	json_object *linux_ = json_get(config, "linux");
	int64_t uid = json_get_int(secret, "UID", 0), gid = json_get_int(secret, "GID", 0);
	int64_t user = 0, group = 0;
	mode_t mode = (mode_t)json_get_int(secret, "Mode", 0444) & 0777;
	const char *name = json_get_str(secret, "Name");
	char file[24];

	if (outside(json_get(linux_, "uidMappings"), uid, &user) < 0 ||
	    outside(json_get(linux_, "gidMappings"), gid, &group) < 0)
		return err_set(e, -EINVAL,
			       "secret %s: the container has no user %lld or no group %lld",
			       name ? name : "", (long long)uid, (long long)gid);
	(void)snprintf(file, sizeof(file), "%zu", number_);
	if (fchownat(dir, file, (uid_t)user, (gid_t)group, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fchmodat(dir, file, mode, 0) < 0)
		return err_sys(e, "secret %s", name ? name : "");
	return 0;
}

int secrets_own(struct engine *en, const struct container_spec *s, const char *id,
		json_object *config, struct err *e)
{
	scoped(fd) int dir = -EBADF;
	char path[128];
	int r = 0;

	if (!json_len(s->secrets))
		return 0;
	(void)snprintf(path, sizeof(path), "containers/%s/secrets", id);
	dir = openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open %s", path);
	for (size_t i = 0; i < json_len(s->secrets) && r == 0; i++)
		r = own_one(dir, json_object_array_get_idx(s->secrets, i), i, config, e);
	return r;
}
