/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/auth_store.h"

#include <errno.h>

#include "src/image/login.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

/* What the document TEXT becomes, or the helper that is to do it; *RET_RC: what the change said. */
static char *changed(const char *text, const char *key, const struct credentials *c, int *ret_rc)
{
	scoped(json) json_object *o = NULL;
	scoped(mem) char *helper = NULL;
	struct err e = { 0 };

	CHECK_INT(json_parse(text, strlen(text), &o, &e), 0);
	*ret_rc = auth_document_change(o, key, c, &helper, &e);
	return helper ? strdup(helper) : json_text(o);
}

TEST(auth_documents_change_where_they_are_to)
{
	char user[] = "u", password[] = "p";
	const struct credentials up = { .username = user, .password = password };
	static const struct {
		const char *text, *key;
		int add, rc;
		const char *want;
	} rows[] = {
		{ "{}", "r", 1, 1, "{\"auths\":{\"r\":{\"auth\":\"dTpw\"}}}" },
		{ "{\"auths\":{\"r\":{\"auth\":\"x\",\"email\":\"y\"},\"s\":{}},\"z\":1}", "r", 1,
		  1, "{\"auths\":{\"r\":{\"auth\":\"dTpw\"},\"s\":{}},\"z\":1}" },
		{ "{\"auths\":{\"r\":{},\"s\":{}}}", "r", 0, 1, "{\"auths\":{\"s\":{}}}" },
		{ "{\"auths\":{\"s\":{}}}", "r", 0, 0, "{\"auths\":{\"s\":{}}}" },
		{ "{\"credHelpers\":{\"r\":\"one\"},\"credsStore\":\"all\"}", "r", 1, 2, "one" },
		{ "{\"credHelpers\":{\"r\":\"one\"},\"credsStore\":\"all\"}", "s", 0, 2, "all" },
		{ "{\"auths\":[]}", "r", 1, -EBADMSG, "{\"auths\":[]}" },
		{ "[]", "r", 1, -EBADMSG, "[]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int rc = 0;
		scoped(mem) char *got =
			changed(rows[i].text, rows[i].key, rows[i].add ? &up : NULL, &rc);

		CHECK_INT(rc, rows[i].rc);
		CHECK_STR(got, rows[i].want);
	}
}

TEST(login_keys)
{
	static const struct {
		const char *text, *key, *registry, *namespace;
	} rows[] = {
		{ "quay.io", "quay.io", "quay.io", "" },
		{ "r.example:5000/a/b", "r.example:5000/a/b", "r.example:5000", "a/b" },
		{ "https://r.example/v1/", "r.example", "r.example", "" },
		{ "http://127.0.0.1:5000", "127.0.0.1:5000", "127.0.0.1:5000", "" },
		{ "r.example/", "r.example", "r.example", "" },
		{ "name", "name", "name", "" },
		{ "", NULL, NULL, NULL },
		{ "https://", NULL, NULL, NULL },
		{ "/x", NULL, NULL, NULL },
		{ "a b", NULL, NULL, NULL },
		{ "a\nb", NULL, NULL, NULL },
		{ "u:p@host", NULL, NULL, NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(login_key) struct login_key k = { 0 };
		struct err e = { 0 };
		int rc = login_key_parse(rows[i].text, &k, &e);

		CHECK_INT(rc, rows[i].key ? 0 : -EINVAL);
		if (rc < 0 || !rows[i].key)
			continue;
		CHECK_STR(k.key, rows[i].key);
		CHECK_STR(k.registry, rows[i].registry);
		CHECK_STR(k.namespace, rows[i].namespace);
	}
}
