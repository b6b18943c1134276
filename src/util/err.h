/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as data: what failed, on what, why, and what the user can do about it.
 *
 * Fallible functions return int: >= 0 is good, a negative errno is bad.  When the code alone cannot
 * tell the story the last parameter is a struct err, never NULL.  Only the edges (cli, roles' main,
 * the monitor) print. */
#ifndef COVE_UTIL_ERR_H
#define COVE_UTIL_ERR_H

#include <errno.h>
#include <limits.h>

struct err {
	int code;	 /* negative errno, 0 while nothing has failed */
	char text[1536]; /* "outer: inner: cause", cut at the inner end */
	char hint[512];	 /* what the user can do about it, may be empty */
};
/* A whole struct err crosses a pipe in one atomic write. */
_Static_assert(sizeof(struct err) <= PIPE_BUF, "struct err must fit PIPE_BUF");

/* A libc call failed: code from errno, text "FMT: strerror".  Returns the code. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* As err_sys(), for an interface that returned the (positive or negative) errno. */
int err_errno(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A failure of our own finding: CODE is a negative errno, the text is all of it.  Returns CODE. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Put "FMT: " in front of the text while passing the error up.  Returns e->code. */
int err_in(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Add what the user can do.  The first (innermost) hint stays.  Returns e->code. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Of the two ends of a pipe: the writing one ended with WROTE (a failure is told by E), the reading
 * one with READ (by READING).  Whoever failed first made the other fail, and a writer that was cut
 * short says EPIPE.  Returns the first failure, which E tells then, or WROTE. */
int err_of_pipe(int wrote, int read, const struct err *reading, struct err *e);
/* Forget the failure: for callers that branched on it and went on. */
void err_clear(struct err *e);

/* Send the whole struct over FD in one write (async-signal-safe).  Returns 0 or a negative errno.
 */
int err_send(int fd, const struct err *e);
/* Receive what err_send() wrote.  Returns 0 on end of file with nothing sent (no failure), the
 * sent code (negative) when an error arrived, and fills E either way. */
int err_recv(int fd, struct err *e);

/* Debug line to stderr when the log level (--log-level=debug) asks for it. */
void dbg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Turn debug lines on or off: called by main() and by roles' main only. */
void dbg_enable(int on);
int dbg_enabled(void);

/* clang's analyzer sees one file at a time: tell it that the makers of errors never return 0. */
#if defined(__clang_analyzer__) && !defined(COVE_UTIL_ERR_C)
#define err_sys(...)   ((void)err_sys(__VA_ARGS__), -EIO)
#define err_errno(...) ((void)err_errno(__VA_ARGS__), -EIO)
#define err_set(...)   ((void)err_set(__VA_ARGS__), -EIO)
#define err_in(...)    ((void)err_in(__VA_ARGS__), -EIO)
#define err_hint(...)  ((void)err_hint(__VA_ARGS__), -EIO)
#endif

#endif
