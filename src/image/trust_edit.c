/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/trust_edit.h"

#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/policy.h"
#include "src/image/trust.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define SYSTEM_PATH "/etc/containers/policy.json"
#define KEYS_MAX    (64 << 10) /* bytes that gpg says of a key file */

char *trust_policy_path(const struct engine *en, const char *path)
{
	scoped(mem) char *own = NULL;

	if (path)
		return strdup(path);
	own = en->config_dir ? str_printf("%s/policy.json", en->config_dir) : NULL;
	if (own && access(own, F_OK) == 0)
		return take_ptr(&own);
	return strdup(SYSTEM_PATH);
}

int trust_read(const struct engine *en, const char *path, char **ret, struct err *e)
{
	scoped(mem) char *file = trust_policy_path(en, path);

	if (!file)
		return err_errno(e, ENOMEM, "read the policy");
	return path_read(AT_FDCWD, file, POLICY_MAX, ret, NULL, e) < 0 ? err_in(e, "%s", file) : 0;
}

/* ---- show ------------------------------------------------------------------------------------ */

/* The user IDs' mail addresses (else names) of the keys in PATH, as gpg reads them: "a,b". */
static void add_ids(struct strbuf *b, const char *path)
{
	char *argv[] = { (char *)"gpg",		(char *)"--batch", (char *)"--with-colons",
			 (char *)"--show-keys", (char *)path,	   NULL };
	scoped(mem) char *text = NULL;
	struct err ignored = { 0 };
	char *rest = NULL;

	if (proc_capture(argv, KEYS_MAX, &text, &ignored) != 0 || !text)
		return; /* no gpg, or no key: then nothing is said of it */
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *field = line, *open;

		if (!str_starts(line, "uid:"))
			continue;
		for (int i = 0; field && i < 9; i++) {
			field = strchr(field, ':');
			field = field ? field + 1 : NULL;
		}
		if (!field)
			continue;
		field[strcspn(field, ":")] = '\0';
		open = strchr(field, '<');
		if (open) {
			field = open + 1;
			field[strcspn(field, ">")] = '\0';
		}
		(void)strbuf_printf(b, "%s%s", b->len ? "," : "", field);
	}
}

static json_object *row(const char *transport, const char *name, const char *repo, json_object *o)
{
	scoped(requirement) struct requirement r = { 0 };
	scoped(strbuf) struct strbuf ids = STRBUF_INIT;
	struct err ignored = { 0 };
	json_object *t = json_object_new_object();
	const char *type = json_get_str(o, "type");

	json_put_str(t, "transport", transport);
	json_put_str(t, "name", name);
	json_put_str(t, "repo_name", repo);
	json_put_str(t, "type",
		     type && !strcmp(type, "insecureAcceptAnything") ? "accept"
		     : type && !strcmp(type, "signedBy")	     ? "signed"
								     : type);
	if (requirement_parse(o, &r, &ignored) >= 0 && r.kind == REQUIRE_GPG)
		for (char **k = r.key_paths; k && *k; k++)
			add_ids(&ids, *k);
	if (ids.len)
		json_put_str(t, "gpg_id", ids.s);
	else if (r.kind == REQUIRE_SIGSTORE || r.kind == REQUIRE_GPG)
		json_put_str(t, "gpg_id", "N/A");
	return t;
}

/* Where the signatures of the scope NAME are kept. */
static void add_store(struct engine *en, const char *dir, const char *name, json_object *t)
{
	scoped(json) json_object *places = NULL;
	scoped(mem) char *with_path = strchr(name, '/') ? strdup(name) : str_printf("%s/x", name);
	scoped(reference) struct reference ref = { 0 };
	const struct reference *refs[] = { &ref };
	struct err ignored = { 0 };

	if (!with_path || reference_parse(with_path, &ref, &ignored) < 0 || !ref.registry ||
	    trust_places_in(en, dir, refs, 1, &places, &ignored) < 0)
		return; /* "*.domain" has none */
	json_put_str(t, "sigstore", json_get_str(json_object_array_get_idx(places, 0), "read"));
}

static void add_scopes(struct engine *en, const char *dir, const char *transport,
		       json_object *scopes, json_object *list)
{
	const char *shown = !strcmp(transport, "docker") ? "repository" : transport;

	json_object_object_foreach(scopes, name, requirements)
	{
		for (size_t i = 0; i < json_len(requirements); i++) {
			json_object *t =
				row(shown, name, name, json_object_array_get_idx(requirements, i));

			if (!strcmp(transport, "docker") && *name)
				add_store(en, dir, name, t);
			(void)json_object_array_add(list, t);
		}
	}
}

int trust_list(struct engine *en, const char *path, const char *dir, json_object **ret,
	       struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(policy) struct policy *p = NULL;
	scoped(json) json_object *list = json_object_new_array();
	json_object *by_default, *transports;

	if (!list)
		return err_errno(e, ENOMEM, "read the policy");
	if (trust_read(en, path, &text, e) < 0 || policy_parse(text, strlen(text), &p, e) < 0)
		return e->code;
	by_default = json_get(p->document, "default");
	for (size_t i = 0; i < json_len(by_default); i++)
		(void)json_object_array_add(list, row("all", "* (default)", "default",
						      json_object_array_get_idx(by_default, i)));
	transports = json_get(p->document, "transports");
	if (transports) {
		json_object_object_foreach(transports, name, scopes)
		{
			add_scopes(en, dir, name, scopes, list);
		}
	}
	*ret = take_ptr(&list);
	return 0;
}

/* ---- set ------------------------------------------------------------------------------------- */

static json_object *requirements_of(const struct trust_change *c, struct err *e)
{
	json_object *list = json_object_new_array();
	int by_key = !strcmp(c->type, "signedBy") || !strcmp(c->type, "signBy"),
	    by_sigstore = !strcmp(c->type, "sigstoreSigned");

	if (!by_key && !by_sigstore) {
		json_object *o = json_object_new_object();

		json_put_str(o, "type",
			     !strcmp(c->type, "reject") ? "reject" : "insecureAcceptAnything");
		(void)json_object_array_add(list, o);
		return list;
	}
	/* One requirement for each: all of the keys must have signed. */
	for (char *const *k = c->keys; k && *k; k++) {
		scoped(mem) char *real = realpath(*k, NULL);
		json_object *o;

		if (!real) {
			(void)err_sys(e, "%s", *k);
			json_free(list);
			return NULL;
		}
		o = json_object_new_object();
		json_put_str(o, "type", by_key ? "signedBy" : "sigstoreSigned");
		if (by_key)
			json_put_str(o, "keyType", "GPGKeys");
		json_put_str(o, "keyPath", real);
		(void)json_object_array_add(list, o);
	}
	return list;
}

/* The document to be changed: that of PATH, or a new one that takes everything as now. */
static int open_policy(const struct engine *en, const char *path, json_object **ret, struct err *e)
{
	scoped(policy) struct policy *p = NULL;
	scoped(mem) char *text = NULL;
	static const char fresh[] = "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}";
	int rc = path_read(AT_FDCWD, path, POLICY_MAX, &text, NULL, e);

	if (rc == -ENOENT) { /* what holds for us so far */
		err_clear(e);
		rc = trust_read(en, NULL, &text, e);
	}
	if (rc == -ENOENT) {
		err_clear(e);
		text = strdup(fresh);
		rc = text ? 0 : err_errno(e, ENOMEM, "read the policy");
	}
	if (rc < 0 || policy_parse(text, strlen(text), &p, e) < 0)
		return err_in(e, "%s", path);
	*ret = take_ptr(&p->document);
	return 0;
}

static int write_policy(const char *path, json_object *o, struct err *e)
{
	scoped(mem) char *text = json_text_pretty(o);
	scoped(mem) char *dir_path = strdup(path);
	scoped(policy) struct policy *check = NULL;
	scoped(fd) int dir = -EBADF;
	char *slash = dir_path ? strrchr(dir_path, '/') : NULL;

	if (!text || !dir_path)
		return err_errno(e, ENOMEM, "write the policy");
	if (policy_parse(text, strlen(text), &check, e) < 0)
		return e->code;
	if (slash)
		*slash = '\0';
	if (slash && *dir_path && path_mkdirs(dir_path, 0755, e) < 0)
		return e->code;
	dir = open(slash ? (*dir_path ? dir_path : "/") : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open %s", dir_path);
	return path_replace(dir, slash ? slash + 1 : path, text, strlen(text), 0644, 1, e);
}

int trust_set(struct engine *en, const struct trust_change *c, struct err *e)
{
	scoped(mem) char *path = NULL;
	scoped(json) json_object *o = NULL;
	json_object *list, *transports, *docker;

	if (c->path)
		path = strdup(c->path);
	else if (en->uid == 0 || !en->config_dir)
		path = strdup(SYSTEM_PATH);
	else
		path = str_printf("%s/policy.json", en->config_dir);
	if (!path)
		return err_errno(e, ENOMEM, "write the policy");
	if (open_policy(en, path, &o, e) < 0)
		return e->code;
	list = requirements_of(c, e);
	if (!list)
		return e->code;
	if (!strcmp(c->scope, "default")) {
		json_put(o, "default", list);
		return write_policy(path, o, e);
	}
	transports = json_get(o, "transports");
	if (!transports) {
		transports = json_object_new_object();
		json_put(o, "transports", transports);
	}
	docker = json_get(transports, "docker");
	if (!docker) {
		docker = json_object_new_object();
		json_put(transports, "docker", docker);
	}
	json_put(docker, c->scope, list);
	return write_policy(path, o, e);
}
