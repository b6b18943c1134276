/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts whose targets are descriptors, never strings that somebody else could redirect.
 *
 * The mount API of Linux 5.2 (fsopen, fsmount, open_tree, move_mount) and 5.12 (mount_setattr) is
 * used where the kernel has it; before that mount(2) on /proc/self/fd/N does the same in more
 * steps. */
#ifndef COVE_USERNS_MOUNT_H
#define COVE_USERNS_MOUNT_H

#include "src/util/err.h"

/* MS_* of mount(2) that are attributes of one mount (the rest belongs to the file system). */
#define MOUNT_ATTR_FLAGS                                                                           \
	(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME | MS_RELATIME | \
	 MS_STRICTATIME | 256UL /* MS_NOSYMFOLLOW, Linux 5.10 */)
/* As PROPAGATION of mount_bind(): whatever the source has. */
#define MOUNT_KEEP MS_REC

/* Mount a new file system FSTYPE with option string DATA (may be NULL) and MS_* FLAGS on the
 * directory TARGET_FD.  *RET_TOP (unless NULL) is an O_PATH descriptor of the new mount's root. */
int mount_fs(int target_fd, const char *fstype, const char *source, unsigned long flags,
	     const char *data, int *ret_top, struct err *e);
/* Bind what SOURCE_FD (O_PATH) is on TARGET_FD: RECURSIVE with all below; SET are MS_* attributes
 * to add on top of those it has (with RECURSIVE_SET on every mount below, where the kernel can),
 * PROPAGATION one of MS_PRIVATE, MS_SLAVE, MS_SHARED, MS_UNBINDABLE or 0 (private).  *RET_TOP as
 * above. */
int mount_bind(int source_fd, int target_fd, int recursive, unsigned long set, int recursive_set,
	       unsigned long propagation, int *ret_top, struct err *e);
/* Add MS_* attributes to the mount whose root is TOP_FD. */
int mount_add_flags(int top_fd, unsigned long set, int recursive, struct err *e);
/* Set and clear MS_* attributes of the mount whose root is TOP_FD, RECURSIVE of all below as well.
 * -ENOTSUP before Linux 5.12; -EPERM for what the mount's owner has locked. */
int mount_change(int top_fd, unsigned long set, unsigned long clear, int recursive, struct err *e);
/* MS_PRIVATE, MS_SLAVE... (with MS_REC for all below) for the mount whose root is TOP_FD. */
int mount_propagation_fd(int top_fd, unsigned long propagation, struct err *e);
/* A detached copy of what SOURCE_FD is, RECURSIVE with all below: *RET_FD, for mount_move(). */
int mount_clone(int source_fd, int recursive, int *ret_fd, struct err *e);
/* Show the files of the detached mount TREE_FD with the ids of user namespace USERNS_FD. */
int mount_idmap(int tree_fd, int userns_fd, int recursive, struct err *e);
/* Attach the detached mount TREE_FD to TARGET_FD. */
int mount_move(int tree_fd, int target_fd, struct err *e);
/* MS_PRIVATE, MS_SLAVE... for the mount at PATH (by our own rules) and all below. */
int mount_propagation(const char *path, unsigned long propagation, struct err *e);
/* Make the mount at NEW_ROOT_FD the root and let go of the old one (pivot_root(2), "." over ".").
 */
int mount_pivot(int new_root_fd, struct err *e);

#endif
