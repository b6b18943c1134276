/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the role net. */
#ifndef COVE_NETNS_NET_ROLE_H
#define COVE_NETNS_NET_ROLE_H

#include "netns/net_protocol.h"
#include "src/util/err.h"

struct stack; /* netns/stack.c: libslirp and its loop */

/* A stack with the usual addresses; ports are bound by stack_forward(). */
int stack_new(const struct net_hello *c, struct stack **ret, struct err *e);
/* Bind a port of the host (tested first: libslirp says only that it failed). */
int stack_forward(struct stack *s, const struct net_forward *f, struct err *e);
/* Move frames between TAP_FD and the host's sockets until CONTROL_FD has its end of file. */
int stack_run(struct stack *s, int tap_fd, int control_fd, struct err *e);
/* Frames of the fuzz target: one from the guest. */
void stack_input(struct stack *s, const unsigned char *frame, size_t n);
struct stack *stack_free(struct stack *s);

/* Give up everything that moving packets does not need: an empty root (with a copy of the host's
 * resolv.conf, which libslirp reads), no capabilities, no new privileges, a seccomp filter.
 * netns/sandbox.c */
int net_shut_in(struct err *e);

#endif
