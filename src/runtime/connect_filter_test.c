/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/connect_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "src/runtime/bpf_testing.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

#define NO_FAST (SECCOMP_RET_ERRNO | EOPNOTSUPP)
#define NONE	(SECCOMP_RET_ERRNO | ENOSYS)
#define HIGH	0x100000000ULL /* bits that the kernel does not look at */

TEST(what_connects_is_asked_for_or_refused)
{
	static const struct {
		uint32_t arch;
		int nr;
		uint64_t args[6];
		uint32_t want;
	} rows[] = {
#ifdef __x86_64__
		{ AUDIT_ARCH_X86_64, SYS_connect, { 3 }, SECCOMP_RET_USER_NOTIF },
		{ AUDIT_ARCH_X86_64, SYS_read, { 3 }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, SYS_sendto, { 3, 0, 0, MSG_NOSIGNAL }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, SYS_sendto, { 3, 0, 0, HIGH | MSG_FASTOPEN }, NO_FAST },
		{ AUDIT_ARCH_X86_64, SYS_sendmsg, { 3, 0, MSG_FASTOPEN | MSG_MORE }, NO_FAST },
		{ AUDIT_ARCH_X86_64, SYS_sendmsg, { 3, 0, 0, MSG_FASTOPEN }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, SYS_sendmmsg, { 3, 0, 0, MSG_FASTOPEN }, NO_FAST },
		{ AUDIT_ARCH_X86_64, SYS_setsockopt, { 3, 6, TCP_FASTOPEN_CONNECT }, NO_FAST },
		{ AUDIT_ARCH_X86_64, SYS_setsockopt, { 3, HIGH | 6, HIGH | 34 }, NO_FAST },
		{ AUDIT_ARCH_X86_64, SYS_setsockopt, { 3, 6, TCP_NODELAY }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, SYS_setsockopt, { 3, SOL_SOCKET, 30 }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_X86_64, 425, { 8 }, NONE },
		{ AUDIT_ARCH_X86_64, 0x40000000 | SYS_connect, { 3 }, NONE },
		{ AUDIT_ARCH_X86_64, SYS_listen, { 3 }, SECCOMP_RET_USER_NOTIF },
		{ AUDIT_ARCH_I386, 362, { 3 }, SECCOMP_RET_USER_NOTIF },
		{ AUDIT_ARCH_I386, 363, { 3 }, SECCOMP_RET_USER_NOTIF },
		{ AUDIT_ARCH_I386, 50, { 3 }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 42, { 3 }, SECCOMP_RET_ALLOW },
		{ AUDIT_ARCH_I386, 102, { 3 }, NONE },
		{ AUDIT_ARCH_I386, 425, { 3 }, NONE },
		{ AUDIT_ARCH_I386, 369, { 3, 0, 0, MSG_FASTOPEN }, NO_FAST },
		{ AUDIT_ARCH_I386, 370, { 3, 0, MSG_FASTOPEN }, NO_FAST },
		{ AUDIT_ARCH_I386, 345, { 3, 0, 0, MSG_FASTOPEN }, NO_FAST },
		{ AUDIT_ARCH_I386, 366, { 3, 6, TCP_FASTOPEN_CONNECT }, NO_FAST },
		{ AUDIT_ARCH_I386, 366, { 3, 6, TCP_NODELAY }, SECCOMP_RET_ALLOW },
#endif
		{ AUDIT_ARCH_S390X, 362, { 3 }, SECCOMP_RET_ALLOW },
	};
	size_t n = 0;
	const struct sock_filter *f = connect_filter(&n);

	for (size_t i = 0; f && i < ARRAY_LEN(rows); i++) {
		struct seccomp_data d = { .nr = rows[i].nr, .arch = rows[i].arch };
		memcpy(d.args, rows[i].args, sizeof(d.args));
		CHECK_INT(bpf_run(f, n, &d), rows[i].want);
	}
	CHECK(f || n == 0);
}
