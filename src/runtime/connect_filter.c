/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/connect_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "src/util/scoped.h"

#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif
#ifndef __NR_io_uring_setup
#define __NR_io_uring_setup 425
#endif

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE AUDIT_ARCH_AARCH64
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The lower half of an argument: all flags and options are there. */
#define LOAD_ARG(n)                                    \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,             \
		 offsetof(struct seccomp_data, args) + \
			 (n) * sizeof(uint64_t)) /* both architectures are little-endian */
#define RET(value) BPF_STMT(BPF_RET | BPF_K, (value))
/* The instruction at HERE: where A is (has bits of, is at least) K go to YES, else to the next
 * one, or to NO. */
#define IS(here, k, yes) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes) - (here)-1, 0)
#define IS_OR(here, k, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (yes) - (here)-1, (no) - (here)-1)
#define HAS_OR(here, k, yes, no) \
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (k), (yes) - (here)-1, (no) - (here)-1)
#define AT_LEAST(here, k, yes) BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (k), (yes) - (here)-1, 0)

#define X32_BIT 0x40000000U

enum { OTHER = 12, ARG3 = 23, ARG2 = 25, FLAGS = 26, OPTION = 27, ALLOW = 32, NO_FAST, NONE, ASK };

const struct sock_filter *connect_filter(size_t *ret_n)
{
#ifdef NATIVE
	static const struct sock_filter program[] = {
		[0] = LOAD(arch),
		[1] = IS_OR(1, NATIVE, 2, OTHER),
		[2] = LOAD(nr),
		[3] = AT_LEAST(3, X32_BIT, NONE),
		[4] = IS(4, __NR_connect, ASK),
		[5] = IS(5, __NR_listen, ASK),
		[6] = IS(6, __NR_io_uring_setup, NONE),
		[7] = IS(7, __NR_sendto, ARG3),
		[8] = IS(8, __NR_sendmmsg, ARG3),
		[9] = IS(9, __NR_sendmsg, ARG2),
		[10] = IS(10, __NR_setsockopt, OPTION),
		[11] = RET(SECCOMP_RET_ALLOW),
#ifdef __x86_64__
		[OTHER] = IS_OR(OTHER, AUDIT_ARCH_I386, 13, ALLOW),
		[13] = LOAD(nr),
		[14] = IS(14, 362 /* connect */, ASK),
		[15] = IS(15, 363 /* listen */, ASK),
		[16] = IS(16, 102 /* socketcall */, NONE),
		[17] = IS(17, 425 /* io_uring_setup */, NONE),
		[18] = IS(18, 369 /* sendto */, ARG3),
		[19] = IS(19, 345 /* sendmmsg */, ARG3),
		[20] = IS(20, 370 /* sendmsg */, ARG2),
		[21] = IS(21, 366 /* setsockopt */, OPTION),
		[22] = RET(SECCOMP_RET_ALLOW),
#else
		[OTHER... 22] = RET(SECCOMP_RET_ALLOW),
#endif
		[ARG3] = LOAD_ARG(3),
		[24] = BPF_STMT(BPF_JMP | BPF_JA, FLAGS - 24 - 1),
		[ARG2] = LOAD_ARG(2),
		[FLAGS] = HAS_OR(FLAGS, MSG_FASTOPEN, NO_FAST, ALLOW),
		[OPTION] = LOAD_ARG(1),
		[28] = IS_OR(28, IPPROTO_TCP, 29, ALLOW),
		[29] = LOAD_ARG(2),
		[30] = IS(30, TCP_FASTOPEN_CONNECT, NO_FAST),
		[31] = IS_OR(31, TCP_FASTOPEN_NO_COOKIE, NO_FAST, ALLOW),
		[ALLOW] = RET(SECCOMP_RET_ALLOW),
		[NO_FAST] = RET(SECCOMP_RET_ERRNO | EOPNOTSUPP),
		[NONE] = RET(SECCOMP_RET_ERRNO | ENOSYS),
		[ASK] = RET(SECCOMP_RET_USER_NOTIF),
	};

	*ret_n = ARRAY_LEN(program);
	return program;
#else
	*ret_n = 0;
	return NULL;
#endif
}
