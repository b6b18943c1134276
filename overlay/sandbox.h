/* SPDX-License-Identifier: Apache-2.0 */
/* What a role gives up before it parses the first byte from a stranger. */
#ifndef COVE_OVERLAY_SANDBOX_H
#define COVE_OVERLAY_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"

struct sandbox {
	int root_fd;	 /* the directory that becomes "/"; -EBADF: an empty one, read-only */
	int recursive;	 /* what is mounted below it comes along */
	int is_mount_ns; /* root_fd is a mount namespace: a copy of it, whose root becomes "/" */
	/* More directories that stay open, absolute paths and their descriptors: each as a mount of
	 * its own (Linux 5.2), out of which no ".." leads.  NULL paths are skipped. */
	char *const *elsewhere;
	int *elsewhere_fds;
	size_t n_elsewhere;
	int keep_fd;	      /* one more descriptor that stays open, or 0 */
	const int *keep_caps; /* CAP_... numbers that stay effective and permitted */
	size_t n_keep_caps;
	uint64_t memory;     /* RLIMIT_DATA in bytes */
	int threads;	     /* the process has more threads: the filter is put on all (TSYNC) */
	const int *syscalls; /* allowed; all others answer ENOSYS */
	size_t n_syscalls;
};

/* Part one, while the process still has one thread: no_new_privs, descriptors above 4 closed,
 * resource limits, mount, network and IPC namespaces of its own (and a user namespace, where an
 * unprivileged process is not in one of ours), S->root_fd as the root by pivot_root(2),
 * capabilities dropped. */
int sandbox_enter(const struct sandbox *s, struct err *e);
/* Is this process root with every id of the host mapped, so that overlayfs keeps its attributes in
 * trusted.*?  To be asked before sandbox_enter(). */
int sandbox_is_real_root(void);
/* Part two, just before the first byte: the seccomp filter. */
int sandbox_seal(const struct sandbox *s, struct err *e);

/* For a role that starts other roles, and so has to keep what they need to lock themselves in:
 * no_new_privs, and a filter that refuses (EPERM) what neither it nor they have a use for, above
 * all the ways into the kernel in which most holes were found.  Children inherit it. */
int sandbox_deny(struct err *e);

#endif
