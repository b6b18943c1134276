/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of the role `assemble`. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "overlay/assemble.h"
#include "src/util/fd.h"

#define PIPE_BYTES (1 << 20) /* pipe-max-size of an ordinary user */

static int spawn(struct assembler *a, const struct assemble_options *o, const struct proc_fd *fds,
		 size_t n, struct err *e)
{
	scoped(mem) char *path = proc_role_path("cove-assemble");
	scoped(strv) char **argv = NULL;
	const char *const args[] = { "cove-assemble",
				     o->kind == TOC_ZSTD_CHUNKED ? "zstd" : "stargz",
				     NULL,
				     o->digest,
				     o->place ? o->place : "",
				     o->split ? o->split : "" };
	struct proc_options p = { .path = path, .fds = fds, .n_fds = n, .die_with_us = 1 };
	char size[24];
	int r = 0;

	(void)snprintf(size, sizeof(size), "%lld", (long long)o->size);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(args); i++)
		r = strv_add(&argv, args[i] ? args[i] : size);
	if (!path || r < 0)
		return err_errno(e, ENOMEM, "start the role assemble");
	p.argv = argv;
	return proc_spawn(&p, &a->child, e);
}

int assembler_start(struct assembler *a, const struct assemble_options *o, int layers_fd,
		    int out_fd, struct err *e)
{
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int in = -EBADF;
	scoped(fd) int feed = -EBADF;
	struct proc_fd fds[4];

	if (fd_pair(SOCK_SEQPACKET, &ours, &theirs, e) < 0 || fd_pipe(&in, &feed, e) < 0)
		return e->code;
	if (fd_set_nonblock(feed, 1) < 0)
		return err_sys(e, "set up the role assemble");
	/* More room means fewer turns; without it (a user with many pipes) it works too. */
	(void)fcntl(feed, F_SETPIPE_SZ, PIPE_BYTES);
	fds[0] = (struct proc_fd){ in, 0 };
	fds[1] = (struct proc_fd){ out_fd, 1 };
	fds[2] = (struct proc_fd){ theirs, 3 };
	fds[3] = (struct proc_fd){ layers_fd, 4 };
	if (spawn(a, o, fds, ARRAY_LEN(fds), e) < 0)
		return err_in(e, "start the role assemble");
	a->control_fd = take_fd(&ours);
	a->stream_fd = take_fd(&feed);
	return 0;
}

int assembler_receive(struct assembler *a, int64_t size, struct assemble_message *ret,
		      struct err *e)
{
	ssize_t n;

	do
		n = recv(a->control_fd, ret, sizeof(*ret), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "wait for the role assemble");
	if ((size_t)n != sizeof(*ret))
		return err_set(e, -EIO, "the role assemble ended without an answer");
	/* It parsed bytes from strangers: believe the shape of nothing it says. */
	ret->e.text[sizeof(ret->e.text) - 1] = '\0';
	ret->e.hint[sizeof(ret->e.hint) - 1] = '\0';
	if (ret->n > ASSEMBLE_RANGES || ret->e.code > 0)
		return err_set(e, -EPROTO, "the role assemble gave a wrong answer");
	for (size_t i = 0; i < ret->n; i++)
		if (ret->ranges[i].from < 0 || ret->ranges[i].from >= ret->ranges[i].to ||
		    ret->ranges[i].to > size)
			return err_set(e, -EPROTO, "the role assemble gave a wrong answer");
	return 0;
}

void assembler_end(struct assembler *a)
{
	proc_end(&a->child);
	fd_close(take_fd(&a->stream_fd));
	fd_close(take_fd(&a->control_fd));
}
