/* SPDX-License-Identifier: Apache-2.0 */
/* The role `pull`: everything of a pull that touches the network.  See pull_protocol.h. */
#ifndef COVE_IMAGE_PULL_ROLE_H
#define COVE_IMAGE_PULL_ROLE_H

/* Serve one request on PULL_SOCKET_FD; exit status. */
int role_pull_main(void);

#endif
