/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/tree.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "overlay/layer_testing.h"
#include "src/util/fd.h"

/* Below s->fd: src/low, src/mid, src/up. */
static void make_file(struct scratch *s, const char *path, const char *text)
{
	int fd = openat(s->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	CHECK(fd >= 0);
	CHECK_INT(fd_write_all(fd, text, strlen(text)), 0);
	fd_close(fd);
}

static void make_dir(struct scratch *s, const char *path)
{
	CHECK_INT(mkdirat(s->fd, path, 0755), 0);
}

static void mark(struct scratch *s, const char *path, const char *attr, const char *value)
{
	int fd = openat(s->fd, path, O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_INT(fsetxattr(fd, attr, value, 1, 0), 0);
	fd_close(fd);
}

static char *const low_mid[] = { "src/low", "src/mid", NULL };
static char *const all[] = { "src/low", "src/mid", "src/up", NULL };

/* A whiteout of each kind, an opaque directory, a directory over a file and the other way round. */
static void fill(struct scratch *s)
{
	static const char *const dirs[] = { "src",	   "src/low",	   "src/low/a", "src/low/x",
					    "src/low/o",   "src/low/turn", "src/mid",	"src/mid/a",
					    "src/up",	   "src/up/a",	   "src/up/x",	"src/up/o",
					    "src/up/back", "src/low/same" };
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		make_dir(s, dirs[i]);
	make_file(s, "src/low/a/one", "1");
	make_file(s, "src/mid/a/two", "2");
	make_file(s, "src/up/a/three", "3");
	CHECK_INT(mknodat(s->fd, "src/up/a/one", S_IFCHR, makedev(0, 0)), 0);
	make_file(s, "src/low/x/gone", "g");
	make_file(s, "src/up/x/gone", "");
	mark(s, "src/up/x/gone", "user.overlay.whiteout", "y");
	mark(s, "src/up/x", "user.overlay.opaque", "x");
	make_file(s, "src/low/o/hidden", "h");
	make_file(s, "src/up/o/seen", "s");
	mark(s, "src/up/o", "user.overlay.opaque", "y");
	make_file(s, "src/low/turn/below", "b");
	make_file(s, "src/up/turn", "now a file");
	make_file(s, "src/low/back", "a file");
	make_file(s, "src/low/same/file", "f");
}

static int collect(void *arg, char kind, const char *path, struct err *e)
{
	(void)e;
	return strbuf_printf(arg, "%c%s ", kind, path);
}

static void check_changes(const struct scratch *s, char *const *from, char *const *to,
			  const char *want)
{
	struct tree a = { .root_fd = s->fd, .layers = from },
		    b = { .root_fd = s->fd, .layers = to };
	scoped(strbuf) struct strbuf got = STRBUF_INIT;
	struct err e = { 0 };

	CHECK_INT(tree_compare(&a, &b, collect, &got, &e), 0);
	CHECK_STR(got.s ? got.s : "", want);
}

TEST(what_changed_between_two_views)
{
	struct scratch s;

	scratch_begin(&s);
	fill(&s);
	check_changes(&s, low_mid, low_mid, "");
	check_changes(&s, low_mid, all,
		      "D/a/one A/a/three C/a C/back D/o/hidden A/o/seen C/o D/turn/below C/turn "
		      "D/x/gone C/x ");
	scratch_end(&s);
}

/* The names in a tar, those of whiteouts with the rest; through a pipe that holds it all. */
static void check_tar(const struct scratch *s, char *const *layers, int whiteouts,
		      const char *const *names, size_t n)
{
	struct tree t = { .root_fd = s->fd, .layers = layers };
	struct tree_pack_options o = { .whiteouts = whiteouts };
	scoped(strbuf) struct strbuf tar = STRBUF_INIT;
	struct err e = { 0 };
	size_t at = 0, k = 0;
	int fd = openat(s->fd, "tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_INT(tree_pack(&t, &o, fd, &e), 0);
	CHECK_INT(lseek(fd, 0, SEEK_SET), 0);
	CHECK_INT(fd_read_all(fd, &tar), 0);
	fd_close(fd);
	CHECK_INT(unlinkat(s->fd, "tar", 0), 0);
	for (; at + 512 <= tar.len && tar.s[at]; k++) {
		size_t size = strtoul(tar.s + at + 124, NULL, 8);
		if (tar.s[at + 156] == 'x') { /* times of nanoseconds */
			k--;
			at += 512 + (size + 511) / 512 * 512;
			continue;
		}
		CHECK(k < n);
		CHECK_STR(tar.s + at, names[k < n ? k : n - 1]);
		at += 512 + (size + 511) / 512 * 512;
	}
	CHECK_INT(k, n);
}

TEST(a_view_and_a_layer_as_tars)
{
	static const char *const merged[] = { "a/",	"a/three", "a/two",	"back/", "o/",
					      "o/seen", "same/",   "same/file", "turn",	 "x/" };
	static const char *const layer[] = { "a/", "a/.wh.one",	     "a/three", "back/",
					     "o/", "o/.wh..wh..opq", "o/seen",	"turn",
					     "x/", "x/.wh.gone" };
	static char *const up[] = { "src/up", NULL };
	struct scratch s;

	scratch_begin(&s);
	fill(&s);
	make_file(&s, "src/up/.wh.sneaky", "");
	check_tar(&s, up, 1, layer, ARRAY_LEN(layer));
	CHECK_INT(unlinkat(s.fd, "src/up/.wh.sneaky", 0), 0);
	check_tar(&s, all, 0, merged, ARRAY_LEN(merged));
	scratch_end(&s);
}

TEST(an_archive_that_cannot_be_written_is_an_error)
{
	struct tree t = { .layers = all };
	struct tree_pack_options o = { 0 };
	struct err e = { 0 };
	struct scratch s;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	scratch_begin(&s);
	fill(&s);
	t.root_fd = s.fd;
	CHECK_INT(tree_pack(&t, &o, full, &e), -ENOSPC);
	CHECK_STR(e.text, "write the archive: No space left on device");
	fd_close(full);
	scratch_end(&s);
}

/* A link on the way is never followed, not even within the layer. */
static void try_links(void)
{
	struct tree t = { .layers = all };
	struct scratch s;
	int fd;

	scratch_begin(&s);
	fill(&s);
	t.root_fd = s.fd;
	CHECK_INT(symlinkat("../low", s.fd, "src/up/link"), 0);
	fd = tree_open(&t, 2, "a/three", O_RDONLY);
	CHECK(fd >= 0);
	fd_close(fd);
	fd = tree_open(&t, 2, "link", O_PATH);
	CHECK(fd >= 0); /* the link itself can be looked at */
	fd_close(fd);
	CHECK(tree_is_missing(tree_open(&t, 2, "link/a", O_RDONLY)));
	CHECK(tree_is_missing(tree_open(&t, 2, "link", O_RDONLY)));
	CHECK(tree_open(&t, 2, "../../outside", O_RDONLY) < 0);
	scratch_end(&s);
}

TEST(no_link_of_a_tree_is_followed)
{
	try_links();
}

/* The same with a kernel that has no openat2 (before Linux 5.6). */
TEST(no_link_of_a_tree_is_followed_without_openat2)
{
	int st;
	pid_t pid = fork();

	if (pid == 0) {
		scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
		if (!f || seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2), 0) < 0 ||
		    seccomp_load(f) < 0)
			_exit(77);
		seccomp_release(f);
		test_failed = 0;
		try_links();
		fflush(stdout);
		_exit(test_failed);
	}
	CHECK_INT(waitpid(pid, &st, 0), pid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		SKIP("seccomp filters cannot be loaded");
	CHECK_INT(st, 0);
}
