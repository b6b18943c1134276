/* SPDX-License-Identifier: Apache-2.0 */
/* A time namespace of one's own (time_namespaces(7)).
 *
 * Its offsets can be set until the first process is in it; a process that makes one is not: it sets
 * them and then joins what it made. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "src/runtime/init.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080 /* Linux 5.6 */
#endif

static int write_offsets(const struct plan *p, struct err *e)
{
	char text[128];
	size_t n = 0;
	scoped(fd) int fd = -EBADF;

	if (!p->n_time_offsets)
		return 0;
	for (size_t i = 0; i < p->n_time_offsets; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%d %lld %u\n",
				      p->time_offset[i].clock, (long long)p->time_offset[i].secs,
				      p->time_offset[i].nanosecs);
	fd = init_open_proc("self/timens_offsets", O_WRONLY);
	if (fd < 0)
		return err_errno(e, fd, "open /proc/self/timens_offsets");
	return write(fd, text, n) != (ssize_t)n ? err_sys(e, "set the time offsets") : 0;
}

int init_set_time(const struct plan *p, struct err *e)
{
	scoped(fd) int fd = -EBADF;

	if (!p->new_time)
		return 0;
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "make a time namespace");
	if (write_offsets(p, e) < 0)
		return e->code;
	/* A magic link of procfs: init_open_proc() follows none. */
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_sys(e, "enter the time namespace");
	return 0;
}
