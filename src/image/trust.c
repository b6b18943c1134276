/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/image_layers.h"
#include "src/image/image_store.h"
#include "src/image/policy.h"
#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/signature.h"
#include "src/image/trust_role.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define ROLE	    "cove-trust"
#define SYSTEM_PATH "/etc/containers/policy.json"

/* ---- the policy ------------------------------------------------------------------------------ */

/* 1: read, 0: there is none. */
static int read_file(const char *path, struct policy **ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int rc = path_read(AT_FDCWD, path, POLICY_MAX, &text, &n, e);

	if (rc == -ENOENT || rc == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (rc < 0 || policy_parse(text, n, ret, e) < 0)
		return err_in(e, "%s", path);
	return 1;
}

static int read_policy(struct engine *en, const char *path, struct policy **ret, struct err *e)
{
	scoped(mem) char *own = NULL;
	int rc;

	if (path) {
		rc = read_file(path, ret, e);
		return rc ? rc : err_set(e, -ENOENT, "open %s: %s", path, strerror(ENOENT));
	}
	own = en->config_dir ? str_printf("%s/policy.json", en->config_dir) : NULL;
	rc = own ? read_file(own, ret, e) : 0;
	return rc ? rc : read_file(SYSTEM_PATH, ret, e);
}

/* Do REQUIREMENTS want signatures?  1, 0, or -EACCES when one of them is a rejection. */
static int judge(json_object *requirements, const struct trust_subject *s, struct err *e)
{
	int wants = 0;

	for (size_t i = 0; i < json_len(requirements); i++) {
		scoped(requirement) struct requirement r = { 0 };

		if (requirement_parse(json_object_array_get_idx(requirements, i), &r, e) < 0)
			return err_in(e, "Source image rejected");
		if (r.kind == REQUIRE_REJECTION)
			return err_set(e, -EACCES,
				       "Source image rejected: Running image %s is rejected by "
				       "policy.",
				       s->shown);
		wants = wants || r.kind != REQUIRE_NOTHING;
	}
	return wants;
}

int trust_decide(struct engine *en, const char *policy_path, const struct trust_subject *s,
		 json_object **ret_requirements, struct err *e)
{
	scoped(policy) struct policy *p = NULL;
	json_object *list;
	int rc = read_policy(en, policy_path, &p, e);

	if (rc <= 0)
		return rc < 0 ? rc : TRUST_ACCEPTED;
	list = policy_find(p, s->transport, s->scopes);
	rc = judge(list, s, e);
	if (rc <= 0)
		return rc < 0 ? rc : TRUST_ACCEPTED;
	*ret_requirements = json_object_get(list);
	return TRUST_NEEDS_SIGNATURES;
}

/* ---- the role -------------------------------------------------------------------------------- */

/* Say M (taken over) and hear the answer, which is the last word.  *RET owned. */
static int ask(struct pull_call *c, int dir_fd, json_object *take_m, json_object **ret,
	       struct err *e)
{
	scoped(json) json_object *m = take_m;

	if (!m)
		return err_errno(e, ENOMEM, "start %s", ROLE);
	if (pull_call_start_role(c, ROLE, -EBADF, dir_fd, e) < 0 ||
	    pull_send(c->socket_fd, take_ptr(&m), e) < 0 || pull_call_receive(c, ret, e) < 0)
		return e->code;
	return pull_is(*ret, "done") ? 0 : err_set(e, -EBADMSG, "trust: unexpected message");
}

/* Signatures lie where the role that fetched them can still write; what is judged does not. */
static int copy_signatures(int from, int to, size_t n, struct err *e)
{
	for (size_t k = 0; k < n; k++) {
		scoped(mem) char *bytes = NULL;
		char name[32];
		size_t len = 0;

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, k + 1);
		if (path_read(from, name, SIGNATURE_MAX, &bytes, &len, e) < 0 ||
		    path_replace(to, name, bytes, len, 0600, 0, e) < 0)
			return e->code;
	}
	return 0;
}

int trust_check(struct engine *en, const struct trust_subject *s, json_object *requirements,
		const char *digest, int dir_fd, size_t n, struct err *e)
{
	__attribute__((cleanup(scoped_pull_call))) struct pull_call c = PULL_CALL_NONE;
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(json) json_object *answer = NULL;
	scoped(mem) char *text = json_text(requirements);
	scoped(mem) char *name = s->name ? reference_format(s->name) : strdup("");
	json_object *m;

	if (!text || !name)
		return err_errno(e, ENOMEM, "check signatures");
	if (n > SIGNATURES_MAX)
		return err_set(e, -E2BIG, "more than %d signatures", SIGNATURES_MAX);
	if (dir_call_open(&dir, en, e) < 0 || copy_signatures(dir_fd, dir.tmp_fd, n, e) < 0 ||
	    path_replace(dir.tmp_fd, TRUST_REQUIREMENTS, text, strlen(text), 0600, 0, e) < 0)
		return e->code;
	m = pull_message("verify");
	json_put_str(m, "digest", digest);
	json_put_str(m, "reference", name);
	json_put_int(m, "signatures", (int64_t)n);
	return ask(&c, dir.tmp_fd, m, &answer, e) < 0 ? err_in(e, "Source image rejected") : 0;
}

int trust_places(struct engine *en, const struct reference *const *list, size_t n,
		 json_object **ret, struct err *e)
{
	return trust_places_in(en, NULL, list, n, ret, e);
}

int trust_places_in(struct engine *en, const char *dir, const struct reference *const *list,
		    size_t n, json_object **ret, struct err *e)
{
	__attribute__((cleanup(scoped_pull_call))) struct pull_call c = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;
	json_object *names = json_object_new_array(), *m = pull_message("lookaside");

	for (size_t i = 0; i < n; i++) {
		scoped(mem) char *name = reference_format(list[i]);
		(void)json_object_array_add(names, json_object_new_string(name ? name : ""));
	}
	json_put(m, "references", names);
	json_put_str(m, "config_dir", en->config_dir);
	json_put_str(m, "directory", dir);
	json_put_str(m, "home", en->home);
	if (ask(&c, -EBADF, m, &answer, e) < 0)
		return e->code;
	if (json_len(json_get(answer, "places")) != n)
		return err_set(e, -EBADMSG, "trust: unexpected message");
	*ret = json_object_get(json_get(answer, "places"));
	return 0;
}

/* ---- images of the store --------------------------------------------------------------------- */

/* May it be used under NAME? */
static int check_name(struct engine *en, const char *policy_path, const struct image *i,
		      const char *name, struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(reference) struct reference ref = { 0 };
	scoped(json) json_object *requirements = NULL;
	scoped(strv) char **scopes = NULL;
	scoped(mem) char *shown = str_printf("docker://%s", name);
	struct trust_subject s = { .transport = "docker", .name = &ref };
	int rc, n;

	if (reference_parse(name, &ref, e) < 0)
		return e->code;
	scopes = policy_scopes(&ref);
	if (!scopes || !shown)
		return err_errno(e, ENOMEM, "check signatures");
	s.scopes = scopes;
	s.shown = shown;
	rc = trust_decide(en, policy_path, &s, &requirements, e);
	if (rc <= 0)
		return rc;
	if (dir_call_open(&dir, en, e) < 0)
		return e->code;
	n = signatures_fetch(en, i->manifest_digest, dir.tmp_fd, e);
	if (n < 0)
		return n;
	return trust_check(en, &s, requirements, i->manifest_digest, dir.tmp_fd, (size_t)n, e);
}

/* Is the repository of NAME among PULLED? */
static int was_pulled_as(char *const *pulled, const char *name)
{
	scoped(reference) struct reference ref = { 0 };
	struct err ignored = { 0 };
	scoped(mem) char *path = NULL;
	size_t n;

	if (reference_parse(name, &ref, &ignored) < 0 || !(path = reference_path(&ref)))
		return 0;
	n = strlen(path);
	for (char *const *d = pulled; d && *d; d++)
		if (!strncmp(*d, path, n) && (*d)[n] == '@')
			return 1;
	return 0;
}

/* The name that was asked for, if it is one that was pulled; else any that was. */
int trust_check_stored(struct engine *en, const char *policy_path, const struct image *i,
		       const char *ref, struct err *e)
{
	scoped(mem) char *meant = NULL;
	scoped(strv) char **pulled = NULL;
	struct err first = { 0 };

	if (image_pulled_as(en, i->id, &pulled, e) < 0)
		return e->code;
	if (!pulled)
		return 0;
	if (image_name_meant(ref, i, &meant, e) < 0)
		return e->code;
	if (meant && was_pulled_as(pulled, meant))
		return check_name(en, policy_path, i, meant, e);
	for (char **n = i->names; n && *n; n++) {
		struct err ignored = { 0 };

		if (was_pulled_as(pulled, *n) && check_name(en, policy_path, i, *n, &ignored) >= 0)
			return 0;
	}
	for (char **d = pulled; *d; d++) {
		err_clear(e);
		if (check_name(en, policy_path, i, *d, e) >= 0)
			return 0;
		if (!first.code)
			first = *e;
	}
	*e = first;
	return e->code;
}
