/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp program of containers whose TCP connections are made with sockets of the host
 * (netns/accel.h): it is stacked on the container's own one, which so stays as it is, in the cache
 * too. */
#ifndef COVE_RUNTIME_CONNECT_FILTER_H
#define COVE_RUNTIME_CONNECT_FILTER_H

#include <linux/filter.h>
#include <stddef.h>

/* connect(2) and listen(2) are notified.  What would connect unseen is refused: MSG_FASTOPEN, TCP_FASTOPEN_CONNECT
 * and TCP_FASTOPEN_NO_COOKIE (EOPNOTSUPP, as where fast open is off), io_uring, x32 and i386's
 * socketcall (ENOSYS, as of a kernel without them).  *RET_N is 0 on an architecture that it was not
 * written for. */
const struct sock_filter *connect_filter(size_t *ret_n);

#endif
