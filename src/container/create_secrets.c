/* SPDX-License-Identifier: Apache-2.0 */
/* --secret: found by what the user called them, and copied. */
#include "src/container/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/secrets.h"
#include "src/secret/secret.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

/* Of two with one KEY the later counts. */
static int put(json_object **list, const char *key, json_object *take_o, struct err *e)
{
	if (!*list)
		*list = json_object_new_array();
	for (size_t i = 0; *list && i < json_len(*list); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(*list, i), key),
			   json_get_str(take_o, key)) == 0)
			return json_object_array_put_idx(*list, i, take_o);
	if (*list && json_object_array_add(*list, take_o) == 0)
		return 0;
	json_free(take_o);
	return err_errno(e, ENOMEM, "--secret");
}

static int add_file(struct creation *c, const struct secret_use *u, const struct secret *s,
		    struct err *e)
{
	const char *target = u->target ? u->target : s->name;
	scoped(mem) char *path =
		str_printf("%s%s", target[0] == '/' ? "" : SECRETS_DIR "/", target);
	scoped(mem) char *clean = path ? path_clean(path) : NULL;
	json_object *o = json_object_new_object();

	if (!clean || !o) {
		json_free(o);
		return err_errno(e, ENOMEM, "--secret");
	}
	if (path_is_below(SECRETS_DIR, clean) || creation_has_control(clean)) {
		json_free(o);
		return err_set(e, -EINVAL, "target %s invalid: parsing secret", target);
	}
	json_put_str(o, "Name", s->name);
	json_put_str(o, "ID", s->id);
	json_put_str(o, "Target", clean);
	json_put_int(o, "UID", u->uid);
	json_put_int(o, "GID", u->gid);
	json_put_int(o, "Mode", u->mode);
	return put(&c->spec->secrets, "Target", o, e);
}

static int add_variable(struct creation *c, const struct secret_use *u, const struct secret *s,
			struct err *e)
{
	const char *name = u->target ? u->target : u->source;
	json_object *o;

	if (strchr(name, '=') || creation_has_control(name))
		return err_set(e, -EINVAL, "target %s invalid: parsing secret", name);
	o = json_object_new_object();
	if (!o)
		return err_errno(e, ENOMEM, "--secret");
	json_put_str(o, "Name", s->name);
	json_put_str(o, "Variable", name);
	return put(&c->spec->secret_env, "Variable", o, e);
}

int creation_set_secrets(struct creation *c, struct err *e)
{
	int r = 0;

	for (char *const *given = c->o->secret; given && *given && r == 0; given++) {
		scoped(secret_use) struct secret_use u = { .source = NULL };
		scoped(secret) struct secret s = { .id = NULL };
		r = secrets_parse(*given, &u, e);
		if (r == 0)
			r = secret_find(c->en, u.source, &s, e);
		if (r == 0)
			r = u.is_env ? add_variable(c, &u, &s, e) : add_file(c, &u, &s, e);
	}
	return r;
}

int creation_copy_secrets(struct creation *c, struct err *e)
{
	size_t n = json_len(c->spec->secrets);
	scoped(fd) int dir = -EBADF;
	char path[128];
	int r = 0;

	if (!n)
		return 0;
	(void)snprintf(path, sizeof(path), "containers/%s/secrets", c->id);
	if (mkdirat(c->en->graph_fd, path, 0700) < 0)
		return err_sys(e, "make directory %s/%s", c->en->graphroot, path);
	dir = openat(c->en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open %s/%s", c->en->graphroot, path);
	for (size_t i = 0; i < n && r == 0; i++) {
		json_object *o = json_object_array_get_idx(c->spec->secrets, i);
		scoped(secret_data) struct secret_data data = { 0 };
		char file[24];
		(void)snprintf(file, sizeof(file), "%zu", i);
		r = secret_load(c->en, json_get_str(o, "Name"), NULL, &data, e);
		if (r == 0)
			r = path_replace(dir, file, data.s, data.n, 0600, 1, e);
	}
	return r;
}
