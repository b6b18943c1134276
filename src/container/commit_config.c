/* SPDX-License-Identifier: Apache-2.0 */
/* Below the container's own settings lies the image's configuration; above lie the file of
 * --config, then the instructions of --change. */
#include "src/container/commit_config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "src/image/change.h"
#include "src/image/manifest.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

void commit_done(struct commit *c)
{
	(void)container_free(c->container);
	(void)container_spec_free(c->spec);
	(void)image_free(c->base);
	json_free(c->config);
}

int commit_is_whole(const struct commit *c)
{
	return c->o->squash || !c->base;
}

json_object *commit_base_layers(const struct commit *c)
{
	return c->base ? json_path(c->base->config, "rootfs", "diff_ids", NULL) : NULL;
}

/* ---- what the container is ------------------------------------------------------------------- */

static int has_var(json_object *env, const char *kv)
{
	size_t n = strcspn(kv, "=");

	for (size_t i = 0; i < json_len(env); i++) {
		const char *s = json_str_at(env, i);
		if (s && strncmp(s, kv, n) == 0 && s[n] == '=')
			return 1;
	}
	return 0;
}

/* What the engine gives every container, or takes from the caller: it is not of the image. */
static int is_engines(const char *kv)
{
	static const char *const names[] = { "container",  "TERM",	  "HOSTNAME",  "HOME",
					     "http_proxy", "https_proxy", "ftp_proxy", "no_proxy" };
	size_t n = strcspn(kv, "=");

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strlen(names[i]) == n &&
		    (strncmp(kv, names[i], n) == 0 || (i > 3 && strncasecmp(kv, names[i], n) == 0)))
			return 1;
	return 0;
}

static void put_env(json_object *config, const struct container_spec *s)
{
	json_object *list = json_object_new_array(), *before = json_get(config, "Env");

	for (char **kv = s->env; kv && *kv; kv++)
		if (has_var(before, *kv) || !is_engines(*kv))
			(void)json_object_array_add(list, json_object_new_string(*kv));
	json_put(config, "Env", list);
}

static void put_list(json_object *config, const char *name, char *const *v)
{
	if (strv_len(v))
		json_put_strv(config, name, v);
	else
		json_object_object_del(config, name);
}

static json_object *set_of(json_object *config, const char *name)
{
	json_object *o = json_get(config, name);

	if (!o) {
		o = json_object_new_object();
		json_put(config, name, o);
	}
	return o;
}

static void put_ports(json_object *config, const struct container_spec *s)
{
	for (size_t i = 0; i < json_len(s->ports); i++) {
		json_object *p = json_object_array_get_idx(s->ports, i);
		const char *proto = json_get_str(p, "protocol");
		scoped(mem) char *key = str_printf(
			"%d/%s", (int)json_get_int(p, "container_port", 0), proto ? proto : "tcp");
		if (key)
			json_put(set_of(config, "ExposedPorts"), key, json_object_new_object());
	}
	for (char **x = s->expose; x && *x; x++) {
		scoped(mem) char *key = strchr(*x, '/') ? strdup(*x) : str_printf("%s/tcp", *x);
		if (key)
			json_put(set_of(config, "ExposedPorts"), key, json_object_new_object());
	}
}

static void put_volumes(json_object *config, const struct container_spec *s)
{
	for (size_t i = 0; i < json_len(s->mounts); i++) {
		json_object *m = json_object_array_get_idx(s->mounts, i);
		const char *type = json_get_str(m, "type"), *at = json_get_str(m, "destination");
		if (type && at && (strcmp(type, "bind") == 0 || strcmp(type, "volume") == 0))
			json_put(set_of(config, "Volumes"), at, json_object_new_object());
	}
}

static void put_container(const struct commit *c)
{
	const struct container_spec *s = c->spec;
	json_object *config = c->config;

	put_env(config, s);
	put_list(config, "Entrypoint", s->entrypoint);
	put_list(config, "Cmd", s->command);
	if (s->user && *s->user)
		json_put_str(config, "User", s->user);
	if (s->workdir && *s->workdir)
		json_put_str(config, "WorkingDir", s->workdir);
	if (s->stop_signal && strcmp(s->stop_signal, "SIGTERM") != 0)
		json_put_str(config, "StopSignal", s->stop_signal);
	if (s->labels && json_object_object_length(s->labels))
		json_put(config, "Labels", json_object_get(s->labels));
	put_ports(config, s);
	if (c->o->include_volumes)
		put_volumes(config, s);
}

/* ---- what the user asks for ------------------------------------------------------------------ */

/* Objects and Env grow, all else is replaced. */
static void merge(json_object *into, json_object *from)
{
	json_object_object_foreach(from, name, value)
	{
		json_object *old = json_get(into, name);
		if (json_object_is_type(value, json_type_null))
			continue;
		if (strcmp(name, "Env") == 0 && old) {
			for (size_t i = 0; i < json_len(old); i++) {
				const char *kv = json_str_at(old, i);
				if (kv && !has_var(value, kv))
					(void)json_object_array_add(value,
								    json_object_new_string(kv));
			}
		} else if (json_object_is_type(value, json_type_object) &&
			   json_object_is_type(old, json_type_object)) {
			json_object_object_foreach(value, key, member)
				json_put(old, key, json_object_get(member));
			continue;
		}
		json_put(into, name, json_object_get(value));
	}
}

/* The types that an image's configuration has: a wrong one would be found much later, by whoever
 * runs the image. */
static int check_types(json_object *o, const char *path, struct err *e)
{
	static const struct {
		const char *name;
		json_type type;
	} t[] = {
		{ "Env", json_type_array },	    { "Cmd", json_type_array },
		{ "Entrypoint", json_type_array },  { "OnBuild", json_type_array },
		{ "User", json_type_string },	    { "WorkingDir", json_type_string },
		{ "StopSignal", json_type_string }, { "Labels", json_type_object },
		{ "Volumes", json_type_object },    { "ExposedPorts", json_type_object },
	};
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "%s is no object", path);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		json_object *v = json_get(o, t[i].name);
		if (v && !json_object_is_type(v, t[i].type))
			return err_set(e, -EBADMSG, "%s: '%s' has the wrong type", path, t[i].name);
		for (size_t k = 0; t[i].type == json_type_array && k < json_len(v); k++)
			if (!json_str_at(v, k))
				return err_set(e, -EBADMSG, "%s: '%s' has the wrong type", path,
					       t[i].name);
	}
	return 0;
}

static int merge_file(const struct commit *c, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int r = path_read(AT_FDCWD, c->o->config, MANIFEST_MAX, &text, &n, e);

	if (r == 0)
		r = json_parse(text, n, &o, e);
	if (r == 0 && !json_object_is_type(o, json_type_object))
		r = err_set(e, -EBADMSG, "it is no JSON object");
	if (r < 0)
		return err_in(e, "read %s", c->o->config);
	r = check_types(o, c->o->config, e);
	if (r == 0)
		merge(c->config, o);
	return r;
}

static int apply_changes(const struct engine *en, const struct commit *c, struct err *e)
{
	int r = 0;

	for (char **change = c->o->changes; r == 0 && change && *change; change++) {
		if (!c->is_docker && strncasecmp(*change, "ONBUILD", 7) == 0 && en->warn) {
			scoped(mem) char *text = str_printf(
				"ONBUILD is not supported for OCI image format, %s will be "
				"ignored. Must use `docker` format",
				*change + 7 + strspn(*change + 7, " \t="));
			en->warn(text ? text : *change);
		}
		r = image_change(c->config, *change, e);
	}
	return r;
}

static int find(struct engine *en, const char *ref, struct commit *c, struct err *e)
{
	int r = container_find(en, ref, &c->container, e);

	if (r == 0)
		r = container_spec_decode(c->container->spec, &c->spec, e);
	if (r == 0 && !c->spec->rootfs)
		r = image_find(en, c->container->image_id, &c->base, e);
	return r;
}

int commit_open(struct engine *en, const char *ref, struct commit *c, struct err *e)
{
	const char *format = c->o->format ? c->o->format : "oci";
	json_object *below;
	int r;

	c->is_docker = strcmp(format, "docker") == 0;
	if (!c->is_docker && strcmp(format, "oci") != 0)
		return err_set(e, -EINVAL, "unrecognized image format \"%s\"", format);
	if (c->o->message && *c->o->message && !c->is_docker)
		return err_set(e, -EINVAL,
			       "messages are only compatible with the docker image format (-f "
			       "docker)");
	r = find(en, ref, c, e);
	if (r < 0)
		return r;
	below = c->base ? json_get(c->base->config, "config") : NULL;
	if (!below)
		c->config = json_object_new_object();
	else if (json_object_deep_copy(below, &c->config, NULL) < 0)
		c->config = NULL;
	if (!c->config)
		return err_errno(e, ENOMEM, "make an image");
	r = check_types(c->config, "the image's configuration", e);
	if (r < 0)
		return r;
	put_container(c);
	if (c->o->config)
		r = merge_file(c, e);
	if (r == 0)
		r = apply_changes(en, c, e);
	if (!c->is_docker) { /* the OCI image specification has neither */
		json_object_object_del(c->config, "OnBuild");
		json_object_object_del(c->config, "Healthcheck");
	}
	return r;
}

/* ---- documents ------------------------------------------------------------------------------- */

static json_object *history(const struct commit *c, const char *created)
{
	json_object *old = c->base ? json_get(c->base->config, "history") : NULL;
	json_object *list = json_object_new_array(), *o = json_object_new_object();
	scoped(mem) char *from =
		str_printf("FROM %s", c->spec->image_name ? c->spec->image_name : c->spec->rootfs);

	for (size_t i = 0; !commit_is_whole(c) && i < json_len(old); i++)
		(void)json_object_array_add(list,
					    json_object_get(json_object_array_get_idx(old, i)));
	json_put_str(o, "created", created);
	json_put_str(o, "created_by", "/bin/sh");
	if (c->o->author && *c->o->author)
		json_put_str(o, "author", c->o->author);
	json_put_str(o, "comment", c->o->message && *c->o->message ? c->o->message : from);
	(void)json_object_array_add(list, o);
	return list;
}

/* Who made it for what machine; the base's own where there is one. */
static void put_platform(const struct commit *c, json_object *o)
{
	static const char *const names[] = { "architecture", "variant", "os", "os.version",
					     "os.features" };
	struct platform host;

	platform_host(&host);
	json_put_str(o, "architecture", host.arch);
	if (*host.variant && !c->base)
		json_put_str(o, "variant", host.variant);
	json_put_str(o, "os", host.os);
	for (size_t i = 0; c->base && i < ARRAY_LEN(names); i++) {
		json_object *v = json_get(c->base->config, names[i]);
		if (v)
			json_put(o, names[i], json_object_get(v));
	}
}

char *commit_config_text(const struct commit *c, const struct image_new_layer *layers, size_t n)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *rootfs = json_object_new_object(), *ids = json_object_new_array();
	const char *author = c->o->author;
	char created[UNITS_MAX];

	(void)time_rfc3339(time_now_ns(), created);
	json_put_str(o, "created", created);
	if ((!author || !*author) && c->base)
		author = json_get_str(c->base->config, "author");
	if (author && *author)
		json_put_str(o, "author", author);
	put_platform(c, o);
	json_put(o, "config", json_object_get(c->config));
	if (c->is_docker && c->o->message && *c->o->message)
		json_put_str(o, "comment", c->o->message);
	json_put_str(rootfs, "type", "layers");
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(ids, json_object_new_string(layers[i].diff_id));
	json_put(rootfs, "diff_ids", ids);
	json_put(o, "rootfs", rootfs);
	json_put(o, "history", history(c, created));
	return json_text(o);
}

static json_object *descriptor(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	return o;
}

char *commit_manifest_text(const struct commit *c, const char *config,
			   const struct image_new_layer *layers, size_t n)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *list = json_object_new_array();
	char digest[SHA256_TEXT_LEN];

	sha256_text(config, strlen(config), digest);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", c->is_docker ? MEDIA_DOCKER_MANIFEST : MEDIA_OCI_MANIFEST);
	json_put(o, "config",
		 descriptor(c->is_docker ? MEDIA_DOCKER_CONFIG : MEDIA_OCI_CONFIG, digest,
			    (int64_t)strlen(config)));
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(
			list,
			descriptor(c->is_docker ? "application/vnd.docker.image.rootfs.diff.tar"
						: "application/vnd.oci.image.layer.v1.tar",
				   layers[i].diff_id, layers[i].diff_size));
	json_put(o, "layers", list);
	return json_text(o);
}
