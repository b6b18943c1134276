/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/change.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/signals.h"
#include "src/util/strbuf.h"

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

static int change_signal(json_object *config, const char *name, const char *text, struct err *e)
{
	if (signal_from_name(text) < 0)
		return err_set(e, -EINVAL, "invalid signal: %s", text);
	json_put_str(config, name, text);
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
		if (!eq && is_env) {
			scoped(mem) char *empty = str_printf("%s=", word);
			if (!empty)
				return err_errno(e, ENOMEM, "change the config");
			set_env(o, empty, strlen(word));
			continue;
		}
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

/* PORT[-PORT][/PROTOCOL] */
static int is_port(const char *word)
{
	unsigned long long first = 0, last = 0;
	size_t n = strcspn(word, "/");
	scoped(mem) char *range = strndup(word, n);
	char *dash = range ? strchr(range, '-') : NULL;

	if (!range ||
	    (word[n] && !str_in_words(word + n + 1, strlen(word + n + 1), "tcp|udp|sctp")))
		return 0;
	if (dash)
		*dash++ = '\0';
	return str_to_u64(range, UINT16_MAX, &first) == 0 &&
	       (!dash || str_to_u64(dash, UINT16_MAX, &last) == 0) && first &&
	       (!dash || first <= last);
}

/* EXPOSE and VOLUME: members of an object, each an empty object. */
static int change_set(json_object *config, const char *name, const char *text, struct err *e)
{
	json_object *o = member(config, name, json_object_new_object);
	scoped(json) json_object *list = NULL;
	const char *p = text;

	if (strcmp(name, "Volumes") == 0 && is_json_list(text, &list)) {
		for (size_t i = 0; i < json_len(list); i++)
			json_put(o, json_str_at(list, i), json_object_new_object());
		return 0;
	}
	for (;;) {
		scoped(mem) char *word = next_word(&p);
		scoped(mem) char *port = NULL;
		if (!word)
			return 0;
		if (strcmp(name, "ExposedPorts") == 0 && !is_port(word))
			return err_set(e, -EINVAL,
				       "'%s' is no port: it is NUMBER[-NUMBER][/PROTOCOL]", word);
		if (strcmp(name, "ExposedPorts") == 0 && !strchr(word, '/')) {
			port = str_printf("%s/tcp", word);
			if (!port)
				return err_errno(e, ENOMEM, "change the config");
		}
		json_put(o, port ? port : word, json_object_new_object());
	}
}

/* ONBUILD: one more instruction. */
static int change_list(json_object *config, const char *name, const char *text, struct err *e)
{
	(void)e;
	(void)json_object_array_add(member(config, name, json_object_new_array),
				    json_object_new_string(text));
	return 0;
}

int image_change(json_object *config, const char *change, struct err *e)
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
		{ "STOPSIGNAL", "StopSignal", change_signal },
		{ "ONBUILD", "OnBuild", change_list },
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
		       "change '%s' is not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, "
		       "STOPSIGNAL, USER, VOLUME, WORKDIR",
		       change);
}
