/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts that the parent makes before the child is cloned, because in the container's user
 * namespace it would not have the right to: idmapped ones (mount_setattr(2) wants power over the
 * file system), and sources in directories that are closed to the container's root. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/runtime/init.h"
#include "src/util/proc.h"
#include "userns/mount.h"

int init_prepare_user(struct plan *p, struct err *e)
{
	int r;

	if (!plan_has_mounts(p) &&
	    (geteuid() != 0 || (p->clone_flags & CLONE_NEWUSER) || p->ns_path[NS_USER]))
		return err_set(
			e, -EINVAL,
			"config.json: a container needs a mount namespace of its own, unless it "
			"is root's");
	if (geteuid() == 0 || (p->clone_flags & CLONE_NEWUSER) || p->ns_path[NS_USER])
		return 0;
	p->clone_flags |= CLONE_NEWUSER;
	idmap_done(&p->uids);
	idmap_done(&p->gids);
	r = idmap_of_user(-EBADF, geteuid(), getegid(), &p->uids, &p->gids, e);
	if (r != -ENOENT)
		return r;
	/* No range: one's own id is what everybody may map. */
	err_clear(e);
	r = idmap_add(&p->uids, 0, geteuid(), 1);
	if (r == 0)
		r = idmap_add(&p->gids, 0, getegid(), 1);
	return r < 0 ? err_errno(e, r, "map the caller's id") : 0;
}

/* A user namespace that has the maps and no process. */
static int make_userns(const struct idmap *uids, const struct idmap *gids, struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	char path[64];
	int fd, r;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		for (;;)
			(void)pause(); /* until it is killed */
	if (pid < 0)
		return err_sys(e, "make a user namespace");
	c.pid = pid;
	r = idmap_write(pid, "uid_map", uids, e);
	if (r == 0)
		r = idmap_write(pid, "gid_map", gids, e);
	if (r < 0)
		return r;
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", path) : fd;
}

/* That of the mount, or else of the container. */
static int open_userns(const struct plan *p, const struct plan_mount *m, struct err *e)
{
	int fd;

	if (m->uids.n)
		return make_userns(&m->uids, &m->gids, e);
	if (p->ns_path[NS_USER]) {
		fd = open(p->ns_path[NS_USER], O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, "open namespace %s", p->ns_path[NS_USER]) : fd;
	}
	if (p->uids.n && p->gids.n)
		return make_userns(&p->uids, &p->gids, e);
	return err_set(e, -EINVAL, "an idmapped mount needs a user namespace or mappings");
}

static int prepare(struct init *in, const struct plan *p, size_t i, struct err *e)
{
	const struct plan_mount *m = &p->mount[i];
	scoped(fd) int source = -EBADF;
	scoped(fd) int userns = -EBADF;
	scoped(fd) int tree = -EBADF;
	int r;

	source = init_open_host(in, m->source, O_PATH | (m->source_nofollow ? O_NOFOLLOW : 0));
	if (source < 0)
		return err_errno(e, source, "open %s", m->source);
	r = mount_clone(source, m->recursive, &tree, e);
	if (r == 0 && m->idmap) {
		userns = open_userns(p, m, e);
		r = userns < 0 ? userns : mount_idmap(tree, userns, m->idmap == PLAN_IDMAP_ALL, e);
	}
	if (r < 0)
		return r;
	in->tree_fd[i] = take_fd(&tree);
	return 0;
}

void init_prepare_done(struct init *in, const struct plan *p)
{
	for (size_t i = 0; in->tree_fd && i < p->n_mounts; i++)
		fd_close(in->tree_fd[i]);
	free(in->tree_fd);
	in->tree_fd = NULL;
	fd_close(take_fd(&in->root_tree));
}

static void prepare_root(struct init *in, const struct plan *p)
{
	int r = p->rootfs ? init_open_host(in, p->rootfs, O_PATH | O_DIRECTORY) : -ENOENT;
	scoped(fd) int dir = r;
	struct err e;

	if (dir >= 0 && mount_clone(dir, 1, &in->root_tree, &e) < 0)
		dbg("the root is not prepared: %s", e.text); /* the child tries, and tells */
}

int init_prepare_mounts(struct init *in, const struct plan *p, struct err *e)
{
	int is_root = (p->clone_flags & CLONE_NEWUSER) && geteuid() == 0, r;

	in->tree_fd = malloc((p->n_mounts + 1) * sizeof(int));
	if (!in->tree_fd)
		return err_errno(e, ENOMEM, "prepare the mounts");
	for (size_t i = 0; i < p->n_mounts; i++)
		in->tree_fd[i] = -EBADF;
	if (is_root && !in->o->overlay)
		prepare_root(in, p);
	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct plan_mount *m = &p->mount[i];
		if (strcmp(m->fstype, "bind") != 0 || !m->source || (!m->idmap && !is_root) ||
		    m->fill)
			continue;
		r = prepare(in, p, i, e);
		if (r < 0 && m->idmap) {
			(void)err_in(e, "idmapped mount %s", m->target);
			return err_hint(e, "only root can show files of the host with other ids");
		}
		if (r < 0)
			err_clear(e); /* the child tries, and tells */
	}
	return 0;
}
