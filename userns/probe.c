/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/util/account.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/join.h"
#include "userns/subid.h"

struct probe {
	struct probe_finding *list;
	size_t n;
	int run_fd;
	const char *graphroot;
	const char *user;
	int have_userns, have_ranges, have_helpers;
};

static struct probe_finding *add(struct probe *p, const char *what, enum probe_level level,
				 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static struct probe_finding *add(struct probe *p, const char *what, enum probe_level level,
				 const char *fmt, ...)
{
	struct probe_finding *f =
		&p->list[p->n < PROBE_FINDINGS_MAX ? p->n++ : PROBE_FINDINGS_MAX - 1];
	va_list ap;
	memset(f, 0, sizeof(*f));
	f->what = what;
	f->level = level;
	va_start(ap, fmt);
	(void)vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	return f;
}

static void mend(struct probe_finding *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void mend(struct probe_finding *f, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	(void)vsnprintf(f->mend, sizeof(f->mend), fmt, ap);
	va_end(ap);
}

/* A number from /proc/sys; MISSING when there is no such file. */
static long long sysctl_number(const char *path, long long missing)
{
	scoped(mem) char *text = NULL;
	struct err ignored;
	return path_read(AT_FDCWD, path, 64, &text, NULL, &ignored) < 0 ? missing
									: strtoll(text, NULL, 10);
}

/* Run FN in a child and return its exit status, so that the probe itself stays as it is. */
static int in_child(int (*fn)(struct probe *p), struct probe *p)
{
	scoped(child) struct child c = CHILD_NONE;
	struct err ignored;
	int r = proc_fork(&c, &ignored);
	if (r == 0)
		_exit(fn(p));
	return r < 0 ? 255 : proc_wait(&c);
}

static int try_userns(struct probe *p)
{
	(void)p;
	return unshare(CLONE_NEWUSER) < 0 ? errno : 0;
}

static int try_netns(struct probe *p)
{
	(void)p;
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0 ? errno : 0;
}

static int kernel_is_at_least(long major, long minor)
{
	struct utsname u;
	char *end;
	long v;

	if (uname(&u) < 0)
		return 1;
	v = strtol(u.release, &end, 10);
	return v > major || (v == major && *end == '.' && strtol(end + 1, NULL, 10) >= minor);
}

static void probe_kernel(struct probe *p)
{
	struct utsname u;
	if (uname(&u) < 0)
		return;
	(void)add(p, "kernel", PROBE_OK, "Linux %s %s", u.release, u.machine);
}

static void probe_userns(struct probe *p)
{
	int err = in_child(try_userns, p);
	struct probe_finding *f;

	if (err == 0) {
		p->have_userns = 1;
		(void)add(p, "user namespaces", PROBE_OK, "this user can make them");
		return;
	}
	f = add(p, "user namespaces", PROBE_FAILURE, "this user cannot make them: %s",
		strerror(err));
	if (sysctl_number("/proc/sys/user/max_user_namespaces", 1) == 0)
		mend(f, "an administrator sets: sysctl -w user.max_user_namespaces=15000 (and a "
			"file in /etc/sysctl.d)");
	else if (sysctl_number("/proc/sys/kernel/unprivileged_userns_clone", 1) == 0)
		mend(f, "an administrator sets: sysctl -w kernel.unprivileged_userns_clone=1 (and "
			"a file in /etc/sysctl.d)");
	else if (sysctl_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 0) != 0)
		mend(f, "an administrator sets: sysctl -w "
			"kernel.apparmor_restrict_unprivileged_userns=0, or gives cove an "
			"AppArmor profile with 'userns,'");
	else
		mend(f, "the kernel needs CONFIG_USER_NS, and no seccomp filter around this "
			"session may forbid unshare");
}

static void probe_netns(struct probe *p)
{
	int err = p->have_userns ? in_child(try_netns, p) : 0;
	if (err == 0)
		return;
	mend(add(p, "network namespaces", PROBE_FAILURE, "this user cannot make them: %s",
		 strerror(err)),
	     "an administrator sets: sysctl -w user.max_net_namespaces=15000 (and a file in "
	     "/etc/sysctl.d); images are "
	     "unpacked in one, too");
}

static void probe_ranges(struct probe *p)
{
	static const char *const what[] = { "subordinate user ids", "subordinate group ids" };
	p->have_ranges = 1;
	for (int groups = 0; groups < 2; groups++) {
		scoped(mem) struct subid_range *range = NULL;
		size_t n = 0;
		unsigned long long sum = 0;
		struct err e;
		if (subid_ranges(p->run_fd, getuid(), groups, &range, &n, &e) < 0) {
			p->have_ranges = 0;
			mend(add(p, what[groups], PROBE_FAILURE, "%.200s", e.text),
			     "an administrator adds a range: usermod --add-sub%cids 100000-165535 "
			     "%s (one that nobody else has)",
			     groups ? 'g' : 'u', p->user);
			continue;
		}
		for (size_t i = 0; i < n; i++)
			sum += range[i].count;
		if (sum < 65536)
			mend(add(p, what[groups], PROBE_WARNING, "only %llu, from %u on", sum,
				 range[0].first),
			     "many images need 65536: an administrator makes the range larger");
		else
			(void)add(p, what[groups], PROBE_OK, "%llu, from %u on", sum,
				  range[0].first);
	}
}

static void probe_helpers(struct probe *p)
{
	static const char *const names[] = { "newuidmap", "newgidmap" };
	static const char *const cap[] = { "cap_setuid", "cap_setgid" };
	p->have_helpers = 1;
	for (int i = 0; i < 2; i++) {
		scoped(mem) char *path = proc_find_program(names[i]);
		struct stat st;
		struct statvfs fs;
		if (!path) {
			p->have_helpers = 0;
			mend(add(p, names[i], PROBE_FAILURE, "it is not installed"),
			     "an administrator installs the package 'uidmap' (shadow-utils "
			     "elsewhere)");
			continue;
		}
		if (stat(path, &st) < 0 || statvfs(path, &fs) < 0)
			continue;
		if (!((st.st_mode & S_ISUID) && st.st_uid == 0) &&
		    getxattr(path, "security.capability", NULL, 0) <= 0) {
			p->have_helpers = 0;
			mend(add(p, names[i], PROBE_FAILURE,
				 "%.150s is neither set-user-id root nor has a file capability",
				 path),
			     "an administrator runs: chmod u+s %.100s, or setcap %s+ep %.100s",
			     path, cap[i], path);
			continue;
		}
		if (fs.f_flag & ST_NOSUID) {
			p->have_helpers = 0;
			mend(add(p, names[i], PROBE_FAILURE,
				 "%.150s is on a file system mounted nosuid", path),
			     "an administrator mounts it with suid");
			continue;
		}
		(void)add(p, names[i], PROBE_OK, "%.200s", path);
	}
}

/* In a namespace of the user's: does overlayfs take a mount over directories of the store? */
static int try_overlay(struct probe *p)
{
	char dir[4096];
	struct err e;
	int r;

	(void)snprintf(dir, sizeof(dir), "%s/cove-probe-XXXXXX", p->graphroot);
	if (userns_enter(p->run_fd, &e) < 0)
		return 250;
	if (!mkdtemp(dir))
		return errno;
	{
		scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		static const char *const subs[] = { "l", "u", "w", "m" };
		for (size_t i = 0; i < ARRAY_LEN(subs); i++)
			if (mkdirat(fd, subs[i], 0700) < 0)
				return errno;
		if (fchdir(fd) < 0)
			return errno;
	}
	r = mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w,userxattr") < 0
		    ? errno
		    : 0;
	if (r == 0)
		(void)umount2("m", MNT_DETACH);
	if (chdir("/") == 0)
		(void)path_rmtree(AT_FDCWD,
				  dir); /* a leftover of a probe is only an empty directory */
	return r;
}

static void probe_overlay(struct probe *p)
{
	struct probe_finding *f;
	int err;

	if (!p->have_userns || !p->have_ranges || !p->have_helpers)
		return; /* it needs them, and they are told already */
	err = in_child(try_overlay, p);
	if (err == 0) {
		(void)add(p, "overlay mounts", PROBE_OK, "native overlayfs on %.180s",
			  p->graphroot);
		return;
	}
	f = add(p, "overlay mounts", PROBE_FAILURE, "overlayfs cannot be mounted on %.120s: %s",
		p->graphroot, err == 250 ? "the user namespace cannot be entered" : strerror(err));
	if (err == ENODEV)
		mend(f, "an administrator loads the module: modprobe overlay");
	else if (!kernel_is_at_least(5, 11))
		mend(f, "overlay mounts by users need Linux 5.11: an administrator installs a "
			"newer kernel (Debian 11: "
			"linux-image-amd64 of bullseye-backports)");
	else if (err == EPERM)
		mend(f, "no security module may forbid mounts in user namespaces: an administrator "
			"looks at its messages with "
			"dmesg");
	else
		mend(f, "choose a file system that can be an upper layer (ext4, xfs, btrfs, tmpfs "
			"of Linux 6.6) with --root");
}

static void probe_device(struct probe *p, const char *path, const char *what, const char *module,
			 enum probe_level level, const char *without)
{
	scoped(fd) int fd = open(path, O_RDWR | O_CLOEXEC);
	struct probe_finding *f;

	if (fd >= 0) {
		(void)add(p, what, PROBE_OK, "%s can be opened", path);
		return;
	}
	f = add(p, what, level, "%s cannot be opened: %s", path, strerror(errno));
	if (errno == EACCES || errno == EPERM)
		mend(f, "an administrator runs: chmod 0666 %s (a udev rule keeps it); %s", path,
		     without);
	else
		mend(f, "an administrator loads the module: modprobe %s, or makes the node; %s",
		     module, without);
}

static void probe_store(struct probe *p)
{
	struct statvfs fs;
	struct probe_finding *f;

	if (statvfs(p->graphroot, &fs) < 0)
		return;
	if (fs.f_flag & ST_RDONLY) {
		f = add(p, "store", PROBE_FAILURE, "%.200s is on a read-only file system",
			p->graphroot);
		mend(f, "choose another directory with --root");
	} else if (fs.f_flag & ST_NOEXEC) {
		f = add(p, "store", PROBE_FAILURE, "%.180s is on a file system mounted noexec",
			p->graphroot);
		mend(f, "programs of images could not be executed: choose another directory with "
			"--root");
	} else if (fs.f_flag & ST_NODEV) {
		(void)add(p, "store", PROBE_OK, "%.180s (nodev, which does not matter)",
			  p->graphroot);
	} else {
		(void)add(p, "store", PROBE_OK, "%.220s", p->graphroot);
	}
}

size_t probe_host(int run_fd, const char *graphroot, struct probe_finding *list)
{
	scoped(account) struct account a = ACCOUNT_NONE;
	int known = account_find(getuid(), &a);
	struct probe p = { .list = list,
			   .run_fd = run_fd,
			   .graphroot = graphroot,
			   .user = known ? a.name : "USER" };

	probe_kernel(&p);
	if (userns_is_root()) {
		(void)add(&p, "user", PROBE_OK, "root: no user namespace is needed");
		p.have_userns = p.have_ranges = p.have_helpers = 1;
	} else {
		probe_userns(&p);
		probe_netns(&p);
		probe_ranges(&p);
		probe_helpers(&p);
	}
	probe_store(&p);
	probe_overlay(&p);
	probe_device(&p, "/dev/net/tun", "private network", "tun", PROBE_WARNING,
		     "until then use --network host or --network none");
	probe_device(&p, "/dev/fuse", "FUSE", "fuse", PROBE_WARNING,
		     "it is needed where overlay mounts are not possible");
	return p.n;
}
