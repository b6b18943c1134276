/* SPDX-License-Identifier: Apache-2.0 */
/* Where cgroups are: mount points, the caller's own place in each hierarchy, and what of it is
 * ours to change. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "src/runtime/cgroup_backend.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define TEXT_MAX (1U << 20)

const char *const cgroup_v1_names[CGROUP_V1_COUNT] = {
	[CGROUP_V1_MEMORY] = "memory",	       [CGROUP_V1_CPU] = "cpu",
	[CGROUP_V1_CPUACCT] = "cpuacct",       [CGROUP_V1_CPUSET] = "cpuset",
	[CGROUP_V1_BLKIO] = "blkio",	       [CGROUP_V1_PIDS] = "pids",
	[CGROUP_V1_DEVICES] = "devices",       [CGROUP_V1_FREEZER] = "freezer",
	[CGROUP_V1_HUGETLB] = "hugetlb",       [CGROUP_V1_NET_CLS] = "net_cls",
	[CGROUP_V1_NET_PRIO] = "net_prio",     [CGROUP_V1_RDMA] = "rdma",
	[CGROUP_V1_PERF_EVENT] = "perf_event", [CGROUP_V1_SYSTEMD] = "name=systemd",
};

static int is_cgroup2(const char *path)
{
	struct statfs fs;
	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC;
}

int cgroup_is_unified(void)
{
	return is_cgroup2("/sys/fs/cgroup");
}

const char *cgroup_v2_mount(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (is_cgroup2(places[i]))
			return places[i];
	return NULL;
}

/* Is WORD one of the N bytes "a,b,c"? */
static int has_word(const char *list, size_t n, const char *word)
{
	size_t len = strlen(word);
	for (size_t i = 0; i <= n; i++) {
		size_t k = i;
		while (k < n && list[k] != ',')
			k++;
		if (k - i == len && memcmp(list + i, word, len) == 0)
			return 1;
		i = k;
	}
	return 0;
}

/* cgroups(7): "ID:controller,controller:/path", v2's line is "0::/path". */
char *cgroup_path_of(pid_t pid, const char *controller)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	char name[40];

	if (pid)
		(void)snprintf(name, sizeof(name), "/proc/%d/cgroup", (int)pid);
	else
		(void)snprintf(name, sizeof(name), "/proc/self/cgroup");
	if (path_read(AT_FDCWD, name, TEXT_MAX, &text, NULL, &ignored) < 0)
		return NULL;
	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		char *list = memchr(line, ':', n), *path;
		path = list ? memchr(list + 1, ':', n - (size_t)(list + 1 - line)) : NULL;
		if (path && has_word(list + 1, (size_t)(path - list - 1), controller))
			return str_printf("%.*s", (int)(n - (size_t)(path + 1 - line)), path + 1);
		line += n + (line[n] == '\n');
	}
	return NULL;
}

char *cgroup_own_path(void)
{
	return cgroup_path_of(0, "");
}

/* A mount point as mountinfo writes it: octal escapes for space, tab, newline, backslash. */
static void unescape(char *s)
{
	char *out = s;
	for (; *s; s++)
		if (s[0] == '\\' && s[1] && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	*out = '\0';
}

/* proc(5): "36 35 98:0 /root /mount/point options ... - cgroup source rw,memory". */
static char *mount_in(char *line, const char *controller)
{
	char *tail = strstr(line, " - cgroup "), *options, *point, *save = NULL;

	if (!tail)
		return NULL;
	options = strrchr(tail, ' ') + 1;
	if (!has_word(options, strlen(options), controller))
		return NULL;
	point = strtok_r(line, " ", &save);
	for (int i = 0; i < 4 && point; i++)
		point = strtok_r(NULL, " ", &save);
	if (!point)
		return NULL;
	unescape(point);
	return strdup(point);
}

char *cgroup_v1_mount(enum cgroup_v1 v)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	char *save = NULL;

	if (path_read(AT_FDCWD, "/proc/self/mountinfo", TEXT_MAX, &text, NULL, &ignored) < 0)
		return NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *found = mount_in(line, cgroup_v1_names[v]);
		if (found)
			return found;
	}
	return NULL;
}

/* cgroups(7), delegation containment: moving a process takes the right to write cgroup.procs of the
 * common ancestor too, which is this directory when the mover is in it or below. */
int cgroup_is_ours(const char *dir)
{
	scoped(mem) char *procs = str_printf("%s/cgroup.procs", dir);
	return procs && access(dir, W_OK) == 0 && access(procs, W_OK) == 0;
}

const char *cgroup_delegated(char *buf, size_t n)
{
	const char *root = cgroup_v2_mount();
	scoped(mem) char *own = root ? cgroup_own_path() : NULL;

	buf[0] = '\0';
	if (!own || strncmp(own, "/..", 3) == 0 ||
	    (size_t)snprintf(buf, n, "%s%s", root, strcmp(own, "/") == 0 ? "" : own) >= n ||
	    !cgroup_is_ours(buf))
		buf[0] = '\0';
	return buf;
}

/* Where the controllers are that a container could have: our own cgroup, or what systemd's manager
 * has to give. */
static char *controllers_file(void)
{
	char own[PATH_MAX];
	const char *root = cgroup_v2_mount();
	int reach;

	if (*cgroup_delegated(own, sizeof(own)))
		return str_printf("%s/cgroup.controllers", own);
	reach = cgroup_systemd_reach();
	if (!root || !reach)
		return NULL;
	return reach == 2 ? str_printf("%s/cgroup.controllers", root)
			  : str_printf("%s/user.slice/user-%u.slice/user@%u.service/"
				       "cgroup.controllers",
				       root, (unsigned)geteuid(), (unsigned)geteuid());
}

const char *cgroup_controllers(char *buf, size_t n)
{
	scoped(mem) char *file = controllers_file();
	scoped(mem) char *text = NULL;
	struct err ignored;

	buf[0] = '\0';
	if (file && path_read(AT_FDCWD, file, 4096, &text, NULL, &ignored) == 0)
		(void)snprintf(buf, n, "%.*s", (int)strcspn(text, "\n"), text);
	return buf;
}

/* ---- files ----------------------------------------------------------------------------------- */

int cgroup_open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int cgroup_write(int dir_fd, const char *name, const char *text)
{
	scoped(fd) int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	size_t n = strlen(text);
	ssize_t done;

	if (fd < 0)
		return -errno;
	do
		done = write(fd, text, n);
	while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : (size_t)done == n ? 0 : -EIO;
}

int64_t cgroup_read_num(int dir_fd, const char *name, const char *key, int64_t missing)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	size_t n = key ? strlen(key) : 0;

	if (path_read(dir_fd, name, TEXT_MAX, &text, NULL, &ignored) < 0)
		return missing;
	for (char *line = text; *line;) {
		if (!key || (strncmp(line, key, n) == 0 && line[n] == ' ')) {
			char *p = line + (key ? n + 1 : 0), *end;
			long long v = strtoll(p, &end, 10);
			return strncmp(p, "max", 3) == 0 ? -1 : end == p ? missing : v;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return missing;
}

static int add_pids(int dir_fd, struct cgroup_pid_list *l)
{
	scoped(mem) char *text = NULL;
	struct err e;
	int r = path_read(dir_fd, "cgroup.procs", 64U << 20, &text, NULL, &e);

	if (r < 0)
		return r == -ENODEV || r == -ENOENT ? 0 : r; /* removed while we looked */
	for (char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		long pid = strtol(p, NULL, 10);
		if (l->n == l->cap) {
			size_t cap = l->cap ? l->cap * 2 : 64;
			pid_t *more = reallocarray(l->pid, cap, sizeof(*more));
			if (!more)
				return -ENOMEM;
			l->pid = more;
			l->cap = cap;
		}
		/* 0: a process of a pid namespace that we do not see. */
		if (pid > 0)
			l->pid[l->n++] = (pid_t)pid;
	}
	return 0;
}

/* The directories below FD, one after the other. */
static int each_child(int fd, int (*fn)(int dir_fd, const char *name, void *arg), void *arg)
{
	scoped(fd) int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scoped(dir) DIR *d = again < 0 ? NULL : fdopendir(again);
	struct dirent *x;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : -errno;
	(void)take_fd(&again);
	while (r >= 0 && (x = readdir(d)))
		if (x->d_type == DT_DIR && strcmp(x->d_name, ".") != 0 &&
		    strcmp(x->d_name, "..") != 0)
			r = fn(fd, x->d_name, arg);
	return r;
}

static int collect_in(int dir_fd, const char *name, void *arg)
{
	scoped(fd) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = add_pids(fd, arg);
	return r < 0 ? r : each_child(fd, collect_in, arg);
}

int cgroup_collect_pids(const char *path, struct cgroup_pid_list *l)
{
	return collect_in(AT_FDCWD, path, l);
}

/* cgroup.kill is Linux 5.14; before that, and on v1, each process is killed by its number. */
static void kill_tree(const char *path)
{
	scoped(fd) int fd = cgroup_open_dir(path);
	struct cgroup_pid_list l = { 0 };

	if (fd < 0 || cgroup_write(fd, "cgroup.kill", "1") == 0)
		return;
	if (cgroup_collect_pids(path, &l) == 0)
		for (size_t i = 0; i < l.n; i++)
			(void)kill(l.pid[i], SIGKILL); /* it may just have gone */
	free(l.pid);
}

static int remove_in(int dir_fd, const char *name, void *arg)
{
	scoped(fd) int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int *failed = arg;

	if (fd >= 0)
		(void)each_child(fd, remove_in, arg);
	if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		*failed = -errno;
	return 0;
}

int cgroup_empty_tree(const char *path)
{
	struct timespec tick = { 0, 1000000 };

	for (int tries = 0; tries < 500; tries++) {
		scoped(fd) int fd = cgroup_open_dir(path);
		struct cgroup_pid_list l = { 0 };
		int failed = 0;
		if (fd < 0)
			return 0; /* systemd was faster */
		(void)each_child(fd, remove_in, &failed);
		(void)cgroup_collect_pids(path, &l);
		free(l.pid);
		if (!failed && !l.n)
			return 0;
		if (tries % 50 == 49)
			kill_tree(path);
		(void)nanosleep(&tick, NULL);
	}
	return -EBUSY;
}

int cgroup_remove_tree(const char *path)
{
	struct timespec tick = { 0, 1000000 };
	int failed = 0;

	/* Empty as a rule: the pid namespace took everything with it.  EBUSY lasts until the last
	 * one is reaped. */
	for (int tries = 0; tries < 500; tries++) {
		failed = 0;
		if (unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0 || errno == ENOENT)
			return 0;
		(void)remove_in(AT_FDCWD, path, &failed);
		if (failed != -EBUSY)
			break;
		if (tries % 50 == 0)
			kill_tree(path);
		(void)nanosleep(&tick, NULL);
	}
	return failed;
}
