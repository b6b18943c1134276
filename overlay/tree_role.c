/* SPDX-License-Identifier: Apache-2.0 */
/* It only reads; what it reads was written by containers, which may go on writing meanwhile. */
#include "overlay/tree_role.h"

#include <errno.h>
#include <linux/capability.h>
#include <locale.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "overlay/sandbox.h"
#include "overlay/tree.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"

#define MEMORY_MAX (224U << 20)
#define OUT_FD	   0
#define CONTROL_FD 3
#define ROOT_FD	   4
#define OUT_BUFFER 65536

/* trusted.* can only be read with CAP_SYS_ADMIN (xattr(7)), which the filter leaves no other use
 * for. */
static const int caps[] = { CAP_DAC_READ_SEARCH, CAP_SYS_ADMIN };

static const int syscalls[] = {
	SCMP_SYS(read),	       SCMP_SYS(write),		SCMP_SYS(close),
	SCMP_SYS(fstat),       SCMP_SYS(newfstatat),	SCMP_SYS(lseek),
	SCMP_SYS(pread64),     SCMP_SYS(openat),	SCMP_SYS(openat2),
	SCMP_SYS(getdents64),  SCMP_SYS(fgetxattr),	SCMP_SYS(flistxattr),
	SCMP_SYS(readlinkat),  SCMP_SYS(mmap),		SCMP_SYS(munmap),
	SCMP_SYS(mremap),      SCMP_SYS(mprotect),	SCMP_SYS(madvise),
	SCMP_SYS(brk),	       SCMP_SYS(futex),		SCMP_SYS(exit),
	SCMP_SYS(exit_group),  SCMP_SYS(rt_sigreturn),	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sched_yield), SCMP_SYS(getpid),	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),      SCMP_SYS(getrandom),	SCMP_SYS(fcntl),
	SCMP_SYS(statx),       SCMP_SYS(clock_gettime),
};

struct out {
	char bytes[OUT_BUFFER];
	size_t n;
};

static int flush(struct out *o, struct err *e)
{
	int r = fd_write_all(OUT_FD, o->bytes, o->n);
	o->n = 0;
	return r < 0 ? err_errno(e, r, "write the changes") : 0;
}

static int put_change(void *arg, char kind, const char *path, struct err *e)
{
	struct out *o = arg;
	size_t n = strlen(path) + 1;

	if (n + 1 > sizeof(o->bytes))
		return err_set(e, -ENAMETOOLONG, "a path of %zu bytes", n);
	if (o->n + n + 1 > sizeof(o->bytes) && flush(o, e) < 0)
		return e->code;
	o->bytes[o->n++] = kind;
	memcpy(o->bytes + o->n, path, n);
	o->n += n;
	return 0;
}

static int changes(struct tree *t, char **args, struct err *e)
{
	struct tree to = *t;
	struct out o;
	size_t n = 0;
	int r;

	while (args[n] && strcmp(args[n], "--") != 0)
		n++;
	if (!args[n])
		return err_set(e, -EINVAL, "nothing to compare with");
	to.layers = args + n + 1;
	to.layer_fds += n + 1;
	args[n] = NULL;
	t->layers = args;
	o.n = 0;
	r = tree_compare(t, &to, put_change, &o, e);
	return r < 0 ? r : flush(&o, e);
}

static int archive(struct tree *t, char **args, struct err *e)
{
	struct tree_pack_options o = { .whiteouts = strcmp(args[0], "tar") != 0,
				       .timeless = strcmp(args[0], "same") == 0 };
	unsigned long long uid, gid;

	if (!args[1] || !args[2] || str_to_u64(args[1], UINT32_MAX, &uid) < 0 ||
	    str_to_u64(args[2], UINT32_MAX, &gid) < 0)
		return err_set(e, -EINVAL, "no ids");
	o.self_uid = (uid_t)uid;
	o.self_gid = (gid_t)gid;
	t->layers = args + 3;
	t->layer_fds += 3;
	return tree_pack(t, &o, OUT_FD, e);
}

/* "copy" KIND UID GID OWNER NAME TREE */
static int copy(struct tree *t, char **args, struct err *e)
{
	struct tree_pack_options o = { .name = args[4],
				       .without_system = strcmp(args[5], ".") == 0 };
	unsigned long long self[2], owner[2];
	char *gid = strchr(args[3], ':');

	if (str_to_u64(args[1], UINT32_MAX, &self[0]) < 0 ||
	    str_to_u64(args[2], UINT32_MAX, &self[1]) < 0)
		return err_set(e, -EINVAL, "no ids");
	o.self_uid = (uid_t)self[0];
	o.self_gid = (gid_t)self[1];
	if (gid) {
		*gid++ = '\0';
		if (str_to_u64(args[3], UINT32_MAX, &owner[0]) < 0 ||
		    str_to_u64(gid, UINT32_MAX, &owner[1]) < 0)
			return err_set(e, -EINVAL, "no owner");
		o.chown = 1;
		o.uid = (uid_t)owner[0];
		o.gid = (gid_t)owner[1];
	}
	t->layers = args + 5;
	t->layer_fds = NULL;
	t->plain = 1;
	return tree_pack(t, &o, OUT_FD, e);
}

static int work(char **args, struct err *e)
{
	struct tree t = { .root_fd = ROOT_FD, .real_root = sandbox_is_real_root() };
	int is_copy = strcmp(args[0], "copy") == 0;
	size_t n = is_copy ? 0 : strv_len(args);
	scoped(mem) int *fds = calloc(n + 1, sizeof(*fds));
	scoped(mem) char **elsewhere = calloc(n + 1, sizeof(*elsewhere));
	const struct sandbox box = { .root_fd = ROOT_FD,
				     .elsewhere = elsewhere,
				     .elsewhere_fds = fds,
				     .n_elsewhere = n,
				     .recursive = is_copy,
				     .is_mount_ns = is_copy && strcmp(args[1], "ns") == 0,
				     .keep_caps = caps,
				     .n_keep_caps = t.real_root ? 2 : 1,
				     .memory = MEMORY_MAX,
				     .syscalls = syscalls,
				     .n_syscalls = ARRAY_LEN(syscalls) };
	int r;

	if (!fds || !elsewhere)
		return err_errno(e, ENOMEM, "read trees");
	for (size_t i = 0; i < n; i++) {
		fds[i] = -EBADF;
		elsewhere[i] = args[i][0] == '/' ? args[i] : NULL;
	}
	/* In the locale C libarchive takes names that are UTF-8 for something else. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, "en_US.UTF-8");
	(void)signal(SIGPIPE, SIG_IGN);
	r = sandbox_enter(&box, e);
	if (r == 0)
		r = sandbox_seal(&box, e);
	if (r < 0)
		return r;
	if (is_copy)
		return copy(&t, args + 1, e);
	if (strcmp(args[0], "changes") != 0) {
		t.layer_fds = fds;
		return archive(&t, args, e);
	}
	t.layer_fds = fds + 1;
	return changes(&t, args + 1, e);
}

int role_tree_main(int argc, char **argv)
{
	struct err e = { 0 };
	int r;

	if (argc < 2 || !str_in_words(argv[1], strlen(argv[1]), "changes|tar|layer|same|copy") ||
	    (strcmp(argv[1], "copy") == 0 && argc != 8)) {
		(void)fprintf(stderr, "cove-tree: started by cove only\n");
		return 2;
	}
	r = work(argv + 1, &e);
	if (r >= 0)
		err_clear(&e);
	return fd_write_all(CONTROL_FD, &e, sizeof(e)) < 0 || r < 0;
}
