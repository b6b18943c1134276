/* SPDX-License-Identifier: Apache-2.0 */
/* The program image through which every program in a container is executed.
 *
 * A process that is about to execute a container's program still has cove as its image: `exec
 * /proc/self/exe`, or a script whose interpreter is that, would run cove inside the container, and
 * what holds its file open there could write to it later (CVE-2019-5736), where the user owns the
 * installation.  So the last step is made by cove-stage, a program of a few hundred bytes of code,
 * out of a sealed memory file: what can be reached there cannot be written. */
#ifndef COVE_RUNTIME_STAGE_H
#define COVE_RUNTIME_STAGE_H

/* What cove-stage says on descriptor STAGE_FD (a SOCK_SEQPACKET, first byte 'p') when it could not
 * execute. */
struct stage_failure {
	char type; /* 'p' */
	int code;  /* negative errno */
};

/* A sealed memory file with cove-stage in it (CLOEXEC), or -ENOENT when this build has none. */
int stage_open(void);

#endif
