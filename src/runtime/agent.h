/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp agent: a program that decides over system calls of the container
 * (runtime-spec, config-linux.md "listenerPath" and "containerProcessState"). */
#ifndef COVE_RUNTIME_AGENT_H
#define COVE_RUNTIME_AGENT_H

#include <json-c/json_object.h>
#include <sys/types.h>

#include "src/util/err.h"

struct runtime_subject;

/* Send LISTENER (a seccomp notify descriptor of process PID, which stays the caller's) and the
 * state of the process to the agent that linux.seccomp.listenerPath names.  The error names it. */
int agent_hand_over(const struct runtime_subject *s, pid_t pid, int listener, struct err *e);
/* Send PIDFD, of a container's first process (it stays the caller's), to the socket that the
 * annotation run.oci.pidfd_receiver of CONFIG names; nothing without that. */
int agent_send_pidfd(json_object *config, int pidfd, struct err *e);
/* Connect a stream socket to PATH, longer than the 108 bytes of unix(7) or not.  The descriptor or
 * the error. */
int agent_connect(const char *path, struct err *e);

#endif
