/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of the security modules, and the one way to files of /proc whose content matters.
 *
 * A label that was written to a file which only looks like one of procfs confines nobody
 * (CVE-2019-16884, CVE-2025-52881): so /proc is looked at before and no mount is crossed below. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/strbuf.h"

#define PROC_ROOT_INO 1 /* of every instance (fs/proc/inode.c) */

int init_open_proc(const char *name, int flags)
{
	struct open_how how = { .flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
				.resolve =
					RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	scoped(fd) int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	scoped(fd) int fd = -EBADF;
	struct statfs fs;
	struct stat st, root;

	if (proc < 0)
		return -errno;
	if (fstatfs(proc, &fs) < 0 || fstat(proc, &root) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC || root.st_ino != PROC_ROOT_INO)
		return -EXDEV;
	fd = (int)syscall(SYS_openat2, proc, name, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) {
		/* Before Linux 5.6: a file of another file system is found out afterwards. */
		fd = openat(proc, name, flags | O_CLOEXEC);
		if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC ||
				fstat(fd, &st) < 0 || st.st_dev != root.st_dev))
			return -EXDEV;
	}
	return fd < 0 ? -errno : take_fd(&fd);
}

static int write_label(const char *name, const char *text, const char *what, struct err *e)
{
	scoped(fd) int fd = init_open_proc(name, O_WRONLY);

	if (fd < 0)
		return err_errno(e, fd, "set %s: open /proc/%s", what, name);
	return write(fd, text, strlen(text)) != (ssize_t)strlen(text) ? err_sys(e, "set %s", what)
								      : 0;
}

static int set_apparmor(const char *profile, struct err *e)
{
	scoped(mem) char *text = NULL;
	int r;

	if (!profile || !*profile)
		return 0;
	text = str_printf("exec %s", profile);
	if (!text)
		return err_errno(e, ENOMEM, "set AppArmor profile %s", profile);
	r = write_label("thread-self/attr/apparmor/exec", text, "the AppArmor profile", e);
	if (r == -ENOENT) { /* before Linux 5.8, or no AppArmor */
		err_clear(e);
		r = write_label("thread-self/attr/exec", text, "the AppArmor profile", e);
	}
	if (r < 0 && strcmp(profile, "unconfined") == 0) {
		err_clear(e); /* as it is without AppArmor */
		return 0;
	}
	if (r < 0)
		(void)err_hint(e,
			       "is AppArmor enabled (/sys/module/apparmor/parameters/enabled), and "
			       "the profile loaded?");
	return r < 0 ? err_in(e, "AppArmor profile '%s'", profile) : 0;
}

static int set_selinux(const char *label, struct err *e)
{
	if (!label || !*label)
		return 0;
	if (write_label("thread-self/attr/exec", label, "the SELinux label", e) == 0)
		return 0;
	(void)err_hint(e, "is SELinux enabled (/sys/fs/selinux), and the label known?");
	return err_in(e, "SELinux label '%s'", label);
}

int init_set_labels(const struct plan *p, struct err *e)
{
	int r = set_apparmor(p->apparmor, e);
	return r < 0 ? r : set_selinux(p->selinux, e);
}
