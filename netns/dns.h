/* SPDX-License-Identifier: Apache-2.0 */
/* The name server of a bridge network: a child of its switch that answers for the names of
 * containers and passes the rest on to the host's name servers, or, for an internal network, says
 * that there is nothing else.  It stays in the host's network namespace, so that it reaches what
 * the host reaches (127.0.0.53 as well); only its listening sockets lie in the network's.
 *
 * The switch tells it of members over CONTROL, a SOCK_SEQPACKET (message.h):
 *	{"id": ..., "names": [...], "addresses": [...]}		one comes, or has changed
 *	{"id": ...}						it goes
 */
#ifndef COVE_NETNS_DNS_H
#define COVE_NETNS_DNS_H

#include <json-c/json_object.h>

#include "netns/subnet.h"

struct dns_config {
	const int *udp, *tcp; /* listening sockets; negative ones are passed over */
	int n_sockets;	      /* of each kind */
	int control;
	int internal;
	json_object *servers; /* list of text; NULL or empty: the host's */
	int ask_all;	      /* a name that one server does not know is asked of the next */
};

/* A socket of TYPE that listens for questions at A, in the caller's network namespace: descriptor
 * (CLOEXEC, nonblocking) or a negative errno. */
int dns_listen(const struct addr *a, int type);

/* The life of the name server, a forked process; returns exit status. */
int dns_main(const struct dns_config *c);

#endif
