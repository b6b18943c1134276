/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Where the unified hierarchy is: the only one, or beside v1 ones (hybrid). */
static const char *mount_point(void)
{
	static const char *const places[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	struct statfs fs;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (statfs(places[i], &fs) == 0 && (unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC)
			return places[i];
	return NULL;
}

const char *cgroup_delegated(char *buf, size_t n)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	const char *root = mount_point(), *p;

	buf[0] = '\0';
	if (!root || path_read(AT_FDCWD, "/proc/self/cgroup", 65536, &text, NULL, &ignored) < 0)
		return buf;
	/* cgroups(7): the line of v2 is "0::/path". */
	for (p = text; p && strncmp(p, "0::", 3) != 0;
	     p = strchr(p, '\n') ? strchr(p, '\n') + 1 : NULL)
		;
	if (!p)
		return buf;
	p += 3;
	if ((size_t)snprintf(buf, n, "%s%.*s", root, (int)strcspn(p, "\n"),
			     strcmp(p, "/\n") == 0 ? "" : p) >= n)
		buf[0] = '\0';
	/* Moving a process needs the right to write cgroup.procs of the common ancestor too: that
	 * is this one. */
	if (access(buf, W_OK) == 0) {
		scoped(mem) char *procs = str_printf("%s/cgroup.procs", buf);
		if (procs && access(procs, W_OK) == 0)
			return buf;
	}
	buf[0] = '\0';
	return buf;
}

static int open_parent(struct cgroup *c, const char *id)
{
	char path[PATH_MAX];

	(void)snprintf(c->name, sizeof(c->name), "cove-%.64s", id);
	if (!*cgroup_delegated(path, sizeof(path)))
		return -ENOENT;
	c->parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return c->parent < 0 ? -errno : 0;
}

void cgroup_make(struct cgroup *c, const char *id)
{
	if (open_parent(c, id) < 0)
		return;
	if (mkdirat(c->parent, c->name, 0755) == 0 || errno == EEXIST)
		c->fd = openat(c->parent, c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->fd < 0)
		cgroup_done(c);
}

void cgroup_open(struct cgroup *c, const char *id)
{
	if (open_parent(c, id) < 0)
		return;
	c->fd = openat(c->parent, c->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (c->fd < 0)
		cgroup_done(c);
}

void cgroup_done(struct cgroup *c)
{
	fd_close(take_fd(&c->fd));
	fd_close(take_fd(&c->parent));
}

/* cgroup.kill is Linux 5.14; before that each process is killed by its number. */
static void kill_all(const struct cgroup *c)
{
	scoped(fd) int fd = openat(c->fd, "cgroup.kill", O_WRONLY | O_CLOEXEC);
	scoped(mem) char *text = NULL;
	struct err ignored;

	if (fd >= 0 && write(fd, "1", 1) == 1)
		return;
	if (path_read(c->fd, "cgroup.procs", 1U << 20, &text, NULL, &ignored) < 0)
		return;
	for (char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		(void)kill((pid_t)strtol(p, NULL, 10), SIGKILL); /* it may just have gone */
}

void cgroup_remove(struct cgroup *c)
{
	struct timespec tick = { 0, 1000000 };

	if (c->fd < 0)
		return;
	/* Empty as a rule: the pid namespace took everything with it.  EBUSY lasts until the last
	 * one is reaped. */
	for (int tries = 0;
	     tries < 200 && unlinkat(c->parent, c->name, AT_REMOVEDIR) < 0 && errno == EBUSY;
	     tries++) {
		if (tries == 0)
			kill_all(c);
		(void)nanosleep(&tick, NULL);
	}
	cgroup_done(c);
}

int cgroup_had_oom(const struct cgroup *c)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	const char *p;

	if (c->fd < 0 || path_read(c->fd, "memory.events", 4096, &text, NULL, &ignored) < 0)
		return 0;
	p = strstr(text, "oom_kill ");
	return p && strtol(p + 9, NULL, 10) > 0;
}
