/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: the process that stays with a container.  It is forked from the command that starts
 * it, has a session of its own and one thread; it starts the first process, keeps its streams, and
 * writes the exit record before it cleans anything up. */
#ifndef COVE_CONTAINER_MONITOR_H
#define COVE_CONTAINER_MONITOR_H

#include "src/container/container.h"
#include "src/container/spec.h"

struct monitor {
	struct engine *en; /* without an open database */
	const struct container_spec *spec;
	const char *id, *name;
	int64_t started;
	int lock;     /* the container's lock, held until the end */
	int client;   /* SOCK_SEQPACKET to who started it: session.h's messages */
	int attached; /* the starter stays as a client after 's' */
	const struct restore_options *restore; /* from the checkpoint, not from the beginning */
};

/* Be the monitor: never returns.  The caller has just been forked. */
void monitor_main(const struct monitor *m) __attribute__((noreturn));

/* Fork the monitor.  The parent keeps the other end of m->client and closes its own copies of
 * m->lock and m->client. */
int monitor_fork(const struct monitor *m, struct err *e);

#endif
