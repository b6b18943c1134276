/* SPDX-License-Identifier: Apache-2.0 */
/* create and start.
 *
 * The state is written twice: before anything is made, so that what a killed creation leaves can be
 * found and removed, and with the pid, before the first process is told to wait for a start: until
 * then it ends when its parent does. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/hooks.h"
#include "src/runtime/oci.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

void oci_container_done(struct oci_container *c)
{
	runtime_process_done(&c->process);
	state_done(&c->state);
	json_free(c->config);
	free(c->bundle);
	*c = (struct oci_container)OCI_CONTAINER_NONE;
}

int oci_check_terminal(const struct oci_create_options *o, json_object *config, struct err *e)
{
	int terminal = json_get_bool(json_get(config, "process"), "terminal", 0);

	if (terminal && !o->keeps_terminal && !o->console_socket)
		return err_set(e, -EINVAL,
			       "process.terminal needs --console-socket when nobody stays with the "
			       "container");
	if (!terminal && o->console_socket)
		return err_set(e, -EINVAL,
			       "--console-socket is of no use: process.terminal is "
			       "not set");
	return 0;
}

/* The first process is 1 in its own count, or whoever the program looks for: no LISTEN_PID other
 * than 1 would be right (sd_listen_fds(3)). */
static int announce_fds(json_object *config, int n, struct err *e)
{
	json_object *process = json_get(config, "process"), *env = json_get(process, "env");
	const char *names = getenv("LISTEN_FDNAMES");
	char text[32];

	if (n <= 0)
		return 0;
	if (!json_object_is_type(env, json_type_array)) {
		env = json_object_new_array();
		json_put(process, "env", env);
	}
	(void)snprintf(text, sizeof(text), "LISTEN_FDS=%d", n);
	if (json_object_array_add(env, json_object_new_string(text)) < 0 ||
	    json_object_array_add(env, json_object_new_string("LISTEN_PID=1")) < 0)
		return err_errno(e, ENOMEM, "announce descriptors");
	if (names) {
		scoped(mem) char *line = str_printf("LISTEN_FDNAMES=%s", names);
		if (!line || json_object_array_add(env, json_object_new_string(line)) < 0)
			return err_errno(e, ENOMEM, "announce descriptors");
	}
	return 0;
}

int oci_make_state(const struct oci *oci, const char *id, struct oci_container *c, struct err *e)
{
	struct state *s = &c->state;
	const char *root = json_get_str(json_get(c->config, "root"), "path");
	json_object *annotations = json_get(c->config, "annotations");
	scoped(mem) char *text = NULL;
	int r = state_make(oci->root_fd, id, s, e);

	if (r < 0)
		return r;
	s->bundle = strdup(c->bundle);
	s->rootfs = !root	     ? strdup("")
		    : root[0] == '/' ? strdup(root)
				     : str_printf("%s/%s", c->bundle, root);
	s->annotations = json_object_get(annotations);
	text = json_text(c->config);
	if (!s->bundle || !s->rootfs || !text)
		return err_errno(e, ENOMEM, "container %s", id);
	return path_replace(s->dir_fd, STATE_CONFIG, text, strlen(text), 0600, 0, e);
}

int oci_make_cgroup(const struct oci *oci, struct state *s, json_object *config, int limited,
		    struct err *e)
{
	json_object *linux_object = json_get(config, "linux");
	const struct cgroup_options o = { .path = json_get_str(linux_object, "cgroupsPath"),
					  .manager = oci->manager,
					  .resources = limited ? json_get(linux_object, "resources")
							       : NULL,
					  .id = s->id,
					  .annotations = json_get(config, "annotations") };

	return cgroup_create(&o, &s->cg, e);
}

static int make_process(const struct oci *oci, const struct oci_create_options *o,
			struct oci_container *c, struct err *e)
{
	struct state *s = &c->state;
	scoped(fd) int listener = -EBADF;
	scoped(fd) int cache = oci_open_cache(oci, c->config);
	struct runtime_options ro = {
		.config = c->config,
		.subject = &c->subject,
		.make_cwd = 1, /* as other runtimes do; their callers rely on it */
		.stdio = { 0, 1, 2 },
		.cgroup_fd = s->cg.fd,
		.cgroup = &s->cg,
		.preserve_fds = o->preserve_fds,
		.no_pivot = o->no_pivot,
		.seccomp_cache = cache > 0 ? cache : 0,
		.warn = oci->warn,
		.no_new_keyring = o->no_new_keyring
	};
	int r = o->wait ? runtime_listen(s->dir_fd, STATE_SOCKET, &listener, e) : 0;

	if (r < 0)
		return r;
	ro.listen_fd = listener > 0 ? listener : 0;
	r = runtime_create(&ro, &c->process, e);
	if (r == 0 && o->console_socket && c->process.console >= 0)
		r = oci_send_console(o->console_socket, c->process.console, e);
	if (r == 0) {
		s->pid = c->process.pid;
		s->start_time = (int64_t)proc_start_time(s->pid);
		r = state_write(s, e);
	}
	if (r == 0 && o->pid_file)
		r = oci_write_pid_file(o->pid_file, s->pid, e);
	if (r == 0 && o->wait)
		r = runtime_wait(&c->process, e);
	return r;
}

static int make_container(const struct oci *oci, const struct oci_create_options *o,
			  struct oci_container *c, int *ret_hooks, struct err *e)
{
	int r = oci_make_state(oci, o->id, c, e);

	if (r == 0)
		r = oci_make_cgroup(oci, &c->state, c->config, 1, e);
	if (r == 0)
		r = state_write(&c->state, e);
	if (r < 0)
		return r;
	*ret_hooks = 1;
	return make_process(oci, o, c, e);
}

/* The failure is what is told, whatever else goes wrong on the way back. */
static void undo(const struct oci *oci, struct oci_container *c, int hooks)
{
	struct err ignored;

	err_clear(&ignored);
	runtime_process_done(&c->process);
	if (c->state.dir_fd >= 0 &&
	    oci_destroy(oci, &c->state, hooks ? c->config : NULL, &ignored) < 0 && oci->warn)
		oci->warn(ignored.text);
}

int oci_create(const struct oci *oci, const struct oci_create_options *o, struct oci_container *c,
	       struct err *e)
{
	int hooks = 0, r = state_check_id(o->id, e);

	if (r == 0)
		r = oci_load_bundle(o->bundle, o->config, &c->config, &c->bundle, e);
	if (r == 0)
		r = oci_check_terminal(o, c->config, e);
	if (r == 0)
		r = announce_fds(c->config, o->listen_fds, e);
	if (r < 0)
		return r;
	c->subject = (struct runtime_subject){ .id = o->id,
					       .bundle = c->bundle,
					       .config = c->config,
					       .annotations = json_get(c->config, "annotations") };
	r = make_container(oci, o, c, &hooks, e);
	if (r < 0)
		undo(oci, c, hooks);
	return r;
}

/* ---- start ----------------------------------------------------------------------------------- */

static void run_poststart(const struct oci *oci, const struct runtime_subject *s, pid_t pid)
{
	scoped(fd) int state = -EBADF;
	struct err e;

	if (!hooks_count(s->config, "poststart"))
		return;
	err_clear(&e);
	state = hooks_state_file(s, pid, "running", &e);
	if ((state < 0 || hooks_run(s->config, "poststart", state, &e) < 0) && oci->warn)
		oci->warn(e.text);
}

int oci_start_held(const struct oci *oci, struct oci_container *c, struct err *e)
{
	int r = runtime_start(&c->process, e);

	if (r < 0)
		return r;
	run_poststart(oci, &c->subject, c->process.pid);
	return 0;
}

int oci_start(const struct oci *oci, const char *id, struct err *e)
{
	scoped(oci_container) struct oci_container c = OCI_CONTAINER_NONE;
	struct runtime_process p = RUNTIME_PROCESS_NONE;
	enum state_status status;
	int r = state_open(oci->root_fd, id, 1, &c.state, e);

	if (r < 0)
		return r;
	status = state_status(&c.state);
	if (status != STATE_CREATED)
		return err_set(e, -EBUSY, "cannot start container %s in the %s state", id,
			       state_status_names[status]);
	r = state_config(&c.state, &c.config, e);
	if (r < 0)
		return r;
	c.subject = (struct runtime_subject){ .id = id,
					      .bundle = c.state.bundle,
					      .config = c.config,
					      .annotations = c.state.annotations };
	p.subject = &c.subject;
	r = runtime_connect(c.state.dir_fd, STATE_SOCKET, &p, e);
	if (r == 0) {
		const char *program = json_str_at(json_path(c.config, "process", "args", NULL), 0);
		scoped(mem) char *name = strdup(program ? program : "");
		p.program = name;
		p.pid = c.state.pid; /* not ours to kill: taken back below */
		r = runtime_start(&p, e);
		p.pid = 0;
		p.program = NULL;
	}
	if (r == 0)
		run_poststart(oci, &c.subject, c.state.pid);
	runtime_process_done(&p);
	return r < 0 ? err_in(e, "start container %s", id) : 0;
}
