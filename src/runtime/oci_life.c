/* SPDX-License-Identifier: Apache-2.0 */
/* state, list, kill, delete, pause, update: what is done to a container that is there. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/hooks.h"
#include "src/runtime/oci.h"
#include "src/util/account.h"
#include "src/util/json.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

#define END_MS	10000 /* so long a killed process may take to end */
#define LOOK_MS 10

json_object *oci_state_json(const struct state *s)
{
	const struct runtime_subject subject = { .id = s->id,
						 .bundle = s->bundle ? s->bundle : "",
						 .annotations = s->annotations };
	enum state_status status = state_status(s);
	json_object *o = hooks_state(&subject, status == STATE_STOPPED ? 0 : s->pid,
				     state_status_names[status]);
	char owner[16];

	if (!o)
		return NULL;
	if (status == STATE_STOPPED)
		json_put_int(o, "pid", 0); /* tools read it as a number whatever the status */
	json_put_str(o, "rootfs", s->rootfs);
	json_put_str(o, "created", s->created);
	(void)snprintf(owner, sizeof(owner), "%d", s->owner);
	json_put_str(o, "owner", owner);
	return o;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(json_get_str(*(json_object *const *)a, "id"),
		      json_get_str(*(json_object *const *)b, "id"));
}

int oci_list(const struct oci *oci, json_object **ret, struct err *e)
{
	int fd = openat(oci->root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	scoped(json) json_object *list = json_object_new_array();

	if (!d) {
		(void)err_sys(e, "read the state directory");
		fd_close(fd);
		return e->code;
	}
	if (!list)
		return err_errno(e, ENOMEM, "list containers");
	for (struct dirent *de; (de = readdir(d));) {
		scoped(state) struct state s = STATE_NONE;
		scoped(account) struct account who = ACCOUNT_NONE;
		json_object *o;
		struct err skip;
		err_clear(&skip);
		/* One that is being removed just now, or a file of somebody else's: no part of
		 * it. */
		if (de->d_name[0] == '.' || state_open(oci->root_fd, de->d_name, 0, &s, &skip) < 0)
			continue;
		o = oci_state_json(&s);
		/* Only here: a directory service may be slow. */
		if (o && account_find((uid_t)s.owner, &who))
			json_put_str(o, "owner", who.name);
		if (!o || json_object_array_add(list, o) < 0)
			return err_errno(e, ENOMEM, "list containers");
	}
	json_object_array_sort(list, by_id);
	*ret = take_ptr(&list);
	return 0;
}

int oci_open_running(const struct oci *oci, const char *id, int paused_too, struct state *ret,
		     struct err *e)
{
	enum state_status status;
	int r = state_open(oci->root_fd, id, 0, ret, e);

	if (r < 0)
		return r;
	status = state_status(ret);
	if (status == STATE_RUNNING || (status == STATE_PAUSED && paused_too))
		return 0;
	return err_set(e, -EBUSY, "container %s is not running: it is %s", id,
		       state_status_names[status]);
}

/* ---- kill ------------------------------------------------------------------------------------ */

static int kill_first(const struct state *s, int sig)
{
	scoped(fd) int fd = state_pidfd(s);

	if (fd == -ESRCH)
		return -ESRCH;
	if (fd >= 0)
		return proc_pidfd_kill(fd, sig);
	return kill(s->pid, sig) < 0 ? -errno : 0;
}

int oci_kill(const struct oci *oci, const char *id, int sig, int all, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	int r = state_open(oci->root_fd, id, 0, &s, e);

	if (r < 0)
		return r;
	if (all && (s.cg.kind != CGROUP_KIND_NONE || state_status(&s) != STATE_STOPPED))
		return oci_signal_all(&s, sig, e);
	r = kill_first(&s, sig);
	if (r == -ESRCH)
		return err_set(e, -ESRCH, "container not running: %s", id);
	return r < 0 ? err_errno(e, r, "send signal %d to container %s", sig, id) : 0;
}

/* ---- delete ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Kill the first process and see it end; the kernel kills the rest of its pid namespace. */
static int end_first(struct state *s, struct err *e)
{
	int64_t deadline = now_ms() + END_MS;
	int r = kill_first(s, SIGKILL);

	if (r == -ESRCH)
		return 0;
	if (r < 0)
		return err_errno(e, r, "kill container %s", s->id);
	for (;;) {
		scoped(fd) int fd = state_pidfd(s);
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (fd == -ESRCH)
			return 0;
		if (now_ms() >= deadline)
			return err_set(e, -EBUSY, "container %s has not ended after SIGKILL",
				       s->id);
		(void)poll(&p, 1, fd < 0 ? LOOK_MS : 10 * LOOK_MS);
	}
}

static void run_poststop(const struct oci *oci, const struct state *s, json_object *config)
{
	const struct runtime_subject subject = { .id = s->id,
						 .bundle = s->bundle ? s->bundle : "",
						 .config = config,
						 .annotations = s->annotations };
	scoped(fd) int fd = -EBADF;
	struct err e;

	if (!hooks_count(config, "poststop"))
		return;
	err_clear(&e);
	fd = hooks_state_file(&subject, s->pid, "stopped", &e);
	if ((fd < 0 || hooks_run(config, "poststop", fd, &e) < 0) && oci->warn)
		oci->warn(e.text);
}

/* Of a container that had none its own: what was mounted for it. */
static void unmount_root(const struct state *s, json_object *config)
{
	json_object *list = json_path(config, "linux", "namespaces", NULL);

	for (size_t i = 0; i < json_len(list); i++) {
		const char *type = json_get_str(json_object_array_get_idx(list, i), "type");
		if (type && strcmp(type, "mount") == 0)
			return;
	}
	if (config && s->rootfs && umount2(s->rootfs, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		dbg("nothing is mounted on %s", s->rootfs);
}

int oci_destroy(const struct oci *oci, struct state *s, json_object *config, struct err *e)
{
	int r = cgroup_destroy(&s->cg, e);

	if (r == 0)
		unmount_root(s, config);
	if (r == 0)
		r = state_remove(oci->root_fd, s, e);
	if (r == 0)
		run_poststop(oci, s, config);
	return r;
}

/* Whoever holds the lock may wait for the container itself: a start whose hook does not end. */
static int kill_unlocked(const struct oci *oci, const char *id, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	int r = state_open(oci->root_fd, id, 0, &s, e);

	if (r < 0)
		return r;
	if (cgroup_is_frozen(&s.cg) == 1 && cgroup_freeze(&s.cg, 0, e) < 0)
		return err_in(e, "container %s", id);
	return end_first(&s, e);
}

int oci_delete(const struct oci *oci, const char *id, int force, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	scoped(json) json_object *config = NULL;
	enum state_status status;
	struct err ignored;
	int r = force ? kill_unlocked(oci, id, e) : 0;

	if (r == 0)
		r = state_open(oci->root_fd, id, 1, &s, e);
	if (r == -ENOENT && force) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	status = state_status(&s);
	/* As other runtimes do it: one that was never started needs no force. */
	if (!force && status != STATE_STOPPED && status != STATE_CREATED)
		return err_set(e, -EBUSY,
			       "cannot delete container %s that is not stopped: it is %s", id,
			       state_status_names[status]);
	err_clear(&ignored);
	if (state_config(&s, &config, &ignored) < 0)
		dbg("%s", ignored.text); /* its creation was killed early: then no hook ran */
	r = end_first(&s, e);
	/* Killed between the making of the cgroup and the note of it: what is found in the same
	 * place is taken over. */
	if (r == 0 && config && s.pid == 0 && s.cg.kind == CGROUP_KIND_NONE &&
	    oci_make_cgroup(oci, &s, config, 0, &ignored) < 0)
		dbg("%s", ignored.text);
	return r < 0 ? r : oci_destroy(oci, &s, config, e);
}

/* ---- limits ---------------------------------------------------------------------------------- */

int oci_pause(const struct oci *oci, const char *id, int on, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	enum state_status status, want = on ? STATE_RUNNING : STATE_PAUSED;
	int r = state_open(oci->root_fd, id, 1, &s, e);

	if (r < 0)
		return r;
	status = state_status(&s);
	if (status != want && !(on && status == STATE_CREATED))
		return err_set(e, -EBUSY, "container %s is not %s: it is %s", id,
			       state_status_names[want], state_status_names[status]);
	return cgroup_freeze(&s.cg, on, e) < 0 ? err_in(e, "container %s", id) : 0;
}

int oci_update(const struct oci *oci, const char *id, json_object *resources, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	enum state_status status;
	int r = state_open(oci->root_fd, id, 1, &s, e);

	if (r < 0)
		return r;
	status = state_status(&s);
	if (status == STATE_STOPPED || status == STATE_CREATING)
		return err_set(e, -EBUSY, "container %s is not running: it is %s", id,
			       state_status_names[status]);
	return cgroup_update(&s.cg, resources, e) < 0 ? err_in(e, "container %s", id) : 0;
}
