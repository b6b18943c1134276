/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/layer_tree.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "overlay/layer.h"
#include "overlay/layer_testing.h"

/* ---- a canary outside the layer -------------------------------------------------------------- */

static void canary_begin(struct scratch *s)
{
	int fd;

	CHECK_INT(mkdirat(s->fd, "canary", 0755), 0);
	CHECK_INT(mkdirat(s->fd, "canary/dir", 0755), 0);
	fd = openat(s->fd, "canary/secret", O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	CHECK(write(fd, "untouched", 9) == 9);
	fd_close(fd);
	fd = openat(s->fd, "canary/dir/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	fd_close(fd);
}

/* Everything that a trick could change, as one text. */
static void canary_state(struct scratch *s, char text[1024])
{
	static const char *const names[] = { "canary", "canary/dir", "canary/secret",
					     "canary/dir/file" };
	size_t n = 0;
	char content[32] = "";
	int fd = openat(s->fd, "canary/secret", O_RDONLY | O_CLOEXEC);

	CHECK(fd >= 0 && read(fd, content, sizeof(content) - 1) >= 0);
	fd_close(fd);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct stat st;
		CHECK_INT(fstatat(s->fd, names[i], &st, AT_SYMLINK_NOFOLLOW), 0);
		n += (size_t)snprintf(text + n, 1024 - n, "%s %o %u:%u %lu %lld.%09ld;", names[i],
				      st.st_mode, st.st_uid, st.st_gid, (unsigned long)st.st_nlink,
				      (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	}
	(void)snprintf(text + n, 1024 - n, "%s", content);
}

/* ---- entries in short ------------------------------------------------------------------------ */

struct step {
	char type; /* f, d, s(ymlink), h(ard link), p(ipe), c(har), b(lock), o(ther) */
	const char *path, *link;
};

static struct layer_entry entry(const struct step *st)
{
	static const char types[] = "fdshpcbo";
	struct layer_entry en = { .path = st->path,
				  .link = st->link,
				  .type = (enum layer_entry_type)(strchr(types, st->type) - types),
				  .mode = st->type == 'd' ? 0755 : 0644,
				  .uid = geteuid(),
				  .gid = getegid(),
				  .mtime = { .tv_sec = 1000000000, .tv_nsec = 5 },
				  .dev_major = 1,
				  .dev_minor = 3,
				  .size = 4 };
	return en;
}

static int add(struct layer_tree *t, const struct layer_entry *en, struct err *e)
{
	int r = layer_tree_add(t, en, e);

	if (r == 1) {
		r = layer_tree_data(t, "data", en->size < 4 ? (size_t)en->size : 4, 0, e);
		if (r == 0)
			r = layer_tree_file_end(t, e);
	}
	return r;
}

/* All steps, then the end.  The first failure. */
static int run(struct scratch *s, const struct step *steps, struct err *e)
{
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct layer_tree_options o = { 0 };
	int r = layer_tree_new(s->layer_fd, &o, &t, e);

	for (const struct step *st = steps; r == 0 && st->path; st++) {
		struct layer_entry en = entry(st);
		r = add(t, &en, e);
	}
	return r == 0 ? layer_tree_finish(t, e) : r;
}

static int exists(struct scratch *s, const char *path)
{
	struct stat st;
	char full[256];
	(void)snprintf(full, sizeof(full), "diff/%s", path);
	return fstatat(s->layer_fd, full, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(struct scratch *s, const char *path)
{
	struct stat st = { 0 };
	char full[256];
	(void)snprintf(full, sizeof(full), "diff/%s", path);
	CHECK_INT(fstatat(s->layer_fd, full, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode;
}

/* ---- links and ".." (CVE-2014-6407 and its kind) -------------------------------------------- */

#define STEPS (const struct step[])
#define END                   \
	{                     \
		0, NULL, NULL \
	}

/* "CANARY" in a path or link stands for the canary's absolute path; WANT: what must exist in diff/,
 * NULL when the layer must be refused. */
static const struct trick {
	const char *name, *want;
	const struct step *steps;
} tricks[] = {
	{ "dots at the start", "evil", STEPS{ { 'f', "../evil", NULL }, END } },
	{ "many dots", "tmp/evil",
	  STEPS{ { 'f', "../../../../../../../../tmp/evil", NULL }, END } },
	{ "dots in the middle", "evil", STEPS{ { 'f', "a/../../../evil", NULL }, END } },
	{ "dots at the end", "a", STEPS{ { 'd', "a/b/../..", NULL }, { 'd', "a", NULL }, END } },
	{ "dots at the end of a file", NULL, STEPS{ { 'f', "a/..", NULL }, END } },
	{ "an absolute name", "CANARY/secret", STEPS{ { 'f', "CANARY/secret", NULL }, END } },
	{ "a link to a directory, then a file through it", "CANARY/secret",
	  STEPS{ { 's', "l", "CANARY" }, { 'f', "l/secret", NULL }, END } },
	{ "a relative link out, then a file through it", "canary/secret",
	  STEPS{ { 's', "l", "../../../canary" }, { 'f', "l/secret", NULL }, END } },
	{ "a link to a file, then the file again", "l",
	  STEPS{ { 's', "l", "CANARY/secret" }, { 'f', "l", NULL }, END } },
	{ "a chain of links", "CANARY/dir/x",
	  STEPS{ { 's', "a", "b" },
		 { 's', "b", "/c" },
		 { 's', "c", "CANARY/dir" },
		 { 'f', "a/x", NULL },
		 END } },
	{ "a loop of links", NULL,
	  STEPS{ { 's', "a", "b" }, { 's', "b", "a" }, { 'f', "a/x", NULL }, END } },
	{ "a directory turned into a link", "CANARY/x",
	  STEPS{ { 'd', "d", NULL },
		 { 'f', "d/x", NULL },
		 { 's', "d", "CANARY" },
		 { 'f', "d/x", NULL },
		 END } },
	{ "a link turned into a directory", "d/secret",
	  STEPS{ { 's', "d", "CANARY" }, { 'd', "d", NULL }, { 'f', "d/secret", NULL }, END } },
	{ "a directory entry over a link keeps the target's mode", "d",
	  STEPS{ { 's', "d", "CANARY/dir" }, { 'd', "d/", NULL }, END } },
	{ "the root as a link", NULL, STEPS{ { 's', ".", "CANARY" }, END } },
	{ "the root as a file", NULL, STEPS{ { 'f', "/", NULL }, END } },
	{ "the root as a hard link", NULL, STEPS{ { 'h', "./", "CANARY/secret" }, END } },
	{ "a hard link outside by name", NULL, STEPS{ { 'h', "x", "CANARY/secret" }, END } },
	{ "a hard link outside by dots", NULL, STEPS{ { 'h', "x", "../../canary/secret" }, END } },
	{ "a hard link through a link", NULL,
	  STEPS{ { 's', "l", "CANARY" }, { 'h', "x", "l/secret" }, { 'f', "x", NULL }, END } },
	{ "a hard link to a link that leads out, then a file over it", "x",
	  STEPS{ { 's', "l", "CANARY/secret" }, { 'h', "x", "l" }, { 'f', "x", NULL }, END } },
	{ "a hard link to a directory", NULL, STEPS{ { 'd', "d", NULL }, { 'h', "x", "d" }, END } },
	{ "a hard link to the root", NULL, STEPS{ { 'h', "x", "/" }, END } },
	{ "a hard link to itself", "x", STEPS{ { 'f', "x", NULL }, { 'h', "x", "x" }, END } },
	{ "a hard link to itself through dots", "x",
	  STEPS{ { 'f', "x", NULL }, { 'h', "x", "../x" }, END } },
	{ "a directory over a hard link to a link", "x",
	  STEPS{ { 's', "l", "CANARY" },
		 { 'h', "x", "l" },
		 { 'd', "x", NULL },
		 { 'f', "x/secret", NULL },
		 END } },
	{ "a pipe over a link", "l",
	  STEPS{ { 's', "l", "CANARY/secret" }, { 'p', "l", NULL }, END } },
	{ "a link to proc", NULL,
	  STEPS{ { 's', "p", "/proc/self/root" },
		 { 'f', "p/CANARY/secret", NULL },
		 { 'h', "y", "/etc/passwd" },
		 END } },
	{ "a link over a full directory", "d",
	  STEPS{ { 'f', "d/a/b/c", NULL }, { 's', "d", "CANARY" }, END } },
	{ "a file as a parent", NULL, STEPS{ { 'f', "a", NULL }, { 'f', "a/b", NULL }, END } },
	{ "a file as a parent of dots", "b",
	  STEPS{ { 'd', "a", NULL }, { 'f', "a/../b", NULL }, END } },
	{ "a dangling link as a parent", "nowhere/x",
	  STEPS{ { 's', "l", "nowhere" }, { 'f', "l/x", NULL }, END } },
	{ "a dangling link out as a parent", "new/x",
	  STEPS{ { 's', "l", "../../../new" }, { 'f', "l/x", NULL }, END } },
	{ "an opaque mark through a link", "CANARY",
	  STEPS{ { 'd', "CANARY", NULL },
		 { 's', "l", "CANARY" },
		 { 'f', "l/.wh..wh..opq", NULL },
		 END } },
	{ "a whiteout through a link", "CANARY/secret",
	  STEPS{ { 's', "l", "CANARY" }, { 'f', "l/.wh.secret", NULL }, END } },
	{ "a whiteout through dots", "canary", STEPS{ { 'f', "../../.wh.canary", NULL }, END } },
	{ "a whiteout of a link", "l",
	  STEPS{ { 's', "l", "CANARY/secret" }, { 'f', ".wh.l", NULL }, END } },
	{ "a mode through a link at the end", "d",
	  STEPS{ { 'd', "d", NULL }, { 's', "d", "CANARY/dir" }, END } },
};

static char *with_canary(struct scratch *s, const char *text)
{
	const char *at = text ? strstr(text, "CANARY") : NULL;
	if (!at)
		return text ? strdup(text) : NULL;
	return str_printf("%.*s%s/canary%s", (int)(at - text), text, s->path, at + 6);
}

static void try_trick(struct scratch *s, const struct trick *k)
{
	char before[1024], after[1024];
	struct step steps[8] = { { 0 } };
	scoped(mem) char *want = with_canary(s, k->want);
	struct err e;
	int r;

	for (size_t i = 0; k->steps[i].path; i++) {
		steps[i].type = k->steps[i].type;
		steps[i].path = with_canary(s, k->steps[i].path);
		steps[i].link = with_canary(s, k->steps[i].link);
	}
	scratch_clear(s);
	canary_state(s, before);
	r = run(s, steps, &e);
	canary_state(s, after);
	if (strcmp(before, after) != 0)
		TEST_FAIL("%s: the canary changed: %s | %s", k->name, before, after);
	if (!k->want && r == 0)
		TEST_FAIL("%s: was taken", k->name);
	if (k->want && r < 0)
		TEST_FAIL("%s: %s", k->name, e.text);
	if (want && !exists(s, want))
		TEST_FAIL("%s: %s is missing", k->name, want);
	for (size_t i = 0; steps[i].path; i++) {
		free((char *)steps[i].path);
		free((char *)steps[i].link);
	}
}

static void try_tricks(void)
{
	struct scratch s;

	scratch_begin(&s);
	canary_begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(tricks); i++)
		try_trick(&s, &tricks[i]);
	scratch_end(&s);
}

TEST(no_link_and_no_dots_lead_out_of_a_layer)
{
	(void)umask(0);
	try_tricks();
}

/* The same with a kernel that has no openat2 (before Linux 5.6). */
TEST(no_link_and_no_dots_lead_out_without_openat2)
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
		try_tricks();
		fflush(stdout);
		_exit(test_failed);
	}
	CHECK_INT(waitpid(pid, &st, 0), pid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		SKIP("seccomp filters cannot be loaded");
	CHECK_INT(st, 0);
}

/* ---- whiteouts ------------------------------------------------------------------------------- */

static int is_whiteout(struct scratch *s, const char *path)
{
	struct stat st = { 0 };
	char full[256], value;
	(void)snprintf(full, sizeof(full), "diff/%s", path);
	if (fstatat(s->layer_fd, full, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	(void)snprintf(full, sizeof(full), "%s/layer/diff/%s", s->path, path);
	return (S_ISCHR(st.st_mode) && st.st_rdev == 0) ||
	       getxattr(full, "user.overlay.whiteout", &value, 1) == 1;
}

static char opaque(struct scratch *s, const char *path)
{
	char full[256], value = '-';
	(void)snprintf(full, sizeof(full), "%s/layer/diff/%s", s->path, path);
	(void)!getxattr(full, "user.overlay.opaque", &value, 1);
	return value;
}

static int run_clean(struct scratch *s, const struct step *steps)
{
	struct err e;
	scratch_clear(s);
	return run(s, steps, &e);
}

TEST(whiteouts_become_what_overlayfs_takes)
{
	struct scratch s;

	scratch_begin(&s);
	CHECK_INT(run_clean(&s, STEPS{ { 'f', "a/.wh.x", NULL }, { 'f', ".wh.y", NULL }, END }), 0);
	CHECK(is_whiteout(&s, "a/x"));
	CHECK(is_whiteout(&s, "y"));
	CHECK(!exists(&s, ".wh.y"));
	CHECK_INT(run_clean(&s, STEPS{ { 'd', "a", NULL },
				       { 'f', "a/.wh..wh..opq", NULL },
				       { 'f', "a/b", NULL },
				       END }),
		  0);
	CHECK_INT(opaque(&s, "a"), 'y');
	CHECK(S_ISREG(mode_of(&s, "a/b")));
	/* In the other order: entries first. */
	CHECK_INT(
		run_clean(&s, STEPS{ { 'f', "a/b", NULL }, { 'f', "a/.wh..wh..opq", NULL }, END }),
		0);
	CHECK_INT(opaque(&s, "a"), 'y');
	CHECK(S_ISREG(mode_of(&s, "a/b")));
	CHECK_INT(run_clean(&s, STEPS{ { 'f', ".wh..wh..opq", NULL }, END }), 0);
	CHECK_INT(opaque(&s, "."), 'y');
	scratch_end(&s);
}

TEST(whiteouts_only_hide_lower_layers)
{
	struct scratch s;

	scratch_begin(&s);
	CHECK_INT(run_clean(&s, STEPS{ { 'f', "x", NULL }, { 'f', ".wh.x", NULL }, END }), 0);
	CHECK(S_ISREG(mode_of(&s, "x")));
	CHECK_INT(run_clean(&s, STEPS{ { 'f', ".wh.x", NULL }, { 'f', "x", NULL }, END }), 0);
	CHECK(S_ISREG(mode_of(&s, "x")));
	CHECK_INT(run_clean(&s, STEPS{ { 'd', "x", NULL },
				       { 'f', "x/new", NULL },
				       { 'f', ".wh.x", NULL },
				       END }),
		  0);
	CHECK_INT(opaque(&s, "x"), 'y');
	CHECK(exists(&s, "x/new"));
	CHECK_INT(run_clean(&s, STEPS{ { 'f', ".wh.x", NULL },
				       { 'd', "x", NULL },
				       { 'f', "x/new", NULL },
				       END }),
		  0);
	CHECK_INT(opaque(&s, "x"), 'y');
	CHECK(exists(&s, "x/new"));
	scratch_end(&s);
}

TEST(whiteouts_without_a_name_are_refused_and_others_own_are_skipped)
{
	static const char *const bad[] = { ".wh.",   ".wh..",	".wh...",
					   "a/.wh.", "a/.wh..", "a/.wh..." };
	struct scratch s;

	scratch_begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_INT(run_clean(&s, (const struct step[]){ { 'f', bad[i], NULL }, END }),
			  -EINVAL);
	CHECK_INT(run_clean(&s, STEPS{ { 'f', ".wh..wh.aufs", NULL },
				       { 'd', ".wh..wh.plnk", NULL },
				       { 'f', ".wh..wh.plnk/1.2", NULL },
				       { 'f', ".wh..wh.x", NULL },
				       END }),
		  0);
	CHECK(!exists(&s, ".wh..wh.aufs"));
	CHECK(!exists(&s, ".wh..wh.plnk"));
	CHECK(!exists(&s, ".wh.x"));
	/* A device that would be one: not made in a user namespace, and as root not with these
	 * numbers. */
	CHECK_INT(run_clean(&s, STEPS{ { 'c', "null", NULL },
				       { 'b', "disk", NULL },
				       { 'o', "socket", NULL },
				       END }),
		  0);
	CHECK(!exists(&s, "null"));
	scratch_end(&s);
}

/* ---- what entries carry ---------------------------------------------------------------------- */

TEST(modes_times_and_holes_arrive)
{
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct layer_tree_options o = { 0 };
	struct layer_entry en;
	struct scratch s;
	struct stat st;
	struct err e;

	(void)umask(0);
	scratch_begin(&s);
	CHECK_INT(layer_tree_new(s.layer_fd, &o, &t, &e), 0);
	en = entry(&(struct step){ 'd', "ro", NULL });
	en.mode = 0555;
	CHECK_INT(add(t, &en, &e), 0);
	en = entry(&(struct step){ 'f', "ro/suid", NULL });
	en.mode = 04711;
	CHECK_INT(add(t, &en, &e), 0);
	en = entry(&(struct step){ 'f', "huge", NULL });
	en.size = 1LL << 40;
	CHECK_INT(add(t, &en, &e), 0);
	en = entry(&(struct step){ 'd', "tmp", NULL });
	en.mode = 01777;
	CHECK_INT(add(t, &en, &e), 0);
	CHECK_INT(layer_tree_finish(t, &e), 0);
	CHECK_INT(mode_of(&s, "ro"), S_IFDIR | 0555);
	CHECK_INT(mode_of(&s, "ro/suid"), S_IFREG | 04711);
	CHECK_INT(mode_of(&s, "tmp"), S_IFDIR | 01777);
	CHECK_INT(fstatat(s.layer_fd, "diff/huge", &st, 0), 0);
	CHECK_INT(st.st_size, 1LL << 40);
	CHECK(st.st_blocks < 64);
	CHECK_INT(fstatat(s.layer_fd, "diff/ro", &st, 0), 0);
	CHECK_INT(st.st_mtim.tv_sec, 1000000000);
	CHECK_INT(st.st_mtim.tv_nsec, 5);
	CHECK_INT(layer_tree_size(t), (1LL << 40) + 4);
	scratch_end(&s);
}

TEST(control_attributes_are_dropped_and_the_workloads_own_are_kept)
{
	static const struct layer_xattr attrs[] = {
		{ "user.mine", "1", 1 },
		{ "user.overlay.opaque", "y", 1 },
		{ "user.overlay.redirect", "/etc", 4 },
		{ "trusted.overlay.opaque", "y", 1 },
		{ "user.fuseoverlayfs.opaque", "y", 1 },
		{ "user.containers.override_stat", "0:0:4755", 8 },
		{ "security.selinux", "x", 1 },
		{ "system.posix_acl_access", "x", 1 },
		{ NULL, NULL, 0 },
	};
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct layer_tree_options o = { 0 };
	struct layer_entry en = entry(&(struct step){ 'd', "d", NULL });
	struct scratch s;
	char path[128], list[512];
	ssize_t n;
	struct err e;

	scratch_begin(&s);
	en.xattrs = attrs;
	en.n_xattrs = ARRAY_LEN(attrs);
	CHECK_INT(layer_tree_new(s.layer_fd, &o, &t, &e), 0);
	CHECK_INT(add(t, &en, &e), 0);
	(void)snprintf(path, sizeof(path), "%s/layer/diff/d", s.path);
	n = listxattr(path, list, sizeof(list));
	CHECK_INT(n, sizeof("user.mine"));
	if (n > 0)
		CHECK_STR(list, "user.mine");
	CHECK_INT(layer_tree_skipped(t), ARRAY_LEN(attrs) - 1);
	scratch_end(&s);
}

TEST(owners_that_cannot_be_are_one_clear_error)
{
	static const int64_t ids[] = { -1, 4294967295LL, 4294967296LL, INT64_MAX, INT64_MIN };
	struct layer_tree_options o = { .n_uids = 65537, .n_gids = 65537 };
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct scratch s;
	struct err e;

	scratch_begin(&s);
	CHECK_INT(layer_tree_new(s.layer_fd, &o, &t, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct layer_entry en = entry(&(struct step){ 'f', "a\nb", NULL });
		en.uid = ids[i];
		CHECK_INT(add(t, &en, &e), -EINVAL);
		CHECK(strstr(e.text, "entry 'a\\x0Ab': owner ") ||
		      strstr(e.text, "entry 'a\\x0ab': owner "));
		CHECK(strstr(e.text, "65537"));
		CHECK(strstr(e.hint, "/etc/subuid"));
	}
	scratch_end(&s);
}

TEST(names_beyond_the_limits_are_refused)
{
	struct scratch s;
	scoped(strbuf) struct strbuf deep = STRBUF_INIT;
	char name[300];

	scratch_begin(&s);
	memset(name, 'n', 256);
	name[256] = '\0';
	CHECK_INT(run_clean(&s, (const struct step[]){ { 'f', name, NULL }, END }), -ENAMETOOLONG);
	name[255] = '\0';
	CHECK_INT(run_clean(&s, (const struct step[]){ { 'f', name, NULL }, END }), 0);
	for (int i = 0; i < 2100; i++)
		(void)strbuf_puts(&deep, "d/");
	CHECK_INT(run_clean(&s, (const struct step[]){ { 'f', deep.s, NULL }, END }),
		  -ENAMETOOLONG);
	CHECK_INT(run_clean(&s, (const struct step[]){ { 'f', "", NULL }, END }), -EINVAL);
	CHECK_INT(run_clean(&s, (const struct step[]){ { 's', "x", "" }, END }), -EINVAL);
	scratch_end(&s);
}

/* A file of text X by the tree T. */
static int add_text(struct layer_tree *t, const char *path, struct err *e)
{
	struct layer_entry en = entry(&(struct step){ 'f', path, NULL });
	int r;

	en.size = 1;
	r = layer_tree_add(t, &en, e);
	if (r == 1)
		r = layer_tree_data(t, "X", 1, 0, e) < 0 ? e->code : layer_tree_file_end(t, e);
	return r;
}

TEST(copies_go_below_their_base_and_nowhere_else)
{
	static const struct {
		const char *path, *where;
	} all[] = { { "f", "layer/in/f" },
		    { "../../g", "layer/in/g" },
		    { "/a/../../h", "layer/in/h" },
		    { ".wh.i", "layer/in/.wh.i" },
		    { ".wh..wh..opq", "layer/in/.wh..wh..opq" },
		    { "up/k", "layer/k" }, /* through a link that means to leave the root */
		    { "there/l", "layer/there/l" } }; /* by one to what has to be made */
	const struct layer_copy copy = { .base = "/in", .is_host = 1 };
	struct layer_tree_options o = { .copy = &copy };
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct scratch s;
	struct err e;

	scratch_begin(&s);
	CHECK_INT(mkdirat(s.layer_fd, "in", 0755), 0);
	CHECK_INT(symlinkat("../../../..", s.layer_fd, "in/up"), 0);
	CHECK_INT(symlinkat("/there", s.layer_fd, "in/there"), 0);
	CHECK_INT(layer_tree_new(s.layer_fd, &o, &t, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (add_text(t, all[i].path, &e) < 0)
			TEST_FAIL("%s: %s", all[i].path, e.text);
		if (faccessat(s.fd, all[i].where, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			TEST_FAIL("%s is not at %s", all[i].path, all[i].where);
	}
	CHECK(faccessat(s.layer_fd, "diff", F_OK, 0) < 0);
	CHECK(faccessat(s.layer_fd, "kept", F_OK, 0) < 0);
	scratch_end(&s);
}

TEST(copies_replace_files_but_directories_only_when_told)
{
	struct layer_copy copy = { .base = "", .is_host = 1 };
	struct layer_tree_options o = { .copy = &copy };
	scoped(layer_tree) struct layer_tree *t = NULL;
	struct layer_entry dir = entry(&(struct step){ 'd', "file", NULL });
	struct scratch s;
	struct err e;

	scratch_begin(&s);
	CHECK_INT(layer_tree_new(s.layer_fd, &o, &t, &e), 0);
	CHECK_INT(mkdirat(s.layer_fd, "dir", 0755), 0);
	CHECK_INT(mkdirat(s.layer_fd, "dir/full", 0755), 0);
	CHECK_INT(add_text(t, "file", &e), 0);
	CHECK_INT(add_text(t, "file", &e), 0);
	CHECK_INT(add_text(t, "dir", &e), -EEXIST);
	CHECK_INT(layer_tree_add(t, &dir, &e), -EEXIST);
	CHECK_INT(faccessat(s.layer_fd, "dir/full", F_OK, 0), 0);
	copy.overwrite = 1;
	CHECK_INT(add_text(t, "dir", &e), 0);
	CHECK_INT(layer_tree_add(t, &dir, &e), 0);
	CHECK_INT(faccessat(s.layer_fd, "file/.", F_OK, 0), 0);
	scratch_end(&s);
}

TEST_MAIN
