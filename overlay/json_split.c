/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/json_split.h"

#include <string.h>

#include "src/util/json.h"

void json_split_init(struct json_split *s, int wanted, json_each *each, void *arg)
{
	*s = (struct json_split){ .wanted = wanted, .each = each, .arg = arg };
	strbuf_init(&s->object, JSON_OBJECT_MAX);
	strbuf_init(&s->rest, JSON_REST_MAX);
}

void json_split_done(struct json_split *s)
{
	strbuf_done(&s->object);
	strbuf_done(&s->rest);
}

static int keep(struct strbuf *b, const char *bytes, size_t n, struct err *e)
{
	int r = strbuf_add(b, bytes, n);

	if (r == -E2BIG)
		return err_set(e, r, "a list has a part that is too large");
	return r < 0 ? err_errno(e, r, "read a list") : 0;
}

static int object_ends(struct json_split *s, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int r = json_parse(s->object.s, s->object.len, &o, e);

	strbuf_reset(&s->object);
	if (r < 0)
		return r;
	r = s->each(s->arg, o, e);
	return r < 0 ? r : keep(&s->rest, "0", 1, e);
}

/* Follow one character.  -1: an object begins with it, 1: one ends with it, 0: neither. */
static int follow(struct json_split *s, char c)
{
	if (s->in_string) {
		if (s->escaped)
			s->escaped = 0;
		else if (c == '\\')
			s->escaped = 1;
		else if (c == '"')
			s->in_string = 0;
		return 0;
	}
	if (c == '"') {
		s->in_string = 1;
	} else if (c == '{' || c == '[') {
		return s->depth++ == s->wanted && c == '{' ? -1 : 0;
	} else if (c == '}' || c == ']') {
		return --s->depth == s->wanted ? 1 : 0;
	}
	return 0;
}

int json_split_feed(struct json_split *s, const char *bytes, size_t n, struct err *e)
{
	size_t from = 0;
	int inside = s->object.len > 0, r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		int what = follow(s, bytes[i]);

		if (s->depth < 0 || s->depth > JSON_DEPTH_MAX)
			return err_set(e, -EBADMSG, "a list with brackets that do not match");
		if (what < 0 && !inside) {
			r = keep(&s->rest, bytes + from, i - from, e);
			from = i;
			inside = 1;
		} else if (what > 0 && inside) {
			r = keep(&s->object, bytes + from, i + 1 - from, e);
			if (r == 0)
				r = object_ends(s, e);
			from = i + 1;
			inside = 0;
		}
	}
	return r < 0 ? r : keep(inside ? &s->object : &s->rest, bytes + from, n - from, e);
}

int json_split_end(struct json_split *s, json_object **ret, struct err *e)
{
	*ret = NULL;
	if (s->object.len || s->depth || s->in_string)
		return err_set(e, -EBADMSG, "a list is cut short");
	if (!s->wanted || !s->rest.len)
		return 0;
	return json_parse(s->rest.s, s->rest.len, ret, e);
}
