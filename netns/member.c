/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's side of the role member. */
#include "netns/member.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "netns/message.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

int member_start(json_object *hello, int run_fd, int state_fd, int outlive, struct net *ret,
		 json_object **ret_status, struct err *e)
{
	scoped(mem) char *program = proc_role_path("cove-member");
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	char *argv[] = { program, NULL };
	struct proc_fd fds[3];
	struct proc_options o = { .path = program,
				  .argv = argv,
				  .fds = fds,
				  .n_fds = 3,
				  .null_stdio = 1,
				  .die_with_us = !outlive };
	int r;

	if (!program)
		return err_errno(e, ENOMEM, "start the network");
	r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ theirs, MEMBER_FD_CONTROL };
	fds[1] = (struct proc_fd){ run_fd, MEMBER_FD_RUN };
	fds[2] = (struct proc_fd){ state_fd, MEMBER_FD_STATE };
	r = proc_spawn(&o, &ret->child, e);
	if (r < 0)
		return err_in(e, "start the network");
	ret->control = take_fd(&ours);
	fd_close(take_fd(&theirs));
	return message_ask(ret->control, hello, -EBADF, ret_status, e);
}

int member_ask(int state_fd, json_object *question, json_object **ret_status, struct err *e)
{
	scoped(fd) int sock = fd_connect_at(state_fd, "net", SOCK_SEQPACKET);

	if (sock < 0)
		return err_errno(e, sock, "reach the container's network process");
	return message_ask(sock, question, -EBADF, ret_status, e);
}
