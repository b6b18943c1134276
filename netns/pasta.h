/* SPDX-License-Identifier: Apache-2.0 */
/* The program pasta(1) as the way out of a container: it copies the host's addresses into the
 * container's namespace and has no address translation. */
#ifndef COVE_NETNS_PASTA_H
#define COVE_NETNS_PASTA_H

#include "netns/net.h"

#define PASTA_DNS "169.254.1.1" /* where it answers for the host's name servers */

#define PASTA_HOST "169.254.1.2" /* where the host is, as Podman has it */

/* Where a container reaches the host by pasta's translation: what --map-guest-addr says in OPTIONS
 * (borrowed), else PASTA_HOST where the installed pasta has that option (2024-11-27).  NULL:
 * nowhere; the host's address is the container's own. */
const char *pasta_host(char *const *options);
/* Start pasta for namespace NETNS, which it will see bound over the file POINT, and wait until the
 * namespace has an address.  OPTIONS are the user's, each a word of pasta's command line; what they
 * leave open is as Podman has it: nothing is forwarded but F[0..N), the host is at PASTA_HOST where
 * it can be, and not the gateway. It dies with the caller.  -ENOENT with a hint when it is not
 * installed; what it says itself when it fails. */
int pasta_start(int netns, const char *point, char *const *options, const struct net_forward *f,
		size_t n, struct child *ret, struct err *e);

#endif
