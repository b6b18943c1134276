/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine leaves to the container's first process is decided before another runtime has its
 * turn: names of users, the home directory, the working directory, fresh volumes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/runtime/driver.h"
#include "src/runtime/init.h"
#include "src/runtime/user.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define FILL	     "cove.fill"
#define FILL_CONTENT "cove.fill.content"

static int deep_copy(json_object *o, json_object **ret, struct err *e)
{
	*ret = NULL;
	return json_object_deep_copy(o, ret, NULL) < 0 ? err_errno(e, ENOMEM, "copy config.json")
						       : 0;
}

static int has_env(json_object *env, const char *name)
{
	size_t n = strlen(name);
	for (size_t i = 0; i < json_len(env); i++) {
		const char *s = json_str_at(env, i);
		if (s && strncmp(s, name, n) == 0 && s[n] == '=')
			return 1;
	}
	return 0;
}

static int add_home(json_object *process, const struct user *u, struct err *e)
{
	json_object *env = json_get(process, "env");
	scoped(mem) char *line = NULL;

	if (has_env(env, "HOME"))
		return 0;
	line = str_printf("HOME=%s", user_home(u));
	return line && json_object_array_add(env, json_object_new_string(line)) == 0
		       ? 0
		       : err_errno(e, ENOMEM, "set HOME");
}

/* Someone who is not root keeps only what was asked for by name: the ambient set. */
static int limit_caps(json_object *process, struct err *e)
{
	static const char *const sets[] = { "effective", "permitted", "inheritable" };
	json_object *caps = json_get(process, "capabilities");

	for (size_t i = 0; caps && i < ARRAY_LEN(sets); i++) {
		json_object *copy = NULL;
		int r = json_get(caps, "ambient") ? deep_copy(json_get(caps, "ambient"), &copy, e)
						  : 0;
		if (r < 0)
			return r;
		json_put(caps, sets[i], copy ? copy : json_object_new_array());
	}
	return 0;
}

static int resolve_user(const struct runtime_options *o, json_object *process, int root_fd,
			struct err *e)
{
	json_object *user = json_get(process, "user"), *groups;
	struct user u;
	int r;

	if (!o->user)
		return 0;
	r = user_resolve(root_fd, o->user, o->extra_groups, &u, e);
	if (r < 0)
		return e->code = -ENOEXEC; /* as init_resolve_user() has it */
	groups = json_object_new_array();
	json_put_int(user, "uid", u.uid);
	json_put_int(user, "gid", u.gid);
	(void)json_object_array_add(groups, json_object_new_int64(u.gid));
	for (size_t i = 0; i < u.n_groups; i++)
		if (u.groups[i] != u.gid)
			(void)json_object_array_add(groups, json_object_new_int64(u.groups[i]));
	json_put(user, "additionalGids", groups);
	r = add_home(process, &u, e);
	return r == 0 && u.uid != 0 ? limit_caps(process, e) : r;
}

static int make_cwd(const struct runtime_options *o, json_object *process, int root_fd,
		    struct err *e)
{
	const char *cwd = json_get_str(process, "cwd");
	scoped(fd) int fd = -EBADF;

	if (!cwd)
		return err_set(e, -EINVAL, "config.json: process.cwd is missing");
	fd = path_open_in(root_fd, cwd, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT && o->make_cwd)
		fd = path_mkdirs_in(root_fd, cwd, 0755);
	if (fd == -ENOENT)
		return err_set(e, -ENOTDIR, "workdir \"%s\" does not exist on container", cwd);
	return fd < 0 ? err_errno(e, fd, "enter workdir \"%s\"", cwd) : 0;
}

/* A fresh volume gets what the image has at its place; the option is ours alone. */
static int fill(json_object *mount, json_object *user, int root_fd, struct err *e)
{
	json_object *options = json_get(mount, "options");
	const char *source = json_get_str(mount, "source"),
		   *target = json_get_str(mount, "destination");
	scoped(fd) int from = -EBADF;
	scoped(fd) int to = -EBADF;
	size_t i = 0;
	int keep_owner;

	while (i < json_len(options) && strcmp(json_str_at(options, i), FILL) != 0 &&
	       strcmp(json_str_at(options, i), FILL_CONTENT) != 0)
		i++;
	if (i == json_len(options))
		return 0;
	keep_owner = strcmp(json_str_at(options, i), FILL_CONTENT) == 0;
	(void)json_object_array_del_idx(options, i, 1);
	from = path_open_in(root_fd, target, O_RDONLY | O_DIRECTORY, 0);
	if (from == -ENOENT) { /* then it is for who runs */
		mode_t ours = umask(022);
		from = path_mkdirs_in(root_fd, target, 0755);
		(void)umask(ours);
		if (from >= 0 && fchownat(from, "", (uid_t)json_get_int(user, "uid", 0),
					  (gid_t)json_get_int(user, "gid", 0), AT_EMPTY_PATH) < 0)
			return err_sys(e, "give %s its owner", target);
	}
	if (from < 0)
		return 0; /* no directory: the runtime says so */
	to = open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return to < 0 ? err_sys(e, "open volume %s", source)
		      : init_fill_volume(to, from, keep_owner, e);
}

int driver_config(const struct runtime_options *o, json_object *seccomp, int root_fd,
		  json_object **ret, struct err *e)
{
	scoped(json) json_object *c = NULL;
	json_object *process, *mounts, *linux_;
	int r = deep_copy(o->config, &c, e);

	if (r < 0)
		return r;
	process = json_get(c, "process");
	mounts = json_get(c, "mounts");
	linux_ = json_get(c, "linux");
	if (seccomp)
		json_put(linux_, "seccomp", json_object_get(seccomp));
	/* The cgroup is made and limited: the runtime is started in it. */
	json_object_object_del(linux_, "resources");
	json_object_object_del(linux_, "cgroupsPath");
	r = resolve_user(o, process, root_fd, e);
	if (r == 0)
		r = make_cwd(o, process, root_fd, e);
	for (size_t i = 0; i < json_len(mounts) && r == 0; i++)
		r = fill(json_object_array_get_idx(mounts, i), json_get(process, "user"), root_fd,
			 e);
	if (r < 0)
		return r;
	*ret = json_object_get(c);
	return 0;
}
