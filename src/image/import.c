/* SPDX-License-Identifier: Apache-2.0 */
/* A root file system's tar as an image of one layer. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

#include "src/image/image.h"
#include "src/image/layer_stage.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/util/json.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

/* ---- changes --------------------------------------------------------------------------------- */

/* One change: NAME is the config's member, TEXT what follows the instruction. */
typedef int change_fn(json_object *config, const char *name, const char *text, struct err *e);

static int is_json_list(const char *text, json_object **ret)
{
	struct err ignored;

	if (*text != '[' || json_parse(text, strlen(text), ret, &ignored) < 0)
		return 0;
	if (!json_object_is_type(*ret, json_type_array))
		return 0;
	for (size_t i = 0; i < json_len(*ret); i++)
		if (!json_str_at(*ret, i))
			return 0;
	return 1;
}

/* ["a", "b"] as it is; anything else is for the shell. */
static int change_command(json_object *config, const char *name, const char *text, struct err *e)
{
	scoped(json) json_object *list = NULL;

	(void)e;
	if (is_json_list(text, &list)) {
		json_put(config, name, json_object_get(list));
		return 0;
	}
	json_object *v = json_object_new_array();
	(void)json_object_array_add(v, json_object_new_string("/bin/sh"));
	(void)json_object_array_add(v, json_object_new_string("-c"));
	(void)json_object_array_add(v, json_object_new_string(text));
	json_put(config, name, v);
	return 0;
}

static int change_text(json_object *config, const char *name, const char *text, struct err *e)
{
	(void)e;
	json_put_str(config, name, text);
	return 0;
}

/* The next word of *P with quotes and backslashes taken away; NULL at the end. Owned. */
static char *next_word(const char **p)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char quote = 0;

	while (isspace((unsigned char)**p))
		(*p)++;
	if (!**p)
		return NULL;
	for (; **p && (quote || !isspace((unsigned char)**p)); (*p)++) {
		char c = **p;
		if (quote ? c == quote : c == '"' || c == '\'') {
			quote = quote ? 0 : c;
			continue;
		}
		if (c == '\\' && quote != '\'' && (*p)[1])
			c = *++*p;
		(void)strbuf_putc(&b, c);
	}
	return strbuf_take(&b);
}

static json_object *member(json_object *config, const char *name, json_object *(*make)(void))
{
	json_object *o = json_get(config, name);
	if (!o) {
		o = make();
		json_put(config, name, o);
	}
	return o;
}

static void set_env(json_object *list, const char *word, size_t name_len)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (strncmp(json_str_at(list, i), word, name_len + 1) == 0) {
			(void)json_object_array_put_idx(list, i, json_object_new_string(word));
			return;
		}
	(void)json_object_array_add(list, json_object_new_string(word));
}

/* ENV and LABEL: "A=b C='d e'", or the old "A b c". */
static int change_pairs(json_object *config, const char *name, const char *text, struct err *e)
{
	int is_env = strcmp(name, "Env") == 0;
	json_object *o = is_env ? member(config, name, json_object_new_array)
				: member(config, name, json_object_new_object);
	const char *p = text;
	size_t first = strcspn(text, " \t=");

	if (text[first] && text[first] != '=') {
		scoped(mem) char *key = strndup(text, first);
		scoped(mem) char *pair = str_printf("%s=%s", key ? key : "",
						    text + first + strspn(text + first, " \t"));
		if (!key || !pair)
			return err_errno(e, ENOMEM, "change the config");
		if (is_env)
			set_env(o, pair, first);
		else
			json_put_str(o, key, pair + first + 1);
		return 0;
	}
	for (;;) {
		scoped(mem) char *word = next_word(&p);
		char *eq = word ? strchr(word, '=') : NULL;
		if (!word)
			return 0;
		if (!eq || eq == word)
			return err_set(e, -EINVAL, "'%s' is not NAME=VALUE", word);
		if (is_env) {
			set_env(o, word, (size_t)(eq - word));
			continue;
		}
		*eq = '\0';
		json_put_str(o, word, eq + 1);
	}
}

/* EXPOSE and VOLUME: members of an object, each an empty object. */
static int change_set(json_object *config, const char *name, const char *text, struct err *e)
{
	json_object *o = member(config, name, json_object_new_object);
	scoped(json) json_object *list = NULL;
	const char *p = text;

	if (is_json_list(text, &list)) {
		for (size_t i = 0; i < json_len(list); i++)
			json_put(o, json_str_at(list, i), json_object_new_object());
		return 0;
	}
	for (;;) {
		scoped(mem) char *word = next_word(&p);
		scoped(mem) char *port = NULL;
		if (!word)
			return 0;
		if (strcmp(name, "ExposedPorts") == 0 && !strchr(word, '/')) {
			port = str_printf("%s/tcp", word);
			if (!port)
				return err_errno(e, ENOMEM, "change the config");
		}
		json_put(o, port ? port : word, json_object_new_object());
	}
}

static int apply_change(json_object *config, const char *change, struct err *e)
{
	static const struct {
		const char *instruction, *name;
		change_fn *apply;
	} t[] = {
		{ "CMD", "Cmd", change_command },
		{ "ENTRYPOINT", "Entrypoint", change_command },
		{ "ENV", "Env", change_pairs },
		{ "LABEL", "Labels", change_pairs },
		{ "EXPOSE", "ExposedPorts", change_set },
		{ "VOLUME", "Volumes", change_set },
		{ "USER", "User", change_text },
		{ "WORKDIR", "WorkingDir", change_text },
		{ "STOPSIGNAL", "StopSignal", change_text },
	};
	size_t n = strcspn(change, " \t=");
	const char *text = change + n;

	/* "CMD=x" is taken too, as Podman does. */
	text += strspn(text, " \t");
	if (*text == '=' && text == change + n)
		text++;
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		if (strlen(t[i].instruction) != n || strncasecmp(change, t[i].instruction, n) != 0)
			continue;
		if (!*text)
			return err_set(e, -EINVAL, "change '%s' says nothing", change);
		return t[i].apply(config, t[i].name, text, e) < 0 ? err_in(e, "change '%s'", change)
								  : 0;
	}
	return err_set(e, -EINVAL,
		       "change '%s' is not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, "
		       "USER, VOLUME, WORKDIR",
		       change);
}

/* ---- documents ------------------------------------------------------------------------------- */

static json_object *strings(const char *one)
{
	json_object *v = json_object_new_array();
	(void)json_object_array_add(v, json_object_new_string(one));
	return v;
}

static json_object *history(const char *created, const struct layer_result *layer,
			    const char *message)
{
	json_object *v = json_object_new_array(), *o = json_object_new_object();
	scoped(mem) char *by =
		str_printf("/bin/sh -c #(nop) ADD file:%s in /", digest_hex(layer->diff_id));

	json_put_str(o, "created", created);
	json_put_str(o, "created_by", by);
	if (message && *message)
		json_put_str(o, "comment", message);
	(void)json_object_array_add(v, o);
	return v;
}

static char *config_text(json_object *take_config, const struct layer_result *layer,
			 const char *message)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *rootfs = json_object_new_object();
	struct platform host;
	char created[UNITS_MAX];

	platform_host(&host);
	(void)time_rfc3339(time_now_ns(), created);
	json_put_str(o, "created", created);
	json_put_str(o, "architecture", host.arch);
	if (*host.variant)
		json_put_str(o, "variant", host.variant);
	json_put_str(o, "os", host.os);
	json_put(o, "config", take_config);
	json_put_str(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", strings(layer->diff_id));
	json_put(o, "rootfs", rootfs);
	json_put(o, "history", history(created, layer, message));
	return json_text(o);
}

static json_object *descriptor_json(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	return o;
}

static char *manifest_text(const char *config, const struct layer_result *layer)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();
	char digest[SHA256_TEXT_LEN];

	sha256_text(config, strlen(config), digest);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(o, "config", descriptor_json(MEDIA_OCI_CONFIG, digest, (int64_t)strlen(config)));
	(void)json_object_array_add(layers,
				    descriptor_json("application/vnd.oci.image.layer.v1.tar",
						    layer->diff_id, layer->diff_size));
	json_put(o, "layers", layers);
	return json_text(o);
}

/* ---- public ---------------------------------------------------------------------------------- */

static int import_name(const char *reference, char **ret, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	int r;

	if (!reference || !*reference)
		return 0;
	r = reference_parse(reference, &ref, e);
	if (r == 0 && !ref.registry)
		r = reference_qualify(&ref, "localhost", e);
	if (r < 0)
		return r;
	*ret = reference_name(&ref);
	return *ret ? 0
		    : err_set(e, -EINVAL, "%s: a name with a digest cannot be given to an image",
			      reference);
}

static int publish(struct engine *en, const struct layer_stage *stage, const char *config,
		   const char *manifest, const char *name, char **ret_id, struct err *e)
{
	struct image_publish p = { .manifest = manifest,
				   .manifest_len = strlen(manifest),
				   .manifest_type = MEDIA_OCI_MANIFEST,
				   .config = config,
				   .config_len = strlen(config),
				   .layers = stage->layers,
				   .n_layers = stage->n,
				   .name = name };
	return image_publish(en, &p, ret_id, e);
}

int image_import(struct engine *en, const struct image_import_options *o, char **ret_id,
		 struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	scoped(json) json_object *changes = json_object_new_object();
	scoped(mem) char *name = NULL;
	scoped(mem) char *config = NULL;
	scoped(mem) char *manifest = NULL;
	int is_stdin = !o->path || strcmp(o->path, "-") == 0;
	scoped(fd) int fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3)
				     : open(o->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct layer_result layer = { 0 };
	int r;

	if (fd < 0)
		return err_sys(e, "open %s", is_stdin ? "standard input" : o->path);
	r = import_name(o->reference, &name, e);
	for (char *const *c = o->changes; r == 0 && c && *c; c++)
		r = apply_change(changes, *c, e);
	if (r < 0)
		return r;
	engine_collect(en);
	image_collect(en);
	r = layer_stage_open(en, 1, &stage, e);
	if (r == 0)
		r = layer_stage_unpack(&stage, fd, &layer, e);
	if (r < 0)
		return err_in(e, "import %s", is_stdin ? "standard input" : o->path);
	config = config_text(json_object_get(changes), &layer, o->message);
	manifest = config ? manifest_text(config, &layer) : NULL;
	if (!manifest)
		return err_errno(e, ENOMEM, "import an image");
	return publish(en, &stage, config, manifest, name, ret_id, e);
}
