/* SPDX-License-Identifier: Apache-2.0 */
/* The container's cgroup: a child of the caller's own one in cgroup v2, where that is delegated to
 * the user, and none otherwise. */
#ifndef COVE_RUNTIME_CGROUP_H
#define COVE_RUNTIME_CGROUP_H

#include <stddef.h>

#include "src/util/err.h"

struct cgroup {
	int fd;	    /* directory of the cgroup, or -EBADF: none */
	int parent; /* of it */
	char name[80];
};
#define CGROUP_NONE                            \
	{                                      \
		.fd = -EBADF, .parent = -EBADF \
	}

/* Make "cove-ID".  Where nothing is delegated C stays empty: that is no error. */
void cgroup_make(struct cgroup *c, const char *id);
/* Open the one of a running container again, for exec. */
void cgroup_open(struct cgroup *c, const char *id);
/* Kill what is left in it and remove it. */
void cgroup_remove(struct cgroup *c);
/* Let go of the descriptors only. */
void cgroup_done(struct cgroup *c);
/* Did the kernel kill something in it for want of memory (memory.events)? */
int cgroup_had_oom(const struct cgroup *c);
/* Path of the directory in which containers' cgroups would be made; "" when nothing is delegated.
 * In BUF. */
const char *cgroup_delegated(char *buf, size_t n);

#endif
