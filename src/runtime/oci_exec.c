/* SPDX-License-Identifier: Apache-2.0 */
/* exec: a process object, given whole or made from the container's own one, and its start. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/oci.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define ID_MAX 4294967294ULL

static json_object *object_in(json_object *o, const char *name)
{
	json_object *member = json_get(o, name);

	if (!json_object_is_type(member, json_type_object)) {
		member = json_object_new_object();
		json_put(o, name, member);
	}
	return member;
}

static json_object *array_in(json_object *o, const char *name)
{
	json_object *member = json_get(o, name);

	if (!json_object_is_type(member, json_type_array)) {
		member = json_object_new_array();
		json_put(o, name, member);
	}
	return member;
}

static int parse_id(const char *s, unsigned long long *ret, struct err *e)
{
	return str_to_u64(s, ID_MAX, ret) < 0
		       ? err_set(e, -EINVAL, "'%.32s' is no id: a decimal number is wanted", s)
		       : 0;
}

/* "UID" or "UID:GID". */
static int set_user(json_object *process, const char *spec, struct err *e)
{
	json_object *user = object_in(process, "user");
	scoped(mem) char *text = strdup(spec);
	char *colon = text ? strchr(text, ':') : NULL;
	unsigned long long uid, gid = 0;
	int r;

	if (!text)
		return err_errno(e, ENOMEM, "user %s", spec);
	if (colon)
		*colon = '\0';
	r = parse_id(text, &uid, e);
	if (r == 0 && colon)
		r = parse_id(colon + 1, &gid, e);
	if (r < 0)
		return err_in(e, "--user");
	json_put_int(user, "uid", (int64_t)uid);
	if (colon)
		json_put_int(user, "gid", (int64_t)gid);
	return 0;
}

static int add_groups(json_object *process, char *const *groups, struct err *e)
{
	json_object *list;
	unsigned long long gid;

	if (!groups || !groups[0])
		return 0;
	list = array_in(object_in(process, "user"), "additionalGids");
	for (size_t i = 0; groups[i]; i++) {
		if (parse_id(groups[i], &gid, e) < 0)
			return err_in(e, "--additional-gids");
		(void)json_object_array_add(list, json_object_new_int64((int64_t)gid));
	}
	return 0;
}

static int has_word(json_object *list, const char *word)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *s = json_str_at(list, i);
		if (s && strcmp(s, word) == 0)
			return 1;
	}
	return 0;
}

static int add_caps(json_object *process, char *const *caps, struct err *e)
{
	static const char *const sets[] = { "bounding", "effective", "permitted" };
	char name[40];

	for (size_t i = 0; caps && caps[i]; i++) {
		int n = caps_from_name(caps[i]);
		if (n < 0)
			return err_set(e, -EINVAL, "--cap: unknown capability '%.40s'", caps[i]);
		for (size_t k = 0; k < ARRAY_LEN(sets); k++) {
			json_object *set = array_in(object_in(process, "capabilities"), sets[k]);
			if (!has_word(set, caps_name(n, name)))
				(void)json_object_array_add(set, json_object_new_string(name));
		}
	}
	return 0;
}

static int make_process(json_object *config, const struct oci_exec_options *o, json_object **ret,
			struct err *e)
{
	scoped(json) json_object *p = NULL;
	int r;

	if (json_object_deep_copy(json_get(config, "process"), &p, NULL) < 0)
		return err_errno(e, ENOMEM, "make the process");
	json_put_strv(p, "args", o->args);
	json_put_bool(p, "terminal", o->tty);
	json_object_object_del(p, "consoleSize");
	if (o->cwd)
		json_put_str(p, "cwd", o->cwd);
	if (o->apparmor)
		json_put_str(p, "apparmorProfile", o->apparmor);
	if (o->label)
		json_put_str(p, "selinuxLabel", o->label);
	if (o->no_new_privs)
		json_put_bool(p, "noNewPrivileges", 1);
	for (size_t i = 0; o->env && o->env[i]; i++)
		(void)json_object_array_add(array_in(p, "env"), json_object_new_string(o->env[i]));
	r = o->user ? set_user(p, o->user, e) : 0;
	if (r == 0)
		r = add_groups(p, o->extra_groups, e);
	if (r == 0)
		r = add_caps(p, o->caps, e);
	if (r == 0)
		*ret = take_ptr(&p);
	return r;
}

static int check_terminal(json_object *process, const struct oci_exec_options *o, struct err *e)
{
	int terminal = json_get_bool(process, "terminal", 0);

	if (terminal && !o->keeps_terminal && !o->console_socket)
		return err_set(e, -EINVAL,
			       "a terminal needs --console-socket when nobody stays with the "
			       "process");
	if (!terminal && o->console_socket)
		return err_set(e, -EINVAL, "--console-socket is of no use without a terminal");
	return 0;
}

/* The cgroup below the container's that --cgroup names. */
static int open_subgroup(const struct state *s, const char *path, int *ret_fd, struct err *e)
{
	if (s->cg.fd < 0)
		return err_set(e, -ENOTSUP, "--cgroup: container %s has no cgroup of its own",
			       s->id);
	*ret_fd = path_open_in(s->cg.fd, path, O_RDONLY | O_DIRECTORY, 0);
	return *ret_fd < 0 ? err_errno(e, *ret_fd, "open cgroup %s of container %s", path, s->id)
			   : 0;
}

int oci_exec(const struct oci *oci, const char *id, const struct oci_exec_options *o,
	     struct runtime_process *ret, struct err *e)
{
	scoped(state) struct state s = STATE_NONE;
	scoped(json) json_object *config = NULL, *process = NULL;
	scoped(runtime_process) struct runtime_process p = RUNTIME_PROCESS_NONE;
	scoped(fd) int pidfd = -EBADF;
	scoped(fd) int subgroup = -EBADF;
	scoped(fd) int cache = -EBADF;
	struct runtime_subject subject = { .id = id };
	struct runtime_options ro = { .stdio = { 0, 1, 2 }, .preserve_fds = o->preserve_fds };
	int r = oci_open_running(oci, id, o->ignore_paused, &s, e);

	if (r == 0)
		r = state_config(&s, &config, e);
	if (r == 0 && o->process)
		process = json_object_get(o->process);
	else if (r == 0)
		r = make_process(config, o, &process, e);
	if (r == 0)
		r = check_terminal(process, o, e);
	if (r == 0 && o->cgroup && strcmp(o->cgroup, "/") != 0)
		r = open_subgroup(&s, o->cgroup, &subgroup, e);
	if (r < 0)
		return r;
	pidfd = state_pidfd(&s);
	if (pidfd == -ESRCH)
		return err_set(e, -EBUSY, "container %s is not running", id);
	cache = oci_open_cache(oci, config);
	subject.bundle = s.bundle;
	subject.config = config;
	subject.annotations = s.annotations;
	ro.subject = &subject;
	ro.seccomp_cache = cache > 0 ? cache : 0;
	ro.warn = oci->warn;
	ro.config = config;
	ro.cgroup_fd = subgroup >= 0 ? subgroup : s.cg.fd;
	ro.cgroup = subgroup >= 0 ? NULL : &s.cg;
	r = runtime_exec(process, s.pid, pidfd, &ro, &p, e);
	if (r == 0 && o->console_socket && p.console >= 0)
		r = oci_send_console(o->console_socket, p.console, e);
	if (r == 0 && o->pid_file)
		r = oci_write_pid_file(o->pid_file, p.pid, e);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct runtime_process)RUNTIME_PROCESS_NONE;
	return 0;
}
