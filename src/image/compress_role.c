/* SPDX-License-Identifier: Apache-2.0 */
/* The role `compress`, program cove-compress, in an empty root:
 *	cove-compress none|gzip|zstd|zstd:chunked LEVEL	0: a stream, 3: the report, 4: the blob
 * The main thread reads block after block, writes what the workers made of them in the same order
 * and hashes it; a block is one member or frame, of zstd:chunked a frame for each piece that
 * overlay/chunked.h makes of it.  Blocks stand in a ring, so memory is bounded whatever the stream.
 */
#include <libdeflate.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#include "overlay/chunked.h"
#include "overlay/sandbox.h"
#include "src/image/compress.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define WORKERS_MAX  4
#define BLOCKS	     (WORKERS_MAX + 2)
#define BLOCK_BYTES  (1 << 20)
#define MEMORY_MAX   (240U << 20)
#define TABLES_MAX   (240U << 20) /* more for the tables of zstd:chunked */
#define GZIP_DEFAULT 6
#define ZSTD_DEFAULT 3

enum block_state { BLOCK_EMPTY, BLOCK_FULL, BLOCK_TAKEN, BLOCK_DONE };

struct block {
	enum block_state state;
	char *in, *out;
	size_t in_len, out_len; /* out_len 0: it failed */
	size_t n;		/* pieces of zstd:chunked, and where they end in both: */
	size_t *ends, *out_ends;
};

struct work {
	enum compression kind;
	int level;
	size_t out_max;
	struct block blocks[BLOCKS];
	size_t next; /* block that the next free worker takes */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct chunked *chunked; /* NULL: another kind */
	EVP_MD_CTX *md;
	int64_t size;
};

/* The frame of N bytes IN at offset AT of what becomes of the block: where it ends, 0: it failed.
 */
static size_t pack_frame(const struct work *w, void *tool, struct block *b, size_t at,
			 const char *in, size_t n)
{
	size_t len = ZSTD_compressCCtx(tool, b->out + at, w->out_max - at, in, n, w->level);

	return ZSTD_isError(len) ? 0 : at + len;
}

static size_t pack_pieces(const struct work *w, void *tool, struct block *b)
{
	size_t at = 0, from = 0;

	for (size_t i = 0; i < b->n; i++) {
		at = pack_frame(w, tool, b, at, b->in + from, b->ends[i] - from);
		if (!at)
			return 0;
		from = b->ends[i];
		b->out_ends[i] = at;
	}
	return at;
}

static size_t pack(const struct work *w, void *tool, struct block *b)
{
	if (w->kind == COMPRESS_GZIP)
		return libdeflate_gzip_compress(tool, b->in, b->in_len, b->out, w->out_max);
	return w->chunked ? pack_pieces(w, tool, b) : pack_frame(w, tool, b, 0, b->in, b->in_len);
}

/* One compressor a thread; ends with the process. */
static void *worker(void *arg)
{
	struct work *w = arg;
	void *tool = w->kind == COMPRESS_GZIP ? (void *)libdeflate_alloc_compressor(w->level)
					      : (void *)ZSTD_createCCtx();

	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		struct block *b = &w->blocks[w->next % BLOCKS];
		size_t n;

		if (b->state != BLOCK_FULL) {
			(void)pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		b->state = BLOCK_TAKEN;
		w->next++;
		(void)pthread_mutex_unlock(&w->lock);
		n = tool ? pack(w, tool, b) : 0;
		(void)pthread_mutex_lock(&w->lock);
		b->out_len = n;
		b->state = BLOCK_DONE;
		(void)pthread_cond_broadcast(&w->changed);
	}
	return NULL;
}

static int emit(struct work *w, const char *bytes, size_t n, struct err *e)
{
	int rc = fd_write_all(4, bytes, n);

	if (rc < 0)
		return err_errno(e, rc, "write a blob");
	if (EVP_DigestUpdate(w->md, bytes, n) != 1)
		return err_set(e, -EIO, "libcrypto failed");
	w->size += (int64_t)n;
	return 0;
}

static int emit_block(struct work *w, const struct block *b, struct err *e)
{
	int64_t at = w->size;

	if (emit(w, b->out, b->out_len, e) < 0)
		return e->code;
	for (size_t i = 0; w->chunked && i < b->n; i++)
		if (chunked_wrote(w->chunked, at + (int64_t)b->out_ends[i], e) < 0)
			return e->code;
	return 0;
}

/* Write what became of B, if there is anything in it; it is empty then. */
static int empty_block(struct work *w, struct block *b, struct err *e)
{
	(void)pthread_mutex_lock(&w->lock);
	while (b->state == BLOCK_FULL || b->state == BLOCK_TAKEN)
		(void)pthread_cond_wait(&w->changed, &w->lock);
	(void)pthread_mutex_unlock(&w->lock);
	if (b->state == BLOCK_EMPTY)
		return 0;
	b->state = BLOCK_EMPTY;
	if (!b->out_len)
		return err_set(e, -ENOMEM, "compression failed");
	return emit_block(w, b, e);
}

/* N bytes of the stream are in B: the workers may have it. */
static int fill_block(struct work *w, struct block *b, size_t n, struct err *e)
{
	b->n = 0;
	if (w->chunked && chunked_cut(w->chunked, b->in, n, b->ends, &b->n, e) < 0)
		return e->code;
	(void)pthread_mutex_lock(&w->lock);
	b->in_len = n;
	b->state = BLOCK_FULL;
	(void)pthread_cond_broadcast(&w->changed);
	(void)pthread_mutex_unlock(&w->lock);
	return 0;
}

static int run_blocks(struct work *w, struct err *e)
{
	size_t k = 0;

	for (;; k++) {
		struct block *b = &w->blocks[k % BLOCKS];
		ssize_t n;

		if (empty_block(w, b, e) < 0)
			return e->code;
		n = fd_read_full(0, b->in, BLOCK_BYTES);
		if (n < 0)
			return err_errno(e, (int)n, "read a layer");
		if (n == 0 && k)
			break;
		if (fill_block(w, b, (size_t)n, e) < 0)
			return e->code;
		if (n < BLOCK_BYTES) {
			k++;
			break;
		}
	}
	for (size_t i = 0; i < BLOCKS; i++)
		if (empty_block(w, &w->blocks[(k + i) % BLOCKS], e) < 0)
			return e->code;
	return 0;
}

/* What stands behind the blocks of zstd:chunked. */
static int run_tables(struct work *w, struct chunked_frames *ret, struct err *e)
{
	scoped(strbuf) struct strbuf frames = STRBUF_INIT;

	if (chunked_end(w->chunked, &frames, ret, e) < 0)
		return e->code;
	return frames.len ? emit(w, frames.s, frames.len, e) : 0;
}

static int run_plain(struct work *w, struct err *e)
{
	ssize_t n;

	while ((n = fd_read_full(0, w->blocks[0].in, BLOCK_BYTES)) > 0)
		if (emit(w, w->blocks[0].in, (size_t)n, e) < 0)
			return e->code;
	return n < 0 ? err_errno(e, (int)n, "read a layer") : 0;
}

static const int syscalls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(clock_gettime),
};

static int prepare_pieces(struct work *w, struct err *e)
{
	char ignored[UNITS_MAX];

	for (size_t i = 0; i < BLOCKS; i++) {
		w->blocks[i].ends = calloc(CHUNKED_PIECES(BLOCK_BYTES), sizeof(size_t));
		w->blocks[i].out_ends = calloc(CHUNKED_PIECES(BLOCK_BYTES), sizeof(size_t));
		if (!w->blocks[i].ends || !w->blocks[i].out_ends)
			return err_errno(e, ENOMEM, "compress");
	}
	/* libc looks for the time zone once, and in the sandbox cannot. */
	(void)time_rfc3339(0, ignored);
	return chunked_new(&w->chunked, e);
}

static int prepare(struct work *w, struct err *e)
{
	w->md = EVP_MD_CTX_new();
	if (!w->md || EVP_DigestInit_ex(w->md, EVP_sha256(), NULL) != 1)
		return err_set(e, -ENOMEM, "libcrypto failed");
	w->out_max = ZSTD_compressBound(BLOCK_BYTES);
	if (w->kind == COMPRESS_GZIP)
		w->out_max = libdeflate_gzip_compress_bound(NULL, BLOCK_BYTES);
	if (w->kind == COMPRESS_ZSTD_CHUNKED)
		w->out_max += CHUNKED_PIECES(BLOCK_BYTES) * ZSTD_compressBound(0);
	for (size_t i = 0; i < BLOCKS; i++) {
		w->blocks[i].in = malloc(BLOCK_BYTES);
		w->blocks[i].out = malloc(w->out_max);
		if (!w->blocks[i].in || !w->blocks[i].out)
			return err_errno(e, ENOMEM, "compress");
	}
	return w->kind == COMPRESS_ZSTD_CHUNKED ? prepare_pieces(w, e) : 0;
}

static int start_workers(struct work *w, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int n = cpus < 1 ? 1 : cpus > WORKERS_MAX ? WORKERS_MAX : (int)cpus;
	int started = 0;

	if (pthread_mutex_init(&w->lock, NULL) || pthread_cond_init(&w->changed, NULL))
		return err_errno(e, ENOMEM, "compress");
	for (int i = 0; i < n; i++) {
		pthread_t t;
		int rc = pthread_create(&t, NULL, worker, w);

		if (rc && !started) /* fewer will do */
			return err_errno(e, rc, "start a thread");
		started += !rc;
	}
	return 0;
}

static int run(struct work *w, struct compress_result *ret, struct err *e)
{
	struct sandbox box = { .root_fd = -EBADF,
			       .memory = MEMORY_MAX +
					 (w->kind == COMPRESS_ZSTD_CHUNKED ? TABLES_MAX : 0),
			       .syscalls = syscalls,
			       .n_syscalls = ARRAY_LEN(syscalls) };
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	(void)signal(SIGPIPE, SIG_IGN);
	if (prepare(w, e) < 0 || sandbox_enter(&box, e) < 0)
		return e->code;
	box.threads = w->kind != COMPRESS_NONE;
	if ((box.threads && start_workers(w, e) < 0) || sandbox_seal(&box, e) < 0 ||
	    (box.threads ? run_blocks(w, e) : run_plain(w, e)) < 0 ||
	    (w->chunked && run_tables(w, &ret->frames, e) < 0))
		return e->code;
	if (EVP_DigestFinal_ex(w->md, md, &n) != 1 || n != DIGEST_HEX_LEN / 2)
		return err_set(e, -EIO, "libcrypto failed");
	(void)stpcpy(ret->digest, "sha256:"); /* has room for one digest */
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(ret->digest + 7 + 2 * (size_t)i, 3, "%02x", md[i]);
	ret->size = w->size;
	return 0;
}

int role_compress_main(int argc, char **argv)
{
	struct compress_report report = { 0 };
	struct work *w = calloc(1, sizeof(*w)); /* the workers have it until the process ends */
	unsigned long long level = 0;
	int is_default;

	if (!w || argc != 3 || compression_parse(argv[1], &w->kind) < 0) {
		free(w);
		(void)fprintf(stderr, "cove-compress: started by cove only\n");
		return 2;
	}
	is_default = str_to_u64(argv[2], 99, &level) < 0;
	if (!is_default)
		w->level = (int)level;
	else
		w->level = w->kind == COMPRESS_GZIP ? GZIP_DEFAULT : ZSTD_DEFAULT;
	(void)run(w, &report.result, &report.e);
	return fd_write_all(3, &report, sizeof(report)) < 0 || report.e.code < 0;
}
