/* SPDX-License-Identifier: Apache-2.0 */
/* Two threads: the stream's (layer_stream.h) reads and inflates, the main one parses and writes.
 * The process gives up all that it can before the first byte is read (sandbox.h), in this order:
 * namespaces, root and capabilities while there is one thread; then the second thread, which waits;
 * then the seccomp filter on both. */
#include "overlay/layer_role.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <locale.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "overlay/layer_apply.h"
#include "overlay/layer_stream.h"
#include "overlay/sandbox.h"
#include "overlay/split.h"
#include "overlay/tar_split.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"

#define MEMORY_MAX \
	(224U << 20) /* a zstd window of 128 MiB is legal; the limit is 256 MiB for all */
#define CONTROL_FD 3
#define DIR_FD	   4

static const int writer_caps[] = { CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
				   CAP_FSETID, CAP_MKNOD,	 CAP_SETFCAP };
static const int reader_caps[] = { CAP_DAC_OVERRIDE };

#define SYSCALLS_ANY                                                                         \
	SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(close), SCMP_SYS(fstat), \
		SCMP_SYS(newfstatat), SCMP_SYS(lseek), SCMP_SYS(pread64), SCMP_SYS(openat),  \
		SCMP_SYS(openat2), SCMP_SYS(mmap), SCMP_SYS(munmap), SCMP_SYS(mremap),       \
		SCMP_SYS(mprotect), SCMP_SYS(madvise), SCMP_SYS(brk), SCMP_SYS(futex),       \
		SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(rt_sigprocmask),              \
		SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(sched_yield),    \
		SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(getrandom),   \
		SCMP_SYS(fcntl), SCMP_SYS(clock_gettime), SCMP_SYS(set_robust_list),         \
		SCMP_SYS(rseq)

static const int writer_syscalls[] = {
	SYSCALLS_ANY,	     SCMP_SYS(pwrite64),   SCMP_SYS(ftruncate),	 SCMP_SYS(mkdirat),
	SCMP_SYS(symlinkat), SCMP_SYS(linkat),	   SCMP_SYS(unlinkat),	 SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(mknodat),	   SCMP_SYS(fchown),	 SCMP_SYS(fchownat),
	SCMP_SYS(fchmod),    SCMP_SYS(fchmodat),   SCMP_SYS(utimensat),	 SCMP_SYS(fsetxattr),
	SCMP_SYS(fgetxattr), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(statx),
};
static const int reader_syscalls[] = { SYSCALLS_ANY };

/* Ids mapped by /proc/self/MAP; 0 when it cannot be read. */
static int64_t count_ids(const char *map, int *ret_all)
{
	scoped(file) FILE *f = fopen(map, "re");
	char line[128], *p;
	int64_t sum = 0;

	*ret_all = 0;
	while (f && fgets(line, sizeof(line), f)) {
		long long inside = strtoll(line, &p, 10), outside = strtoll(p, &p, 10);
		long long n = strtoll(p, &p, 10);
		sum += n;
		*ret_all = inside == 0 && outside == 0 && n == UINT32_MAX;
	}
	return sum;
}

static void prepare(void)
{
	/* The configuration would be looked for in the new root. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	(void)EVP_sha256();
	/* In the locale C libarchive takes UTF-8 names of pax headers for broken. */
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		(void)setlocale(LC_CTYPE, "en_US.UTF-8");
	(void)umask(0);
	(void)signal(SIGPIPE, SIG_IGN);
}

static int unpack(int64_t length, const struct layer_copy *copy, const uint32_t keep[2],
		  struct layer_result *ret, struct err *e)
{
	const struct sandbox box = { .root_fd = DIR_FD,
				     .recursive = copy != NULL,
				     .is_mount_ns = copy && copy->is_mount_ns,
				     .keep_caps = writer_caps,
				     .n_keep_caps = copy && copy->is_powerless
							    ? 0
							    : ARRAY_LEN(writer_caps),
				     .memory = MEMORY_MAX,
				     .threads = 1,
				     .syscalls = writer_syscalls,
				     .n_syscalls = ARRAY_LEN(writer_syscalls) };
	struct layer_tree_options o = { .copy = copy, .self_uid = keep[0], .self_gid = keep[1] };
	struct layer_stream *stream =
		NULL; /* not freed: its thread may be blocked in a read, _exit() ends it */
	int all_uids, all_gids, r;

	o.n_uids = count_ids("/proc/self/uid_map", &all_uids);
	o.n_gids = count_ids("/proc/self/gid_map", &all_gids);
	o.real_root = all_uids && geteuid() == 0;
	prepare();
	r = sandbox_enter(&box, e);
	if (r == 0)
		r = layer_stream_new(0, length, &stream, e);
	if (r == 0)
		r = sandbox_seal(&box, e);
	if (r < 0)
		return r;
	layer_stream_go(stream);
	r = layer_apply(DIR_FD, &o, layer_stream_next, stream, &ret->tree_size, e);
	return r < 0 ? r : layer_stream_result(stream, ret, e);
}

struct tar_out {
	EVP_MD_CTX *hash;
	int64_t n;
};

static int tar_sink(void *arg, const void *bytes, size_t n, struct err *e)
{
	struct tar_out *t = arg;
	int r = fd_write_all(0, bytes, n);

	if (r < 0)
		return err_errno(e, r, "write the layer");
	if (EVP_DigestUpdate(t->hash, bytes, n) != 1)
		return err_set(e, -EIO, "compute the digest");
	t->n += (int64_t)n;
	return 0;
}

static void hash_done(EVP_MD_CTX *h)
{
	EVP_MD_CTX_free(h);
}
DEFINE_SCOPED(hash, EVP_MD_CTX *, hash_done);

static int pack(struct layer_result *ret, struct err *e)
{
	/* A layer of Podman's has no split, and what it has in its place lies outside. */
	int podmans = faccessat(DIR_FD, "split", F_OK, AT_SYMLINK_NOFOLLOW) < 0;
	scoped(fd) int tar_split = podmans ? tar_split_open(DIR_FD, e) : -EBADF;
	const struct sandbox box = { .root_fd = DIR_FD,
				     .keep_fd = tar_split,
				     .keep_caps = reader_caps,
				     .n_keep_caps = ARRAY_LEN(reader_caps),
				     .memory = MEMORY_MAX,
				     .syscalls = reader_syscalls,
				     .n_syscalls = ARRAY_LEN(reader_syscalls) };
	scoped(hash) EVP_MD_CTX *hash = NULL;
	struct tar_out out = { 0 };
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r;

	if (podmans && tar_split < 0 && tar_split != -ENOENT)
		return tar_split;
	prepare();
	r = sandbox_enter(&box, e);
	if (r == 0)
		r = sandbox_seal(&box, e);
	if (r < 0)
		return r;
	out.hash = hash = EVP_MD_CTX_new();
	if (!hash || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1)
		return err_set(e, -EIO, "SHA-256 is not available");
	r = tar_split >= 0 ? tar_split_replay(DIR_FD, tar_split, tar_sink, &out, e)
			   : split_replay(DIR_FD, tar_sink, &out, e);
	if (r < 0)
		return r;
	if (EVP_DigestFinal_ex(hash, md, &n) != 1 || n != 32)
		return err_set(e, -EIO, "compute the digest");
	memcpy(ret->diff_id, "sha256:", 8);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(ret->diff_id + 7 + (size_t)2 * i, 3, "%02x", md[i]);
	memcpy(ret->digest, ret->diff_id, sizeof(ret->digest));
	ret->size = ret->diff_size = out.n;
	return 0;
}

/* UID GID. */
static int read_ids(char *const *args, uint32_t ret[2])
{
	for (int i = 0; i < 2; i++) {
		unsigned long long v;
		int r = str_to_u64(args[i], UINT32_MAX, &v);
		if (r < 0)
			return r;
		ret[i] = (uint32_t)v;
	}
	return 0;
}

/* --copy FLAGS UID GID SELF_UID SELF_GID BASE: see layer_copy_start(). */
static int read_copy(char *const *args, struct layer_copy *ret)
{
	uint32_t owner[2], self[2];

	if (read_ids(args + 1, owner) < 0 || read_ids(args + 3, self) < 0)
		return -EINVAL;
	*ret = (struct layer_copy){ .is_mount_ns = strchr(args[0], 'n') != NULL,
				    .is_host = strchr(args[0], 'h') != NULL,
				    .is_powerless = strchr(args[0], 'p') != NULL,
				    .overwrite = strchr(args[0], 'o') != NULL,
				    .chown = strchr(args[0], 'c') != NULL,
				    .uid = owner[0],
				    .gid = owner[1],
				    .self_uid = self[0],
				    .self_gid = self[1],
				    .base = args[5] };
	return 0;
}

int role_layer_main(int argc, char **argv)
{
	struct layer_report report;
	struct layer_copy copy;
	unsigned long long length = 0;
	uint32_t keep[2] = { 0, 0 };
	int r;

	memset(&report, 0, sizeof(report));
	if (argc == 2 && strcmp(argv[1], "--tar") == 0) {
		r = pack(&report.result, &report.e);
	} else if (argc == 1 ||
		   (argc == 4 && strcmp(argv[1], "--keep") == 0 && read_ids(argv + 2, keep) == 0)) {
		r = unpack(-1, NULL, keep, &report.result, &report.e);
	} else if (argc == 3 && strcmp(argv[1], "--length") == 0 &&
		   str_to_u64(argv[2], INT64_MAX, &length) == 0) {
		r = unpack((int64_t)length, NULL, keep, &report.result, &report.e);
	} else if (argc == 8 && strcmp(argv[1], "--copy") == 0 && read_copy(argv + 2, &copy) == 0) {
		r = unpack(-1, &copy, keep, &report.result, &report.e);
	} else {
		(void)fprintf(stderr, "cove-layer: started by cove only\n");
		return 2;
	}
	if (r == 0)
		err_clear(&report.e);
	if (fd_write_all(CONTROL_FD, &report, sizeof(report)) < 0)
		return 1;
	return r < 0;
}
