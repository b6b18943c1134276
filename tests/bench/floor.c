/* SPDX-License-Identifier: Apache-2.0 */
/* The least that starting a container can cost: new namespaces, mapped ids, an overlay, an exec.
 *
 *	floor true                             nothing: whoever runs it pays for fork and exec of a
 *static program floor single LOWER SCRATCH COMMAND...  one id, which the kernel lets us map
 *ourselves floor helper LOWER SCRATCH COMMAND...  the user's subordinate range, by newuidmap and
 *newgidmap
 *
 * COMMAND is a path in LOWER.  Upper and work directory are made in SCRATCH and removed, as an
 *engine has to.
 *
 *	parent: mkdir, clone3 ----------> child: waits for the byte
 *	        maps ids
 *	        writes a byte ----------> mounts, pivots, execs COMMAND
 *	        waits, rmdir <----------- ends
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_SIZE 4096

struct range {
	unsigned long first, count;
};

struct scratch {
	char dir[PATH_SIZE - 64], upper[PATH_SIZE], work[PATH_SIZE], root[PATH_SIZE];
};

static void die(const char *what)
{
	(void)fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(125);
}

/* ---- ids ------------------------------------------------------------------------------------ */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	(void)close(fd);
}

/* The first line of FILE that begins with the user's name (subuid(5)). */
static struct range range_of(const char *file, const char *user)
{
	char line[512];
	size_t n = strlen(user);
	struct range r = { 0, 0 };
	FILE *f = fopen(file, "re");

	if (!f)
		die(file);
	while (r.count == 0 && fgets(line, sizeof(line), f)) {
		char *end;
		if (strncmp(line, user, n) != 0 || line[n] != ':')
			continue;
		r.first = strtoul(line + n + 1, &end, 10);
		r.count = *end == ':' ? strtoul(end + 1, NULL, 10) : 0;
	}
	(void)fclose(f);
	if (r.count == 0) {
		errno = ENOENT;
		die(file);
	}
	return r;
}

static void map_by_helper(const char *helper, pid_t child, unsigned own, struct range r)
{
	char pid[24], self[24], first[24], count[24];
	char *argv[] = { (char *)helper, pid, "0", self, "1", "1", first, count, NULL };
	int status = 0;
	pid_t p;

	(void)snprintf(pid, sizeof(pid), "%d", (int)child);
	(void)snprintf(self, sizeof(self), "%u", own);
	(void)snprintf(first, sizeof(first), "%lu", r.first);
	(void)snprintf(count, sizeof(count), "%lu", r.count);
	errno = posix_spawnp(&p, helper, NULL, NULL, argv, environ);
	if (errno || waitpid(p, &status, 0) < 0)
		die(helper);
	if (status != 0) {
		errno = EPERM;
		die(helper);
	}
}

static void map_range(pid_t child)
{
	const char *user = getenv("USER"); /* a static program should not ask the name service */
	if (!user) {
		errno = ENOENT;
		die("USER");
	}
	map_by_helper("newuidmap", child, getuid(), range_of("/etc/subuid", user));
	map_by_helper("newgidmap", child, getgid(), range_of("/etc/subgid", user));
}

/* user_namespaces(7): a single line with one's own id needs no privilege once setgroups(2) is
 * denied. */
static void map_own(pid_t child)
{
	char path[64], text[64];
	(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)child);
	write_file(path, "deny");
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)child);
	(void)snprintf(text, sizeof(text), "0 %u 1\n", (unsigned)getuid());
	write_file(path, text);
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)child);
	(void)snprintf(text, sizeof(text), "0 %u 1\n", (unsigned)getgid());
	write_file(path, text);
}

/* ---- files ---------------------------------------------------------------------------------- */

static void scratch_make(struct scratch *s, const char *parent)
{
	(void)snprintf(s->dir, sizeof(s->dir), "%s/floor-%d", parent, (int)getpid());
	(void)snprintf(s->upper, sizeof(s->upper), "%s/upper", s->dir);
	(void)snprintf(s->work, sizeof(s->work), "%s/work", s->dir);
	(void)snprintf(s->root, sizeof(s->root), "%s/root", s->dir);
	if (mkdir(s->dir, 0711) < 0 || mkdir(s->upper, 0755) < 0 || mkdir(s->work, 0755) < 0 ||
	    mkdir(s->root, 0755) < 0)
		die(s->dir);
}

/* overlayfs leaves an empty directory "work" in the work directory. */
static void scratch_remove(const struct scratch *s)
{
	char inner[PATH_SIZE + 8];
	(void)snprintf(inner, sizeof(inner), "%s/work", s->work);
	(void)rmdir(inner);
	if (rmdir(s->work) < 0 || rmdir(s->upper) < 0 || rmdir(s->root) < 0 || rmdir(s->dir) < 0)
		die(s->dir);
}

static void mount_root(const struct scratch *s, const char *lower)
{
	char options[3 * PATH_SIZE];

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		die("make mounts private");
	(void)snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s,userxattr",
		       lower, s->upper, s->work);
	if (mount("overlay", s->root, "overlay", 0, options) < 0)
		die("mount overlay");
	if (chdir(s->root) < 0)
		die(s->root);
	if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		die("mount proc");
	if (mount("/dev", "dev", NULL, MS_BIND | MS_REC, NULL) < 0)
		die("bind /dev");
	if (mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
		die("mount tmpfs");
	/* pivot_root(2), "pivot_root(".", ".")": the old root lies on top of the new one until it
	 * is let go. */
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
}

/* ---- processes ------------------------------------------------------------------------------ */

static int wait_for(pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			die("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int contained(void (*map)(pid_t), const char *lower, const char *parent, char **argv)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID |
					    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET |
					    CLONE_NEWCGROUP,
				   .exit_signal = SIGCHLD };
	struct scratch s;
	int go[2], status;
	pid_t child;
	char byte = 0;

	scratch_make(&s, parent);
	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (child < 0)
		die("clone3");
	if (child == 0) {
		(void)close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(125);
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			die("become root");
		mount_root(&s, lower);
		(void)execv(argv[0], argv);
		die(argv[0]);
	}
	map(child);
	if (write(go[1], &byte, 1) != 1)
		die("write");
	status = wait_for(child);
	scratch_remove(&s);
	return status;
}

int main(int argc, char **argv)
{
	const char *kind = argc > 1 ? argv[1] : "";

	if (strcmp(kind, "true") == 0)
		return 0;
	if (strcmp(kind, "single") == 0 && argc > 4)
		return contained(map_own, argv[2], argv[3], argv + 4);
	if (strcmp(kind, "helper") == 0 && argc > 4)
		return contained(map_range, argv[2], argv[3], argv + 4);
	(void)fprintf(stderr, "usage: floor true | floor single|helper LOWER SCRATCH COMMAND...\n");
	return 2;
}
