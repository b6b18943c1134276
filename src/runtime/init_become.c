/* SPDX-License-Identifier: Apache-2.0 */
/* The last stages: from a process that may do everything in its namespaces to the user's program.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "src/runtime/exec_search.h"
#include "src/runtime/init.h"
#include "src/runtime/user.h"
#include "src/util/fd.h"
#include "src/util/path.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static int has_env(char *const *env, const char *name)
{
	for (size_t i = 0; env && env[i]; i++)
		if (exec_env_value(env[i], name))
			return 1;
	return 0;
}

/* HOME comes from the passwd file unless it was given. */
static int set_home(struct plan *p, const char *home, struct err *e)
{
	scoped(mem) char *line = NULL;
	if (has_env(p->env, "HOME"))
		return 0;
	line = str_printf("HOME=%s", home);
	return line && strv_add(&p->env, line) == 0 ? 0 : err_errno(e, ENOMEM, "set HOME");
}

int init_resolve_user(struct init *in, struct err *e)
{
	struct plan *p = in->plan;
	struct user u;
	int r;

	if (!in->o->user)
		return 0;
	r = user_resolve(in->root_fd, in->o->user, in->o->extra_groups, &u, e);
	if (r < 0)
		return e->code = -ENOEXEC; /* the program is there and cannot be executed: 126, as
					    Podman has it */
	p->uid = u.uid;
	p->gid = u.gid;
	free(p->groups);
	p->groups = calloc(u.n_groups + 2, sizeof(*p->groups));
	if (!p->groups)
		return err_errno(e, ENOMEM, "user %s", in->o->user);
	p->n_groups = 0;
	p->groups[p->n_groups++] = u.gid; /* the primary group is in the list as well */
	for (size_t i = 0; i < u.n_groups; i++)
		if (u.groups[i] != u.gid)
			p->groups[p->n_groups++] = u.groups[i];
	/* Someone who is not root keeps only what was asked for by name: the ambient set. */
	if (p->uid != 0 && p->has_caps)
		p->caps.effective = p->caps.permitted = p->caps.inheritable = p->caps.ambient;
	else
		p->caps.inheritable = p->caps.ambient = 0; /* root has the others anyway */
	return set_home(p, user_home(&u), e);
}

/* After pivot_root "/" is the container's.  No magic link of /proc is followed: WORKDIR
 * /proc/self/fd/7 would be a directory of the host (CVE-2024-21626). */
int init_enter_cwd(struct init *in, struct err *e)
{
	const char *cwd = in->plan->cwd;
	scoped(fd) int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	scoped(fd) int fd = -EBADF;
	char now[PATH_MAX];

	if (root < 0)
		return err_sys(e, "open the container's root");
	fd = path_open_in(root, cwd, O_PATH | O_DIRECTORY, 0);
	if (fd == -ENOENT && in->o->make_cwd)
		fd = path_mkdirs_in(root, cwd, 0755);
	if (fd == -ENOENT)
		return err_set(e, -ENOTDIR, "workdir \"%s\" does not exist on container", cwd);
	if (fd < 0)
		return err_errno(e, fd, "enter workdir \"%s\"", cwd);
	if (fchdir(fd) < 0)
		return err_sys(e, "enter workdir \"%s\"", cwd);
	/* getcwd(3) of a directory outside the root has "(unreachable)" in front (Linux 2.6.36). */
	if (!getcwd(now, sizeof(now)) || now[0] != '/')
		return err_set(e, -EPERM, "workdir \"%s\" is not inside the container", cwd);
	return 0;
}

static int join_keyring(struct err *e)
{
	/* ENOSYS: no keyrings in this kernel; EPERM, EACCES: a filter around us that keeps them
	 * from us anyway. */
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS ||
	    errno == EPERM || errno == EACCES)
		return 0;
	(void)err_sys(e, "make a session keyring");
	return err_hint(e, "too many keys of this user: raise the sysctl kernel.keys.maxkeys");
}

/* The host's /dev/null as a standard stream becomes the container's own, where that is one: so no
 * mount of the host is held, which a checkpoint could not write down. */
static void use_own_null(int fd)
{
	struct stat was, own;
	scoped(fd) int null = -EBADF;

	if (fstat(fd, &was) < 0 || !S_ISCHR(was.st_mode) || was.st_rdev != makedev(1, 3))
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	if (null >= 0 && fstat(null, &own) == 0 && S_ISCHR(own.st_mode) &&
	    own.st_rdev == was.st_rdev && fd_set_nonblock(null, 0) == 0)
		(void)dup2(null, fd);
}

static int place_stdio(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	struct stat st;

	for (int i = 0; i < 3; i++) {
		int from = p->terminal ? in->console_fd : in->o->stdio[i];
		if (dup2(from, i) < 0)
			return err_sys(e, "place standard descriptor %d", i);
		if (!p->terminal)
			use_own_null(i);
		/* So that /dev/stdout can be opened by the user that the program runs as; a pipe of
		 * ours lets us, a file or device of the host's stays its owner's: root could give
		 * away the host's /dev/null. */
		if (p->uid == 0 || fstat(i, &st) < 0 ||
		    (!p->terminal && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
			continue;
		if (fchown(i, p->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL &&
		    errno != EROFS)
			return err_sys(e, "give standard descriptor %d to the user", i);
	}
	if (p->terminal && ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, "make the terminal the controlling one");
	return 0;
}

static int set_limits(const struct plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		struct rlimit now, want = p->rlimit[i].limit;
		if (setrlimit((__rlimit_resource_t)p->rlimit[i].resource, &want) == 0)
			continue;
		/* Raising the hard limit is for root; the text says what would be allowed. */
		if (getrlimit((__rlimit_resource_t)p->rlimit[i].resource, &now) < 0)
			now.rlim_max = 0;
		return err_sys(e, "set resource limit %d to %llu (the caller may go up to %llu)",
			       p->rlimit[i].resource, (unsigned long long)want.rlim_max,
			       (unsigned long long)now.rlim_max);
	}
	return 0;
}

static int set_ids(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;

	/* EPERM with setgroups denied: a map of one id, which has no groups to drop. */
	if (!in->o->keep_groups && !p->keep_groups && setgroups(p->n_groups, p->groups) < 0 &&
	    (errno != EPERM || p->n_groups > 1))
		return err_sys(e, "set the supplementary groups");
	if (setresgid(p->gid, p->gid, p->gid) < 0) {
		(void)err_sys(e, "become group %u", p->gid);
		return err_hint(e, "the id is not in the container's range: see 'cove unshare cat "
				   "/proc/self/gid_map'");
	}
	if (setresuid(p->uid, p->uid, p->uid) < 0) {
		(void)err_sys(e, "become user %u", p->uid);
		return err_hint(e, "the id is not in the container's range: see 'cove unshare cat "
				   "/proc/self/uid_map'");
	}
	return 0;
}

/* What nobody can grant is told by the parent and left out (config.md, "capabilities"): the kernel
 * would refuse the whole set. */
static int limit_to_possible(struct plan *p, struct err *e)
{
	caps_set have = caps_permitted(), bounding = caps_bounding();
	int r;

	p->caps.bounding &= bounding;
	r = caps_limit_bounding(p->caps.bounding, e);
	p->caps.permitted &= have;
	p->caps.effective &= p->caps.permitted;
	p->caps.inheritable &= have | p->caps.bounding;
	p->caps.ambient &= p->caps.permitted & p->caps.inheritable;
	return r;
}

int init_drop_privileges(struct init *in, struct err *e)
{
	struct plan *p = in->plan;
	const struct runtime_options *o = in->o;
	int r = init_set_labels(p, e);

	(void)umask(p->umask);
	if (r == 0 && !o->no_new_keyring)
		r = join_keyring(e);
	if (r == 0)
		r = place_stdio(in, e);
	if (r == 0)
		r = set_limits(p, e);
	if (r == 0 && p->has_caps)
		r = limit_to_possible(p, e);
	if (r == 0)
		r = init_set_schedule(p, e);
	/* Without no_new_privs a filter needs CAP_SYS_ADMIN, which is about to go; the profile
	 * allows the calls that follow.  With it the filter comes last, when nothing but execve is
	 * left. */
	if (r == 0 && !p->no_new_privs)
		r = init_load_filter(in, e);
	if (r == 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		r = err_sys(e, "keep capabilities");
	if (r == 0)
		r = set_ids(in, e);
	if (r == 0 && p->has_caps)
		r = caps_apply(&p->caps, e);
	if (r == 0 && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		r = err_sys(e, "keep no capabilities");
	if (r == 0 && p->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		r = err_sys(e, "set no_new_privs");
	if (r == 0 && p->no_new_privs)
		r = init_load_filter(in, e);
	return r;
}

/* Nothing of ours or the caller's beyond 0, 1, 2 (and what --preserve-fds names) survives execve.
 */
static void close_rest(const struct init *in)
{
	int from = 3 + in->o->preserve_fds;
	if (syscall(SYS_close_range, from, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	/* CLOSE_RANGE_CLOEXEC is Linux 5.11. */
	for (int fd = from; fd < 65536; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* EBADF for most */
}

static long try_exec(const char *path, char *const *argv, char *const *env)
{
	(void)execve(path, argv, env);
	return -errno;
}

/* Through cove-stage, so that no image of ours can be reached for writing.  Returns only on
 * failure. */
static int enter_stage(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	size_t n = strv_len(p->args);
	char **argv = calloc(n + 3, sizeof(*argv)), path[32];

	if (!argv)
		return err_errno(e, ENOMEM, "execute `%s`", p->args[0]);
	argv[0] = "cove-stage";
	argv[1] = str_printf("%d", in->sync);
	for (size_t i = 0; i < n; i++)
		argv[i + 2] = p->args[i];
	/* The socket to the parent stays open for it; its execve closes it. */
	if (!argv[1] || fcntl(in->sync, F_SETFD, 0) < 0)
		return err_sys(e, "execute `%s`", p->args[0]);
	(void)syscall(SYS_execveat, in->stage_fd, "", argv, p->env, AT_EMPTY_PATH);
	/* A profile without execveat: by the container's own procfs. */
	(void)execve(fd_proc_path(in->stage_fd, path), argv, p->env);
	return err_sys(e, "enter cove-stage");
}

int init_execute(struct init *in, struct err *e)
{
	const struct plan *p = in->plan;
	long r;

	close_rest(in);
	if (in->stage_fd >= 0)
		return enter_stage(in, e);
	r = exec_search(p->args, p->env, try_exec);
	return runtime_exec_error(e, (int)r, p->args[0]);
}
