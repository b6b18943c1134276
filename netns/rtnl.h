/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink(7) requests: a handful of fixed messages, so no library is loaded for them in the
 * processes that send them. */
#ifndef COVE_NETNS_RTNL_H
#define COVE_NETNS_RTNL_H

#include <linux/netlink.h>
#include <stddef.h>

struct rtnl {
	struct nlmsghdr h;
	char body[512]; /* room for a header and a dozen small attributes: no bounds are checked */
};

/* Begin a request of TYPE (RTM_*) with FLAGS beside NLM_F_REQUEST|NLM_F_ACK.  Returns its header of
 * N bytes, zeroed, inside Q. */
void *rtnl_begin(struct rtnl *q, unsigned short type, unsigned short flags, size_t n);
void rtnl_attr(struct rtnl *q, unsigned short type, const void *data, size_t n);
/* N bytes that are no attribute: a header within one. */
void rtnl_raw(struct rtnl *q, const void *data, size_t n);
/* Begin an attribute that holds others; rtnl_end() with what it returns closes it. */
size_t rtnl_nest(struct rtnl *q, unsigned short type);
void rtnl_end(struct rtnl *q, size_t nest);
/* A NETLINK_ROUTE socket (CLOEXEC, the caller's), or a negative errno. */
int rtnl_open(void);
/* Send and wait for the acknowledgement: 0 or the kernel's negative errno. */
int rtnl_talk(int sock, struct rtnl *q);

#endif
