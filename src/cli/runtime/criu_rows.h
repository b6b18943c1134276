/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoint and restore have in common. */
#ifndef COVE_CLI_RUNTIME_CRIU_ROWS_H
#define COVE_CLI_RUNTIME_CRIU_ROWS_H

#include "src/cli/runtime/create.h"
#include "src/runtime/criu.h"

struct criu_cli {
	struct create_options create; /* restore's bundle and files */
	const char *image_path, *work_path, *parent_path, *manage_cgroups, *empty_ns;
	const char *lsm_profile, *lsm_context;
	int leave_running, pre_dump, auto_dedup, link_remap;
	int tcp_established, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks;
};
extern const struct opt criu_rows[];

/* checkpoint.c: the options as criu's; the paths become absolute and are owned by the caller. */
struct criu_paths {
	char *image, *work;
};
int criu_cli_options(const struct oci *oci, const struct criu_cli *o, struct criu_paths *paths,
		     struct criu_options *ret, struct err *e);
static inline void scoped_criu_paths(struct criu_paths *p)
{
	scoped_mem(&p->image);
	scoped_mem(&p->work);
}

#endif
