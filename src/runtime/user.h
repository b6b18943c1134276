/* SPDX-License-Identifier: Apache-2.0 */
/* Who a process in a container is: numbers, or names in the container's own passwd and group files.
 */
#ifndef COVE_RUNTIME_USER_H
#define COVE_RUNTIME_USER_H

#include <sys/types.h>

#include "src/util/err.h"

#define USER_FILE_MAX	(1U << 20) /* of passwd and group; more is refused */
#define USER_GROUPS_MAX 256

struct user {
	uid_t uid;
	gid_t gid;
	gid_t groups[USER_GROUPS_MAX]; /* of the group file, without gid itself */
	size_t n_groups;
	char home[256];
	char name[256]; /* "" when the passwd file has no such uid */
};

/* Resolve "user[:group]" below ROOT_FD.  A number is a number even when a user of that name exists;
 * numbers are decimal, 0..2^32-2.  EXTRA are --group-add names or numbers (may be NULL). Without a
 * group the primary and the supplementary groups of the user's entry are taken. -ENOENT for an
 * unknown name, -EINVAL for what is neither. */
int user_resolve(int root_fd, const char *spec, char *const *extra, struct user *ret,
		 struct err *e);
/* The same on texts of the files (may be ""), for tests and fuzzing. */
int user_resolve_text(const char *passwd, const char *group, const char *spec, char *const *extra,
		      struct user *ret, struct err *e);
/* What HOME is to U: its entry's; "/root" for root without one; "/" for what is no path, or would
 * be more than a line of some file. */
const char *user_home(const struct user *u);

#endif
