/* SPDX-License-Identifier: Apache-2.0 */
/* The programs docker-credential-NAME, which keep credentials for others: get, store, erase. */
#ifndef COVE_IMAGE_AUTH_HELPER_H
#define COVE_IMAGE_AUTH_HELPER_H

#include "src/image/auth.h"
#include "src/util/strbuf.h"

/* How REGISTRY is called in docker's files and by helpers: the Hub has a name of its own. */
const char *auth_server_key(const char *registry);

/* docker-credential-NAME VERB < INPUT, for at most a minute.  Its exit status; what it wrote is in
 * OUT. */
int auth_helper_run(const char *name, const char *verb, const char *input, struct strbuf *out,
		    struct err *e);
/* 1: *RET is filled, 0: it has none, or the error. */
int auth_helper_get(const char *name, const char *registry, struct credentials *ret, struct err *e);
int auth_helper_store(const char *name, const char *registry, const struct credentials *c,
		      struct err *e);
/* 1: gone, 0: it had none. */
int auth_helper_erase(const char *name, const char *registry, struct err *e);

#endif
