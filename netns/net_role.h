/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the role net. */
#ifndef COVE_NETNS_NET_ROLE_H
#define COVE_NETNS_NET_ROLE_H

#include "netns/net_protocol.h"
#include "src/util/err.h"

struct stack; /* netns/stack.c: libslirp and its loop */

int stack_new(const struct net_hello *c, struct stack **ret, struct err *e);
/* Move frames between TAP_FD and the host's sockets until CONTROL_FD has its end of file, or the
 * tap has gone.  -EIO: RELAY_FD (negative: none) had its own. */
int stack_run(struct stack *s, int tap_fd, int control_fd, int relay_fd, struct err *e);
/* Frames of the fuzz target: one from the guest. */
void stack_input(struct stack *s, const unsigned char *frame, size_t n);
struct stack *stack_free(struct stack *s);

/* netns/sandbox.c: how the role gives up what it does not need.
 *
 * An empty root (with a copy of the host's resolv.conf, which libslirp reads). */
int net_empty_root(struct err *e);
/* No capabilities, no new privileges, and a seccomp filter: what moving packets needs ... */
int net_shut_in(struct err *e);
/* ... and what the relay of published ports does, which keeps CAP_NET_RAW for the addresses of its
 * sockets in the container (IP_TRANSPARENT). */
int relay_shut_in(struct err *e);
/* ... and what the role accel does, which keeps CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH for the
 * callers of connect(2), whoever they are: their memory and their descriptors. */
int accel_shut_in(struct err *e);

#endif
