/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of Docker before 1.8.3 are written anew, with all the members that later ones
 * always have, before they become an image's config: in the order of Docker's structs. */
#include <string.h>

#include "src/image/raw_json.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

enum kind { TEXT, SWITCH, LIST, MAP, NUMBER };

struct row {
	const char *name;
	enum kind kind;
	int may_be_absent; /* when it is empty */
};

static const struct row container_rows[] = {
	{ "Hostname", TEXT, 0 },
	{ "Domainname", TEXT, 0 },
	{ "User", TEXT, 0 },
	{ "AttachStdin", SWITCH, 0 },
	{ "AttachStdout", SWITCH, 0 },
	{ "AttachStderr", SWITCH, 0 },
	{ "ExposedPorts", MAP, 1 },
	{ "Tty", SWITCH, 0 },
	{ "OpenStdin", SWITCH, 0 },
	{ "StdinOnce", SWITCH, 0 },
	{ "Env", LIST, 0 },
	{ "Cmd", LIST, 0 },
	{ "ArgsEscaped", SWITCH, 1 },
	{ "Image", TEXT, 0 },
	{ "Volumes", MAP, 0 },
	{ "WorkingDir", TEXT, 0 },
	{ "Entrypoint", LIST, 0 },
	{ "NetworkDisabled", SWITCH, 1 },
	{ "MacAddress", TEXT, 1 },
	{ "OnBuild", LIST, 0 },
	{ "Labels", MAP, 0 },
	{ "StopSignal", TEXT, 1 },
	{ "StopTimeout", NUMBER, 1 },
	{ "Shell", LIST, 1 },
};

static void put_string(struct strbuf *b, json_object *v)
{
	if (json_object_is_type(v, json_type_string))
		raw_string(b, json_object_get_string(v), (size_t)json_object_get_string_len(v));
	else
		(void)strbuf_puts(b, "\"\"");
}

static void put_list(struct strbuf *b, json_object *v)
{
	if (!json_object_is_type(v, json_type_array)) {
		(void)strbuf_puts(b, "null");
		return;
	}
	(void)strbuf_putc(b, '[');
	for (size_t i = 0; i < json_len(v); i++) {
		(void)strbuf_puts(b, i ? "," : "");
		put_string(b, json_object_array_get_idx(v, i));
	}
	(void)strbuf_putc(b, ']');
}

/* Of strings, or of empty objects. */
static void put_map(struct strbuf *b, json_object *v)
{
	scoped(raw_object) struct raw_object o = { 0 };
	scoped(mem) char *text = NULL;
	int failed = 0;

	if (!json_object_is_type(v, json_type_object)) {
		(void)strbuf_puts(b, "null");
		return;
	}
	json_object_object_foreach(v, name, value)
	{
		scoped(strbuf) struct strbuf one = STRBUF_INIT;

		if (json_object_is_type(value, json_type_string))
			put_string(&one, value);
		else
			(void)strbuf_puts(&one, "{}");
		failed |= raw_object_put(&o, name, strbuf_take(&one));
	}
	text = failed ? NULL : raw_object_text(&o);
	if (text)
		(void)strbuf_puts(b, text);
	else
		b->failed = -ENOMEM;
}

static int is_empty(json_object *v)
{
	return !v || (json_object_is_type(v, json_type_string) && !json_object_get_string_len(v)) ||
	       (json_object_is_type(v, json_type_boolean) && !json_object_get_boolean(v)) ||
	       (json_object_is_type(v, json_type_array) && !json_len(v)) ||
	       (json_object_is_type(v, json_type_object) && !json_object_object_length(v));
}

static void put_value(struct strbuf *b, enum kind kind, json_object *v)
{
	switch (kind) {
	case TEXT:
		put_string(b, v);
		break;
	case SWITCH:
		(void)strbuf_puts(b, json_object_get_boolean(v) ? "true" : "false");
		break;
	case LIST:
		put_list(b, v);
		break;
	case MAP:
		put_map(b, v);
		break;
	case NUMBER:
		(void)strbuf_printf(b, "%lld", (long long)json_object_get_int64(v));
		break;
	}
}

static void put_rows(struct strbuf *b, const struct row *rows, size_t n, json_object *o)
{
	const char *comma = "";

	(void)strbuf_putc(b, '{');
	for (size_t i = 0; i < n; i++) {
		json_object *v = json_get(o, rows[i].name);

		if (rows[i].may_be_absent && is_empty(v))
			continue;
		(void)strbuf_printf(b, "%s\"%s\":", comma, rows[i].name);
		put_value(b, rows[i].kind, v);
		comma = ",";
	}
	(void)strbuf_putc(b, '}');
}

int schema1_modern(json_object *config, char **ret, struct err *e)
{
	static const struct row rows[] = {
		{ "architecture", TEXT, 1 }, { "author", TEXT, 1 },	    { "comment", TEXT, 1 },
		{ "container", TEXT, 1 },    { "docker_version", TEXT, 1 }, { "os", TEXT, 1 },
	};
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	json_object *own = json_get(config, "config");

	strbuf_init(&b, MANIFEST_MAX);
	put_rows(&b, rows, ARRAY_LEN(rows), config);
	b.len--; /* the bracket: it goes on */
	(void)strbuf_puts(&b, b.len > 1 ? "," : "");
	if (schema1_put_time(&b, config, e) < 0)
		return e->code;
	(void)strbuf_puts(&b, ",\"container_config\":");
	put_rows(&b, container_rows, ARRAY_LEN(container_rows),
		 json_get(config, "container_config"));
	if (json_object_is_type(own, json_type_object)) {
		(void)strbuf_puts(&b, ",\"config\":");
		put_rows(&b, container_rows, ARRAY_LEN(container_rows), own);
	}
	(void)strbuf_putc(&b, '}');
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_errno(e, ENOMEM, "make an image config");
}
