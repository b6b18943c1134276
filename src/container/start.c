/* SPDX-License-Identifier: Apache-2.0 */
/* run and start: hand a record to a monitor, and stay attached to it or not. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/container/attach.h"
#include "src/container/checkpoint.h"
#include "src/container/create.h"
#include "src/container/event.h"
#include "src/container/keep_id.h"
#include "src/container/monitor.h"
#include "src/container/record.h"
#include "src/container/secrets.h"
#include "src/container/session.h"
#include "src/runtime/criu.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

/* Fork the monitor of a container that is locked and recorded as running, and wait for its word. */
static int launch(struct engine *en, const struct container *c, const struct container_spec *spec,
		  int *lock, const struct attach_options *a, const struct restore_options *restore,
		  int *ret_stage, struct err *e)
{
	struct monitor m = { .en = en,
			     .spec = spec,
			     .id = c->id,
			     .name = c->name,
			     .started = c->started,
			     .lock = *lock,
			     .client = -EBADF,
			     .attached = a != NULL,
			     .restore = restore };
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);

	if (r < 0)
		return r;
	m.client = theirs;
	r = monitor_fork(&m, e);
	fd_close(take_fd(&theirs));
	fd_close(take_fd(lock)); /* the monitor's copy holds it */
	if (r < 0)
		return r;
	return attach_started(ours, a, NULL, ret_stage, e);
}

/* In the fork that becomes the monitor: make the record, then stay with it. */
static void __attribute__((noreturn))
run_child(struct engine *en, const struct container_create_options *o, int client, int attached,
	  void (*warn)(const char *text))
{
	struct container *c = NULL;
	struct container_spec *spec = NULL;
	struct session_failure f;
	struct monitor m;
	int lock = -EBADF;

	memset(&f, 0, sizeof(f));
	if (create_record(en, o, "running", warn, &c, &spec, &lock, &f.err) < 0) {
		(void)session_send(client, 'f', &f, sizeof(f)); /* the starter may have gone */
		engine_store_close(en);
		_exit(125);
	}
	m = (struct monitor){ .en = en,
			      .spec = spec,
			      .id = c->id,
			      .name = c->name,
			      .started = c->started,
			      .lock = lock,
			      .client = client,
			      .attached = attached };
	monitor_main(&m);
}

/* The fork comes first: the database is opened once, by the process that also writes the end. */
int container_run(struct engine *en, const struct container_create_options *o,
		  const struct attach_options *a, char **ret_id, int *ret_stage,
		  void (*warn)(const char *text), struct err *e)
{
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	pid_t parent = getpid(), pid;
	int r = fd_pair(SOCK_SEQPACKET, &ours, &theirs, e);

	*ret_stage = 0;
	if (r < 0)
		return r;
	engine_store_close(en); /* a connection must not cross a fork */
	(void)fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_sys(e, "fork the monitor");
	if (pid == 0) {
		fd_close(ours);
		/* Until the container is made we die with the command, as the user expects of
		 * Ctrl-C and kill. */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(125);
		run_child(en, o, theirs, a != NULL, warn);
	}
	fd_close(take_fd(&theirs));
	return attach_started(ours, a, ret_id, ret_stage, e);
}

/* C is not running. */
static int start_record(struct engine *en, struct container *found, const char *ref,
			const struct attach_options *a, const struct restore_options *restore,
			int *ret_stage, struct err *e)
{
	scoped(container) struct container *c = found;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int lock = -EBADF;
	int r = record_lock(en, c->id, 5000, &lock, e);
	if (r == -EAGAIN)
		return err_set(e, -EBUSY, "container %s is in use by another command", ref);
	if (r == 0) { /* it may have been started or removed while we waited */
		(void)container_free(take_ptr(&c));
		r = container_find(en, ref, &c, e);
	}
	if (r == 0)
		r = container_spec_decode(c->spec, &spec, e);
	if (r == 0 && spec && spec->kept_layers) /* whoever took one away: it can be made again */
		r = keep_id_layers(en, spec, e);
	if (r == 0 && spec && !restore) /* processes that come back have theirs */
		r = secrets_load(en, spec, e);
	if (r == 0)
		c->started = record_now();
	if (r == 0)
		r = record_set_running(en, c->id, c->started, e);
	if (r == 0 && !restore)
		checkpoint_note_start(en, c->id);
	return r < 0 ? r : launch(en, c, spec, &lock, a, restore, ret_stage, e);
}

int container_start(struct engine *en, const char *ref, const struct attach_options *a,
		    int *ret_stage, struct err *e)
{
	struct container *c = NULL;
	int r = container_find(en, ref, &c, e);

	*ret_stage = 0;
	if (r < 0)
		return r;
	if (c->state == CONTAINER_RUNNING) {
		(void)container_free(c);
		return a ? container_attach(en, ref, a, e) : 0;
	}
	return start_record(en, c, ref, a, NULL, ret_stage, e);
}

int container_restart(struct engine *en, const char *ref, const struct stop_options *o,
		      struct err *e)
{
	scoped(container) struct container *c = NULL;
	int stage, r = container_stop(en, ref, o, e);

	if (r == 0)
		r = container_find(en, ref, &c, e);
	if (r != 0)
		return r;
	container_event(en, c, "restart");
	return container_start(en, ref, NULL, &stage, e);
}

static int check_restore(struct engine *en, const struct container *c, struct err *e)
{
	if (c->state == CONTAINER_RUNNING)
		return err_set(e, -EINVAL,
			       "container %s is running or paused, cannot restore: container state "
			       "improper",
			       c->id);
	if (!container_is_checkpointed(en, c->id))
		return err_set(e, -EINVAL,
			       "a complete checkpoint for this container cannot be found, cannot "
			       "restore: invalid argument");
	return 0;
}

int container_restore(struct engine *en, const char *ref, const struct restore_options *o,
		      struct err *e)
{
	scoped(mem) char *id = NULL;
	scoped(mem) char *dir = NULL;
	scoped(container) struct container *c = NULL;
	int64_t started = record_now();
	int stage, r = criu_check(&(struct criu_options){ 0 }, e);

	if (r == 0)
		r = container_find(en, ref, &c, e);
	if (r == 0)
		r = check_restore(en, c, e);
	if (r != 0)
		return r;
	id = strdup(c->id);
	dir = checkpoint_dir(en, c->id);
	if (!id || !dir)
		return err_errno(e, ENOMEM, "restore");
	r = start_record(en, take_ptr(&c), ref, NULL, o, &stage, e);
	if (r == 0 && o->stats)
		r = checkpoint_add_stats(o->stats, id, dir, 1, started, e);
	if (r == 0)
		r = checkpoint_note_restore(en, id, o->keep, e);
	if (r == 0 && container_find(en, id, &c, e) == 0)
		container_event(en, c, "restore");
	return r < 0 || o->keep ? r : checkpoint_forget(en, id, e);
}
