/* SPDX-License-Identifier: Apache-2.0 */
/* Between the engine and the role accel, on the SOCK_SEQPACKET socket that the role finds as
 * descriptor 3:
 *
 *	engine                               role
 *	struct accel_hello, listener ---->   shuts itself in
 *	                             <----   struct net_answer: code 0, or why not
 *	'L', with a seccomp listener ---->   (these by connections to the listener, too)
 *	'P', with a listening socket ---->   struct accel_port_message: a published port's
 *	end of file                  ---->   ends
 */
#ifndef COVE_NETNS_ACCEL_PROTOCOL_H
#define COVE_NETNS_ACCEL_PROTOCOL_H

#include <stdint.h>

#include "netns/net_protocol.h"

#define ACCEL_VERSION 1

struct accel_port_message {
	char type; /* 'P' */
	uint16_t container_port;
};

struct accel_hello {
	int version;
	struct net_addresses addresses;
	char outbound[48], outbound6[48];
	uint64_t netns; /* SO_NETNS_COOKIE of the container's sockets */
};

#endif
