/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/storage_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define UID 4711

struct conf_place {
	char dir[64];
	struct engine en;
};

static void scoped_conf_place(struct conf_place *p)
{
	free(p->en.home);
	free(p->en.config_dir);
	(void)path_rmtree(AT_FDCWD, p->dir);
	(void)unsetenv("CONTAINERS_STORAGE_CONF");
	(void)unsetenv("STORAGE_OPTS");
}

static int write_conf(const struct conf_place *p, const char *name, const char *text)
{
	scoped(mem) char *path = str_printf("%s/conf/%s", p->dir, name);
	scoped(fd) int fd =
		path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -EBADF;
	int r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));

	CHECK_INT(r, 0);
	return r;
}

static int conf_place_new(struct conf_place *p)
{
	scoped(mem) char *drop = NULL;
	struct err e;

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/conf-test.XXXXXX");
	(void)unsetenv("CONTAINERS_STORAGE_CONF_OVERRIDE");
	if (!mkdtemp(p->dir))
		return -errno;
	p->en = (struct engine){ .uid = UID };
	p->en.home = str_printf("%s/home", p->dir);
	p->en.config_dir = str_printf("%s/conf", p->dir);
	drop = str_printf("%s/conf/storage.conf.d", p->dir);
	return drop && p->en.home ? path_mkdirs(drop, 0700, &e) : -ENOMEM;
}

#define PLACE(p)                                        \
	scoped(conf_place) struct conf_place p = { 0 }; \
	if (conf_place_new(&(p)) < 0) {                 \
		TEST_FAIL("no place to test in");       \
		return;                                 \
	}

static int read_conf(struct conf_place *p, char *const *opts, struct storage_conf *c)
{
	struct err e = { 0 };
	int r = storage_conf_read(&p->en, opts, 1, c, &e);

	CHECK_INT(r, e.code);
	CHECK(r == 0 || e.text[0]);
	return r;
}

TEST(places_of_storage_conf_are_expanded)
{
	static const struct {
		const char *text, *want;
	} rows[] = { { "/a/$UID", "/a/4711" },
		     { "/a/${UID}b", "/a/4711b" },
		     { "$COVE_TEST/x", "/v/x" },
		     { "/a$", "/a$" },
		     { "/a/${UID", "/a/${UID" },
		     { "/a/$-b", "/a/$-b" },
		     { "/$COVE_TEST_NOT/x", "//x" },
		     { "$HOME", "/h" },
		     { "", "" } };
	scoped(mem) char *home = NULL;
	const char *was = getenv("HOME");

	if (was)
		home = strdup(was);
	(void)unsetenv("HOME");
	(void)setenv("COVE_TEST", "/v", 1);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(mem) char *got = storage_conf_expand(rows[i].text, UID, "/h");
		CHECK_STR(got, rows[i].want);
	}
	(void)unsetenv("COVE_TEST");
	if (home)
		(void)setenv("HOME", home, 1);
}

TEST(the_users_storage_conf_and_its_drop_ins_say_where)
{
	scoped(storage_conf) struct storage_conf c = { 0 };
	PLACE(p);

	(void)write_conf(&p, "storage.conf",
			 "[storage]\ndriver = \"overlay\"\ngraphroot = \"/g/$UID/../x\"\n"
			 "runroot = \"/r\"\nrootless_storage_path = \"/no\"\n[storage.options]\n"
			 "additionalimagestores = [ \"/one/\", \"/two\", \"/one\", \"\" ]\n"
			 "mount_program = \"/usr/bin/fuse-overlayfs\"\n"
			 "[storage.options.overlay]\nmountopt = \"nodev\"\n");
	(void)write_conf(&p, "storage.conf.d/10.conf", "[storage]\nrunroot = \"/r10\"\n");
	(void)write_conf(
		&p, "storage.conf.d/20.conf",
		"[storage.options]\nadditionalimagestores = [ \"/three\", {append=true} ]\n");
	CHECK_INT(read_conf(&p, NULL, &c), 0);
	CHECK_STR(c.graphroot, "/g/x");
	CHECK_STR(c.runroot, "/r10");
	CHECK_INT(strv_len(c.stores), 3);
	if (strv_len(c.stores) == 3) {
		CHECK_STR(c.stores[0], "/one");
		CHECK_STR(c.stores[2], "/three");
	}
}

TEST(rootless_storage_path_stands_in_for_graphroot)
{
	scoped(storage_conf) struct storage_conf c = { 0 };
	PLACE(p);

	(void)write_conf(&p, "storage.conf", "[storage]\nrootless_storage_path = \"/big/$UID\"\n");
	CHECK_INT(read_conf(&p, NULL, &c), 0);
	CHECK_STR(c.graphroot, "/big/4711");
	CHECK(!c.runroot && !c.stores);
}

TEST(places_of_the_other_engine_are_left_to_it)
{
	scoped(storage_conf) struct storage_conf c = { 0 };
	scoped(mem) char *text = NULL, *made = NULL, *want = NULL;
	struct err e;
	PLACE(p);

	(void)write_conf(&p, "storage.conf",
			 "[storage]\ngraphroot = \"/var/lib/containers/storage\"\n"
			 "runroot = \"/run/user/4711/containers\"\n");
	CHECK_INT(read_conf(&p, NULL, &c), 0);
	CHECK(!c.graphroot && !c.runroot);
	text = str_printf("[storage]\ngraphroot = \"%s/g\"\n", p.dir);
	made = str_printf("%s/g/overlay-layers", p.dir);
	want = str_printf("%s/g/cove", p.dir);
	if (!text || !made || !want)
		return;
	(void)write_conf(&p, "storage.conf", text);
	CHECK_INT(path_mkdirs(made, 0700, &e), 0);
	CHECK_INT(read_conf(&p, NULL, &c), 0);
	CHECK_STR(c.graphroot, want);
}

TEST(storage_options_replace_what_the_file_says)
{
	char *one[] = { (char *)"overlay.imagestore=/cli", (char *)".mountopt=nodev", NULL };
	char *none[] = { (char *)"", NULL };
	char *bad[] = { (char *)"colour=red", NULL },
	     *relative[] = { (char *)"imagestore=x", NULL };
	scoped(storage_conf) struct storage_conf a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	PLACE(p);

	(void)write_conf(&p, "storage.conf",
			 "[storage.options]\nadditionalimagestores = [ \"/file\" ]\n");
	(void)setenv("STORAGE_OPTS", "additionalimagestore=/env,size=1G", 1);
	CHECK_INT(read_conf(&p, NULL, &a), 0);
	CHECK_STR(a.stores ? a.stores[0] : NULL, "/env");
	CHECK_INT(read_conf(&p, one, &b), 0);
	CHECK_STR(b.stores ? b.stores[0] : NULL, "/cli");
	CHECK_INT(strv_len(b.stores), 1);
	CHECK_INT(read_conf(&p, none, &c), 0);
	CHECK(!c.stores);
	CHECK_INT(read_conf(&p, bad, &d), -EINVAL);
	CHECK_INT(read_conf(&p, relative, &d), -EINVAL);
}

TEST(nonsense_in_storage_conf_is_told)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = { { "[storage\n", -EBADMSG },
		     { "[storage]\ngraphroot = 3\n", -EINVAL },
		     { "[storage]\nrunroot = \"relative\"\n", -EINVAL },
		     { "[storage.options]\nadditionalimagestores = \"/x\"\n", -EINVAL },
		     { "[storage.options]\nadditionalimagestores = [ 1 ]\n", -EINVAL },
		     { "storage = 1\n", 0 } };
	PLACE(p);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(storage_conf) struct storage_conf c = { 0 };
		(void)write_conf(&p, "storage.conf", rows[i].text);
		CHECK_INT(read_conf(&p, NULL, &c), rows[i].want);
	}
}
