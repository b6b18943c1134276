/* SPDX-License-Identifier: Apache-2.0 */
/* How the program is scheduled: policy, priorities, CPUs and execution domain. */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/strbuf.h"

/* sched_setattr(2), as of Linux 3.14; glibc has it from 2.41 on. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int init_set_affinity(const char *list, struct err *e)
{
	cpu_set_t set;
	scoped(strv) char **parts = list ? strv_split(list, ',') : NULL;

	if (!list)
		return 0;
	if (!parts)
		return err_errno(e, ENOMEM, "set the CPUs %s", list);
	CPU_ZERO(&set);
	for (size_t i = 0; parts[i]; i++) {
		unsigned long long a = 0, b = 0;
		char *dash = strchr(parts[i], '-');
		if (dash)
			*dash = '\0';
		if (str_to_u64(parts[i], CPU_SETSIZE - 1, &a) < 0 ||
		    (dash && str_to_u64(dash + 1, CPU_SETSIZE - 1, &b) < 0))
			return err_set(e, -EINVAL, "'%s' is no list of CPUs", list);
		for (b = dash ? b : a; a <= b; a++)
			CPU_SET(a, &set);
	}
	return sched_setaffinity(0, sizeof(set), &set) < 0 ? err_sys(e, "set the CPUs %s", list)
							   : 0;
}

int init_set_schedule(const struct plan *p, struct err *e)
{
	const struct plan_scheduler *s = &p->scheduler;
	struct attr a = { .size = sizeof(a),
			  .policy = s->policy,
			  .flags = s->flags,
			  .nice = s->nice,
			  .priority = s->priority,
			  .runtime = s->runtime,
			  .deadline = s->deadline,
			  .period = s->period };

	if (p->has_scheduler && syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		return err_sys(e, "set the scheduler");
	if (p->has_io_priority &&
	    syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, p->io_priority) < 0)
		return err_sys(e, "set the I/O priority");
	if (p->has_personality && personality(p->personality) < 0)
		return err_sys(e, "set the personality");
	return 0;
}
