/* SPDX-License-Identifier: Apache-2.0 */
/* Between the monitor and the slim program it becomes: the arguments. */
#ifndef COVE_CONTAINER_MONITOR_SLIM_H
#define COVE_CONTAINER_MONITOR_SLIM_H

enum slim_arg {
	SLIM_NAME,
	SLIM_ID,
	SLIM_COVE, /* path of cove */
	SLIM_GRAPHROOT,
	SLIM_RUNROOT,
	SLIM_PID,
	SLIM_TERMINAL,
	SLIM_LOG, /* path, "" for none */
	SLIM_LOG_MAX,
	SLIM_WATCH_MEMORY, /* limits kept by looking, 0 for none */
	SLIM_WATCH_PIDS,
	/* Descriptors, -1 for none. */
	SLIM_CONSOLE,
	SLIM_IN,
	SLIM_OUT,
	SLIM_ERR,
	SLIM_PIDFD,
	SLIM_LISTEN,
	SLIM_NET,
	SLIM_NETNS,
	SLIM_ACCEL,
	SLIM_RUN,
	SLIM_LOCK, /* the container's lock and the holder's lease stay open to the end */
	SLIM_LEASE,
	SLIM_ARGC
};

#endif
