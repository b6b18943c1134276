/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/runtime/create.h"
#include "src/cli/runtime/relay.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct create_options, f)
static const struct opt options[] = {
	FLAG('d', "detach", AT(detach), "Leave it running and return"),
	FLAG(0, "keep", AT(keep), "Do not delete it when it has ended"),
	END,
};

int run_look_on(struct oci *oci, int keep, struct oci_container *c, struct relay *relay, int status,
		struct err *e)
{
	struct err ignored;

	state_unlock(&c->state); /* others may pause, update and delete it */
	if (status == 0)
		status = relay_run(relay, &c->process, e);
	if (status >= 0 && keep)
		return status;
	err_clear(&ignored);
	runtime_process_done(&c->process);
	if (state_lock(oci->root_fd, &c->state, &ignored) == -ENOENT)
		return status; /* deleted while we looked on */
	err_clear(&ignored);
	if (oci_destroy(oci, &c->state, c->config, status < 0 ? &ignored : e) < 0 && status >= 0)
		return e->code;
	return status;
}

static int detach(struct oci *oci, struct oci_container *c, struct err *e)
{
	struct err ignored;
	int r = oci_start_held(oci, c, e);

	if (r == 0) {
		c->process.pid = 0; /* whoever is the reaper gets it */
		return 0;
	}
	err_clear(&ignored);
	runtime_process_done(&c->process);
	if (oci_destroy(oci, &c->state, c->config, &ignored) < 0)
		oci->warn(ignored.text);
	return r;
}

static int run(struct oci *oci, void *opts, char **args, struct err *e)
{
	const struct create_options *o = opts;
	scoped(oci_container) struct oci_container c = OCI_CONTAINER_NONE;
	struct relay relay = { .signals = -EBADF };
	struct oci_create_options co;
	int r = create_prepare(oci, o, args[0], &co, e);

	if (r < 0)
		return r;
	co.keeps_terminal = !o->detach && !o->console_socket;
	if (o->detach) {
		r = oci_create(oci, &co, &c, e);
		return r < 0 ? r : detach(oci, &c, e);
	}
	r = relay_open(&relay, e);
	if (r == 0)
		r = oci_create(oci, &co, &c, e);
	if (r == 0 && o->console_socket)
		fd_close(take_fd(&c.process.console)); /* it is the socket's owner who reads it */
	if (r == 0)
		r = run_look_on(oci, o->keep, &c, &relay, oci_start_held(oci, &c, e), e);
	relay_done(&relay);
	return r;
}

const struct verb verb_run = {
	.name = "run",
	.args = "CONTAINER",
	.help = "Make a container, start it, wait for its end, delete it",
	.man = "Signals are passed on to it; the exit status is its own.",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct create_options),
	.groups = (const struct opt *const[]){ create_rows, options, NULL },
	.run = run,
};
