/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "ann:x:1000:100:Ann:/home/ann:/bin/sh\n"
			     "1234:x:0:0:a trap:/root:/bin/sh\n"
			     "short\n"
			     "bad:x:4294967295:0::/:\n"
			     "hex:x:0x10:0::/:\n"
			     "-1:x:0:0::/:\n"
			     " spaced:x:5:5::/:\n"
			     "negative:x:-5:0::/:\n"
			     "huge:x:99999999999999999999:0::/:\n";
static const char group[] = "root:x:0:\n"
			    "users:x:100:ann\n"
			    "disk:x:6:bob,ann\n"
			    "annabel:x:7:annabel,xann\n"
			    "55:x:0:\n"
			    "wheel:x:bad:ann\n"
			    "sub:x:4294967295:ann\n";

TEST(who_is_who)
{
	static const struct {
		const char *spec;
		int code;
		long long uid, gid;
		int n_groups;
		const char *home;
	} t[] = {
		{ "", 0, 0, 0, 0, "/root" },
		{ "root", 0, 0, 0, 0, "/root" },
		{ "ann", 0, 1000, 100, 2, "/home/ann" },
		{ "1000", 0, 1000, 100, 2, "/home/ann" },
		{ "01000", 0, 1000, 100, 2, "/home/ann" },
		{ "ann:disk", 0, 1000, 6, 0, "/home/ann" },
		{ "ann:77", 0, 1000, 77, 0, "/home/ann" },
		{ ":disk", 0, 0, 6, 0, "/root" },
		{ "5000", 0, 5000, 0, 0, "" },
		{ "5000:5001", 0, 5000, 5001, 0, "" },
		/* A number is a number even when a user of that name exists (CVE-2016-3697). */
		{ "1234", 0, 1234, 0, 0, "" },
		{ "ann:55", 0, 1000, 55, 0, "/home/ann" },
		{ "2147483648", 0, 2147483648LL, 0, 0, "" },
		{ "4294967294", 0, 4294967294LL, 0, 0, "" },
		{ "4294967295", -EINVAL, 0, 0, 0, NULL },
		{ "4294967296", -EINVAL, 0, 0, 0, NULL },
		{ "99999999999999999999", -EINVAL, 0, 0, 0, NULL },
		{ "0:4294967295", -EINVAL, 0, 0, 0, NULL },
		{ "0:4294967296", -EINVAL, 0, 0, 0, NULL },
		{ "0x10", -ENOENT, 0, 0, 0, NULL },
		{ " 1000", -ENOENT, 0, 0, 0, NULL },
		{ "1000 ", -ENOENT, 0, 0, 0, NULL },
		{ "1000abc", -ENOENT, 0, 0, 0, NULL },
		{ "+1000", -ENOENT, 0, 0, 0, NULL },
		{ "an", -ENOENT, 0, 0, 0, NULL },
		{ "ANN", -ENOENT, 0, 0, 0, NULL },
		{ "short", -EINVAL, 0, 0, 0, NULL },
		{ "bad", -EINVAL, 0, 0, 0, NULL },
		{ "hex", -EINVAL, 0, 0, 0, NULL },
		{ "negative", -EINVAL, 0, 0, 0, NULL },
		{ "huge", -EINVAL, 0, 0, 0, NULL },
		{ "ann:nosuch", -ENOENT, 0, 0, 0, NULL },
		{ "ann:wheel", -EINVAL, 0, 0, 0, NULL },
		{ "ann:disk:x", -ENOENT, 0, 0, 0, NULL },
		{ "ann:x:1000", -ENOENT, 0, 0, 0, NULL },
		{ "root\nann", -ENOENT, 0, 0, 0, NULL },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct user u = { .uid = 99 };
		struct err e;
		int r;
		err_clear(&e);
		r = user_resolve_text(passwd, group, t[i].spec, NULL, &u, &e);
		if (r != t[i].code) {
			TEST_FAIL("'%s': %d, not %d (%s)", t[i].spec, r, t[i].code, e.text);
			continue;
		}
		if (r < 0) {
			CHECK_INT(u.uid, 99);
			continue;
		}
		if (u.uid != t[i].uid || u.gid != t[i].gid || (int)u.n_groups != t[i].n_groups)
			TEST_FAIL("'%s': %u:%u with %zu groups", t[i].spec, u.uid, u.gid,
				  u.n_groups);
		CHECK_STR(u.home, t[i].home);
	}
}

TEST(group_add)
{
	char *extra[] = { "disk", "12", "disk", NULL }, *bad[] = { "nosuch", NULL },
	     *out[] = { "4294967295", NULL };
	struct user u;
	struct err e;

	CHECK_INT(user_resolve_text(passwd, group, "0", extra, &u, &e), 0);
	CHECK_INT(u.n_groups, 2);
	CHECK_INT(u.groups[0], 6);
	CHECK_INT(u.groups[1], 12);
	CHECK_INT(user_resolve_text(passwd, group, "0", bad, &u, &e), -ENOENT);
	CHECK_INT(user_resolve_text(passwd, group, "0", out, &u, &e), -EINVAL);
}

TEST(a_user_with_more_groups_than_fit)
{
	static char many[USER_GROUPS_MAX * 40];
	size_t n = 0;
	struct user u;
	struct err e;

	for (int i = 0; i < 2 * USER_GROUPS_MAX; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "g%d:x:%d:ann\n", i, 5000 + i);
	CHECK_INT(user_resolve_text(passwd, many, "ann", NULL, &u, &e), 0);
	CHECK_INT(u.n_groups, USER_GROUPS_MAX);
}

/* What an image may have at the place of its passwd file: none of it hangs, none of it leaves the
 * root. */
TEST(odd_files)
{
	char dir[] = "/tmp/user-test.XXXXXX", path[64];
	scoped(fd) int root = -EBADF;
	struct user u;
	struct err e;

	if (!mkdtemp(dir))
		SKIP("no temporary directory");
	root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(user_resolve(root, "5", NULL, &u, &e), 0);
	CHECK_INT(user_resolve(root, "root", NULL, &u, &e), -ENOENT);
	CHECK_INT(mkdirat(root, "etc", 0755), 0);
	CHECK_INT(mkfifoat(root, "etc/passwd", 0644), 0);
	CHECK_INT(user_resolve(root, "5", NULL, &u, &e), -EINVAL);
	CHECK_INT(unlinkat(root, "etc/passwd", 0), 0);
	CHECK_INT(mkdirat(root, "etc/passwd", 0755), 0);
	CHECK_INT(user_resolve(root, "5", NULL, &u, &e), -EINVAL);
	CHECK_INT(unlinkat(root, "etc/passwd", AT_REMOVEDIR), 0);
	/* The host's own file, by an absolute and a climbing link. */
	CHECK_INT(symlinkat("/etc/hostname", root, "etc/passwd"), 0);
	CHECK_INT(user_resolve(root, "root", NULL, &u, &e), -ENOENT);
	CHECK_INT(unlinkat(root, "etc/passwd", 0), 0);
	CHECK_INT(symlinkat("../../../../../../etc/hostname", root, "etc/passwd"), 0);
	CHECK_INT(user_resolve(root, "root", NULL, &u, &e), -ENOENT);
	CHECK_INT(unlinkat(root, "etc/passwd", 0), 0);
	CHECK_INT(symlinkat("passwd", root, "etc/passwd"), 0);
	CHECK(user_resolve(root, "root", NULL, &u, &e) < 0);
	CHECK_INT(unlinkat(root, "etc/passwd", 0), 0);
	{
		scoped(fd) int big =
			openat(root, "etc/passwd", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		CHECK_INT(ftruncate(big, 64 << 20), 0);
	}
	CHECK(user_resolve(root, "5", NULL, &u, &e) < 0);
	(void)snprintf(path, sizeof(path), "%s", dir);
	CHECK_INT(path_rmtree(AT_FDCWD, path), 0);
}
