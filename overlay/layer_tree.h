/* SPDX-License-Identifier: Apache-2.0 */
/* The writer of layer trees: one tar entry after the other into layers/ID/diff.
 *
 * Nothing an entry says is resolved by the host's rules: its parent is opened below diff/ by
 * path_open_in(), its last name is made with O_EXCL and never followed, a hard link's target is
 * found the same way.  What stood in the way is removed first; a regular file that had contents of
 * this very layer is moved to layers/ID/kept/INODE instead, because the tar stream can only be made
 * again with them (split.h).
 *
 * Entries are relative to the root whatever they look like: "/x", "x", "./x" and "../x" are the
 * same file.  ".wh.X" becomes a whiteout, ".wh..wh..opq" marks its directory opaque, other names
 * that start with ".wh..wh." are AUFS's own and skipped.  As the OCI image specification has it, a
 * whiteout only hides what lower layers have: one for a directory of this layer makes that
 * directory opaque.
 *
 * Device nodes are made by real root only; in a user namespace the kernel refuses mknod(2) for all
 * but 0:0 devices (Linux 5.8), so they are skipped and counted: container engines bring their own
 * /dev. */
#ifndef COVE_OVERLAY_LAYER_TREE_H
#define COVE_OVERLAY_LAYER_TREE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

#define LAYER_PATH_MAX 4096 /* with the NUL */
/* Mode of the root of a layer whose archive does not list it (as Podman's storage has it): what
 * lies on it takes that of the layer below. */
#define LAYER_TOP_MODE 0555

enum layer_entry_type {
	ENTRY_FILE,
	ENTRY_DIR,
	ENTRY_SYMLINK,
	ENTRY_HARDLINK,
	ENTRY_FIFO,
	ENTRY_CHAR,
	ENTRY_BLOCK,
	ENTRY_OTHER, /* sockets, unknown: skipped */
};

struct layer_xattr {
	const char *name;
	const void *value;
	size_t len;
};

/* One entry as a stranger wrote it; nothing is checked yet.  All borrowed. */
struct layer_entry {
	const char *path;
	enum layer_entry_type type;
	const char *link; /* symlink text or hard link target */
	mode_t mode;	  /* permission bits only are used */
	int64_t uid, gid;
	struct timespec mtime;
	unsigned dev_major, dev_minor;
	int64_t size; /* ENTRY_FILE: the length it shall have, holes included */
	const struct layer_xattr *xattrs;
	size_t n_xattrs;
};

struct layer_tree; /* one per layer */

struct layer_tree_options {
	int real_root; /* device nodes can be made; trusted.overlay.* is the view's prefix */
	int64_t n_uids, n_gids;	       /* how many ids are mapped, for error texts; 0: unknown */
	const struct layer_copy *copy; /* no layer but `cp`: layer.h; borrowed */
	uint32_t self_uid, self_gid; /* keep-id: what 0 here is called there, see tree.h; else 0 */
};

/* Make diff/ below LAYER_FD (borrowed, must stay open) and start.  The umask must be 0 for exact
 * modes.  With O->copy LAYER_FD is the root of a tree that is there already, entries lie below
 * copy->base, ".wh." means nothing, and what stands in the way is replaced for good. */
int layer_tree_new(int layer_fd, const struct layer_tree_options *o, struct layer_tree **ret,
		   struct err *e);
struct layer_tree *layer_tree_free(struct layer_tree *t);
DEFINE_SCOPED(layer_tree, struct layer_tree *, layer_tree_free);

/* Write one entry.  1: it is a regular file, now open for layer_tree_data() and
 * layer_tree_file_end(); 0: done or skipped.  Errors name the entry: -EINVAL for one that is
 * refused, else the kernel's. */
int layer_tree_add(struct layer_tree *t, const struct layer_entry *en, struct err *e);
/* N bytes at OFFSET of the open file.  What is not written stays a hole. */
int layer_tree_data(struct layer_tree *t, const void *bytes, size_t n, int64_t offset,
		    struct err *e);
int layer_tree_file_end(struct layer_tree *t, struct err *e);

/* The open file's inode number and its path within diff/ when that path has no link and no ".." in
 * it (else NULL: its contents cannot be found again by name). */
const char *layer_tree_file_path(const struct layer_tree *t, uint64_t *ret_ino);

/* Modes and times of directories, deepest first: after the last entry. */
int layer_tree_finish(struct layer_tree *t, struct err *e);
int64_t layer_tree_size(const struct layer_tree *t);	 /* sum of file sizes written */
uint64_t layer_tree_skipped(const struct layer_tree *t); /* entries and xattrs left out */

#endif
