/* SPDX-License-Identifier: Apache-2.0 */
/* The role `tree`, program cove-tree: reads the trees of layers and containers.  It gets
 *	0  where the result is written
 *	3  the control socket: one struct err at the end (code 0: all is well)
 *	4  a directory, which becomes its root; the trees are named below it
 * and runs as root of the user namespace in which the trees' ids are mapped:
 *	cove-tree tar|layer UID GID TREE...	a tar of the merged view, or of a layer (tree.h)
 *	cove-tree same 0 0 TREE			as layer, but the times of directories say nothing
 *	cove-tree changes OLD... -- NEW...	kind, path and NUL for each change (tree.h)
 *	cove-tree copy KIND UID GID OWNER NAME TREE	a tar of what is mounted there, for `cp`
 * KIND is what descriptor 4 is: "dir", or "ns" for a container's mount namespace; OWNER is UID:GID
 * or "". */
#ifndef COVE_OVERLAY_TREE_ROLE_H
#define COVE_OVERLAY_TREE_ROLE_H

#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/proc.h"
#include "userns/join.h"

int role_tree_main(int argc, char **argv);

/* The caller's side.  A running one. */
struct tree_reader {
	struct child child;
	int control_fd;
};
#define TREE_READER_NONE                                  \
	{                                                 \
		.child = CHILD_NONE, .control_fd = -EBADF \
	}
/* Start it with ARGS (from "tar" on, NULL-terminated) for the directory DIR_FD in the user
 * namespace of RUN_FD's engine, writing to OUT_FD (which stays the caller's). */
int tree_reader_start(struct tree_reader *t, int run_fd, int dir_fd, int out_fd, char *const *args,
		      struct err *e);
/* The same where ENTER leads: what it returns becomes descriptor 4. */
int tree_reader_start_with(struct tree_reader *t, userns_enter_fn *enter, void *arg, int out_fd,
			   char *const *args, struct err *e);
/* Wait for its end: what it had to say. */
int tree_reader_finish(struct tree_reader *t, struct err *e);
/* Kill and reap; fine when empty. */
void tree_reader_end(struct tree_reader *t);
static inline __attribute__((unused)) void scoped_tree_reader(struct tree_reader *t)
{
	tree_reader_end(t);
}

#endif
