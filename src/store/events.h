/* SPDX-License-Identifier: Apache-2.0 */
/* The event log: what happened to containers, images, volumes and networks, a JSON object a line,
 * with the members that other engines' logs have:
 *
 *	Type Status Time Name; and where there are some ID Image Attributes ContainerExitCode
 *	OOMKilled network error
 *
 * It is runroot/events/events.log, or containers.conf's events_logfile_path; beyond
 * events_logfile_max_size it is renamed to NAME.1, in the place of the one before, and begins anew.
 * Writers append whole lines and need no lock. */
#ifndef COVE_STORE_EVENTS_H
#define COVE_STORE_EVENTS_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/store/engine.h"

struct event {
	const char *type, *status; /* "container", "start" */
	const char *id, *name, *image;
	json_object *attributes; /* labels, borrowed; or NULL */
	int has_exit_code, exit_code, oom;
	const char *network; /* that a container was connected to or cut off from */
	const char *error;
};

/* Note it.  What happened has happened: that it cannot be noted is no failure of the command. */
void events_write(struct engine *en, const struct event *ev);

/* Where events go: containers.conf's CONFIG has the word unless --events-backend had it.  Called
 * with the file in hand where that is cheap; otherwise the first event reads it.  -EINVAL for a
 * backend that is none of ours. */
int events_configure(struct engine *en, json_object *config, struct err *e);
/* "file" or "none", for info. */
const char *events_backend(struct engine *en);

struct events_query {
	int64_t since, until; /* nanoseconds since the epoch, 0: no end */
	int follow;	      /* wait for more, up to UNTIL */
};
/* O (borrowed) happened; a negative errno ends it all. */
typedef int events_fn(void *arg, json_object *o, struct err *e);
/* Each in the order of the log; lines that are no events are passed over. */
int events_read(struct engine *en, const struct events_query *q, events_fn *fn, void *arg,
		struct err *e);

#endif
