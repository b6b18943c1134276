/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup v2 by its file system.
 *
 * A place for a container's cgroup has to be ours, and its controllers have to be enabled in the
 * directory above it, which then may hold no processes itself (cgroups(7)).  So the places that are
 * tried are, in this order:
 *	1. our own cgroup, when what is wanted is enabled there already, or can be
 *	2. the one above it, when that is delegated to us as well (a job's cgroup with a leaf for
 *us)
 *	3. our own again, after its processes were moved into a leaf below: only where it was made
 *	   for such use (systemd marks it, or there is no systemd)
 *	4. as root, where systemd is not there or not wanted: "cove" at the top
 * On a host with systemd the caller then asks for a scope (cgroup_systemd.c). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

/* Is WORD in the file NAME of DIR ("cpu memory pids\n")? */
static int file_has_word(const char *dir, const char *name, const char *word)
{
	scoped(fd) int fd = cgroup_open_dir(dir);
	scoped(mem) char *text = NULL;
	struct err ignored;
	size_t len = strlen(word);

	if (fd < 0 || path_read(fd, name, 4096, &text, NULL, &ignored) < 0)
		return 0;
	for (char *p = text; *p;) {
		size_t n = strcspn(p, " \n");
		if (n == len && memcmp(p, word, n) == 0)
			return 1;
		p += n + (p[n] != '\0');
	}
	return 0;
}

static char *parent_of(const char *dir)
{
	const char *slash = strrchr(dir, '/');
	return slash && slash != dir ? str_printf("%.*s", (int)(slash - dir), dir) : NULL;
}

/* Processes in a cgroup whose children are to have controllers.  For some (memory, io) the kernel
 * refuses that itself; for cpu and pids it would make a threaded subtree of it, in which no process
 * can be born (cgroups(7), "thread mode").  The root of all is exempt. */
static int is_in_the_way(const char *dir)
{
	scoped(fd) int fd = cgroup_open_dir(dir);
	scoped(mem) char *procs = NULL;
	struct err ignored;

	return fd >= 0 && faccessat(fd, "cgroup.type", F_OK, 0) == 0 &&
	       path_read(fd, "cgroup.procs", 1U << 20, &procs, NULL, &ignored) == 0 && *procs;
}

int cgroup_v2_enable(const char *dir, const char *word)
{
	char text[40];
	scoped(fd) int fd = -EBADF;

	if (is_in_the_way(dir))
		return -EBUSY;
	if (file_has_word(dir, "cgroup.subtree_control", word))
		return 0;
	if (!file_has_word(dir, "cgroup.controllers", word)) {
		const char *root = cgroup_v2_mount();
		scoped(mem) char *up = parent_of(dir);
		int r;
		if (!root || !up || strcmp(dir, root) == 0 || !path_is_below(up, root))
			return -ENOTSUP;
		r = cgroup_v2_enable(up, word);
		if (r < 0)
			return r == -EACCES || r == -EROFS || r == -EBUSY ? -ENOTSUP : r;
	}
	fd = cgroup_open_dir(dir);
	if (fd < 0)
		return fd;
	(void)snprintf(text, sizeof(text), "+%s", word);
	return cgroup_write(fd, "cgroup.subtree_control", text);
}

/* ---- limits ---------------------------------------------------------------------------------- */

/* Put WORD into the list "a|b" unless it is there. */
static void add_word(char *buf, size_t n, const char *word)
{
	size_t len = strlen(buf);
	if (*word && !str_in_words(word, strlen(word), buf))
		(void)snprintf(buf + len, n - len, "%s%s", len ? "|" : "", word);
}

/* The controllers of L. */
static void words_of(const struct cgroup_settings *l, char *buf, size_t n)
{
	char word[32];
	buf[0] = '\0';
	for (size_t i = 0; i < l->n; i++)
		add_word(buf, n, cgroup_setting_controller(l->s[i].file, word, sizeof(word)));
}

static int is_unmet(const struct cgroup *cg, const char *file)
{
	char word[32];
	(void)cgroup_setting_controller(file, word, sizeof(word));
	return str_in_words(word, strlen(word), cg->unmet);
}

/* A weight for the block IO controller where the bfq scheduler is not loaded: another file, with
 * another scale.  VALUE is "W" or "MAJ:MIN W". */
static int write_io_weight(int fd, const char *value)
{
	const char *number = strrchr(value, ' ');
	char text[64];
	unsigned long long w;

	number = number ? number + 1 : value;
	if (str_to_u64(number, 1000, &w) < 0)
		return -EINVAL;
	(void)snprintf(text, sizeof(text), "%.*s%llu", (int)(number - value), value,
		       (unsigned long long)cgroup_weight_of_blkio(w));
	return cgroup_write(fd, "io.weight", text);
}

static int write_setting(int fd, const struct cgroup_setting *s)
{
	int r = cgroup_write(fd, s->file, s->value);
	if (r == -ENOENT && strcmp(s->file, "io.bfq.weight") == 0)
		r = write_io_weight(fd, s->value);
	return r == -ENOENT && (s->flags & CGROUP_SETTING_OPTIONAL) ? 0 : r;
}

/* A controller that nobody wanted when the cgroup was made. */
static int enable_late(const struct cgroup *cg, const char *file)
{
	scoped(mem) char *up = parent_of(cg->limited);
	char word[32];

	(void)cgroup_setting_controller(file, word, sizeof(word));
	return up && *word ? cgroup_v2_enable(up, word) : -ENOENT;
}

int cgroup_v2_apply(struct cgroup *cg, json_object *resources, int lenient, struct err *e)
{
	scoped(cgroup_settings) struct cgroup_settings l = { 0 };
	scoped(fd) int fd = -EBADF;
	int r = cgroup_settings_v2(resources, &l, e);

	if (r < 0 || !l.n)
		return r;
	fd = cgroup_open_dir(cg->limited);
	if (fd < 0)
		return err_errno(e, fd, "open cgroup %s", cg->limited);
	for (size_t i = 0; i < l.n; i++) {
		if (is_unmet(cg, l.s[i].file))
			continue;
		r = write_setting(fd, &l.s[i]);
		if (r == -ENOENT && enable_late(cg, l.s[i].file) == 0)
			r = write_setting(fd, &l.s[i]);
		if (r == -ENOENT) {
			char word[32];
			(void)cgroup_setting_controller(l.s[i].file, word, sizeof(word));
			if (!lenient)
				return err_set(e, -ENOTSUP,
					       "cannot set %s: the %s controller is not available "
					       "in cgroup %s",
					       l.s[i].file, word, cg->limited);
			add_word(cg->unmet, sizeof(cg->unmet), word);
			continue;
		}
		if (r < 0)
			return err_errno(e, r, "write '%s' to %s/%s", l.s[i].value, cg->limited,
					 l.s[i].file);
	}
	return 0;
}

/* ---- the place ------------------------------------------------------------------------------- */

/* systemd marks what it has delegated (version 236 for root to read, 251 for all). */
static int is_marked(const char *dir)
{
	char v[4];
	const char *last = strrchr(dir, '/');

	/* The user manager's own service is marked as well, and its inside is the manager's. */
	if (last && strncmp(last, "/user@", 6) == 0)
		return 0;
	return (getxattr(dir, "user.delegate", v, sizeof(v)) == 1 && v[0] == '1') ||
	       (getxattr(dir, "trusted.delegate", v, sizeof(v)) == 1 && v[0] == '1');
}

static int may_manage(const char *dir)
{
	return access("/run/systemd/system", F_OK) < 0 || is_marked(dir);
}

/* Move every process of DIR (and what comes meanwhile) into a leaf. */
static int evacuate(const char *dir)
{
	scoped(mem) char *leaf = str_printf("%s/" CGROUP_LEAF, dir);
	scoped(mem) char *text = NULL;
	scoped(fd) int from = cgroup_open_dir(dir);
	scoped(fd) int to = -EBADF;
	struct err ignored;

	if (!leaf || from < 0 || (mkdir(leaf, 0755) < 0 && errno != EEXIST))
		return -errno;
	to = cgroup_open_dir(leaf);
	if (to < 0)
		return to;
	for (int tries = 0; tries < 16; tries++) {
		free(take_ptr(&text));
		if (path_read(from, "cgroup.procs", 1U << 20, &text, NULL, &ignored) < 0)
			return -EIO;
		if (!*text)
			return 0;
		for (char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
			char pid[16];
			int r;
			(void)snprintf(pid, sizeof(pid), "%.*s", (int)strcspn(p, "\n"), p);
			r = cgroup_write(to, "cgroup.procs", pid);
			if (r < 0 && r != -ESRCH)
				return r;
		}
	}
	return -EBUSY;
}

/* Can every controller in WORDS ("cpu|memory") be used below DIR?  The unmet ones go to UNMET.  0:
 * all can, 1: some are out of reach, -EBUSY: processes are in the way. */
static int enable_all(const char *dir, const char *words, char *unmet, size_t n)
{
	scoped(strv) char **list = strv_split(words, '|');
	int some = 0;

	unmet[0] = '\0';
	for (size_t i = 0; list && list[i]; i++) {
		int r = cgroup_v2_enable(dir, list[i]);
		if (r == -EBUSY)
			return r;
		if (r < 0) {
			add_word(unmet, n, list[i]);
			some = 1;
		}
	}
	return some;
}

/* Root may have a directory of its own at the top, where systemd was told to stay out of it. */
static int find_place_of_root(const char *words, struct cgroup *cg, char **ret)
{
	scoped(mem) char *dir = str_printf("%s/cove", cgroup_v2_mount());
	int r;

	if (!dir)
		return -ENOMEM;
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return -errno;
	r = enable_all(dir, words, cg->unmet, sizeof(cg->unmet));
	if (r < 0)
		return r;
	*ret = take_ptr(&dir);
	return 0;
}

static int gives(const char *dir, const char *word)
{
	return file_has_word(dir, "cgroup.controllers", word) && !is_in_the_way(dir);
}

int cgroup_gives(const char *word)
{
	char own[PATH_MAX];
	scoped(mem) char *up = NULL;

	if (!cgroup_is_unified() || !*cgroup_delegated(own, sizeof(own)) ||
	    !file_has_word(own, "cgroup.controllers", word))
		return 0;
	if (is_marked(own) || gives(own, word))
		return 1;
	up = parent_of(own);
	return up && cgroup_is_ours(up) && may_manage(up) && path_is_below(up, cgroup_v2_mount()) &&
	       gives(up, word);
}

/* Where to make a cgroup with the controllers in WORDS.  *RET owned. */
static int find_place(const char *words, struct cgroup *cg, char **ret)
{
	char own[PATH_MAX];
	scoped(mem) char *up = NULL;
	int r;

	if (!*cgroup_delegated(own, sizeof(own)))
		return -EACCES;
	r = *words ? enable_all(own, words, cg->unmet, sizeof(cg->unmet)) : 0;
	up = parent_of(own);
	if (r != 0 && up && cgroup_is_ours(up) && may_manage(up) &&
	    path_is_below(up, cgroup_v2_mount())) {
		char unmet[sizeof(cg->unmet)];
		int better = enable_all(up, words, unmet, sizeof(unmet));
		if (better == 0 || (better > 0 && r < 0)) {
			memcpy(cg->unmet, unmet, sizeof(unmet));
			*ret = take_ptr(&up);
			return *ret ? 0 : -ENOMEM;
		}
	}
	if (r == -EBUSY && (cg->scope || may_manage(own))) {
		r = evacuate(own);
		if (r == 0)
			r = enable_all(own, words, cg->unmet, sizeof(cg->unmet));
	}
	if (r < 0)
		return r;
	*ret = strdup(own);
	return *ret ? 0 : -ENOMEM;
}

static int is_clean_path(const char *p)
{
	for (const char *c = p; *c; c += strcspn(c, "/"), c += *c == '/') {
		size_t n = strcspn(c, "/");
		if ((n == 2 && c[0] == '.' && c[1] == '.') || n > NAME_MAX)
			return 0;
	}
	return 1;
}

/* mkdir -p below the mount point. */
static int make_dirs(const char *path, struct err *e)
{
	scoped(mem) char *copy = strdup(path);

	if (!copy)
		return err_errno(e, ENOMEM, "make cgroup %s", path);
	for (char *p = copy + strlen(cgroup_v2_mount()); p && *p;) {
		char *next = strchr(p + 1, '/');
		if (next)
			*next = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make cgroup %s", copy);
		if (next)
			*next = '/';
		p = next;
	}
	return 0;
}

/* linux.cgroupsPath. */
static int place_of_path(const char *p, const char *words, struct cgroup *cg, char **ret,
			 struct err *e)
{
	scoped(mem) char *full = NULL;
	scoped(mem) char *up = NULL;
	scoped(mem) char *own = cgroup_own_path();
	const char *root = cgroup_v2_mount();
	size_t len;
	int r;

	if (!is_clean_path(p))
		return err_set(e, -EINVAL, "cgroupsPath '%s' leads upwards", p);
	if (!own)
		return err_set(e, -ENOENT, "this process has no cgroup that could be seen");
	full = *p == '/' ? str_printf("%s%s", root, p)
			 : str_printf("%s%s/%s", root, strcmp(own, "/") == 0 ? "" : own, p);
	if (!full)
		return err_errno(e, ENOMEM, "make cgroup %s", p);
	for (len = strlen(full); len > 1 && full[len - 1] == '/';)
		full[--len] = '\0';
	if (strcmp(full, root) == 0)
		return err_set(e, -EINVAL, "cgroupsPath '%s' is the root of all", p);
	r = make_dirs(full, e);
	if (r < 0)
		return r;
	up = parent_of(full);
	r = up ? enable_all(up, words, cg->unmet, sizeof(cg->unmet)) : -ENOMEM;
	if (r < 0)
		return err_errno(e, r, "enable controllers in cgroup %s", up ? up : full);
	*ret = take_ptr(&full);
	return 0;
}

/* The controllers that DIR could give to its children, all of them. */
static void enable_available(const char *dir)
{
	scoped(fd) int fd = cgroup_open_dir(dir);
	scoped(mem) char *text = NULL;
	struct err ignored;
	char *save = NULL;

	if (fd < 0 || path_read(fd, "cgroup.controllers", 4096, &text, NULL, &ignored) < 0)
		return;
	for (char *w = strtok_r(text, " \n", &save); w; w = strtok_r(NULL, " \n", &save))
		(void)cgroup_v2_enable(dir, w); /* one that is missed is told by apply */
}

static int open_made(struct cgroup *cg, char *take_path, struct err *e)
{
	cg->path = take_path;
	cg->limited = strdup(take_path);
	cg->fd = cgroup_open_dir(take_path);
	if (!cg->limited)
		return err_errno(e, ENOMEM, "make a cgroup");
	if (cg->fd < 0)
		return err_errno(e, cg->fd, "open cgroup %s", take_path);
	cg->kind = CGROUP_KIND_V2;
	return 0;
}

/* --cgroup-parent, unless it is a slice of systemd's. */
static int is_parent_path(const char *parent)
{
	return parent && *parent && !str_ends(parent, ".slice");
}

int cgroup_v2_create(const struct cgroup_options *o, struct cgroup *cg, struct err *e)
{
	scoped(cgroup_settings) struct cgroup_settings l = { 0 };
	scoped(mem) char *dir = NULL;
	char words[128];
	int r = o->resources ? cgroup_settings_v2(o->resources, &l, e) : 0;

	if (r < 0)
		return r;
	words_of(&l, words, sizeof(words));
	if (o->path || is_parent_path(o->parent)) {
		scoped(mem) char *below =
			o->path ? strdup(o->path) : str_printf("%s/cove-%.64s", o->parent, o->id);
		r = below ? place_of_path(below, words, cg, &dir, e)
			  : err_errno(e, ENOMEM, "make a cgroup");
		if (r < 0)
			return r;
	} else {
		scoped(mem) char *place = NULL;
		r = find_place(words, cg, &place);
		if ((r < 0 || *cg->unmet) && userns_is_host_root() &&
		    (o->manager == CGROUP_CGROUPFS || access("/run/systemd/system", F_OK) < 0)) {
			free(take_ptr(&place));
			r = find_place_of_root(words, cg, &place);
		}
		if (r < 0)
			return err_errno(e, r, "find a place for the container's cgroup");
		dir = str_printf("%s/cove-%.64s", place, o->id);
		if (!dir)
			return err_errno(e, ENOMEM, "make a cgroup");
		if (mkdir(dir, 0755) < 0 && errno != EEXIST)
			return err_sys(e, "make cgroup %s", dir);
	}
	if (*cg->unmet && !o->lenient) {
		(void)rmdir(dir); /* ours, and empty */
		return err_set(e, -ENOTSUP, "cgroup controllers out of reach: %s", cg->unmet);
	}
	r = open_made(cg, take_ptr(&dir), e);
	if (r == 0 && o->resources)
		r = cgroup_v2_apply(cg, o->resources, o->lenient, e);
	if (r == 0 && o->resources)
		r = cgroup_devices_v2(cg->fd, json_get(o->resources, "devices"), e);
	return r;
}

static int move(const char *dir, pid_t pid, struct err *e)
{
	scoped(fd) int fd = cgroup_open_dir(dir);
	char text[16];
	int r;

	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	r = fd < 0 ? fd : cgroup_write(fd, "cgroup.procs", text);
	return r < 0 ? err_errno(e, r, "move process %d into cgroup %s", (int)pid, dir) : 0;
}

int cgroup_v2_subgroup(struct cgroup *cg, const char *scope, json_object *pending, pid_t pid,
		       struct err *e)
{
	const char *sub = json_get_str(pending, "subgroup");
	const char *delegate = json_get_str(pending, "delegate");
	json_object *resources = json_get(pending, "resources");
	int lenient = json_get_bool(pending, "lenient", 0), r = 0;

	cg->limited = sub && *sub ? str_printf("%s/%s", scope, sub) : strdup(scope);
	cg->path = cg->limited && delegate ? str_printf("%s/%s", cg->limited, delegate)
		   : cg->limited	   ? strdup(cg->limited)
					   : NULL;
	if (!cg->path)
		return err_errno(e, ENOMEM, "make a cgroup");
	cg->kind = CGROUP_KIND_V2;
	if (sub && *sub && mkdir(cg->limited, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make cgroup %s", cg->limited);
	if (delegate && mkdir(cg->path, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make cgroup %s", cg->path);
	if (sub && *sub) {
		r = move(cg->path, pid, e);
		if (r < 0)
			return r;
		enable_available(scope);
	}
	cg->fd = cgroup_open_dir(cg->path);
	if (cg->fd < 0)
		return err_errno(e, cg->fd, "open cgroup %s", cg->path);
	if (resources)
		r = cgroup_v2_apply(cg, resources, lenient, e);
	return r < 0 || !resources ? r
				   : cgroup_devices_v2(cg->fd, json_get(resources, "devices"), e);
}

/* ---- freezing -------------------------------------------------------------------------------- */

/* cgroup.freeze is Linux 5.2; cgroup.events tells when all processes have come to rest. */
int cgroup_v2_freeze(const struct cgroup *cg, int on, struct err *e)
{
	struct timespec tick = { 0, 2000000 };
	scoped(fd) int fd = cgroup_open_dir(cg->limited);
	int r = fd < 0 ? fd : cgroup_write(fd, "cgroup.freeze", on ? "1" : "0");

	if (r == -ENOENT)
		return err_set(e, -ENOTSUP, "this kernel has no freezer in cgroup v2");
	if (r < 0)
		return err_errno(e, r, "%s cgroup %s", on ? "freeze" : "thaw", cg->limited);
	for (int tries = 0; tries < 2500; tries++) {
		if (cgroup_read_num(fd, "cgroup.events", "frozen", on) == on)
			return 0;
		(void)nanosleep(&tick, NULL);
	}
	(void)cgroup_write(fd, "cgroup.freeze", "0"); /* half frozen is worse than not */
	return err_set(e, -EBUSY, "the processes of cgroup %s do not come to rest", cg->limited);
}
