/* SPDX-License-Identifier: Apache-2.0 */
/* What create, run and restore have in common. */
#ifndef COVE_CLI_RUNTIME_CREATE_H
#define COVE_CLI_RUNTIME_CREATE_H

#include "src/cli/runtime/relay.h"
#include "src/cli/runtime/verb.h"

struct create_options {
	const char *bundle, *config, *console_socket, *pid_file;
	int no_pivot, no_new_keyring, no_subreaper, preserve_fds;
	/* run */
	int detach, keep;
};
extern const struct opt create_rows[];

/* O for container ID; closes what the container is not to inherit. */
int create_prepare(const struct oci *oci, const struct create_options *o, const char *id,
		   struct oci_create_options *ret, struct err *e);

/* run.c: with the container C, whose start gave STATUS: stay until it has ended, remove it unless
 * KEEP.  Its exit status. */
int run_look_on(struct oci *oci, int keep, struct oci_container *c, struct relay *relay, int status,
		struct err *e);

#endif
