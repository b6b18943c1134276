/* SPDX-License-Identifier: Apache-2.0 */
/* A stack of layer trees seen as overlayfs shows it, without a mount.
 *
 * Reading upper directories of running containers is what this is made for: nothing is resolved
 * through a link (openat2(2) with RESOLVE_NO_SYMLINKS, before Linux 5.6 component by component with
 * O_NOFOLLOW), what vanishes meanwhile is not there, and what was swapped for another type is found
 * by a second look at the open descriptor.
 *
 * Whiteouts are 0:0 character devices or empty files with overlay.whiteout; a directory with
 * overlay.opaque=y hides what is below it (Linux, Documentation/filesystems/overlayfs.rst).
 * Redirected directories and files without data (redirect_dir, metacopy), which only real root can
 * have, are refused. */
#ifndef COVE_OVERLAY_TREE_H
#define COVE_OVERLAY_TREE_H

#include <stddef.h>
#include <sys/types.h>

#include "src/util/err.h"

struct tree {
	int root_fd;	      /* what the names of layers are relative to; borrowed */
	char *const *layers;  /* directories, lowest first, NULL-terminated; borrowed */
	const int *layer_fds; /* of each layer its own directory, or -EBADF: by its name; NULL: all
				 by name */
	int real_root;	      /* overlayfs' attributes are trusted.*, not user.* */
	int plain; /* one tree of what is mounted: whiteouts and their like mean nothing */
};

enum tree_kind {
	TREE_GONE, /* a whiteout */
	TREE_DIR,
	TREE_OTHER,
};
struct tree_entry {
	char *name;
	size_t layer; /* the topmost that has it */
	enum tree_kind kind;
};

/* One directory of the view.  STACK: the layers that it is made of, topmost first. */
struct tree_dir {
	size_t *stack;
	size_t n_stack;
	int is_opaque;		    /* its topmost layer hides all below */
	struct tree_entry *entries; /* sorted by name (bytes), each name once */
	size_t n;
};
void tree_dir_done(struct tree_dir *d);
static inline __attribute__((unused)) void scoped_tree_dir(struct tree_dir *d)
{
	tree_dir_done(d);
}

/* Which of the layers UNDER (a parent's stack; NULL with N layers: all of them) make up directory
 * PATH ("" is the root), from layer TOP down: fills stack and is_opaque of *RET.  An empty stack
 * when it is gone.  0 or the error. */
int tree_stack(const struct tree *t, const char *path, const struct tree_dir *under, size_t top,
	       struct tree_dir *ret, struct err *e);
/* Read its entries: after tree_stack(). */
int tree_list(const struct tree *t, const char *path, struct tree_dir *d, struct err *e);
/* Open PATH of one layer with FLAGS (O_NOFOLLOW and O_CLOEXEC are added); a descriptor or a
 * negative errno: -ENOENT, -ENOTDIR and -ELOOP mean that it is not there. */
int tree_open(const struct tree *t, size_t layer, const char *path, int flags);
/* Is R (of tree_open()) one of these three? */
int tree_is_missing(int r);
/* DIR/NAME, in fresh memory; NULL when out of memory. */
char *tree_join(const char *dir, const char *name);

/* What changed from one view to another, called in no certain order: KIND is 'A', 'C' or 'D', PATH
 * begins with "/".  A negative result of FN ends the work with its *E. */
typedef int tree_change_fn(void *arg, char kind, const char *path, struct err *e);
int tree_compare(const struct tree *from, const struct tree *to, tree_change_fn *fn, void *arg,
		 struct err *e);

/* The view as a tar stream on FD.  WHITEOUTS: as a layer, which has .wh. files for what is gone;
 * else what is gone is not there. SELF_UID, SELF_GID: what id 0 is called in the archive, the ids
 * up to it move down by one (keep-id); 0 for none. */
struct tree_pack_options {
	int whiteouts;
	uid_t self_uid;
	gid_t self_gid;
	/* The tree, which may be a file then, is an entry of this name and all lie below it; NULL
	 * or
	 * "": names as they are. */
	const char *name;
	int chown; /* all belong to UID and GID */
	uid_t uid;
	gid_t gid;
	int without_system; /* dev, proc and sys of the tree's root are left out */
	int timeless;	    /* directories' times are all the same */
};
int tree_pack(const struct tree *t, const struct tree_pack_options *o, int fd, struct err *e);

#endif
