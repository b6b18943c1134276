/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs of cgroup.h: which backend has to act, and what is the same for all of them. */
#include "src/runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

const char *const cgroup_manager_names[CGROUP_MANAGER_COUNT] = {
	[CGROUP_AUTO] = "auto",
	[CGROUP_CGROUPFS] = "cgroupfs",
	[CGROUP_SYSTEMD] = "systemd",
	[CGROUP_DISABLED] = "disabled",
};

void cgroup_done(struct cgroup *cg)
{
	fd_close(cg->fd);
	free(cg->path);
	free(cg->limited);
	free(cg->unit);
	free(cg->scope);
	json_free(cg->pending);
	for (int i = 0; i < CGROUP_V1_COUNT; i++)
		free(cg->v1[i]);
	*cg = (struct cgroup)CGROUP_NONE;
}

static void give(struct cgroup *ret, struct cgroup *cg)
{
	*ret = *cg;
	*cg = (struct cgroup)CGROUP_NONE;
}

/* ---- making ---------------------------------------------------------------------------------- */

/* No cgroup, and none needed: is that what FAILED means for O? */
static int can_do_without(const struct cgroup_options *o, int failed)
{
	if (failed != -EACCES && failed != -EPERM && failed != -EROFS && failed != -ENOENT &&
	    failed != -EBUSY && failed != -ENOTSUP)
		return 0;
	return o->lenient || (!cgroup_resources_limit(o->resources) && !userns_is_host_root());
}

/* All that was wanted. */
static void name_unmet(const struct cgroup_options *o, struct cgroup *cg)
{
	scoped(cgroup_settings) struct cgroup_settings l = { 0 };
	struct err ignored;

	if (!o->resources || cgroup_settings_v2(o->resources, &l, &ignored) < 0)
		return;
	for (size_t i = 0; i < l.n; i++) {
		char word[32];
		size_t len = strlen(cg->unmet);
		(void)cgroup_setting_controller(l.s[i].file, word, sizeof(word));
		if (*word && !str_in_words(word, strlen(word), cg->unmet))
			(void)snprintf(cg->unmet + len, sizeof(cg->unmet) - len, "%s%s",
				       len ? "|" : "", word);
	}
}

/* v1 trees, and beside them the unified one where it is delegated (hybrid). */
static int create_in_trees(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	struct cgroup_options plain = *o;
	struct err ignored;
	/* Nothing of v1 is delegated to users as a rule: not worth a look at a dozen trees. */
	int is_needed = o->path || userns_is_host_root() || cgroup_resources_limit(o->resources);
	int r = is_needed ? cgroup_v1_create(o, cg, e)
			  : err_set(e, -EACCES, "no cgroup is delegated to this user");

	plain.resources = NULL;
	if (r < 0 && r != -EACCES)
		return r;
	if (cgroup_v2_mount()) {
		struct cgroup beside = CGROUP_NONE;
		if (cgroup_v2_create(&plain, &beside, &ignored) == 0) {
			/* With v1 trees to enter as well, being born in one saves nothing. */
			if (cg->kind == CGROUP_KIND_NONE)
				cg->fd = take_fd(&beside.fd);
			cg->path = take_ptr(&beside.path);
			cg->limited = take_ptr(&beside.limited);
			if (cg->kind == CGROUP_KIND_NONE &&
			    (o->lenient || !cgroup_resources_limit(o->resources))) {
				cg->kind = CGROUP_KIND_V2;
				name_unmet(o, cg);
				r = 0;
			}
		}
		cgroup_done(&beside);
	}
	return r;
}

/* Where limits cannot be had in our own cgroup, systemd moves this process into one where they
 * can. */
static int wants_scope(const struct cgroup_options *o, int failed)
{
	if (o->path || o->manager != CGROUP_AUTO || !cgroup_systemd_reach())
		return 0;
	if (o->own_scope)
		return 1;
	return cgroup_resources_limit(o->resources) &&
	       (failed == -EACCES || failed == -EPERM || failed == -EROFS || failed == -EBUSY ||
		failed == -ENOTSUP);
}

static int create_unified(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	struct cgroup_options strict = *o;
	int is_slice = o->parent && str_ends(o->parent, ".slice"), r = -ENOTSUP;

	strict.lenient = 0;
	strict.own_scope = o->own_scope || is_slice;
	if (!strict.own_scope)
		r = cgroup_v2_create(&strict, cg, e);
	if (r == 0)
		return 0;
	if (is_slice && !wants_scope(&strict, r))
		return err_set(e, -ENOTSUP, "cgroup parent '%s': no systemd manager within reach",
			       o->parent);
	if (wants_scope(&strict, r)) {
		struct err ignored;
		(void)cgroup_destroy(cg, &ignored);
		r = cgroup_systemd_own_scope(o, cg, e);
		if (r < 0 && !o->lenient)
			return r;
		if (r < 0)
			dbg("no scope: %s", e->text);
		return cgroup_v2_create(o, cg, e);
	}
	return o->lenient ? cgroup_v2_create(o, cg, e) : r;
}

static int create_by(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	if (o->manager == CGROUP_DISABLED)
		return 0;
	if (o->manager == CGROUP_SYSTEMD)
		return cgroup_systemd_create(o, cg, e);
	if (cgroup_is_unified())
		return create_unified(o, cg, e);
	return create_in_trees(o, cg, e);
}

int cgroup_create(const struct cgroup_options *o, struct cgroup *ret, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct err why;
	int r;

	err_clear(&why);
	r = create_by(o, &cg, &why);
	if (r < 0) {
		struct err ignored;
		(void)cgroup_destroy(&cg, &ignored);
		if (!can_do_without(o, r)) {
			*e = why;
			return r;
		}
		dbg("no cgroup: %s", why.text);
		name_unmet(o, &cg);
	}
	give(ret, &cg);
	return 0;
}

static int write_pid(const struct cgroup *cg, pid_t pid, struct err *e)
{
	scoped(fd) int opened = cg->fd >= 0 ? -EBADF : cgroup_open_dir(cg->path);
	char text[16];
	int r;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = cgroup_write(cg->fd >= 0 ? cg->fd : opened, "cgroup.procs", text);
	return r < 0 ? err_errno(e, r, "move process %d into cgroup %s", (int)pid, cg->path) : 0;
}

/* Is PID in our v2 cgroup already?  Moving it again would wait for a grace period. */
static int is_inside(const struct cgroup *cg, pid_t pid)
{
	const char *root = cgroup_v2_mount();
	scoped(mem) char *at = cgroup_path_of(pid, "");
	scoped(mem) char *full = at && root ? str_printf("%s%s", root, at) : NULL;
	return full && strcmp(full, cg->path) == 0;
}

int cgroup_enter(struct cgroup *cg, pid_t pid, struct err *e)
{
	int r = 0;

	if (cg->pending)
		return cgroup_systemd_enter(cg, pid, e);
	if (cg->path && !is_inside(cg, pid))
		r = write_pid(cg, pid, e);
	if (r == 0 && cg->kind == CGROUP_KIND_V1)
		r = cgroup_v1_enter(cg, pid, e);
	return r;
}

/* From another session the move is refused (cgroups(7), delegation containment), and systemd does
 * it: what of the path lies below the unit. */
static int attach(const struct cgroup *cg, pid_t pid, struct err *e)
{
	const char *unit = cg->unit ? cg->unit : cg->scope;
	const char *below = unit ? strstr(cg->path, unit) : NULL;

	if (!below)
		return e->code;
	err_clear(e);
	return cgroup_systemd_attach(unit, below + strlen(unit), &pid, 1, e);
}

int cgroup_join(const struct cgroup *cg, pid_t pid, struct err *e)
{
	int r = cg->path ? write_pid(cg, pid, e) : 0;

	if (r == -EACCES || r == -EPERM)
		r = attach(cg, pid, e);
	return r == 0 && cg->kind == CGROUP_KIND_V1 ? cgroup_v1_enter(cg, pid, e) : r;
}

/* cgroups(7): a move takes the right to write cgroup.procs of the common ancestor. */
static int may_move_to(const char *to)
{
	const char *root = cgroup_v2_mount();
	scoped(mem) char *own = cgroup_own_path();
	scoped(mem) char *from = own && root ? str_printf("%s%s", root, own) : NULL;
	scoped(mem) char *procs = NULL;
	size_t common = 0;

	if (!from || strstr(from, "/.."))
		return 0;
	for (size_t i = 0; from[i] && from[i] == to[i]; i++)
		if (to[i + 1] == '/' && (from[i + 1] == '/' || !from[i + 1]))
			common = i + 1;
	procs = str_printf("%.*s/cgroup.procs", (int)common, to);
	return procs && access(procs, W_OK) == 0;
}

int cgroup_approach(const struct cgroup *cg, struct err *e)
{
	pid_t self = getpid();

	if (!cg->scope || !cg->path || may_move_to(cg->path))
		return 0;
	/* The cgroup of an adopted container is the scope itself. */
	return cgroup_systemd_attach(cg->scope, str_ends(cg->path, ".scope") ? "" : "/" CGROUP_LEAF,
				     &self, 1, e);
}

static int has_pid(const pid_t *list, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (list[i] == pid)
			return 1;
	return 0;
}

/* Those of LIST that are not in CG yet: moved by their number.  1: there were some. */
static int adopt_rest(struct cgroup *cg, const pid_t *list, size_t n, struct err *e)
{
	scoped(mem) pid_t *inside = NULL;
	scoped(mem) pid_t *missing = calloc(n + 1, sizeof(*missing));
	size_t n_inside = 0, k = 0;
	int r = missing ? cgroup_pids(cg, &inside, &n_inside, e)
			: err_errno(e, ENOMEM, "move processes into a scope");

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (!has_pid(inside, n_inside, list[i]))
			missing[k++] = list[i];
	if (!k)
		return 0;
	r = cgroup_systemd_attach(cg->scope, "", missing, k, e);
	return r < 0 ? r : 1;
}

int cgroup_adopt(const struct cgroup_options *o, int (*list)(void *arg, pid_t **ret, size_t *ret_n),
		 void *arg, struct cgroup *ret, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	scoped(mem) pid_t *pid = NULL;
	scoped(mem) char *at = NULL;
	size_t n = 0;
	int r;

	if (!cgroup_v2_mount())
		return err_set(e, -ENOTSUP, "that takes cgroup v2");
	r = list(arg, &pid, &n);
	if (r < 0 || !n)
		return err_errno(e, r < 0 ? r : ESRCH, "list the processes");
	r = cgroup_systemd_scope(o, pid, n, &cg.scope, e);
	if (r < 0)
		return r;
	at = cgroup_path_of(pid[0], "");
	cg.path = at ? str_printf("%s%s", cgroup_v2_mount(), at) : NULL;
	cg.limited = cg.path ? strdup(cg.path) : NULL;
	if (!cg.limited)
		return err_set(e, -ENOENT, "systemd has put the processes nowhere");
	cg.kind = CGROUP_KIND_V2;
	cg.fd = cgroup_open_dir(cg.path);
	if (cg.fd < 0)
		return err_errno(e, cg.fd, "open cgroup %s", cg.path);
	for (int tries = 0; tries < 8; tries++) { /* what was forked meanwhile */
		free(take_ptr(&pid));
		r = list(arg, &pid, &n);
		r = r < 0 ? err_errno(e, r, "list the processes") : adopt_rest(&cg, pid, n, e);
		if (r <= 0)
			break;
	}
	if (r < 0)
		return r;
	give(ret, &cg);
	return 0;
}

int cgroup_update(struct cgroup *cg, json_object *resources, struct err *e)
{
	int r = cg->unit ? cgroup_systemd_update(cg, resources, e) : 0;

	if (r < 0)
		return r;
	if (cg->kind == CGROUP_KIND_V2) {
		r = cgroup_v2_apply(cg, resources, 0, e);
		if (r == 0)
			r = cgroup_devices_v2(cg->fd, json_get(resources, "devices"), e);
		return r;
	}
	if (cg->kind == CGROUP_KIND_V1)
		return cgroup_v1_apply(cg, resources, 0, e);
	return cgroup_resources_limit(resources)
		       ? err_set(e, -ENOTSUP, "the container has no cgroup that could be limited")
		       : 0;
}

/* ---- acting on its processes ----------------------------------------------------------------- */

int cgroup_freeze(struct cgroup *cg, int on, struct err *e)
{
	if (cg->kind == CGROUP_KIND_V2)
		return cgroup_v2_freeze(cg, on, e);
	if (cg->kind == CGROUP_KIND_V1)
		return cgroup_v1_freeze(cg, on, e);
	return err_set(e, -ENOTSUP, "the container has no cgroup that could be frozen");
}

int cgroup_is_frozen(const struct cgroup *cg)
{
	const char *tree = cg->v1[CGROUP_V1_FREEZER];
	scoped(fd) int fd = tree	  ? cgroup_open_dir(tree)
			    : cg->limited ? cgroup_open_dir(cg->limited)
					  : -ENOTSUP;
	scoped(mem) char *text = NULL;
	struct err ignored;

	if (fd < 0 ||
	    path_read(fd, tree ? "freezer.state" : "cgroup.freeze", 64, &text, NULL, &ignored) < 0)
		return -ENOTSUP;
	return tree ? str_starts(text, "FR") : *text == '1';
}

int cgroup_pids(const struct cgroup *cg, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct cgroup_pid_list l = { 0 };
	const char *path = cg->limited ? cg->limited : cgroup_v1_any(cg);
	int r;

	if (!path)
		return err_set(e, -ENOTSUP, "the container has no cgroup of its own");
	r = cgroup_collect_pids(path, &l);
	if (r < 0) {
		free(l.pid);
		return err_errno(e, r, "list the processes of cgroup %s", path);
	}
	*ret = l.pid;
	*ret_n = l.n;
	return 0;
}

int cgroup_signal_all(struct cgroup *cg, int sig, struct err *e)
{
	scoped(mem) pid_t *pid = NULL;
	size_t n = 0;
	int r;

	if (sig == SIGKILL && cg->limited) {
		scoped(fd) int fd = cgroup_open_dir(cg->limited);
		if (fd >= 0 && cgroup_write(fd, "cgroup.kill", "1") == 0)
			return 0;
	}
	r = cgroup_pids(cg, &pid, &n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		if (kill(pid[i], sig) < 0 && errno != ESRCH)
			r = err_sys(e, "send signal %d to process %d", sig, (int)pid[i]);
	/* v1 delivers nothing, not even SIGKILL, to what is frozen. */
	if (r == 0 && sig == SIGKILL && cg->v1[CGROUP_V1_FREEZER])
		r = cgroup_v1_freeze(cg, 0, e);
	return r;
}

int cgroup_stats(const struct cgroup *cg, json_object **ret, struct err *e)
{
	json_object *o = NULL;

	if (cg->kind == CGROUP_KIND_NONE)
		return err_set(e, -ENOTSUP, "the container has no cgroup that could be measured");
	o = cg->kind == CGROUP_KIND_V1 ? cgroup_v1_stats(cg) : cgroup_v2_stats(cg);
	if (!o)
		return err_errno(e, ENOMEM, "measure a cgroup");
	*ret = o;
	return 0;
}

/* v1 counts since Linux 4.13. */
int64_t cgroup_oom_kills(const struct cgroup *cg)
{
	const char *tree = cg->v1[CGROUP_V1_MEMORY];
	scoped(fd) int fd = tree	  ? cgroup_open_dir(tree)
			    : cg->limited ? cgroup_open_dir(cg->limited)
					  : -ENOENT;

	return fd < 0 ? 0
		      : cgroup_read_num(fd, tree ? "memory.oom_control" : "memory.events",
					"oom_kill", 0);
}

/* memory cgroup v1: an eventfd is registered by "EVENTFD FD-OF-OOM_CONTROL" in
 * cgroup.event_control. */
static int oom_fd_v1(const char *tree)
{
	scoped(fd) int dir = cgroup_open_dir(tree);
	scoped(fd) int control = -EBADF;
	scoped(fd) int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char text[32];
	int r;

	if (dir < 0 || fd < 0)
		return -ENOTSUP;
	control = openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (control < 0)
		return -ENOTSUP;
	(void)snprintf(text, sizeof(text), "%d %d", fd, control);
	r = cgroup_write(dir, "cgroup.event_control", text);
	return r < 0 ? r : take_fd(&fd);
}

int cgroup_oom_fd(const struct cgroup *cg, short *ret_events)
{
	scoped(mem) char *file = NULL;
	scoped(fd) int fd = -EBADF;

	*ret_events = POLLIN;
	if (cg->v1[CGROUP_V1_MEMORY])
		return oom_fd_v1(cg->v1[CGROUP_V1_MEMORY]);
	if (!cg->limited)
		return -ENOTSUP;
	/* cgroup-v2.rst: files of events change by a modification notice. */
	file = str_printf("%s/memory.events", cg->limited);
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!file || fd < 0)
		return file ? -errno : -ENOMEM;
	if (inotify_add_watch(fd, file, IN_MODIFY) < 0)
		return errno == ENOENT ? -ENOTSUP : -errno;
	return take_fd(&fd);
}

int cgroup_destroy(struct cgroup *cg, struct err *e)
{
	const char *failed = NULL;
	int r = 0;

	for (int v = 0; v < CGROUP_V1_COUNT; v++) {
		int one = cg->v1[v] ? cgroup_remove_tree(cg->v1[v]) : 0;
		if (one < 0) {
			r = one;
			failed = cg->v1[v];
		}
	}
	if (cg->limited) {
		int is_units = (cg->unit || cg->scope) && str_ends(cg->limited, ".scope");
		int one =
			is_units ? cgroup_empty_tree(cg->limited) : cgroup_remove_tree(cg->limited);
		if (one < 0) {
			r = one;
			failed = cg->limited;
		}
	}
	if (r < 0)
		(void)err_errno(e, r, "remove cgroup %s", failed);
	cgroup_done(cg);
	return r;
}

/* ---- state ----------------------------------------------------------------------------------- */

json_object *cgroup_to_json(const struct cgroup *cg)
{
	json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put_int(o, "kind", cg->kind);
	if (cg->path)
		json_put_str(o, "path", cg->path);
	if (cg->limited)
		json_put_str(o, "limited", cg->limited);
	if (*cg->unmet)
		json_put_str(o, "unmet", cg->unmet);
	if (cg->unit) {
		json_put_str(o, "unit", cg->unit);
		json_put_bool(o, "user", cg->user_bus);
	}
	if (cg->scope)
		json_put_str(o, "scope", cg->scope);
	if (cg->kind == CGROUP_KIND_V1) {
		json_object *v1 = json_object_new_object();
		for (int i = 0; i < CGROUP_V1_COUNT; i++)
			if (cg->v1[i])
				json_put_str(v1, cgroup_v1_names[i], cg->v1[i]);
		json_put(o, "v1", v1);
	}
	return o;
}

static int take_str(json_object *o, const char *name, char **dst)
{
	const char *s = json_get_str(o, name);
	if (!s)
		return 0;
	*dst = strdup(s);
	return *dst ? 0 : -ENOMEM;
}

int cgroup_from_json(json_object *o, struct cgroup *ret, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	int64_t kind = json_get_int(o, "kind", -1);
	const char *unmet = json_get_str(o, "unmet");
	int r = take_str(o, "path", &cg.path);

	if (kind < CGROUP_KIND_NONE || kind > CGROUP_KIND_V1)
		return err_set(e, -EBADMSG, "this is no state of a cgroup");
	cg.kind = (enum cgroup_kind)kind;
	if (r == 0)
		r = take_str(o, "limited", &cg.limited);
	if (r == 0)
		r = take_str(o, "unit", &cg.unit);
	if (r == 0)
		r = take_str(o, "scope", &cg.scope);
	for (int i = 0; i < CGROUP_V1_COUNT && r == 0; i++)
		r = take_str(json_get(o, "v1"), cgroup_v1_names[i], &cg.v1[i]);
	if (r < 0)
		return err_errno(e, ENOMEM, "read the state of a cgroup");
	if (cg.kind == CGROUP_KIND_V2 && (!cg.path || !cg.limited))
		return err_set(e, -EBADMSG, "this is no state of a cgroup");
	cg.user_bus = json_get_bool(o, "user", 0);
	(void)snprintf(cg.unmet, sizeof(cg.unmet), "%s", unmet ? unmet : "");
	if (cg.path && cg.kind == CGROUP_KIND_V2) {
		cg.fd = cgroup_open_dir(cg.path);
		if (cg.fd < 0)
			cg.fd = -EBADF;
	}
	give(ret, &cg);
	return 0;
}
