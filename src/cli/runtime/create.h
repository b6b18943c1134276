/* SPDX-License-Identifier: Apache-2.0 */
/* What create and run have in common. */
#ifndef COVE_CLI_RUNTIME_CREATE_H
#define COVE_CLI_RUNTIME_CREATE_H

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

#endif
