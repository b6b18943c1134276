/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of registries: whether one takes them, and where they are kept. */
#ifndef COVE_IMAGE_LOGIN_H
#define COVE_IMAGE_LOGIN_H

#include "src/image/auth.h"
#include "src/store/engine.h"

/* "[https://]REGISTRY[/NAMESPACE]" in parts.  All owned. */
struct login_key {
	char *key;	 /* "registry" or "registry/namespace": how it is kept */
	char *registry;	 /* "host[:port]" */
	char *namespace; /* "" when there is none */
};
int login_key_parse(const char *s, struct login_key *ret, struct err *e);
void login_key_done(struct login_key *k);
static inline __attribute__((unused)) void scoped_login_key(struct login_key *k)
{
	login_key_done(k);
}
/* The first of unqualified-search-registries.  Owned; -ENOENT when there is none. */
int login_default_registry(struct engine *en, char **ret, struct err *e);

struct login_options {
	const char *cert_dir; /* NULL: certs.d */
	int tls_verify;	      /* -1: by registries.conf, 0, 1 */
};
/* Ask the registry of K (through the role `pull`) whether it takes C.  -EACCES when it does not. */
int login_check(struct engine *en, const struct login_options *o, const struct login_key *k,
		const struct credentials *c, struct err *e);

#endif
