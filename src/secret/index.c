/* SPDX-License-Identifier: Apache-2.0 */
#include "src/secret/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct secret, f)
static const struct field secret_fields[] = {
	{ "name", FIELD_STR, AT(name), FIELD_REQUIRED, NULL },
	{ "id", FIELD_STR, AT(id), FIELD_REQUIRED, NULL },
	{ "labels", FIELD_JSON, AT(labels), FIELD_OMITEMPTY, NULL },
	{ "metadata", FIELD_JSON, AT(metadata), FIELD_OMITEMPTY, NULL },
	{ "createdAt", FIELD_STR, AT(created), FIELD_REQUIRED, NULL },
	{ "updatedAt", FIELD_STR, AT(updated), FIELD_OMITEMPTY, NULL },
	{ "driver", FIELD_STR, AT(driver), FIELD_REQUIRED, NULL },
	{ "driverOptions", FIELD_JSON, AT(driver_options), 0, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

void secret_done(struct secret *s)
{
	field_done(secret_fields, s);
}

void secret_list_done(struct secret_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		secret_done(&l->secret[i]);
	free(l->secret);
	*l = (struct secret_list){ .n = 0 };
}

int secret_copy(const struct secret *s, struct secret *ret)
{
	scoped(json) json_object *o = field_encode(secret_fields, s);
	struct err e;

	return o ? field_decode(secret_fields, o, ret, "secret", &e) : -ENOMEM;
}

int index_check_strings(json_object *o, const char *where, struct err *e)
{
	if (o && !json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "%s is no table", where);
	if (!o)
		return 0;
	json_object_object_foreach(o, key, value)
	{
		if (!json_object_is_type(value, json_type_string))
			return err_set(e, -EBADMSG, "%s: %s is no string", where, key);
	}
	return 0;
}

/* An ID becomes part of paths, a name of lines. */
static int check(const struct secret_list *l, const struct secret *s, const char *key,
		 struct err *e)
{
	if (strlen(s->id) > ID_LEN || !*s->id ||
	    strspn(s->id, "0123456789abcdefghijklmnopqrstuvwxyz") != strlen(s->id) ||
	    strcmp(s->id, key) != 0)
		return err_set(e, -EBADMSG, "a secret has an invalid ID");
	if (!*s->name || strlen(s->name) > SECRET_NAME_MAX || strpbrk(s->name, ",/=") ||
	    !name_is_printable(s->name))
		return err_set(e, -EBADMSG, "secret %s has an invalid name", s->id);
	if (index_exact(l, s->name))
		return err_set(e, -EBADMSG, "two secrets have the name %s", s->name);
	if (index_check_strings(s->driver_options, "driverOptions", e) < 0 ||
	    index_check_strings(s->labels, "labels", e) < 0)
		return err_in(e, "secret %s", s->name);
	return 0;
}

/* Objects where there are none, so that nobody has to ask. */
static int complete(struct secret *s)
{
	json_object **const objects[] = { &s->driver_options, &s->labels };

	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (!*objects[i])
			*objects[i] = json_object_new_object();
	if (!s->updated || !*s->updated) {
		free(s->updated);
		s->updated = strdup(s->created);
	}
	return s->driver_options && s->labels && s->updated ? 0 : -ENOMEM;
}

static int parse_one(json_object *o, const char *key, struct secret_list *l, struct err *e)
{
	scoped(secret) struct secret s = { 0 };
	int r = field_decode(secret_fields, o, &s, "secret", e);

	if (r == 0)
		r = check(l, &s, key, e);
	if (r < 0)
		return r;
	return complete(&s) < 0 || index_add(l, &s) < 0 ? err_errno(e, ENOMEM, "read secrets") : 0;
}

int index_parse(const char *text, size_t n, struct secret_list *ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	scoped(secret_list) struct secret_list l = { 0 };
	json_object *all;
	int r = json_parse(text, n, &o, e);

	if (r < 0)
		return r;
	all = json_get(o, "secrets");
	if (!json_object_is_type(o, json_type_object) ||
	    (all && !json_object_is_type(all, json_type_object)))
		return err_set(e, -EBADMSG, "'secrets' has the wrong type");
	if (all) {
		json_object_object_foreach(all, key, value)
		{
			r = parse_one(value, key, &l, e);
			if (r < 0)
				return r;
		}
	}
	*ret = l;
	l = (struct secret_list){ .n = 0 };
	return 0;
}

char *index_text(const struct secret_list *l)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *all = json_object_new_object(), *ids = json_object_new_object(),
		    *names = json_object_new_object();

	json_put(o, "secrets", all);
	json_put(o, "nameToID", ids);
	json_put(o, "idToName", names);
	if (!o || !all || !ids || !names)
		return NULL;
	for (size_t i = 0; i < l->n; i++) {
		const struct secret *s = &l->secret[i];
		json_object *one = field_encode(secret_fields, s);
		if (!one)
			return NULL;
		json_put(all, s->id, one);
		json_put_str(ids, s->name, s->id);
		json_put_str(names, s->id, s->name);
	}
	return json_text_pretty(o);
}

struct secret *index_exact(const struct secret_list *l, const char *ref)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->secret[i].id, ref) == 0 || strcmp(l->secret[i].name, ref) == 0)
			return &l->secret[i];
	return NULL;
}

int index_find(const struct secret_list *l, const char *ref, struct secret **ret, struct err *e)
{
	struct secret *found = index_exact(l, ref);

	for (size_t i = 0; !found && *ref && i < l->n; i++) {
		if (!str_starts(l->secret[i].id, ref))
			continue;
		for (size_t k = i + 1; k < l->n; k++)
			if (str_starts(l->secret[k].id, ref))
				return err_set(e, -EINVAL,
					       "more than one result secret with prefix %s: secret "
					       "is ambiguous",
					       ref);
		found = &l->secret[i];
	}
	if (!found)
		return err_set(e, -ENOENT, "no secret with name or id \"%s\": no such secret", ref);
	*ret = found;
	return 0;
}

int index_add(struct secret_list *l, const struct secret *s)
{
	struct secret *more = reallocarray(l->secret, l->n + 1, sizeof(*more));
	int r;

	if (!more)
		return -ENOMEM;
	l->secret = more;
	more[l->n] = (struct secret){ .id = NULL };
	r = secret_copy(s, &more[l->n]);
	if (r < 0)
		secret_done(&more[l->n]);
	else
		l->n++;
	return r;
}

void index_drop(struct secret_list *l, struct secret *s)
{
	size_t at = (size_t)(s - l->secret);

	secret_done(s);
	l->n--;
	memmove(s, s + 1, (l->n - at) * sizeof(*s));
}
