/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors: whole reads and writes, and descriptors sent over sockets. */
#ifndef COVE_UTIL_FD_H
#define COVE_UTIL_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

/* Write all N bytes (EINTR and short writes are handled).  0 or a negative errno. */
int fd_write_all(int fd, const void *bytes, size_t n);
/* Read until N bytes or end of file.  Bytes read, or a negative errno. */
ssize_t fd_read_full(int fd, void *bytes, size_t n);
/* Read to the end into B (B's limit holds: -E2BIG).  0 or a negative errno. */
int fd_read_all(int fd, struct strbuf *b);
/* N bytes of the file FROM, from OFFSET on, to TO.  0 or a negative errno: -ENODATA when it is
 * shorter. */
int fd_copy(int from, int64_t offset, int64_t n, int to);
/* A pipe, and a pair of Unix sockets of TYPE (SOCK_STREAM, SOCK_SEQPACKET); all CLOEXEC, the
 * caller's. */
int fd_pipe(int *ret_r, int *ret_w, struct err *e);
int fd_pair(int type, int *ret_a, int *ret_b, struct err *e);
/* Send one message with up to 8 descriptors over a Unix socket (SCM_RIGHTS; n >= 1 bytes).
 * 0 or a negative errno.  The descriptors stay the caller's. */
int fd_send(int sock, const void *bytes, size_t n, const int *fds, size_t n_fds);
/* Receive one message: up to *N_FDS descriptors are stored (CLOEXEC, the caller's), the rest
 * closed. Bytes received (0: end of file) or a negative errno. */
ssize_t fd_recv(int sock, void *bytes, size_t n, int *fds, size_t *n_fds);
/* Set or clear O_NONBLOCK.  0 or a negative errno. */
int fd_set_nonblock(int fd, int on);
/* Close every descriptor >= FROM except those in KEEP (ascending order).  close_range(2) is Linux
 * 5.9; before that /proc/self/fd is walked. */
int fd_close_from(int from, const int *keep, size_t n_keep);
/* Make descriptors 0, 1 and 2, where the caller gave none, /dev/null: what is opened later must not
 * become one of them. */
int fd_fill_stdio(struct err *e);
/* Close every descriptor >= FROM that a program run by execve(2) would get: whoever started us left
 * it open, for ours are made with CLOEXEC.  0 or a negative errno. */
int fd_close_inherited(int from);
/* Have as many descriptors as this process may have (RLIMIT_NOFILE): how many. */
size_t fd_raise_limit(void);
/* A Unix socket of TYPE (SOCK_STREAM..., with SOCK_NONBLOCK where wanted; CLOEXEC, the caller's)
 * that listens as NAME in directory DIR_FD: by descriptor, because sun_path is short (108 bytes,
 * unix(7)) and the directory's path may not be.  A negative errno: -EADDRINUSE when NAME is there.
 */
int fd_listen_at(int dir_fd, const char *name, int type, int backlog);
/* The same, connected to who listens there. */
int fd_connect_at(int dir_fd, const char *name, int type);
/* Path of FD for calls that want a path: "/proc/self/fd/N" in BUF (at least 32 bytes). */
const char *fd_proc_path(int fd, char *buf);

#endif
