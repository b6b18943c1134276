/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_protocol.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static const struct field source_fields[] = {
	{ "registry", FIELD_STR, offsetof(struct pull_source, registry), FIELD_REQUIRED, NULL },
	{ "repository", FIELD_STR, offsetof(struct pull_source, repository), FIELD_REQUIRED, NULL },
	{ "insecure", FIELD_BOOL, offsetof(struct pull_source, insecure), 0, NULL },
	{ "use_creds", FIELD_BOOL, offsetof(struct pull_source, use_creds), 0, NULL },
	{ "lookaside", FIELD_STR, offsetof(struct pull_source, lookaside), FIELD_OMITEMPTY, NULL },
	{ "attachments", FIELD_BOOL, offsetof(struct pull_source, attachments), 0, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

#define AT(f) offsetof(struct pull_request, f)
static const struct field request_fields[] = {
	{ "tag", FIELD_STR, AT(tag), FIELD_OMITEMPTY, NULL },
	{ "digest", FIELD_STR, AT(digest), FIELD_OMITEMPTY, NULL },
	{ "directory", FIELD_STR, AT(directory), FIELD_REQUIRED, NULL },
	{ "layers", FIELD_STR, AT(layers), FIELD_OMITEMPTY, NULL },
	{ "kept", FIELD_STR, AT(kept), FIELD_OMITEMPTY, NULL },
	{ "platform", FIELD_STR, AT(platform), FIELD_OMITEMPTY, NULL },
	{ "have", FIELD_STRV, AT(have), FIELD_OMITEMPTY, NULL },
	{ "creds", FIELD_STR, AT(creds), FIELD_OMITEMPTY, NULL },
	{ "authfile", FIELD_STR, AT(authfile), FIELD_OMITEMPTY, NULL },
	{ "cert_dir", FIELD_STR, AT(cert_dir), FIELD_OMITEMPTY, NULL },
	{ "config_dir", FIELD_STR, AT(config_dir), FIELD_OMITEMPTY, NULL },
	{ "retries", FIELD_INT, AT(retries), 0, NULL },
	{ "retry_delay_ms", FIELD_I64, AT(retry_delay_ms), 0, NULL },
	{ "progress", FIELD_BOOL, AT(progress), 0, NULL },
	{ "wants_signatures", FIELD_BOOL, AT(wants_signatures), 0, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

json_object *pull_message(const char *type)
{
	json_object *o = json_object_new_object();

	if (o)
		json_put_str(o, "type", type);
	return o;
}

int pull_is(json_object *o, const char *type)
{
	const char *t = json_get_str(o, "type");

	return t && !strcmp(t, type);
}

json_object *pull_request_encode(const struct pull_request *r)
{
	scoped(json) json_object *o = field_encode(request_fields, r);
	json_object *list = o ? json_object_new_array() : NULL;

	if (!list)
		return NULL;
	json_put(o, "sources", list);
	json_put_str(o, "type", "pull");
	for (size_t i = 0; i < r->n_sources; i++) {
		json_object *s = field_encode(source_fields, &r->sources[i]);
		if (!s || json_object_array_add(list, s) < 0) {
			json_free(s);
			return NULL;
		}
	}
	return take_ptr(&o);
}

void pull_request_done(struct pull_request *r)
{
	for (size_t i = 0; i < r->n_sources; i++)
		field_done(source_fields, &r->sources[i]);
	free(r->sources);
	if (r->creds)
		explicit_bzero(r->creds, strlen(r->creds));
	field_done(request_fields, r);
	*r = (struct pull_request){ 0 };
}

int pull_request_decode(json_object *o, struct pull_request *ret, struct err *e)
{
	json_object *list = json_get(o, "sources");
	struct pull_request r = { 0 };
	int rc = field_decode(request_fields, o, &r, "pull", e);

	r.sources = calloc(json_len(list) + 1, sizeof(*r.sources));
	if (!r.sources && rc >= 0)
		rc = err_errno(e, ENOMEM, "pull");
	for (; rc >= 0 && r.n_sources < json_len(list); r.n_sources++)
		rc = field_decode(source_fields, json_object_array_get_idx(list, r.n_sources),
				  &r.sources[r.n_sources], "pull", e);
	if (rc < 0) {
		pull_request_done(&r);
		return rc;
	}
	*ret = r;
	return 0;
}

int pull_send(int sock, json_object *take_o, struct err *e)
{
	scoped(json) json_object *o = take_o;
	scoped(mem) char *text = o ? json_text(o) : NULL;
	size_t n = text ? strlen(text) : 0;
	ssize_t sent;

	if (!text)
		return err_errno(e, ENOMEM, "pull: write a message");
	if (n > PULL_MESSAGE_MAX)
		return err_set(e, -EMSGSIZE, "pull: message of %zu bytes", n);
	do
		sent = send(sock, text, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	explicit_bzero(text, n); /* it may hold a password */
	return sent < 0 ? err_sys(e, "pull: write a message") : 0;
}

int pull_receive(int sock, json_object **ret, struct err *e)
{
	scoped(mem) char *text = malloc(PULL_MESSAGE_MAX);
	ssize_t n;
	int rc, resets = 0;

	if (!text)
		return err_errno(e, ENOMEM, "pull: read a message");
	/* The other end went away with messages unread: that is told first, its last words after.
	 */
	do
		n = recv(sock, text, PULL_MESSAGE_MAX, 0);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !resets++)));
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 0;
	if (n < 0)
		return err_sys(e, "pull: read a message");
	rc = json_parse(text, (size_t)n, ret, e);
	explicit_bzero(text, (size_t)n);
	return rc < 0 ? err_in(e, "pull: read a message") : 1;
}
