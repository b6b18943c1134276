/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "src/cli/runtime/stats.h"
#include "src/util/scoped.h"

#define MS 1000

struct events_options {
	int stats;
	int64_t interval;
};

#define AT(f) offsetof(struct events_options, f)
static const struct opt options[] = {
	DURATION(0, "interval", "TIME", AT(interval), "Time between two lines of stats",
		 .def = "5s", .bare_ms = MS),
	FLAG(0, "stats", AT(stats), "Print one line of stats and end"),
	END,
};

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int print_oom(const struct state *s, int64_t *seen)
{
	int64_t now = cgroup_oom_kills(&s->cg);

	if (now <= *seen)
		return 0;
	*seen = now;
	(void)printf("{\"type\":\"oom\",\"id\":\"%s\"}\n", s->id); /* ids need no quoting */
	return fflush(stdout);
}

/* Until the container ends. */
static int follow(const struct state *s, int64_t interval, struct err *e)
{
	short events = 0;
	scoped(fd) int end = state_pidfd(s);
	scoped(fd) int oom = cgroup_oom_fd(&s->cg, &events);
	int64_t next = now_ms(), kills = cgroup_oom_kills(&s->cg);

	for (;;) {
		struct pollfd f[] = { { .fd = end, .events = POLLIN },
				      { .fd = oom, .events = events } };
		int64_t left = next - now_ms();
		int r;
		if (left <= 0) {
			r = stats_print(s, e);
			if (r < 0)
				return r;
			next += interval;
			if (next <= now_ms())
				next = now_ms() + interval;
			continue;
		}
		r = poll(f, 2, left > INT32_MAX ? INT32_MAX : (int)left);
		if (r < 0 && errno != EINTR)
			return err_sys(e, "wait for the container");
		if (f[1].revents) {
			char ignored[8];
			if (events & POLLIN)
				(void)!read(oom, ignored, sizeof(ignored)); /* the count is asked */
			(void)print_oom(s, &kills);
		}
		if (f[0].revents || state_status(s) == STATE_STOPPED)
			return 0;
	}
}

static int events_verb(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct events_options *o = opts;
	scoped(state) struct state s = STATE_NONE;
	int r;

	if (o->interval <= 0)
		return err_set(e, -EINVAL, "--interval must be greater than zero");
	r = oci_open_running(oci, args[0], 1, &s, e);
	if (r < 0)
		return r;
	return o->stats ? stats_print(&s, e) : follow(&s, o->interval, e);
}

const struct verb verb_events = {
	.name = "events",
	.args = "CONTAINER",
	.help = "Print stats and out-of-memory events of a container until it ends",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct events_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = events_verb,
};
