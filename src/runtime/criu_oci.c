/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint and restore of containers that are known by their state directories. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "netns/netns.h"
#include "src/runtime/criu.h"
#include "src/runtime/oci.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"

static int make_dirs(const struct criu_options *o, struct err *e)
{
	int r = path_mkdirs(o->dir, 0700, e);

	if (r == 0 && o->work)
		r = path_mkdirs(o->work, 0700, e);
	return r;
}

int oci_checkpoint(const struct oci *oci, const char *id, const struct criu_options *o,
		   struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	scoped(json) json_object *config = NULL;
	struct criu_options with = *o;
	int r = criu_check(o, e);

	if (r == 0)
		r = oci_open_running(oci, id, 0, &s, e);
	if (r == 0)
		r = state_config(&s, &config, e);
	if (r == 0)
		r = make_dirs(o, e);
	if (r < 0)
		return r;
	with.config = config;
	r = criu_dump(&with, s.pid, e);
	if (r < 0 || o->leave_running || o->pre_dump)
		return r;
	return oci_delete(oci, id, 1, e);
}

static json_object *find_namespace(json_object *config, const char *type)
{
	json_object *list = json_path(config, "linux", "namespaces", NULL);

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *ns = json_object_array_get_idx(list, i);
		const char *is = json_get_str(ns, "type");
		if (is && strcmp(is, type) == 0)
			return ns;
	}
	return NULL;
}

/* The network is not part of the images: it is the one given by path, or an empty one. */
static int open_network(json_object *config, int *ret, struct err *e)
{
	int no_tap;
	json_object *ns = find_namespace(config, "network");
	const char *path = json_get_str(ns, "path");

	if (!ns)
		return 0;
	if (!path || !*path)
		return netns_make(NULL, ret, &no_tap, e);
	*ret = open(path, O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(e, "open the network namespace %s", path) : 0;
}

static int restore(const struct oci *oci, const struct oci_create_options *co,
		   const struct criu_options *o, struct oci_container *c, struct err *e)
{
	struct state *s = &c->state;
	scoped(fd) int netns = -EBADF;
	int r = oci_make_cgroup(oci, s, c->config, 1, e);

	if (r == 0)
		r = state_write(s, e);
	if (r == 0)
		r = open_network(c->config, &netns, e);
	if (r == 0)
		r = criu_restore(o, s->rootfs, (const int[]){ 0, 1, 2 }, netns, &s->cg, &c->process,
				 e);
	if (r == 0 && co->console_socket && c->process.console >= 0)
		r = oci_send_console(co->console_socket, c->process.console, e);
	if (r < 0)
		return r;
	s->pid = c->process.pid;
	s->start_time = (int64_t)proc_start_time(s->pid);
	r = state_write(s, e);
	return r < 0 || !co->pid_file ? r : oci_write_pid_file(co->pid_file, s->pid, e);
}

int oci_restore(const struct oci *oci, const struct oci_create_options *co,
		const struct criu_options *o, struct oci_container *c, struct err *e)
{
	struct criu_options with = *o;
	int r = criu_check(o, e);

	if (r == 0)
		r = state_check_id(co->id, e);
	if (r == 0)
		r = oci_load_bundle(co->bundle, co->config, &c->config, &c->bundle, e);
	/* Callers of runc's give a socket whether it is wanted or not. */
	if (r == 0 && json_get_bool(json_get(c->config, "process"), "terminal", 0))
		r = oci_check_terminal(co, c->config, e);
	if (r == 0 && o->work)
		r = path_mkdirs(o->work, 0700, e);
	if (r == 0)
		r = oci_make_state(oci, co->id, c, e);
	if (r < 0)
		return r;
	with.config = c->config;
	with.own_mounts = 1;
	r = restore(oci, co, &with, c, e);
	if (r < 0) {
		struct err ignored;
		err_clear(&ignored);
		runtime_process_done(&c->process);
		if (oci_destroy(oci, &c->state, NULL, &ignored) < 0 && oci->warn)
			oci->warn(ignored.text);
	}
	return r;
}
