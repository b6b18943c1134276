/* SPDX-License-Identifier: Apache-2.0 */
/* Between the engine and the role net, on the SOCK_SEQPACKET socket that the role finds as
 *descriptor 3:
 *
 *	engine                               role
 *	struct net_hello + forwards  ---->
 *	                                     loads, binds the ports, shuts itself in
 *	'T', with the tap            ---->
 *	                             <----   struct net_answer: code 0, or why not
 *	                             <----   where ports are shared: the container's port (16 bits)
 *	                                     and the socket of each, and 0 without one
 *	end of file                  ---->   lets go of the ports
 *	                             <----   end of file; ends
 */
#ifndef COVE_NETNS_NET_PROTOCOL_H
#define COVE_NETNS_NET_PROTOCOL_H

#include "netns/net.h"
#include "src/util/err.h"

#define NET_FORWARDS_MAX 512 /* the first message must fit a socket buffer */
#define NET_CONTROL_FD	 3

struct net_hello {
	int version; /* 3 */
	int allow_host_loopback;
	struct net_addresses addresses;
	char outbound[48], outbound6[48];
	int n_forwards;
	struct net_forward forward[]; /* n_forwards of them */
};

struct net_answer {
	struct err err; /* code 0: all ports are served */
};

#endif
