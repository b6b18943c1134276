/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the network's processes among themselves: JSON objects over SOCK_SEQPACKET sockets,
 * one a packet, a question and its answer at a time. */
#ifndef COVE_NETNS_MESSAGE_H
#define COVE_NETNS_MESSAGE_H

#include <json-c/json_object.h>

#include "src/util/err.h"

#define MESSAGE_MAX 65536

/* Send O with descriptor FD unless that is negative (it stays the caller's). */
int message_send(int sock, json_object *o, int fd, struct err *e);
/* Receive one: *RET owned; *RET_FD (unless NULL) a descriptor that came with it, or -EBADF.
 * 1: a message, 0: end of file, or the error. */
int message_receive(int sock, json_object **ret, int *ret_fd, struct err *e);
/* What an answer says of a failure: {"code": -N, "error": "...", "hint": "..."}; 0 when it has
 * none. */
int message_check(json_object *answer, struct err *e);
/* Such an answer. */
json_object *message_of_err(const struct err *e);
/* Ask and wait for the answer, which may be a failure. */
int message_ask(int sock, json_object *question, int fd, json_object **ret, struct err *e);

#endif
