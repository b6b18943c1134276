/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/login_role.h"

#include <string.h>

#include "src/image/pull_protocol.h"
#include "src/image/registry.h"
#include "src/util/scoped.h"

#define RETRIES 2

/* The session's own copy of TEXT; "" is none. */
static int take_text(json_object *m, const char *name, char **ret, struct err *e)
{
	const char *text = json_get_str(m, name);

	if (!text || !*text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : err_errno(e, ENOMEM, "login");
}

static const char *text_or_null(json_object *m, const char *name)
{
	const char *text = json_get_str(m, name);

	return text && *text ? text : NULL;
}

/* 200 for "/v2/": the registry knows us. */
static int knock(struct registry_session *s, struct err *e)
{
	struct fetch f = { .path = "/v2/", .body_max = HTTP_SMALL_MAX };
	int rc = fetch_run(s, &f, e);

	if (rc == -EACCES) {
		err_clear(e);
		rc = err_set(e, -EACCES, "invalid username/password");
	}
	fetch_done(s, &f);
	return rc;
}

int login_role(json_object *message, struct err *e)
{
	char *no_scopes[] = { NULL };
	scoped(http) struct http *h = NULL;
	scoped(registry_session) struct registry_session s = { 0 };
	struct registry_options o = { .host = json_get_str(message, "registry"),
				      .repository = "",
				      .insecure = json_get_bool(message, "insecure", 0),
				      .cert_dir = text_or_null(message, "cert_dir"),
				      .config_dir = text_or_null(message, "config_dir"),
				      .retries = RETRIES,
				      .scopes = no_scopes };

	if (!o.host)
		return err_set(e, -EBADMSG, "login: unexpected message");
	if (http_new(&h, e) < 0 || registry_open(&s, h, &o, e) < 0 ||
	    take_text(message, "username", &s.credentials.username, e) < 0 ||
	    take_text(message, "password", &s.credentials.password, e) < 0 ||
	    take_text(message, "identity_token", &s.credentials.identity_token, e) < 0)
		return e->code;
	s.looked_up = s.has_credentials = 1;
	if (knock(&s, e) < 0)
		return e->code;
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}
