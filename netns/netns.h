/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces that are set up from outside. */
#ifndef COVE_NETNS_NETNS_H
#define COVE_NETNS_NETNS_H

#include <sys/types.h>

#include "netns/tap.h"
#include "src/util/err.h"
#include "src/util/proc.h"

/* Call FN in a child process that has entered NETNS: a process that has joined a namespace cannot
 * always go back.  NETNS -EBADF: a new one with its loopback up, which is FDS[0].  The descriptors
 * that FN opened arrive in FDS (the caller's); *N says how many are expected.  The caller needs
 * CAP_SYS_ADMIN over the namespace and one thread. */
int netns_call(int netns, proc_fn *fn, void *arg, int *fds, size_t n, struct err *e);
/* The namespace of process PID, or with 0 our own (CLOEXEC, the caller's), or the error. */
int netns_of(pid_t pid, struct err *e);

/* A new network namespace (*RET_NETNS, the caller's) with its loopback up and, unless TAP is NULL,
 * a tap device (*RET_TAP, the caller's). */
int netns_make(const struct tap_config *tap, int *ret_netns, int *ret_tap, struct err *e);
/* The tap device alone, in the namespace of process PID. */
int netns_add_tap(pid_t pid, const struct tap_config *tap, int *ret_tap, struct err *e);
/* Bring the caller's loopback interface up. */
int netns_loopback_up(struct err *e);

#endif
