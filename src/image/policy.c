/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/policy.h"

#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"

/* ---- requirements ---------------------------------------------------------------------------- */

static const struct {
	const char *type;
	enum requirement_kind kind;
	const char *members;
} kinds[] = {
	{ "insecureAcceptAnything", REQUIRE_NOTHING, "type" },
	{ "reject", REQUIRE_REJECTION, "type" },
	{ "signedBy", REQUIRE_GPG, "type|keyType|keyPath|keyPaths|keyData|signedIdentity" },
	{ "sigstoreSigned", REQUIRE_SIGSTORE,
	  "type|keyPath|keyPaths|keyData|keyDatas|signedIdentity" },
};

static const struct {
	const char *type;
	enum identity_match match;
	const char *given, *second; /* members that it must have */
} matches[] = {
	{ "matchRepoDigestOrExact", IDENTITY_REPO_DIGEST_OR_EXACT, NULL, NULL },
	{ "matchExact", IDENTITY_EXACT, NULL, NULL },
	{ "matchRepository", IDENTITY_REPOSITORY, NULL, NULL },
	{ "exactReference", IDENTITY_EXACT_REFERENCE, "dockerReference", NULL },
	{ "exactRepository", IDENTITY_EXACT_REPOSITORY, "dockerRepository", NULL },
	{ "remapIdentity", IDENTITY_REMAP, "prefix", "signedPrefix" },
};

void requirement_done(struct requirement *r)
{
	strv_free(r->key_paths);
	strv_free(r->key_data);
	free(r->given);
	free(r->signed_prefix);
	*r = (struct requirement){ 0 };
}

static int check_members(json_object *o, const char *known, struct err *e)
{
	json_object_object_foreach(o, name, value)
	{
		(void)value;
		if (!str_in_words(name, strlen(name), known))
			return err_set(e, -EBADMSG, "unknown key \"%.100s\"", name);
	}
	return 0;
}

/* A string that must be there. */
static int take(json_object *o, const char *name, char **ret, struct err *e)
{
	const char *text = json_get_str(o, name);

	if (!text || !*text)
		return err_set(e, -EBADMSG, "'%s' is missing or has the wrong type", name);
	*ret = strdup(text);
	return *ret ? 0 : err_errno(e, ENOMEM, "read a policy");
}

static int check_name(const char *text, int is_repository, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };

	if (reference_parse(text, &ref, e) < 0)
		return err_set(e, -EBADMSG, "'%.200s' is no name of an image", text);
	if (is_repository && (ref.tag || ref.digest))
		return err_set(e, -EBADMSG, "'%.200s' is no repository alone", text);
	if (!is_repository && !ref.tag && !ref.digest)
		return err_set(e, -EBADMSG, "'%.200s' has neither tag nor digest", text);
	return 0;
}

static int read_identity(json_object *o, struct requirement *r, struct err *e)
{
	const char *type = json_get_str(o, "type");
	char members[64];

	if (!o) /* the default */
		return 0;
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "it has the wrong type");
	for (size_t i = 0; type && i < ARRAY_LEN(matches); i++) {
		if (strcmp(type, matches[i].type) != 0)
			continue;
		(void)snprintf(
			members, sizeof(members), "type%s%s%s%s", matches[i].given ? "|" : "",
			matches[i].given ? matches[i].given : "", matches[i].second ? "|" : "",
			matches[i].second ? matches[i].second : "");
		r->match = matches[i].match;
		if (check_members(o, members, e) < 0 ||
		    (matches[i].given && take(o, matches[i].given, &r->given, e) < 0) ||
		    (matches[i].second && take(o, matches[i].second, &r->signed_prefix, e) < 0))
			return e->code;
		if (r->match == IDENTITY_EXACT_REFERENCE || r->match == IDENTITY_EXACT_REPOSITORY)
			return check_name(r->given, r->match == IDENTITY_EXACT_REPOSITORY, e);
		return 0;
	}
	return err_set(e, -EBADMSG, "unknown type \"%.100s\"", type ? type : "");
}

/* Exactly one of keyPath, keyPaths, keyData, keyDatas. */
static int read_keys(json_object *o, struct requirement *r, struct err *e)
{
	static const struct {
		const char *name;
		int is_list, is_data;
	} rows[] = {
		{ "keyPath", 0, 0 }, { "keyPaths", 1, 0 }, { "keyData", 0, 1 }, { "keyDatas", 1, 1 }
	};
	int n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_object *v = json_get(o, rows[i].name);
		char ***to = rows[i].is_data ? &r->key_data : &r->key_paths;
		const char *text = json_get_str(o, rows[i].name);

		if (!v)
			continue;
		if (++n > 1)
			return err_set(e, -EBADMSG, "more than one of keyPath, keyPaths, keyData");
		if (rows[i].is_list ? !json_object_is_type(v, json_type_array) || !json_len(v) ||
					      json_to_strv(v, to) < 0
				    : !text)
			return err_set(e, -EBADMSG, "'%s' has the wrong type", rows[i].name);
		if (!rows[i].is_list && strv_add(to, text) < 0)
			return err_errno(e, ENOMEM, "read a policy");
	}
	return n ? 0 : err_set(e, -EBADMSG, "exactly one of keyPath, keyPaths, keyData is needed");
}

static int read_requirement(json_object *o, const char *members, struct requirement *r,
			    struct err *e)
{
	static const char *const keyless[] = { "fulcio", "rekorPublicKeyPath", "rekorPublicKeyData",
					       "pki" };
	const char *key_type = json_get_str(o, "keyType");

	for (size_t i = 0; r->kind == REQUIRE_SIGSTORE && i < ARRAY_LEN(keyless); i++)
		if (json_get(o, keyless[i]))
			return err_set(e, -ENOTSUP, "'%s' is not supported: public keys alone are",
				       keyless[i]);
	if (check_members(o, members, e) < 0)
		return e->code;
	if (r->kind == REQUIRE_NOTHING || r->kind == REQUIRE_REJECTION)
		return 0;
	if (r->kind == REQUIRE_GPG && (!key_type || strcmp(key_type, "GPGKeys") != 0))
		return err_set(e, key_type ? -ENOTSUP : -EBADMSG, "keyType must be \"GPGKeys\"");
	if (read_keys(o, r, e) < 0)
		return e->code;
	return read_identity(json_get(o, "signedIdentity"), r, e) < 0 ? err_in(e, "signedIdentity")
								      : 0;
}

int requirement_parse(json_object *o, struct requirement *ret, struct err *e)
{
	const char *type = json_get_str(o, "type");

	for (size_t i = 0; type && i < ARRAY_LEN(kinds); i++) {
		struct requirement r = { .kind = kinds[i].kind };

		if (strcmp(type, kinds[i].type) != 0)
			continue;
		if (read_requirement(o, kinds[i].members, &r, e) < 0) {
			requirement_done(&r);
			return err_in(e, "%s", type);
		}
		*ret = r;
		return 0;
	}
	if (type && !strcmp(type, "signedBaseLayer"))
		return err_set(e, -ENOTSUP, "signedBaseLayer is not supported");
	return err_set(e, -EBADMSG, "unknown policy requirement type \"%.100s\"", type ? type : "");
}

/* ---- the file -------------------------------------------------------------------------------- */

struct policy *policy_free(struct policy *p)
{
	if (p)
		json_free(p->document);
	free(p);
	return NULL;
}

static int check_list(json_object *list, struct err *e)
{
	if (!json_object_is_type(list, json_type_array))
		return err_set(e, -EBADMSG, "it is no list of requirements");
	if (!json_len(list))
		return err_set(e, -EBADMSG, "a list of requirements must not be empty");
	for (size_t i = 0; i < json_len(list); i++) {
		scoped(requirement) struct requirement r = { 0 };
		json_object *o = json_object_array_get_idx(list, i);
		int rc = json_object_is_type(o, json_type_object)
				 ? requirement_parse(o, &r, e)
				 : err_set(e, -EBADMSG, "a requirement has the wrong type");

		if (rc == -ENOTSUP) { /* told when it is about an image */
			err_clear(e);
			continue;
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_transport(json_object *scopes, struct err *e)
{
	if (!json_object_is_type(scopes, json_type_object))
		return err_set(e, -EBADMSG, "it has the wrong type");
	json_object_object_foreach(scopes, scope, list)
	{
		if (check_list(list, e) < 0)
			return err_in(e, "\"%.200s\"", scope);
	}
	return 0;
}

static int check_document(json_object *o, struct err *e)
{
	json_object *transports = json_get(o, "transports");

	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "it is no object");
	if (check_members(o, "default|transports", e) < 0)
		return e->code;
	if (!json_get(o, "default"))
		return err_set(e, -EBADMSG, "default policy is missing");
	if (check_list(json_get(o, "default"), e) < 0)
		return err_in(e, "default");
	if (transports && !json_object_is_type(transports, json_type_object))
		return err_set(e, -EBADMSG, "'transports' has the wrong type");
	if (!transports)
		return 0;
	json_object_object_foreach(transports, name, scopes)
	{
		if (check_transport(scopes, e) < 0)
			return err_in(e, "%.100s", name);
	}
	return 0;
}

int policy_parse(const char *bytes, size_t n, struct policy **ret, struct err *e)
{
	scoped(policy) struct policy *p = calloc(1, sizeof(*p));

	if (!p)
		return err_errno(e, ENOMEM, "read a policy");
	if (json_parse(bytes, n, &p->document, e) < 0 || check_document(p->document, e) < 0)
		return err_in(e, "invalid policy");
	*ret = take_ptr(&p);
	return 0;
}

json_object *policy_find(const struct policy *p, const char *transport, char *const *scopes)
{
	json_object *by_scope = json_get(json_get(p->document, "transports"), transport), *list;

	for (char *const *s = scopes; s && *s; s++) {
		list = **s ? json_get(by_scope, *s) : NULL;
		if (list)
			return list;
	}
	list = json_get(by_scope, "");
	return list ? list : json_get(p->document, "default");
}
