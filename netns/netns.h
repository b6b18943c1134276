/* SPDX-License-Identifier: Apache-2.0 */
/* Network namespaces that are set up from outside: for containers whose first process we do not
 * start ourselves. */
#ifndef COVE_NETNS_NETNS_H
#define COVE_NETNS_NETNS_H

#include <sys/types.h>

#include "netns/tap.h"
#include "src/util/err.h"

/* A new network namespace (*RET_NETNS, the caller's) with its loopback up and, unless TAP is NULL,
 * a tap device (*RET_TAP, the caller's).  The caller needs CAP_SYS_ADMIN and one thread. */
int netns_make(const struct tap_config *tap, int *ret_netns, int *ret_tap, struct err *e);
/* The tap device alone, in the namespace of process PID. */
int netns_add_tap(pid_t pid, const struct tap_config *tap, int *ret_tap, struct err *e);
/* Bring the caller's loopback interface up. */
int netns_loopback_up(struct err *e);

#endif
