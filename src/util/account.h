/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of the host.  getpwuid(3) is not for us: in a static program it works only beside the
 * very C library it was linked with, and elsewhere it loads what nsswitch.conf names (a
 * millisecond). */
#ifndef COVE_UTIL_ACCOUNT_H
#define COVE_UTIL_ACCOUNT_H

#include <sys/types.h>

struct account {
	char *name, *home; /* owned; both or none */
};
#define ACCOUNT_NONE       \
	{                  \
		NULL, NULL \
	}

/* The account of UID: from /etc/passwd, else from the directory service by getent(1), which may be
 * slow.  1 found, 0 nobody knows it (*RET stays empty). */
int account_find(uid_t uid, struct account *ret);

void account_free(struct account *a);

static inline __attribute__((unused)) void scoped_account(struct account *a)
{
	account_free(a);
}

#endif
