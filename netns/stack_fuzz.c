/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a hostile container into the stack: a length byte pair before each.  In a network
 * namespace without a way out, because the stack does what frames ask for. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/net_role.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* 1: shut in, -1: that is not possible here, and then nothing is sent. */
static int shut_in(void)
{
	static int state;
	if (!state)
		state = unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 1 : -1;
	return state;
}

/* libFuzzer calls this before it has threads. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (shut_in() < 0)
		_exit(77);
	return 0;
}

static int feed(struct stack *s, const uint8_t *bytes, size_t n)
{
	while (n >= 2) {
		size_t len = (size_t)bytes[0] << 8 | bytes[1];
		scoped(mem) unsigned char *frame = NULL;
		bytes += 2;
		n -= 2;
		if (len > n)
			len = n;
		frame = malloc(len ? len : 1); /* of exactly its size: every byte too far is seen */
		if (!frame)
			return 0;
		memcpy(frame, bytes, len);
		stack_input(s, frame, len);
		bytes += len;
		n -= len;
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct net_hello hello = { .version = 2, .addresses = net_private };
	struct stack *s = NULL;
	struct err e;
	int tap[2], control[2];

	if (shut_in() < 0 || n < 1)
		return 0;
	if (!(bytes[0] & 1))
		hello.addresses.v6.network[0] = '\0';
	hello.allow_host_loopback = bytes[0] >> 1 & 1;
	if (stack_new(&hello, &s, &e) < 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, tap) < 0)
		abort();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control) < 0)
		abort();
	(void)feed(s, bytes + 1, n - 1);
	(void)close(control[1]); /* one round of the loop */
	(void)stack_run(s, tap[0], control[0], -1, &e);
	(void)stack_free(s);
	(void)close(tap[0]);
	(void)close(tap[1]);
	(void)close(control[0]);
	return 0;
}
