/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/login.h"

#include <stdlib.h>
#include <string.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

void login_key_done(struct login_key *k)
{
	free(k->key);
	free(k->registry);
	free(k->namespace);
	*k = (struct login_key){ 0 };
}

/* The same characters that a reference has. */
static int is_registry(const char *s, size_t n)
{
	scoped(reference) struct reference r = { 0 };
	scoped(mem) char *probe = str_printf("%.*s%s/x", (int)n, s, memchr(s, ':', n) ? "" : ":1");
	struct err ignored = { 0 };

	return n && n < 256 && probe && reference_parse(probe, &r, &ignored) >= 0 && r.registry;
}

int login_key_parse(const char *s, struct login_key *ret, struct err *e)
{
	struct login_key k = { 0 };
	const char *bare = str_starts(s, "https://") ? s + 8 : str_starts(s, "http://") ? s + 7 : s;
	size_t n = strlen(bare), host;

	while (n && bare[n - 1] == '/')
		n--;
	host = strcspn(bare, "/");
	if (host > n)
		host = n;
	if (!is_registry(bare, host))
		return err_set(e, -EINVAL, "'%s' is not the name of a registry", s);
	if (bare != s && host < n) /* an URL: its path says nothing */
		n = host;
	k.key = strndup(bare, n);
	k.registry = strndup(bare, host);
	k.namespace = strndup(bare + host + (host < n), n - host - (host < n));
	if (!k.key || !k.registry || !k.namespace) {
		login_key_done(&k);
		return err_errno(e, ENOMEM, "read the name of a registry");
	}
	*ret = k;
	return 0;
}

int login_default_registry(struct engine *en, char **ret, struct err *e)
{
	scoped(registries) struct registries *r = NULL;

	if (pull_registries(en, &r, e) < 0)
		return e->code;
	if (!r->search || !r->search[0])
		return err_set(
			e, -ENOENT,
			"no registries found in registries.conf, a registry must be provided");
	*ret = strdup(r->search[0]);
	return *ret ? 0 : err_errno(e, ENOMEM, "read registries.conf");
}

static int send_login(struct pull_call *call, struct engine *en, const struct login_options *o,
		      const struct login_key *k, const struct credentials *c, struct err *e)
{
	int insecure = pull_is_insecure(en, k->registry, o->tls_verify, e);
	json_object *m;

	if (insecure < 0)
		return insecure;
	m = pull_message("login");
	if (m) {
		json_put_str(m, "registry", k->registry);
		json_put_bool(m, "insecure", insecure);
		json_put_str(m, "username", c->username);
		json_put_str(m, "password", c->password);
		json_put_str(m, "identity_token", c->identity_token);
		json_put_str(m, "cert_dir", o->cert_dir);
		json_put_str(m, "config_dir", en->config_dir);
	}
	return pull_send(call->socket_fd, m, e);
}

int login_check(struct engine *en, const struct login_options *o, const struct login_key *k,
		const struct credentials *c, struct err *e)
{
	scoped(pull_call) struct pull_call call = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;

	if (pull_call_start(&call, -EBADF, -EBADF, e) < 0 ||
	    send_login(&call, en, o, k, c, e) < 0 || pull_call_receive(&call, &answer, e) < 0)
		return e->code;
	return pull_is(answer, "done") ? 0 : err_set(e, -EBADMSG, "login: unexpected message");
}
