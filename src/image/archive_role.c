/* SPDX-License-Identifier: Apache-2.0 */
/* The role `archive`, program cove-archive, in an empty root:
 *	cove-archive index    0: a plain tar that can seek; records are written to 3
 *	cove-archive spool    0: any stream; its bytes, decompressed, are written to 4
 * 3 gets '!' and a struct err when something failed, and '.' last of all when nothing did.
 * A record: 'e', kind (u8), offset and size (u64), lengths of name and link (u16), name, link; all
 *of it in the machine's byte order, both ends being one installation. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "overlay/layer_stream.h"
#include "overlay/sandbox.h"
#include "src/image/archive.h"
#include "src/util/fd.h"

#define MEMORY_MAX (224U << 20)
#define PIECE	   (64 * 1024)
#define NAME_BYTES 4096
#define HEADER_MAX (4 << 20)

struct walk {
	int fd;
	struct err *e;
	int64_t read_since_entry;
	uint8_t buf[PIECE];
};

static void archive_done(struct archive *a)
{
	if (a)
		(void)archive_read_free(a); /* the reading is over */
}
DEFINE_SCOPED(archive, struct archive *, archive_done);

static la_ssize_t on_read(struct archive *a, void *arg, const void **ret)
{
	struct walk *w = arg;
	ssize_t n;

	do
		n = read(w->fd, w->buf, sizeof(w->buf));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		archive_set_error(a, errno, "read");
		return ARCHIVE_FATAL;
	}
	w->read_since_entry += n;
	if (w->read_since_entry > HEADER_MAX) {
		archive_set_error(a, E2BIG, "a tar header of more than %d bytes", HEADER_MAX);
		return ARCHIVE_FATAL;
	}
	*ret = w->buf;
	return n;
}

/* Contents are jumped over, not read.  Beyond the end of the file the next read says so. */
static la_int64_t on_skip(struct archive *a, void *arg, la_int64_t n)
{
	struct walk *w = arg;
	(void)a;
	return n > 0 && lseek(w->fd, n, SEEK_CUR) >= 0 ? n : 0;
}

static int put_record(FILE *out, struct archive *a, struct archive_entry *ae)
{
	const char *name = archive_entry_pathname(ae), *hard = archive_entry_hardlink(ae);
	const char *link = hard ? hard : archive_entry_symlink(ae);
	uint64_t place[2] = { (uint64_t)archive_filter_bytes(a, 0),
			      (uint64_t)archive_entry_size(ae) };
	uint8_t head[2] = { 'e', ARCHIVE_OTHER };
	uint16_t len[2];

	if (!name || strlen(name) > NAME_BYTES || (link && strlen(link) > NAME_BYTES))
		return 0; /* nothing that an image archive would name */
	if (hard)
		head[1] = ARCHIVE_HARDLINK;
	else if (link)
		head[1] = ARCHIVE_LINK;
	else if (archive_entry_filetype(ae) == AE_IFREG && archive_entry_sparse_count(ae) == 0)
		head[1] = ARCHIVE_FILE;
	len[0] = (uint16_t)strlen(name);
	len[1] = (uint16_t)(link ? strlen(link) : 0);
	if (fwrite(head, sizeof(head), 1, out) != 1 || fwrite(place, sizeof(place), 1, out) != 1 ||
	    fwrite(len, sizeof(len), 1, out) != 1 ||
	    (len[0] && fwrite(name, len[0], 1, out) != 1) ||
	    (len[1] && fwrite(link, len[1], 1, out) != 1))
		return -EIO;
	return 0;
}

int archive_walk(int fd, FILE *out, struct err *e)
{
	scoped(archive) struct archive *a = archive_read_new();
	scoped(mem) struct walk *w = malloc(sizeof(*w));
	struct archive_entry *ae;
	size_t n = 0;
	int r;

	if (!a || !w)
		return err_errno(e, ENOMEM, "read the archive");
	w->fd = fd;
	w->e = e;
	w->read_since_entry = 0;
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_set_read_callback(a, on_read) != ARCHIVE_OK ||
	    archive_read_set_skip_callback(a, on_skip) != ARCHIVE_OK ||
	    archive_read_set_callback_data(a, w) != ARCHIVE_OK ||
	    archive_read_open1(a) != ARCHIVE_OK)
		return err_set(e, -EBADMSG, "read the archive: %s", archive_error_string(a));
	while ((r = archive_read_next_header(a, &ae)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (++n > ARCHIVE_ENTRIES_MAX)
			return err_set(e, -E2BIG, "the archive has more than %d entries",
				       ARCHIVE_ENTRIES_MAX);
		if (put_record(out, a, ae) < 0)
			return err_set(e, -EIO, "write the index");
		w->read_since_entry = 0;
	}
	if (r != ARCHIVE_EOF)
		return err_set(e, -EBADMSG, "read the archive: %s",
			       archive_error_string(a) ? archive_error_string(a) : "it is damaged");
	return 0;
}

static const int syscalls[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
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
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(tgkill),
	SCMP_SYS(getrandom),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(fcntl),
	SCMP_SYS(clock_gettime),
};

static int locked_in(int threads, struct err *e)
{
	const struct sandbox box = { .root_fd = -EBADF,
				     .memory = MEMORY_MAX,
				     .threads = threads,
				     .syscalls = syscalls,
				     .n_syscalls = ARRAY_LEN(syscalls) };
	return threads ? sandbox_seal(&box, e) : sandbox_enter(&box, e);
}

static int spool(struct err *e)
{
	struct layer_stream *s =
		NULL; /* not freed: its thread may be blocked in a read, _exit() ends it */
	const void *p;
	ssize_t n;
	int r = layer_stream_new(0, -1, &s, e);

	if (r == 0)
		r = locked_in(1, e);
	if (r < 0)
		return r;
	layer_stream_go(s);
	while ((n = layer_stream_next(s, &p, e)) > 0) {
		r = fd_write_all(4, p, (size_t)n);
		if (r < 0)
			return err_errno(e, r, "write the spool file");
	}
	return (int)n;
}

static int run(const char *verb, FILE *out, struct err *e)
{
	int r;

	/* In the locale C libarchive takes UTF-8 names of pax headers for broken. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	(void)signal(SIGPIPE, SIG_IGN);
	r = locked_in(0, e);
	if (r < 0)
		return r;
	if (strcmp(verb, "spool") == 0)
		return spool(e);
	r = locked_in(1, e);
	return r < 0 ? r : archive_walk(0, out, e);
}

int role_archive_main(int argc, char **argv)
{
	FILE *out = fdopen(3, "w");
	struct err e;
	int r;

	if (argc != 2 || !out || (strcmp(argv[1], "index") != 0 && strcmp(argv[1], "spool") != 0)) {
		(void)fprintf(stderr, "cove-archive: started by cove only\n");
		return 2;
	}
	memset(&e, 0, sizeof(e));
	r = run(argv[1], out, &e);
	if (r < 0)
		(void)(fputc('!', out) != EOF && fwrite(&e, sizeof(e), 1, out));
	else
		(void)fputc('.', out);
	return fflush(out) != 0 || r < 0;
}
