/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/proc.h"
#include "src/util/scoped.h"

#define NESTING_MAX 32 /* pid_namespaces(7) */

/* First bytes of /proc/PID/NAME; the number of them or negative. */
static ssize_t read_proc(pid_t pid, const char *name, char *buf, size_t n)
{
	char path[64];
	scoped(fd) int fd = -EBADF;
	ssize_t got;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, buf, n - 1);
	buf[got < 0 ? 0 : got] = '\0';
	return got;
}

static ino_t namespace_of(pid_t pid, int *ret_fd)
{
	char path[64];
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_ino = 0;
	if (ret_fd)
		*ret_fd = fd;
	else
		(void)close(fd);
	return st.st_ino;
}

/* Is PID in namespace NS or one below it (NS_GET_PARENT is Linux 4.9)? */
static int is_member(pid_t pid, ino_t ns, ino_t ours)
{
	int fd = -1;
	ino_t at = namespace_of(pid, &fd);

	for (int depth = 0; at && at != ns && at != ours && depth < NESTING_MAX; depth++) {
		struct stat st;
		int up = ioctl(fd, NS_GET_PARENT);
		(void)close(fd);
		fd = up;
		at = up >= 0 && fstat(up, &st) == 0 ? st.st_ino : 0;
	}
	fd_close(fd);
	return at == ns;
}

/* Resident pages: quickly had, but what is shared counts for everybody. */
static int64_t resident(pid_t pid)
{
	char text[128];
	long pages = 0;

	if (read_proc(pid, "statm", text, sizeof(text)) <= 0)
		return 0;
	pages = strchr(text, ' ') ? strtol(strchr(text, ' '), NULL, 10) : 0;
	return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Its proportional share and what lies in swap (smaps_rollup is Linux 4.14). */
static int64_t proportional(pid_t pid)
{
	static const char *const keys[] = { "\nPss:", "\nSwapPss:" };
	char text[2048];
	int64_t kib = 0;

	if (read_proc(pid, "smaps_rollup", text, sizeof(text)) <= 0)
		return resident(pid);
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *at = strstr(text, keys[i]);
		if (at)
			kib += strtoll(at + strlen(keys[i]), NULL, 10);
	}
	return kib * 1024;
}

struct sum {
	int64_t total, largest;
	int64_t count;
	pid_t victim;
};

/* Threads count as processes do. */
static int64_t threads(pid_t pid)
{
	char text[2048];
	const char *at;

	if (read_proc(pid, "status", text, sizeof(text)) <= 0)
		return 1;
	at = strstr(text, "\nThreads:");
	return at ? strtoll(at + 9, NULL, 10) : 1;
}

static void add_up(const struct watch *w, ino_t ns, ino_t ours, int is_exact, struct sum *s)
{
	scoped(dir) DIR *d = opendir("/proc");
	struct dirent *x;

	*s = (struct sum){ 0 };
	while (d && (x = readdir(d))) {
		pid_t pid = (pid_t)strtol(x->d_name, NULL, 10);
		int64_t v = 0;
		if (pid <= 0 || !is_member(pid, ns, ours))
			continue;
		if (w->limits.memory)
			v = is_exact ? proportional(pid) : resident(pid);
		if (w->limits.pids)
			s->count += threads(pid);
		s->total += v;
		if (v > s->largest) {
			s->largest = v;
			s->victim = pid;
		}
	}
}

/* The number may have been used again since we looked. */
static int kill_member(pid_t pid, ino_t ns, ino_t ours)
{
	scoped(fd) int pidfd = proc_pidfd(pid);

	if (!is_member(pid, ns, ours))
		return 0;
	if (pidfd < 0)
		return kill(pid, SIGKILL) == 0;
	return proc_pidfd_kill(pidfd, SIGKILL) == 0;
}

void watch_look(struct watch *w)
{
	ino_t ns = namespace_of(w->init, NULL), ours = namespace_of(getpid(), NULL);
	struct sum s;

	if (!ns || ns == ours)
		return;
	add_up(w, ns, ours, 0, &s);
	if (w->limits.pids && s.count > w->limits.pids)
		(void)kill_member(w->init, ns, ours);
	if (!w->limits.memory || s.total <= w->limits.memory)
		return;
	add_up(w, ns, ours, 1, &s);
	if (s.total > w->limits.memory && s.victim && kill_member(s.victim, ns, ours))
		w->killed = 1;
}

int watch_members(pid_t init, pid_t **ret, size_t *ret_n)
{
	ino_t ns = namespace_of(init, NULL), ours = namespace_of(getpid(), NULL);
	scoped(dir) DIR *d = opendir("/proc");
	scoped(mem) pid_t *list = NULL;
	struct dirent *x;
	size_t n = 0;

	if (!ns || !d)
		return ns ? -errno : -ESRCH;
	if (ns == ours)
		return -ENOTSUP;
	while ((x = readdir(d))) {
		pid_t pid = (pid_t)strtol(x->d_name, NULL, 10), *more;
		if (pid <= 0 || !is_member(pid, ns, ours))
			continue;
		more = reallocarray(list, n + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list = more;
		list[n++] = pid;
	}
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

/* proc(5): utime and stime are fields 14 and 15, counted behind the name, which may hold anything.
 */
static int64_t cpu_time(pid_t pid)
{
	char text[1024];
	const char *p;
	int64_t ticks = 0, hz = sysconf(_SC_CLK_TCK);

	if (read_proc(pid, "stat", text, sizeof(text)) <= 0 || !(p = strrchr(text, ')')))
		return 0;
	for (int field = 2; *p && field < 16; p++)
		if (*p == ' ' && ++field >= 14 && field < 16)
			ticks += strtoll(p + 1, NULL, 10);
	return ticks * (1000000000 / (hz > 0 ? hz : 100));
}

void watch_usage(pid_t pid, int64_t *ret_cpu_ns, int64_t *ret_memory, int64_t *ret_threads)
{
	*ret_cpu_ns = cpu_time(pid);
	*ret_memory = proportional(pid);
	*ret_threads = threads(pid);
}
