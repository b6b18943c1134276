/* SPDX-License-Identifier: Apache-2.0 */
/* ID maps: which ids of a user namespace stand for which ids outside (user_namespaces(7)). */
#ifndef COVE_USERNS_IDMAP_H
#define COVE_USERNS_IDMAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"

/* Linux 4.15 (user_namespaces(7)): up to 340 lines in uid_map; before that 5, and the write fails
 * with EINVAL.  idmap_add() merges neighbours, so that usual subordinate ranges also fit old
 * kernels. */
#define IDMAP_EXTENTS_MAX 340

struct idmap_extent {
	uint32_t inside, outside, count;
};
struct idmap {
	struct idmap_extent *extent; /* owned */
	size_t n;
};
#define IDMAP_NONE \
	{          \
		0  \
	}
void idmap_done(struct idmap *m);
static inline __attribute__((unused)) void scoped_idmap(struct idmap *m)
{
	idmap_done(m);
}

/* Add COUNT ids from INSIDE on, standing for those from OUTSIDE on.  -ERANGE when either side would
 * reach 2^32-1 (the invalid id) or COUNT is 0, -EEXIST when a side overlaps, -E2BIG beyond 340
 * extents. */
int idmap_add(struct idmap *m, uint32_t inside, uint32_t outside, uint32_t count);
/* The same, as a line of its own: in a nested namespace no line may reach over the end of a line of
 * the map around it. */
int idmap_append(struct idmap *m, uint32_t inside, uint32_t outside, uint32_t count);
/* The id outside for an id inside.  -ENOENT when it is not mapped. */
int idmap_lookup(const struct idmap *m, uint32_t inside, uint32_t *ret_outside);
/* How many ids are mapped. */
uint64_t idmap_total(const struct idmap *m);
/* Do both map the same ids the same way (whatever the order of the lines)? */
int idmap_same(const struct idmap *a, const struct idmap *b);
/* Text as uid_map has it ("0 1000 1\n1 100000 65536\n"), owned; NULL when out of memory. */
char *idmap_text(const struct idmap *m);
/* Parse text of that form, as the kernel prints it.  -EBADMSG. */
int idmap_parse(const char *text, struct idmap *ret);
/* Read /proc/PID/FILE ("uid_map", "gid_map"); PID 0 is the caller. */
int idmap_read(pid_t pid, const char *file, struct idmap *ret, struct err *e);
/* Write it directly: for the ids that the caller's own namespace has and with CAP_SETUID there, or
 * for one's own single id. */
int idmap_write(pid_t pid, const char *file, const struct idmap *m, struct err *e);

/* The caller's full range: id 0 inside is UID (GID), 1... are the subordinate ids in order.
 * -ENOENT with a hint when there is no range. */
int idmap_of_user(int run_fd, uid_t uid, gid_t gid, struct idmap *ret_uids, struct idmap *ret_gids,
		  struct err *e);
/* Map process PID, which has just made its user namespace, by newuidmap and newgidmap, and read the
 * result back.  Errors have hints about the helpers' set-up. */
int idmap_write_helpers(pid_t pid, const struct idmap *uids, const struct idmap *gids,
			struct err *e);

#endif
