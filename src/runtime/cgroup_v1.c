/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v1 (cgroups(7)): a tree for each controller, each with a directory for the container.
 *
 * On a hybrid host the unified tree stands beside them, without controllers; the container gets a
 * directory there as well where that is delegated, which is good for freezing and killing. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/runtime/cgroup_devices.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

/* Which tree has FILE?  CGROUP_V1_COUNT: none of them. */
static enum cgroup_v1 tree_of(const char *file)
{
	char word[32];
	int i;

	(void)cgroup_setting_controller(file, word, sizeof(word));
	for (i = 0; i < CGROUP_V1_COUNT; i++)
		if (strcmp(word, cgroup_v1_names[i]) == 0)
			break;
	return (enum cgroup_v1)i;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* A new cpuset has neither CPUs nor memory nodes, and takes no process so: it gets its parent's. */
static int inherit_cpuset(const char *mount, const char *dir)
{
	static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
	scoped(fd) int fd = cgroup_open_dir(dir);
	const char *slash = strrchr(dir, '/');
	scoped(mem) char *up = slash ? str_printf("%.*s", (int)(slash - dir), dir) : NULL;
	scoped(fd) int up_fd = -EBADF;

	if (fd < 0 || !up || !path_is_below(up, mount))
		return fd < 0 ? fd : 0;
	up_fd = cgroup_open_dir(up);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		scoped(mem) char *mine = NULL;
		scoped(mem) char *theirs = NULL;
		struct err ignored;
		int r;
		if (path_read(fd, files[i], 65536, &mine, NULL, &ignored) < 0 ||
		    strspn(mine, " \n") != strlen(mine))
			continue;
		if (strcmp(up, mount) != 0) {
			r = inherit_cpuset(mount, up);
			if (r < 0)
				return r;
		}
		if (path_read(up_fd, files[i], 65536, &theirs, NULL, &ignored) < 0)
			continue;
		theirs[strcspn(theirs, "\n")] = '\0';
		r = cgroup_write(fd, files[i], theirs);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Each directory of PATH below MOUNT. */
static int make_dirs(const char *mount, char *path)
{
	for (char *p = path + strlen(mount); p && *p;) {
		char *next = strchr(p + 1, '/');
		int r;
		if (next)
			*next = '\0';
		r = mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
		if (next)
			*next = '/';
		if (r < 0)
			return r;
		p = next;
	}
	return 0;
}

static char *place(const struct cgroup_options *o, enum cgroup_v1 v, const char *mount)
{
	scoped(mem) char *own = cgroup_path_of(0, cgroup_v1_names[v]);

	if (o->path && *o->path == '/')
		return str_printf("%s%s", mount, o->path);
	if (!own || strncmp(own, "/..", 3) == 0)
		return NULL;
	if (o->path)
		return str_printf("%s%s/%s", mount, strcmp(own, "/") == 0 ? "" : own, o->path);
	return str_printf("%s%s/cove-%.64s", mount, strcmp(own, "/") == 0 ? "" : own, o->id);
}

/* One tree.  Not ours is no error: the limits that needed it are told by cgroup_v1_apply(). */
static int make_in(const struct cgroup_options *o, struct cgroup *cg, enum cgroup_v1 v,
		   struct err *e)
{
	scoped(mem) char *mount = cgroup_v1_mount(v);
	scoped(mem) char *dir = mount ? place(o, v, mount) : NULL;
	int r;

	if (!dir)
		return 0;
	r = make_dirs(mount, dir);
	if (r == -EACCES || r == -EPERM || r == -EROFS || r == -ENOENT)
		return 0;
	if (r == 0 && v == CGROUP_V1_CPUSET)
		r = inherit_cpuset(mount, dir);
	if (r < 0)
		return err_errno(e, r, "make cgroup %s", dir);
	cg->v1[v] = take_ptr(&dir);
	cg->kind = CGROUP_KIND_V1;
	return 0;
}

int cgroup_v1_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	int r = 0;

	for (int v = 0; v < CGROUP_V1_COUNT && r == 0; v++)
		r = make_in(o, cg, (enum cgroup_v1)v, e);
	if (r == 0 && cg->kind != CGROUP_KIND_V1)
		return err_set(e, -EACCES, "no cgroup v1 hierarchy is delegated to this user");
	if (r == 0 && o->resources)
		r = cgroup_v1_apply(cg, o->resources, o->lenient, e);
	return r;
}

/* Each thread group as a whole moves by cgroup.procs. */
int cgroup_v1_enter(const struct cgroup *cg, pid_t pid, struct err *e)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	for (int v = 0; v < CGROUP_V1_COUNT; v++) {
		scoped(fd) int fd = -EBADF;
		int r;
		if (!cg->v1[v])
			continue;
		fd = cgroup_open_dir(cg->v1[v]);
		r = fd < 0 ? fd : cgroup_write(fd, "cgroup.procs", text);
		if (r < 0)
			return err_errno(e, r, "move process %d into cgroup %s", (int)pid,
					 cg->v1[v]);
	}
	return 0;
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int write_to(const struct cgroup *cg, const char *file, const char *value)
{
	enum cgroup_v1 v = tree_of(file);
	scoped(fd) int fd = v < CGROUP_V1_COUNT && cg->v1[v] ? cgroup_open_dir(cg->v1[v]) : -ENOENT;
	return fd < 0 ? fd : cgroup_write(fd, file, value);
}

/* The kernel refuses a memory limit above that of memory and swap, and the other way round: where
 * the first write is refused, the second goes first. */
static int write_memory(const struct cgroup *cg, const struct cgroup_settings *l,
			const struct cgroup_setting *s)
{
	int r = write_to(cg, s->file, s->value);

	if (r != -EINVAL || strcmp(s->file, "memory.limit_in_bytes") != 0)
		return r;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->s[i].file, "memory.memsw.limit_in_bytes") == 0 &&
		    write_to(cg, l->s[i].file, l->s[i].value) == 0)
			return write_to(cg, s->file, s->value);
	return r;
}

static int write_setting(const struct cgroup *cg, const struct cgroup_settings *l,
			 const struct cgroup_setting *s)
{
	static const struct {
		const char *file, *instead;
	} renamed[] = { /* Linux 5.0 has only the scheduler's own weights */
			{ "blkio.weight", "blkio.bfq.weight" },
			{ "blkio.weight_device", "blkio.bfq.weight_device" }
	};
	int r = write_memory(cg, l, s);

	for (size_t i = 0; i < ARRAY_LEN(renamed) && r == -ENOENT; i++)
		if (strcmp(s->file, renamed[i].file) == 0)
			r = write_to(cg, renamed[i].instead, s->value);
	return r == -ENOENT && (s->flags & CGROUP_SETTING_OPTIONAL) ? 0 : r;
}

static int apply_devices(const struct cgroup *cg, json_object *list, struct err *e)
{
	scoped(device_rules) struct device_rules l = { 0 };
	int r = device_rules_parse(list, &l, e);

	if (r < 0 || !cg->v1[CGROUP_V1_DEVICES] || !userns_is_host_root())
		return r;
	for (size_t i = 0; i < l.n; i++) {
		char text[80];
		const char *file = l.r[i].allow ? "devices.allow" : "devices.deny";
		r = write_to(cg, file, device_rule_text(&l.r[i], text, sizeof(text)));
		if (r < 0)
			return err_errno(e, r, "write '%s' to %s/%s", text,
					 cg->v1[CGROUP_V1_DEVICES], file);
	}
	return 0;
}

static void add_unmet(struct cgroup *cg, const char *file)
{
	char word[32];
	size_t len = strlen(cg->unmet);

	(void)cgroup_setting_controller(file, word, sizeof(word));
	if (!str_in_words(word, strlen(word), cg->unmet))
		(void)snprintf(cg->unmet + len, sizeof(cg->unmet) - len, "%s%s", len ? "|" : "",
			       word);
}

int cgroup_v1_apply(struct cgroup *cg, json_object *resources, int lenient, struct err *e)
{
	scoped(cgroup_settings) struct cgroup_settings l = { 0 };
	int r = cgroup_settings_v1(resources, &l, e);

	for (size_t i = 0; i < l.n && r == 0; i++) {
		char word[32];
		(void)cgroup_setting_controller(l.s[i].file, word, sizeof(word));
		if (str_in_words(word, strlen(word), cg->unmet))
			continue;
		r = write_setting(cg, &l, &l.s[i]);
		if (r == -ENOENT && lenient) {
			add_unmet(cg, l.s[i].file);
			r = 0;
		} else if (r == -ENOENT) {
			return err_set(e, -ENOTSUP,
				       "cannot set %s: no such cgroup controller within reach",
				       l.s[i].file);
		} else if (r < 0) {
			return err_errno(e, r, "write '%s' to %s of the container's cgroup",
					 l.s[i].value, l.s[i].file);
		}
	}
	return r < 0 ? r : apply_devices(cg, json_get(resources, "devices"), e);
}

const char *cgroup_v1_any(const struct cgroup *cg)
{
	for (int v = 0; v < CGROUP_V1_COUNT; v++)
		if (cg->v1[v])
			return cg->v1[v];
	return NULL;
}

/* ---- freezing -------------------------------------------------------------------------------- */

/* Processes that are being moved or forked can keep it at FREEZING: written again until it holds.
 */
int cgroup_v1_freeze(const struct cgroup *cg, int on, struct err *e)
{
	struct timespec tick = { 0, 2000000 };
	const char *want = on ? "FROZEN" : "THAWED";

	if (!cg->v1[CGROUP_V1_FREEZER])
		return cg->limited ? cgroup_v2_freeze(cg, on, e)
				   : err_set(e, -ENOTSUP, "the container's cgroup has no freezer");
	for (int tries = 0; tries < 2500; tries++) {
		scoped(fd) int fd = cgroup_open_dir(cg->v1[CGROUP_V1_FREEZER]);
		scoped(mem) char *state = NULL;
		int r = fd < 0 ? fd : cgroup_write(fd, "freezer.state", want);
		if (r < 0)
			return err_errno(e, r, "%s cgroup %s", on ? "freeze" : "thaw",
					 cg->v1[CGROUP_V1_FREEZER]);
		r = path_read(fd, "freezer.state", 64, &state, NULL, e);
		if (r < 0)
			return r;
		if (str_starts(state, want))
			return 0;
		(void)nanosleep(&tick, NULL);
	}
	if (on)
		(void)write_to(cg, "freezer.state", "THAWED"); /* half frozen is worse than not */
	return err_set(e, -EBUSY, "the processes of cgroup %s do not come to rest",
		       cg->v1[CGROUP_V1_FREEZER]);
}
