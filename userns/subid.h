/* SPDX-License-Identifier: Apache-2.0 */
/* Subordinate id ranges (subuid(5), subgid(5)).
 *
 * /etc/subuid and /etc/subgid are read here.  Where /etc/nsswitch.conf names another source for
 * "subid" (SSSD, LDAP), the program cove-subid asks libsubid; its answer is kept in the runtime
 * directory for as long as nsswitch.conf stays as it is and the boot lasts. */
#ifndef COVE_USERNS_SUBID_H
#define COVE_USERNS_SUBID_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"

#define SUBID_RANGES_MAX 64

struct subid_range {
	uint32_t first, count;
};

/* The ranges of USER (its name, or the number in decimal) in TEXT, the content of a subuid file.
 * Lines that are no range are passed over, as newuidmap does.  Returns how many (at most MAX). */
size_t subid_parse(const char *text, const char *user, uid_t uid, struct subid_range *range,
		   size_t max);
/* Does nsswitch.conf TEXT name a source other than files for subid? */
int subid_nss_is_remote(const char *text);
/* Ranges of user UID for uids or (GROUPS) gids.  *RET is owned, *RET_N >= 1.  -ENOENT with a hint.
 */
int subid_ranges(int run_fd, uid_t uid, int groups, struct subid_range **ret, size_t *ret_n,
		 struct err *e);

#endif
