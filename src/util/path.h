/* SPDX-License-Identifier: Apache-2.0 */
/* Files below a directory that somebody else controls, and files replaced whole.
 *
 * path_open_in() is the one way to a path inside a container root, a layer or any tree whose links
 * are not ours: openat2(2) with RESOLVE_IN_ROOT (Linux 5.6), else a walk component by component
 * with O_PATH|O_NOFOLLOW that gives the same results.  Keep the descriptor; do not go back to the
 * string. */
#ifndef COVE_UTIL_PATH_H
#define COVE_UTIL_PATH_H

#include <stddef.h>
#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

/* Open PATH ("/x", "x" and "../x" all mean below ROOT_FD) with open(2) FLAGS (O_CLOEXEC is added)
 * and MODE; symlinks are followed as if ROOT_FD were "/".  With O_NOFOLLOW a link as the last
 * component is -ELOOP (unless O_PATH).  A descriptor or a negative errno (-ENOENT, -ENOTDIR,
 * -ELOOP, ...). */
int path_open_in(int root_fd, const char *path, int flags, mode_t mode);
/* The walking fallback itself, so that tests can compare the two. */
int path_open_in_walk(int root_fd, const char *path, int flags, mode_t mode);
/* As path_open_in(O_PATH|O_DIRECTORY), making missing directories with MODE.  Links that dangle
 * are -ENOENT. */
int path_mkdirs_in(int root_fd, const char *path, mode_t mode);
/* Make the missing directories and then the last component: a regular empty file.  Existing files
 * of any type are opened.  An O_PATH descriptor or a negative errno. */
int path_mkfile_in(int root_fd, const char *path, mode_t mode);

/* mkdir -p with MODE for each made directory, resolved by the host's rules: for our own paths only.
 * 0 or the error. */
int path_mkdirs(const char *path, mode_t mode, struct err *e);
/* Read a regular file of at most LIMIT bytes (never blocks on a FIFO: -EINVAL for other types,
 * -E2BIG when larger) into *RET (owned, NUL-terminated; its length in *RET_LEN unless NULL).
 * -ENOENT stays so. */
int path_read(int dir_fd, const char *name, size_t limit, char **ret, size_t *ret_len,
	      struct err *e);
/* The same of an open file, which NAME stands for in errors. */
int path_read_fd(int fd, const char *name, size_t limit, char **ret, size_t *ret_len,
		 struct err *e);
/* Replace NAME in DIR_FD as a whole: temporary file, write, fsync (when DURABLE), rename, fsync of
 * the directory (when DURABLE).  0 or the error; the old content stays on failure. */
int path_replace(int dir_fd, const char *name, const void *bytes, size_t n, mode_t mode,
		 int durable, struct err *e);
/* Remove what calls of path_replace() that were killed have left of NAME in DIR_FD.  For files with
 * secrets; the caller holds the lock without which nobody replaces NAME. */
void path_collect(int dir_fd, const char *name);
/* Remove NAME below DIR_FD, directories with all they hold; links are removed, not followed; never
 * leaves the file system of NAME.  Directories without write permission are opened up first.
 * 0 (also when it is gone already) or the first failure. */
int path_rmtree(int dir_fd, const char *name);
/* Bytes allocated below NAME (st_blocks * 512), links not followed.  Negative errno on failure. */
long long path_du(int dir_fd, const char *name);
/* Does P, compared by components, lie at or below DIR?  Both absolute and clean. */
int path_is_below(const char *p, const char *dir);
/* Lexically clean: "//", "." and ".." (not above "/") removed; relative paths are taken from "/".
 * NULL when out of memory.  Only for paths that are shown or compared, never to make one safe. */
char *path_clean(const char *p);

#endif
