/* SPDX-License-Identifier: Apache-2.0 */
/* stop, kill and wait: what is done to a running container from outside. */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/container/attach.h"
#include "src/container/event.h"
#include "src/container/limits.h"
#include "src/container/record.h"
#include "src/container/session.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/signals.h"
#include "src/util/strbuf.h"

int container_signal_parse(const char *s)
{
	return signal_from_name(s);
}

static int send_signal(pid_t pid, int pidfd, int sig)
{
	int r = pidfd >= 0 ? proc_pidfd_kill(pidfd, sig) : -ENOSYS;
	if (r == -ENOSYS)
		r = kill(pid, sig) < 0 ? -errno : 0; /* start time compared when the pid was read */
	return r == -ESRCH ? 0 : r;
}

/* Wait until nobody holds the container's lock: its monitor has written the exit record and gone.
 * 1: so it is, 0: time is over. */
static int wait_unlocked(struct engine *en, const char *id, int timeout_ms, struct err *e)
{
	scoped(fd) int lock = -EBADF;
	int r = record_lock(en, id, timeout_ms, &lock, e);

	if (r == -EAGAIN) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		record_forget_run(en, id);
	return r < 0 ? r : 1;
}

static int wait_exit(int pidfd, pid_t pid, unsigned long long start_time, int timeout_ms)
{
	struct pollfd p = { pidfd, POLLIN, 0 };
	struct timespec tick = { 0, 10000000 };

	if (pidfd >= 0)
		return poll(&p, 1, timeout_ms) > 0;
	for (; timeout_ms > 0; timeout_ms -= 10) { /* no pidfds before Linux 5.3 */
		if (proc_start_time(pid) != start_time)
			return 1;
		(void)nanosleep(&tick, NULL);
	}
	return 0;
}

/* A container that is just being started has no first process yet: wait for it, or until nobody
 * starts it any more (0). */
static pid_t await_pid(struct engine *en, const char *id, int *ret_pidfd)
{
	struct timespec tick = { 0, 5000000 };
	pid_t pid = 0;

	for (int i = 0; i < 6000 && pid <= 0; i++) {
		int held = record_is_held(
			en,
			id); /* looked at first: a start that ends in between has left its pid */
		pid = record_live_pid(en, id, ret_pidfd);
		if (pid > 0 || !held)
			break;
		(void)nanosleep(&tick, NULL);
	}
	return pid > 0 ? pid : 0;
}

/* cgroup v1 delivers SIGKILL only to what is not frozen. */
static void thaw(struct engine *en, const char *id)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct err e;

	if (limits_open_cgroup(en, id, &cg, &e) < 0 || cgroup_freeze(&cg, 0, &e) < 0)
		dbg("%s", e.text); /* it may have ended already */
}

static void warn_kill(struct engine *en, const struct container *c, const char *sig, int timeout)
{
	scoped(mem) char *text =
		str_printf("StopSignal %s failed to stop container %s in %d seconds, resorting to "
			   "SIGKILL",
			   sig ? sig : "SIGTERM", c->name, timeout);

	if (timeout > 0 && text && en->warn)
		en->warn(text);
}

int container_stop(struct engine *en, const char *ref, const struct stop_options *o, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(fd) int pidfd = -EBADF;
	const char *sig;
	pid_t pid;
	int timeout, r = container_find(en, ref, &c, e);

	if (r < 0 || c->state != CONTAINER_RUNNING)
		return r;
	/* Frozen processes would not even notice SIGTERM. */
	if (c->is_paused && o->timeout != 0)
		return err_set(e, -EINVAL,
			       "can only stop created or running containers. %s is in state "
			       "paused: container state improper",
			       c->id);
	engine_store_close(en); /* others write meanwhile */
	timeout = o->timeout >= 0 ? o->timeout : (int)json_get_int(c->spec, "StopTimeout", 10);
	sig = json_get_str(c->spec, "StopSignal");
	pid = await_pid(en, c->id, &pidfd);
	if (pid > 0) {
		unsigned long long start_time = proc_start_time(pid);
		if (timeout > 0) {
			r = send_signal(pid, pidfd, container_signal_parse(sig ? sig : "SIGTERM"));
			if (r < 0)
				return err_errno(e, r, "stop container %s", ref);
		}
		if (timeout == 0 || !wait_exit(pidfd, pid, start_time, timeout * 1000)) {
			warn_kill(en, c, sig, timeout);
			r = send_signal(pid, pidfd, SIGKILL);
			if (c->is_paused)
				thaw(en, c->id);
			if (r < 0)
				return err_errno(e, r, "kill container %s", ref);
		}
	}
	r = wait_unlocked(en, c->id, 30000, e);
	if (r > 0)
		container_event(en, c, "stop");
	return r == 0 ? err_set(e, -EBUSY, "container %s does not end, although it was killed", ref)
	       : r < 0 ? r
		       : 0;
}

int container_kill(struct engine *en, const char *ref, const char *sig, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(fd) int pidfd = -EBADF;
	int n = container_signal_parse(sig), r;
	pid_t pid;

	if (n < 0)
		return err_set(e, -EINVAL, "invalid signal: %s", sig);
	r = container_find(en, ref, &c, e);
	if (r < 0)
		return r;
	pid = c->state == CONTAINER_RUNNING ? record_live_pid(en, c->id, &pidfd) : 0;
	if (pid <= 0)
		return err_set(e, -EINVAL,
			       "can only kill running containers. %s is in state %s: container "
			       "state improper",
			       c->id, container_state_names[c->state]);
	r = send_signal(pid, pidfd, n);
	if (r < 0)
		return err_errno(e, r, "kill container %s", ref);
	container_event(en, c, "kill");
	return 0;
}

/* The monitor tells the code itself, also for a container that goes with its end (--rm).  1: it
 * did. */
static int ask_monitor(struct engine *en, const char *id, int *ret_code)
{
	struct err ignored;
	char buf[1 + sizeof(int)];
	scoped(fd) int sock = attach_connect(en, id, &ignored);
	ssize_t n;

	if (sock < 0 || session_send(sock, 'q', NULL, 0) < 0)
		return 0;
	while ((n = recv(sock, buf, sizeof(buf), 0)) > 0 || (n < 0 && errno == EINTR))
		if (n == (ssize_t)sizeof(buf) && buf[0] == 'x') {
			memcpy(ret_code, buf + 1, sizeof(*ret_code));
			return 1;
		}
	return 0;
}

int container_wait(struct engine *en, const char *ref, int *ret_code, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(mem) char *id = NULL;
	int r = container_find(en, ref, &c, e), told = 0;

	if (r < 0)
		return r;
	id = strdup(c->id);
	if (!id)
		return err_errno(e, ENOMEM, "wait for container %s", ref);
	while (c->state == CONTAINER_RUNNING) {
		engine_store_close(en);
		told = ask_monitor(en, id, ret_code);
		r = wait_unlocked(en, id, -1, e);
		if (r < 0)
			return r;
		(void)container_free(take_ptr(&c));
		r = container_find(en, id, &c, e);
		if (r == -ENOENT && told) {
			err_clear(e);
			return 0;
		}
		if (r < 0)
			return r;
	}
	*ret_code = c->exit_code;
	return 0;
}
