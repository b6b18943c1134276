/* SPDX-License-Identifier: Apache-2.0 */
/* The container's log file in the k8s-file form: "TIME stdout|stderr F|P TEXT\n", P for a piece of
 * a line that goes on. */
#ifndef COVE_CONTAINER_LOG_H
#define COVE_CONTAINER_LOG_H

#include <stdint.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

enum log_stream { LOG_STDOUT, LOG_STDERR };

struct log;
/* Open (appending) PATH; SIZE_MAX 0: no limit, else the file starts anew when it would grow beyond.
 */
int log_open(const char *path, int64_t size_max, struct log **ret, struct err *e);
/* Write what was read; never fails loudly (a full disk costs the lines, not the container). L may
 * be NULL. */
void log_write(struct log *l, enum log_stream s, const char *bytes, size_t n);
struct log *log_close(struct log *l);
DEFINE_SCOPED(log, struct log *, log_close);

/* One line of a log file, parsed.  Pointers go into the line. */
struct log_line {
	int64_t time; /* nanoseconds since the epoch */
	enum log_stream stream;
	int partial;
	const char *text;
	size_t n;
	const char *stamp; /* the time as written, and its length */
	size_t stamp_len;
};
/* -EBADMSG for what is no log line. */
int log_parse(const char *line, size_t n, struct log_line *ret);

#endif
