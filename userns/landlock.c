/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/landlock.h"

#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/util/scoped.h"

/* linux/landlock.h of Linux 6.7; the calls have these numbers on every architecture. */
#define NR_CREATE_RULESET 444
#define NR_RESTRICT_SELF  446
#define ASK_VERSION	  1U
#define VERSION_NET	  4
#define NET_CONNECT_TCP	  (1ULL << 1)

struct ruleset {
	uint64_t files, net;
};

int landlock_has_connect(void)
{
	return syscall(NR_CREATE_RULESET, NULL, 0, ASK_VERSION) >= VERSION_NET;
}

int landlock_forbid_connect(struct err *e)
{
	struct ruleset all = { .net = NET_CONNECT_TCP };
	scoped(fd) int fd = (int)syscall(NR_CREATE_RULESET, &all, sizeof(all), 0);

	if (fd < 0 || syscall(NR_RESTRICT_SELF, fd, 0) < 0)
		return err_sys(e, "forbid TCP connections by Landlock");
	return 0;
}
