/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's end of a conversation with the role `pull` (program cove-pull). */
#ifndef COVE_IMAGE_PULL_CALL_H
#define COVE_IMAGE_PULL_CALL_H

#include <json-c/json_object.h>

#include "src/image/registries.h"
#include "src/store/engine.h"
#include "src/util/err.h"
#include "src/util/proc.h"

struct pull_call {
	const char *role; /* its program, borrowed */
	struct child child;
	int socket_fd;
	int ended; /* the role has said its last word and is about to exit */
};
#define PULL_CALL_NONE                                   \
	{                                                \
		.child = CHILD_NONE, .socket_fd = -EBADF \
	}

/* Start the role.  DIR_FD (-EBADF: none) becomes its PULL_DIR_FD; RUN_FD >= 0: in the user's
 * namespace. */
int pull_call_start(struct pull_call *c, int run_fd, int dir_fd, struct err *e);
/* The same with another role that speaks so (role_serve.h). */
int pull_call_start_role(struct pull_call *c, const char *role, int run_fd, int dir_fd,
			 struct err *e);
/* The same with descriptors for what it reads and writes (-EBADF: none), borrowed. */
int pull_call_start_stream(struct pull_call *c, const char *role, int run_fd, int dir_fd, int in_fd,
			   int out_fd, struct err *e);
/* The next message that is no error (owned); the role's own error, or -EIO when it has gone. */
int pull_call_receive(struct pull_call *c, json_object **ret, struct err *e);
/* Wait for a role that has ended, kill one that has not; fine when empty. */
void pull_call_end(struct pull_call *c);
static inline __attribute__((unused)) void scoped_pull_call(struct pull_call *c)
{
	pull_call_end(c);
}

/* A call with a leased directory of its own in graphroot/tmp, for what the role brings.
 * DIR_CALL_NONE, then dir_call_open(), then what is to be said. */
struct dir_call {
	struct engine *en;
	char *tmp_name; /* below graphroot/tmp */
	int tmp_fd, lease_fd;
	struct pull_call call;
};
#define DIR_CALL_NONE                                                        \
	{                                                                    \
		.tmp_fd = -EBADF, .lease_fd = -EBADF, .call = PULL_CALL_NONE \
	}
int dir_call_open(struct dir_call *c, struct engine *en, struct err *e);
/* Start the role, tell it M (taken over; NULL: out of memory) and wait for its "done". */
int dir_call_run(struct dir_call *c, json_object *take_m, struct err *e);
void dir_call_end(struct dir_call *c);
static inline __attribute__((unused)) void scoped_dir_call(struct dir_call *c)
{
	dir_call_end(c);
}

/* registries.conf as EN's user has it.  *RET owned. */
int pull_registries(struct engine *en, struct registries **ret, struct err *e);
/* Where NAME, which has a registry, itself lies by registries.conf: mirrors are for pulls.
 * TLS_VERIFY as of pull_is_insecure().  *RET is the caller's.  -EPERM for a blocked registry. */
int pull_place(struct engine *en, const struct reference *name, int tls_verify,
	       struct reference *ret, int *ret_insecure, struct err *e);
/* Where what the user has chosen is remembered: containers' cache directory.  Owned; NULL: nowhere.
 */
char *pull_cache_dir(const struct engine *en);
/* May plain HTTP and unverified certificates be used with REGISTRY?  TLS_VERIFY (0, 1) decides,
 * else (-1) registries.conf.  1, 0, or the error: -EPERM for a blocked registry. */
int pull_is_insecure(struct engine *en, const char *registry, int tls_verify, struct err *e);

#endif
