/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities (capabilities(7)) through libcap. */
#ifndef COVE_USERNS_CAPS_H
#define COVE_USERNS_CAPS_H

#include <linux/capability.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"

/* A set, one bit for each capability number. */
typedef uint64_t caps_set;
#define CAPS_BIT(n) ((caps_set)1 << (n))

struct caps {
	caps_set bounding, effective, permitted, inheritable, ambient;
};

/* Is N in the caller's effective set? */
int caps_have_effective(int n);
/* Number of "CAP_NET_ADMIN", "NET_ADMIN" or "net_admin"; -EINVAL for an unknown name. */
int caps_from_name(const char *name);
/* "CAP_NET_ADMIN" for a number, into BUF (at least 40 bytes). */
const char *caps_name(int n, char *buf);
/* All capabilities that the running kernel knows. */
caps_set caps_all(void);
/* The caller's permitted set. */
caps_set caps_permitted(void);
/* The caller's bounding set. */
caps_set caps_bounding(void);
/* What a container of user UID can have at most: all of them in a user namespace of our own
 * (user_namespaces(7): its first process has every capability, whatever the maker's bounding set),
 * the bounding set for root, who has none. */
caps_set caps_container(uid_t uid);
/* The 11 that containers have by default, as Podman gives them. */
caps_set caps_default(void);
/* Drop from the bounding set all but KEEP: before the user id changes, while CAP_SETPCAP is held.
 */
int caps_limit_bounding(caps_set keep, struct err *e);
/* Set effective, permitted, inheritable, then ambient. */
int caps_apply(const struct caps *want, struct err *e);

#endif
