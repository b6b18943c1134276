/* SPDX-License-Identifier: Apache-2.0 */
/* What this user on this kernel can do, and what is in the way: each finding names the setting that
 * mends it. */
#ifndef COVE_USERNS_PROBE_H
#define COVE_USERNS_PROBE_H

#include <stddef.h>
#include <sys/types.h>

enum probe_level { PROBE_OK, PROBE_WARNING, PROBE_FAILURE };

struct probe_finding {
	const char *what; /* "user namespaces" */
	enum probe_level level;
	char text[256];
	char mend[400]; /* what to set or install, and who can; "" when all is well */
};

#define PROBE_FINDINGS_MAX 16

/* Look at the host; GRAPHROOT is where the store is or would be.  Fills LIST (at least
 * PROBE_FINDINGS_MAX) and returns how many there are.  Nothing is changed on the host. */
size_t probe_host(int run_fd, const char *graphroot, struct probe_finding *list);

#endif
