/* SPDX-License-Identifier: Apache-2.0 */
/* The image config that follows from a manifest of schema 1.  Each byte counts: its digest is the
 * image's ID, for containers/image as well. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/raw_json.h"
#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define MODERN "1.8.3" /* of Docker: from then on a configuration is taken as it is */

/* A number of VERSION, and *P behind it. */
static unsigned long next_number(const char **p)
{
	char *end;
	unsigned long n = isdigit((unsigned char)**p) ? strtoul(*p, &end, 10) : 0;

	*p += strcspn(*p, ".");
	*p += **p == '.';
	return n;
}

static int is_older(const char *version, const char *than)
{
	while (*version || *than) {
		unsigned long a = next_number(&version), b = next_number(&than);

		if (a != b)
			return a < b;
	}
	return 0;
}

static int digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return 0;
	return 1;
}

static int has_date(const char *s)
{
	return strlen(s) >= 20 && digits(s, 4) && s[4] == '-' && digits(s + 5, 2) && s[7] == '-' &&
	       digits(s + 8, 2) && s[10] == 'T' && digits(s + 11, 2) && s[13] == ':' &&
	       digits(s + 14, 2) && s[16] == ':' && digits(s + 17, 2);
}

static int is_zone(const char *z)
{
	return !strcmp(z, "Z") || (strlen(z) == 6 && (*z == '+' || *z == '-') && digits(z + 1, 2) &&
				   z[3] == ':' && digits(z + 4, 2));
}

/* A time as Go writes it again: no zeros at the end of the fraction, which has 9 digits at most. */
int schema1_put_time(struct strbuf *b, json_object *step, struct err *e)
{
	const char *s = json_get_str(step, "created"), *zone;
	size_t frac = 0;

	if (!json_get(step, "created"))
		s = "0001-01-01T00:00:00Z";
	if (!s || !has_date(s))
		return err_set(e, -EBADMSG, "'created' is no time");
	zone = s + 19;
	if (*zone == '.') {
		frac = strspn(zone + 1, "0123456789");
		zone += 1 + frac;
	}
	if (!is_zone(zone) || (s[19] == '.' && !frac))
		return err_set(e, -EBADMSG, "'created' is no time");
	frac = frac > 9 ? 9 : frac;
	while (frac && s[19 + frac] == '0')
		frac--;
	(void)strbuf_printf(b, "\"created\":\"%.*s", frac ? (int)(20 + frac) : 19, s);
	(void)strbuf_printf(b, "%s\"", !strcmp(zone + 1, "00:00") ? "Z" : zone);
	return 0;
}

/* ,"NAME":"TEXT" unless that is empty. */
static int put_text(struct strbuf *b, const char *name, json_object *v, struct err *e)
{
	if (v && !json_object_is_type(v, json_type_string))
		return err_set(e, -EBADMSG, "'%s' has the wrong type", name);
	if (!v || !json_object_get_string_len(v))
		return 0;
	(void)strbuf_printf(b, ",\"%s\":", name);
	raw_string(b, json_object_get_string(v), (size_t)json_object_get_string_len(v));
	return 0;
}

static int put_created_by(struct strbuf *b, json_object *step, struct err *e)
{
	json_object *cmd = json_path(step, "container_config", "Cmd", NULL), *text;
	scoped(strbuf) struct strbuf all = STRBUF_INIT;
	int rc;

	strbuf_init(&all, MANIFEST_MAX);
	for (size_t i = 0; i < json_len(cmd); i++) {
		json_object *word = json_object_array_get_idx(cmd, i);

		if (!json_object_is_type(word, json_type_string))
			return err_set(e, -EBADMSG, "'Cmd' has the wrong type");
		if (i)
			(void)strbuf_putc(&all, ' ');
		(void)strbuf_add(&all, json_object_get_string(word),
				 (size_t)json_object_get_string_len(word));
	}
	text = json_object_new_string_len(all.s ? all.s : "", (int)all.len);
	rc = put_text(b, "created_by", text, e);
	json_free(text);
	return rc;
}

/* The oldest first. */
static char *history(const struct schema1 *s, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char *text;

	strbuf_init(&b, MANIFEST_MAX);
	(void)strbuf_putc(&b, '[');
	for (size_t i = s->n; i-- > 0;) {
		json_object *step = s->steps[i].config;

		(void)strbuf_putc(&b, '{');
		if (schema1_put_time(&b, step, e) < 0 ||
		    put_text(&b, "author", json_get(step, "author"), e) < 0 ||
		    put_created_by(&b, step, e) < 0 ||
		    put_text(&b, "comment", json_get(step, "comment"), e) < 0)
			return (void)err_in(e, "history[%zu]", i), NULL;
		(void)strbuf_puts(&b, s->steps[i].is_empty ? ",\"empty_layer\":true}" : "}");
		if (i)
			(void)strbuf_putc(&b, ',');
	}
	(void)strbuf_putc(&b, ']');
	text = strbuf_take(&b);
	if (!text)
		(void)err_errno(e, b.failed ? b.failed : -ENOMEM, "make an image config");
	return text;
}

static char *rootfs(char *const *diff_ids)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)strbuf_puts(&b, "{\"type\":\"layers\"");
	for (char *const *d = diff_ids; d && *d; d++)
		(void)strbuf_printf(&b, "%s\"%s\"", d == diff_ids ? ",\"diff_ids\":[" : ",", *d);
	(void)strbuf_puts(&b, diff_ids && *diff_ids ? "]}" : "}");
	return strbuf_take(&b);
}

/* The newest configuration, without what only schema 1 has. */
static int read_newest(const struct schema1 *s, struct raw_object *ret, struct err *e)
{
	static const char *const old[] = { "id",       "parent",    "parent_id",
					   "layer_id", "throwaway", "Size" };
	const char *version = json_get_str(s->steps[0].config, "docker_version");
	const char *text = s->steps[0].text;
	scoped(mem) char *modern = NULL;

	if (version && *version && is_older(version, MODERN)) {
		if (schema1_modern(s->steps[0].config, &modern, e) < 0)
			return err_in(e, "history[0]");
		text = modern;
	}
	if (raw_object_parse(text, strlen(text), ret, e) < 0)
		return err_in(e, "history[0]");
	for (size_t i = 0; i < ARRAY_LEN(old); i++)
		raw_object_drop(ret, old[i]);
	return 0;
}

int schema1_config(const char *bytes, size_t n, char *const *diff_ids, char **ret, struct err *e)
{
	scoped(raw_object) struct raw_object o = { 0 };
	scoped(schema1) struct schema1 s = { 0 };
	char *steps, *text;

	if (schema1_parse(bytes, n, &s, e) < 0 || read_newest(&s, &o, e) < 0)
		return e->code;
	steps = history(&s, e);
	if (!steps)
		return e->code;
	if (raw_object_put(&o, "rootfs", rootfs(diff_ids)) < 0) {
		free(steps);
		return err_errno(e, ENOMEM, "make an image config");
	}
	text = raw_object_put(&o, "history", steps) < 0 ? NULL : raw_object_text(&o);
	if (!text)
		return err_errno(e, ENOMEM, "make an image config");
	*ret = text;
	return 0;
}
