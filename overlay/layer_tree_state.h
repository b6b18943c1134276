/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the writer of layer trees (layer_tree.h) share: where an entry goes
 * (layer_place.c) and what it is given besides its contents (layer_dress.c). */
#ifndef COVE_OVERLAY_LAYER_TREE_STATE_H
#define COVE_OVERLAY_LAYER_TREE_STATE_H

#include "overlay/layer.h"
#include "overlay/layer_tree.h"

#define ROOT_ENTRY "."

/* A directory whose mode and time wait for the end. */
struct late_dir {
	char *path;
	size_t order;
	uint64_t ino;
	mode_t mode;
	struct timespec mtime;
};

struct layer_tree {
	struct layer_tree_options o;
	int layer_fd; /* borrowed */
	int root_fd;  /* diff/ */
	int kept_fd;  /* kept/, made when first needed */
	uid_t uid;    /* ours: what is made belongs to us already */
	gid_t gid;

	char dir[LAYER_PATH_MAX]; /* the directory cache: the last parent */
	int dir_fd;
	int dir_plain; /* no link was followed on the way to it */

	int file_fd; /* the open regular file, and what it shall become at its end */
	uint64_t file_ino;
	int64_t file_size, file_end;
	char file_path[LAYER_PATH_MAX];
	int file_plain;
	struct layer_entry file;
	char name[LAYER_PATH_MAX]; /* last component of the entry at work */

	struct late_dir *late;
	size_t n_late, cap_late;
	int64_t size;
	uint64_t skipped;
	int top_told; /* an entry said what the root is like */
};

/* ---- its place ------------------------------------------------------------------------------- */

/* Split PATH into a clean DIR ("" is the root) and the last NAME ("." for the root itself): no
 * empty and no "." components; ".." as the last name means the directory above, which may only be a
 * directory. */
int place_split(const char *path, char dir[LAYER_PATH_MAX], char name[LAYER_PATH_MAX],
		int *ret_dots, struct err *e);
/* The two halves came from one path, so that they fit. */
void place_join(char path[LAYER_PATH_MAX], const char *dir, const char *name);

void place_forget(struct layer_tree *t);
/* Open DIR and report whether any link was followed: a descriptor or a negative errno. */
int place_open(struct layer_tree *t, const char *dir, int *ret_plain);
/* The entry's parent as t->dir_fd: one openat2 when it is another than the last time, none
 * otherwise; missing directories are made. */
int place_enter(struct layer_tree *t, const char *dir, struct err *e);
/* Remove what stands at t->name: for a layer's entry contents are kept, and *RET_WAS_WHITEOUT says
 * what it was. */
int place_make_way(struct layer_tree *t, int is_dir, int *ret_was_whiteout, struct err *e);

/* ---- its dress ------------------------------------------------------------------------------- */

/* "trusted.overlay.WHAT" or "user.overlay.WHAT", in BUF. */
const char *dress_attr_name(const struct layer_tree *t, const char *what, char buf[64]);
/* Give DIR/NAME ("." is DIR itself) overlayfs' attribute WHAT, of one byte. */
int dress_overlay_attr(struct layer_tree *t, int at, const char *name, const char *what,
		       const char *value, struct err *e);
/* Hide NAME of the layers below. */
int dress_whiteout(struct layer_tree *t, const char *name, struct err *e);
/* Always the error. */
int dress_bad_owner(struct layer_tree *t, const struct layer_entry *en, struct err *e);
/* NAME in AT, or the descriptor AT itself with "". */
int dress_owner(struct layer_tree *t, int at, const char *name, const struct layer_entry *en,
		struct err *e);
int dress_xattrs(struct layer_tree *t, int fd, const struct layer_entry *en, struct err *e);
int dress_time(int at, const char *name, const struct layer_entry *en, struct err *e);
/* An open directory gets its owner and attributes now, its mode and time at the end. */
int dress_dir(struct layer_tree *t, int fd, const char *path, const struct layer_entry *en,
	      struct err *e);

#endif
