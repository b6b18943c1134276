/* SPDX-License-Identifier: Apache-2.0 */
/* run and start: hand a record to a monitor, and stay attached to it or not. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "src/container/attach.h"
#include "src/container/create.h"
#include "src/container/monitor.h"
#include "src/container/record.h"
#include "src/util/scoped.h"

/* Fork the monitor of a container that is locked and recorded as running, and wait for its word. */
static int launch(struct engine *en, const struct container *c, const struct container_spec *spec, int *lock,
		  const struct attach_options *a, int *ret_stage, struct err *e)
{
	struct monitor m = { .en = en, .spec = spec, .id = c->id, .name = c->name, .started = c->started, .lock = *lock,
			     .client = -EBADF, .attached = a != NULL };
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int p[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(e, "make a socket pair");
	ours = p[0];
	m.client = theirs = p[1];
	r = monitor_fork(&m, e);
	fd_close(take_fd(&theirs));
	fd_close(take_fd(lock)); /* the monitor's copy holds it */
	if (r < 0)
		return r;
	return attach_started(ours, a, spec->tty, ret_stage, e);
}

int container_run(struct engine *en, const struct container_create_options *o, const struct attach_options *a,
		  char **ret_id, int *ret_stage, void (*warn)(const char *text), struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int lock = -EBADF;
	int r;

	*ret_stage = 0;
	r = create_record(en, o, "running", warn, &c, &spec, &lock, e);
	if (r < 0)
		return r;
	if (ret_id) {
		*ret_id = strdup(c->id);
		if (!*ret_id)
			return err_errno(e, ENOMEM, "run a container");
	}
	return launch(en, c, spec, &lock, a, ret_stage, e);
}

int container_start(struct engine *en, const char *ref, const struct attach_options *a, int *ret_stage, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int lock = -EBADF;
	int r;

	*ret_stage = 0;
	r = container_find(en, ref, &c, e);
	if (r < 0)
		return r;
	if (c->state == CONTAINER_RUNNING)
		return a ? container_attach(en, ref, a, e) : 0;
	r = record_lock(en, c->id, 5000, &lock, e);
	if (r == -EAGAIN)
		return err_set(e, -EBUSY, "container %s is in use by another command", ref);
	if (r == 0) { /* it may have been started or removed while we waited */
		(void)container_free(take_ptr(&c));
		r = container_find(en, ref, &c, e);
	}
	if (r == 0)
		r = container_spec_decode(c->spec, &spec, e);
	if (r == 0)
		c->started = record_now();
	if (r == 0)
		r = record_set_running(en, c->id, c->started, e);
	return r < 0 ? r : launch(en, c, spec, &lock, a, ret_stage, e);
}
