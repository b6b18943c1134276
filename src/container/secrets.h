/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets in containers (--secret).
 *
 * A file: when the container is created the data is copied to graphroot/containers/ID/secrets/N,
 * which is bound to the place that was asked for; /run/secrets is a tmpfs, so that nothing of it
 * shows in the container's layer.  What becomes of the secret later does not matter to it.
 *
 * A variable: only the secret's name is kept.  Each start and each exec looks its data up anew, and
 * fails when it is gone; the record never has it. */
#ifndef COVE_CONTAINER_SECRETS_H
#define COVE_CONTAINER_SECRETS_H

#include <stdint.h>

#include "src/container/spec.h"
#include "src/store/engine.h"

#define SECRETS_DIR "/run/secrets"

struct secret_use {
	char *source, *target; /* target NULL: not said */
	int is_env;
	uint32_t uid, gid;
	unsigned mode;
};
void secret_use_done(struct secret_use *u);
static inline __attribute__((unused)) void scoped_secret_use(struct secret_use *u)
{
	secret_use_done(u);
}

/* --secret NAME[,KEY=VALUE...]; pure.  -EINVAL "...: parsing secret". */
int secrets_parse(const char *s, struct secret_use *ret, struct err *e);

/* Look up what S has as variables, for this process alone (S->secret_values).  To be called where
 * the user can be asked: a secret's driver may do that. */
int secrets_load(struct engine *en, struct container_spec *s, struct err *e);
/* Put those variables into *ENV, in place of others of their names. */
int secrets_add_env(const struct container_spec *s, char ***env, struct err *e);
/* Before container ID starts, in the user namespace of the engine: give the files their owners and
 * modes.  CONFIG is its config.json, whose maps say who is who. */
int secrets_own(struct engine *en, const struct container_spec *s, const char *id,
		json_object *config, struct err *e);

#endif
