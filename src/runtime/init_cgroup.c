/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup file systems in the container: one (v2), or one for each hierarchy (v1 and hybrid). */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/path.h"
#include "userns/mount.h"

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif

#define HOST "/sys/fs/cgroup"

static int has_namespace(const struct init *in)
{
	return (in->plan->clone_flags & CLONE_NEWCGROUP) || in->plan->ns_path[NS_CGROUP];
}

/* Directory NAME (of a tmpfs of ours) and in it hierarchy SUBSYSTEMS of v1, or v2 when that is "".
 * PATH is our own cgroup there. */
static int mount_hierarchy(struct init *in, const struct plan_mount *m, int top, const char *name,
			   const char *subsystems, const char *path, struct err *e)
{
	struct plan_mount one = *m;
	scoped(mem) char *host = str_printf(HOST "/%s%s", name, has_namespace(in) ? "" : path);
	scoped(fd) int dir = -EBADF;
	scoped(fd) int source = -EBADF;

	if (!host)
		return err_errno(e, ENOMEM, "mount the cgroup hierarchies");
	if (mkdirat(top, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s", name);
	dir = openat(top, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open directory %s", name);
	one.data = *subsystems ? (char *)subsystems : NULL;
	one.source = (char *)"cgroup";
	if (has_namespace(in))
		return init_mount_or_bind(*subsystems ? "cgroup" : "cgroup2", dir, &one, host,
					  MS_RDONLY, e);
	source = open(host, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (source < 0) /* named in /proc and mounted nowhere */
		return errno == ENOENT ? 0 : err_sys(e, "open %s", host);
	return mount_bind(source, dir, 1, m->flags & MOUNT_ATTR_FLAGS, 0, 0, NULL, e);
}

/* "cpu,cpuacct" is found under each of its names. */
static int link_names(int top, const char *name, struct err *e)
{
	scoped(strv) char **parts = strv_split(name, ',');

	for (size_t i = 0; parts && strchr(name, ',') && parts[i]; i++)
		if (symlinkat(name, top, parts[i]) < 0 && errno != EEXIST)
			return err_sys(e, "make link %s", parts[i]);
	return parts ? 0 : err_errno(e, ENOMEM, "mount the cgroup hierarchies");
}

/* A line of /proc/self/cgroup: "4:cpu,cpuacct:/path" (cgroups(7)). */
static int mount_line(struct init *in, const struct plan_mount *m, int top, char *line,
		      struct err *e)
{
	char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
	const char *name;
	struct stat st;
	scoped(mem) char *host = NULL;
	int r;

	if (!path)
		return 0;
	*path++ = '\0';
	names++;
	name = str_starts(names, "name=") ? names + 5 : *names ? names : "unified";
	host = str_printf(HOST "/%s", name);
	if (!host)
		return err_errno(e, ENOMEM, "mount the cgroup hierarchies");
	if (stat(host, &st) < 0)
		return 0; /* the host does not show it */
	r = mount_hierarchy(in, m, top, name, names, path, e);
	return r < 0 ? err_in(e, "cgroup hierarchy %s", name) : link_names(top, name, e);
}

static int mount_v1(struct init *in, const struct plan_mount *m, int target, struct err *e)
{
	scoped(fd) int top = -EBADF;
	scoped(mem) char *text = NULL;
	scoped(strv) char **lines = NULL;
	int proc = init_open_proc("self", O_PATH | O_DIRECTORY), r;
	scoped(fd) int self = proc;

	if (proc < 0)
		return err_errno(e, proc, "open /proc/self");
	r = path_read(self, "cgroup", 1U << 20, &text, NULL, e);
	if (r < 0)
		return r;
	lines = strv_split(text, '\n');
	if (!lines)
		return err_errno(e, ENOMEM, "mount the cgroup hierarchies");
	r = mount_fs(target, "tmpfs", "tmpfs",
		     (m->flags & MOUNT_ATTR_FLAGS & ~(unsigned long)MS_RDONLY) | MS_NOSUID |
			     MS_NODEV | MS_NOEXEC,
		     "mode=755,size=1m", &top, e);
	for (size_t i = 0; lines[i] && r == 0; i++)
		r = mount_line(in, m, top, lines[i], e);
	return r == 0 && (m->flags & MS_RDONLY) ? mount_add_flags(top, MS_RDONLY, 0, e) : r;
}

/* For a systemd in the container that does not know v2: its own hierarchy of v1, and nothing else.
 */
static int mount_systemd_v1(struct init *in, const struct plan_mount *m, int target, struct err *e)
{
	scoped(fd) int top = -EBADF;
	int r = mount_fs(target, "tmpfs", "tmpfs",
			 (m->flags & MOUNT_ATTR_FLAGS & ~(unsigned long)MS_RDONLY) | MS_NOSUID |
				 MS_NODEV | MS_NOEXEC,
			 "mode=755,size=1m", &top, e);

	if (r == 0)
		r = mount_hierarchy(in, m, top, "systemd", "none,name=systemd,xattr", "", e);
	return r < 0 ? err_in(e, "run.oci.systemd.force_cgroup_v1 %s", m->target) : 0;
}

int init_mount_cgroup(struct init *in, const struct plan_mount *m, int target, struct err *e)
{
	struct plan_mount plain = *m;
	struct statfs fs;

	if (in->plan->cgroup_v1_at && strcmp(m->target, in->plan->cgroup_v1_at) == 0)
		return mount_systemd_v1(in, m, target, e);
	if (strcmp(m->fstype, "cgroup") == 0 && statfs(HOST, &fs) == 0 && fs.f_type == TMPFS_MAGIC)
		return mount_v1(in, m, target, e);
	plain.data = NULL; /* names of v1 controllers mean nothing here */
	return init_mount_or_bind("cgroup2", target, &plain, HOST, MS_RDONLY, e);
}
