/* SPDX-License-Identifier: Apache-2.0 */
/* Working as the owner of the whole subordinate range.
 *
 * Files that belong to subordinate ids (layers, uppers, volumes) can only be written or removed
 * inside a user namespace in which those ids are mapped.  As real root there is nothing to enter.
 */
#ifndef COVE_USERNS_JOIN_H
#define COVE_USERNS_JOIN_H

#include "src/util/err.h"
#include "src/util/proc.h"

/* Are we root with power over the host's mounts?  Then there is nothing to enter. */
int userns_is_root(void);
/* And is it the host's root, with all ids, rather than one of a user namespace that its maker has
 * called 0? */
int userns_is_host_root(void);

/* Enter the user namespace only (no mount namespace).  *RET_LEASE (or -EBADF) keeps the holder from
 * leaving while open: for monitors.  Errors as userns_enter(). */
int userns_join(int run_fd, int *ret_lease, struct err *e);

/* Make this process, which must have one thread, root of the user's namespace: caller = 0,
 * subordinate ids = 1...; joined through the holder, else made for this process alone.  A mount
 * namespace of its own comes with it (a copy of the caller's view, propagation slave).  Nothing
 * happens as real root. -ENOENT with a hint when the user has no subordinate range or newuidmap is
 * missing. */
int userns_enter(int run_fd, struct err *e);

/* proc_spawn() for a program that is to run so. */
int userns_spawn(int run_fd, const struct proc_options *o, struct child *ret, struct err *e);

/* What a child does in place of userns_enter(): it returns a descriptor (0 or more) or the error.
 */
typedef int userns_enter_fn(void *arg, struct err *e);
/* userns_spawn() with ENTER, called in the child: what it returns takes the place of the last of
 * O's descriptors. */
int userns_spawn_with(const struct proc_options *o, userns_enter_fn *enter, void *arg,
		      struct child *ret, struct err *e);

/* Have a child do FN there: what it said.  FN fills E when it fails. */
typedef int userns_do_fn(void *arg, struct err *e);
int userns_do(int run_fd, userns_do_fn *fn, void *arg, struct err *e);
/* Remove NAME below DIR_FD whatever ids its files have: tried as we are, then in the namespace. */
int userns_rmtree(int run_fd, int dir_fd, const char *name, struct err *e);

#endif
