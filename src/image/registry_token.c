/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registry_token.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/auth_helper.h"
#include "src/image/registries.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define TOKEN_MAX (64 << 10) /* what fits into a request's header */

#define AUTH_FILES "containers-auth.json" /* the helper that is auth.json and its kin */

/* Ask the helpers of registries.conf in their order; without such a list the files alone.  One that
 * fails is told when no other one knows the registry. */
static int ask_helpers(struct registry_session *s, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	struct err first = { 0 };
	int rc = 0;

	if (registries_load(s->o.config_dir, NULL, &r, e) < 0)
		return err_in(e, "loading registries configuration");
	if (!r->helpers)
		return auth_lookup(s->o.authfile, s->o.host, s->o.repository, &s->credentials, e);
	for (char **h = r->helpers; *h && rc <= 0; h++) {
		struct err one = { 0 };

		rc = strcmp(*h, AUTH_FILES) != 0
			     ? auth_helper_get(*h, s->o.host, &s->credentials, &one)
			     : auth_lookup(s->o.authfile, s->o.host, s->o.repository,
					   &s->credentials, &one);
		if (rc < 0 && !first.code)
			first = one;
	}
	if (rc > 0)
		return 1;
	if (first.code)
		*e = first;
	return e->code;
}

static int find_credentials(struct registry_session *s, struct err *e)
{
	int rc;

	if (s->looked_up)
		return s->has_credentials;
	if (s->o.creds)
		rc = credentials_parse(s->o.creds, &s->credentials, e) < 0 ? e->code : 1;
	else
		rc = ask_helpers(s, e);
	if (rc < 0)
		return rc;
	s->looked_up = 1;
	s->has_credentials = rc;
	return rc;
}

static int set_authorization(struct registry_session *s, const char *scheme, const char *value,
			     struct err *e)
{
	char *a = str_printf("%s %s", scheme, value);

	if (!a)
		return err_errno(e, ENOMEM, "authorize");
	if (s->authorization)
		explicit_bzero(s->authorization, strlen(s->authorization));
	free(s->authorization);
	s->authorization = a;
	s->generation++;
	return 0;
}

int registry_token_parse(const char *bytes, size_t n, char **ret, struct err *e)
{
	scoped(json) json_object *o = NULL;
	const char *token;

	if (json_parse(bytes, n, &o, e) < 0)
		return err_in(e, "token server's answer");
	token = json_get_str(o, "token");
	if (!token || !*token)
		token = json_get_str(o, "access_token");
	if (!token || !*token)
		return err_set(e, -EBADMSG, "token server's answer has no token");
	if (strlen(token) > TOKEN_MAX)
		return err_set(e, -E2BIG, "token server's answer has a token of %zu bytes",
			       strlen(token));
	for (const char *p = token; *p; p++)
		if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
			return err_set(e, -EBADMSG, "token server's answer has an invalid token");
	*ret = strdup(token);
	return *ret ? 0 : err_errno(e, ENOMEM, "read a token");
}

static void add_parameter(struct strbuf *b, const char *name, const char *value)
{
	char *escaped = curl_easy_escape(NULL, value, 0);

	if (escaped)
		(void)strbuf_printf(b, "%s%s=%s", b->len ? "&" : "", name, escaped);
	else
		b->failed = -ENOMEM;
	curl_free(escaped);
}

/* The scopes that the session asks for whatever the challenge says; a form has them as one value
 * (RFC 6749, 3.3), a query as many. */
static void add_scopes(struct strbuf *b, char *const *scopes, int one_value)
{
	scoped(strbuf) struct strbuf all = STRBUF_INIT;

	for (; *scopes; scopes++) {
		if (one_value)
			(void)strbuf_printf(&all, "%s%s", all.len ? " " : "", *scopes);
		else
			add_parameter(b, "scope", *scopes);
	}
	if (all.failed)
		b->failed = all.failed;
	else if (all.len)
		add_parameter(b, "scope", all.s);
}

/* service and scope, as a query or a form. */
static void add_parameters(struct strbuf *b, const struct registry_session *s,
			   const struct challenge *c, int is_form)
{
	scoped(mem) char *scope = c->scope && *c->scope
					  ? strdup(c->scope)
					  : str_printf("repository:%s:pull", s->o.repository);

	if (c->service)
		add_parameter(b, "service", c->service);
	if (s->o.scopes)
		add_scopes(b, s->o.scopes, is_form);
	else
		add_parameter(b, "scope", scope ? scope : "");
}

/* A token server gets credentials, so it must be an https one, unless the registry is insecure. */
static int check_realm(const struct registry_session *s, const struct challenge *c, struct err *e)
{
	if (!c->realm)
		return err_set(e, -EPROTO, "Bearer challenge without a realm");
	if (str_starts(c->realm, "https://") || (s->o.insecure && str_starts(c->realm, "http://")))
		return 0;
	return err_set(e, -EPROTO, "Bearer challenge with a realm that is no https URL");
}

static int run(struct registry_session *s, struct fetch *f, struct err *e)
{
	scoped(mem) char *token = NULL;
	int rc = fetch_run(s, f, e);

	if (rc >= 0)
		rc = registry_token_parse(f->t->body.s ? f->t->body.s : "", f->t->body.len, &token,
					  e);
	if (rc >= 0)
		rc = set_authorization(s, "Bearer", token, e);
	if (rc == -EACCES && s->has_credentials)
		(void)err_in(e, "invalid username/password");
	if (rc < 0)
		(void)err_in(e, "unable to retrieve auth token");
	fetch_done(s, f);
	return rc;
}

/* POST with the refresh token (OAuth 2, as the distribution project has it). */
static int by_identity_token(struct registry_session *s, const struct challenge *c, struct err *e)
{
	scoped(strbuf) struct strbuf form = STRBUF_INIT;
	struct fetch f = { .url = c->realm, .body_max = HTTP_SMALL_MAX };
	int rc;

	add_parameter(&form, "grant_type", "refresh_token");
	add_parameter(&form, "client_id", PACKAGE_NAME);
	add_parameter(&form, "refresh_token", s->credentials.identity_token);
	add_parameters(&form, s, c, 1);
	if (form.failed)
		return err_errno(e, form.failed, "ask for a token");
	f.form = form.s;
	rc = run(s, &f, e);
	explicit_bzero(form.s, form.len);
	return rc;
}

static int by_get(struct registry_session *s, const struct challenge *c, struct err *e)
{
	scoped(strbuf) struct strbuf query = STRBUF_INIT;
	scoped(mem) char *basic = NULL;
	scoped(mem) char *authorization = NULL;
	scoped(mem) char *url = NULL;
	struct fetch f = { .body_max = HTTP_SMALL_MAX };

	if (s->has_credentials) {
		add_parameter(&query, "account", s->credentials.username);
		basic = credentials_basic(&s->credentials);
		authorization = basic ? str_printf("Basic %s", basic) : NULL;
		if (!authorization)
			return err_errno(e, ENOMEM, "ask for a token");
	}
	add_parameters(&query, s, c, 0);
	url = query.failed
		      ? NULL
		      : str_printf("%s%c%s", c->realm, strchr(c->realm, '?') ? '&' : '?', query.s);
	if (!url)
		return err_errno(e, ENOMEM, "ask for a token");
	f.url = url;
	f.authorization = authorization;
	return run(s, &f, e);
}

static int basic(struct registry_session *s, struct err *e)
{
	scoped(mem) char *value = NULL;
	int rc;

	if (!s->has_credentials || !s->credentials.username)
		return -ENODATA;
	if (s->authorization) /* it was refused */
		return -ENODATA;
	value = credentials_basic(&s->credentials);
	if (!value)
		return err_errno(e, ENOMEM, "authorize");
	rc = set_authorization(s, "Basic", value, e);
	explicit_bzero(value, strlen(value));
	return rc;
}

int registry_authorize(struct registry_session *s, const struct challenge *c, struct err *e)
{
	int rc = find_credentials(s, e);

	if (rc < 0)
		return rc;
	if (c->scheme == CHALLENGE_BASIC)
		return basic(s, e);
	if (check_realm(s, c, e) < 0)
		return e->code;
	return s->has_credentials && s->credentials.identity_token ? by_identity_token(s, c, e)
								   : by_get(s, c, e);
}
