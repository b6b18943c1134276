/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/store/engine.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

struct place {
	char dir[64];
	char *graph, *run;
	struct engine *en;
};

static void place_done(struct place *p)
{
	(void)engine_free(p->en);
	free(p->graph);
	free(p->run);
	if (p->dir[0])
		(void)path_rmtree(AT_FDCWD, p->dir);
}

static inline void scoped_place(struct place *p)
{
	place_done(p);
}

static int open_engine(struct place *p)
{
	struct engine_options o = { .graphroot = p->graph, .runroot = p->run };
	struct err e;
	int r = engine_open(&o, &p->en, &e);
	if (r < 0)
		TEST_FAIL("%s", e.text);
	return r;
}

static int place_new(struct place *p)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/store-test.XXXXXX");
	if (!mkdtemp(p->dir))
		return -errno;
	p->graph = str_printf("%s/graph", p->dir);
	p->run = str_printf("%s/run", p->dir);
	return p->graph && p->run ? open_engine(p) : -ENOMEM;
}

static int64_t one(struct store *s, const char *sql)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct err e;
	if (store_query(s, &q, &e, sql, "") < 0 || store_step(q, &e) != 1) {
		TEST_FAIL("%s: %s", sql, e.text);
		return -1;
	}
	return store_int(q, 0);
}

TEST(a_new_store_is_made_and_found_again)
{
	scoped(place) struct place p = { 0 };
	struct store *s;
	struct err e;

	CHECK_INT(place_new(&p), 0);
	s = p.en ? engine_store(p.en, &e) : NULL;
	CHECK(s != NULL);
	if (!s)
		return;
	CHECK(one(s, "PRAGMA user_version") >= 1);
	CHECK_INT(one(s, "PRAGMA foreign_keys"), 1);
	CHECK_INT(one(s, "SELECT count(*) FROM image"), 0);
	CHECK_INT(store_exec(s, &e, "INSERT INTO layer VALUES (?, ?, NULL, ?, ?, ?)", "ssiii", "n",
			     "d", (int64_t)1, (int64_t)2, INT64_MAX),
		  1);
	CHECK_INT(store_exec(s, &e, "INSERT INTO layer VALUES (?, ?, NULL, 0, 0, 0)", "ss", "n",
			     "d2"),
		  -EEXIST);
	CHECK_INT(store_exec(s, &e, "INSERT INTO image_name VALUES ('x', 'nosuch')", ""),
		  -EEXIST); /* foreign key */
	engine_store_close(p.en);
	s = engine_store(p.en, &e);
	CHECK(s && one(s, "SELECT tree_size FROM layer") == INT64_MAX);
	CHECK(s && store_exec(s, &e, "DELETE FROM layer WHERE name = ?", "s", NULL) == 0);
}

TEST(everything_is_closed_to_others)
{
	scoped(place) struct place p = { 0 };
	struct stat st;
	struct err e;
	mode_t old = umask(0);

	CHECK_INT(place_new(&p), 0);
	CHECK(p.en && engine_store(p.en, &e));
	(void)umask(old);
	if (!p.en)
		return;
	CHECK_INT(stat(p.graph, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(stat(p.run, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(fstatat(p.en->graph_fd, "db.sqlite", &st, 0), 0);
	CHECK_INT(st.st_mode & 077, 0);
	/* Opened up by somebody: closed again. */
	p.en = engine_free(p.en);
	CHECK_INT(chmod(p.graph, 0777), 0);
	CHECK_INT(open_engine(&p), 0);
	CHECK_INT(stat(p.graph, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
}

TEST(a_link_is_no_store)
{
	scoped(place) struct place p = { 0 };
	struct engine_options o;
	struct err e;

	CHECK_INT(place_new(&p), 0);
	p.en = engine_free(p.en);
	CHECK_INT(path_rmtree(AT_FDCWD, p.run), 0);
	CHECK_INT(symlink("/tmp", p.run), 0);
	o = (struct engine_options){ .graphroot = p.graph, .runroot = p.run };
	CHECK(engine_open(&o, &p.en, &e) < 0);
}

TEST(a_newer_store_is_left_alone)
{
	scoped(place) struct place p = { 0 };
	struct store *s;
	struct err e;

	CHECK_INT(place_new(&p), 0);
	s = p.en ? engine_store(p.en, &e) : NULL;
	if (!s)
		return;
	CHECK(store_exec(s, &e, "PRAGMA user_version = 99", "") >= 0);
	engine_store_close(p.en);
	err_clear(&e);
	CHECK(engine_store(p.en, &e) == NULL);
	CHECK_INT(e.code, -EPROTO);
	CHECK(strstr(e.text, "newer") != NULL);
}

TEST(a_damaged_store_says_so)
{
	scoped(place) struct place p = { 0 };
	struct err e;
	char noise[8192];

	CHECK_INT(place_new(&p), 0);
	if (!p.en)
		return;
	memset(noise, 'x', sizeof(noise));
	{
		scoped(fd) int fd =
			openat(p.en->graph_fd, "db.sqlite", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		CHECK_INT(write(fd, noise, sizeof(noise)), sizeof(noise));
	}
	err_clear(&e);
	CHECK(engine_store(p.en, &e) == NULL);
	CHECK_INT(e.code, -EBADMSG);
	CHECK(strstr(e.text, "db.sqlite") != NULL);
	CHECK(e.hint[0] != '\0');
}

TEST(rollback_undoes_and_commit_keeps)
{
	scoped(place) struct place p = { 0 };
	struct store *s;
	struct err e;

	CHECK_INT(place_new(&p), 0);
	s = p.en ? engine_store(p.en, &e) : NULL;
	if (!s)
		return;
	store_rollback(s); /* none is open */
	CHECK_INT(store_begin(s, 0, &e), 0);
	CHECK_INT(store_exec(s, &e, "INSERT INTO layer VALUES ('a', 'a', NULL, 0, 0, 0)", ""), 1);
	store_rollback(s);
	CHECK_INT(one(s, "SELECT count(*) FROM layer"), 0);
	CHECK_INT(store_begin(s, 1, &e), 0);
	CHECK_INT(store_exec(s, &e, "INSERT INTO layer VALUES ('a', 'a', NULL, 0, 0, 0)", ""), 1);
	CHECK_INT(store_commit(s, &e), 0);
	store_rollback(s);
	CHECK_INT(one(s, "SELECT count(*) FROM layer"), 1);
}

/* N times: begin, read, write one more, commit. */
static int count_up(const char *graph, int n)
{
	struct engine_options o = { .graphroot = graph, .runroot = graph };
	scoped(engine) struct engine *en = NULL;
	struct err e;
	struct store *s;

	if (engine_open(&o, &en, &e) < 0 || !(s = engine_store(en, &e)))
		return 1;
	for (int i = 0; i < n; i++) {
		if (store_begin(s, 0, &e) < 0 ||
		    store_exec(s, &e, "UPDATE layer SET tree_size = ?", "i",
			       one(s, "SELECT tree_size FROM layer") + 1) < 0 ||
		    store_commit(s, &e) < 0)
			return 1;
	}
	return 0;
}

TEST(two_processes_count_together)
{
	scoped(place) struct place p = { 0 };
	struct store *s;
	struct err e;
	pid_t child[2];

	CHECK_INT(place_new(&p), 0);
	s = p.en ? engine_store(p.en, &e) : NULL;
	if (!s)
		return;
	CHECK_INT(store_exec(s, &e, "INSERT INTO layer VALUES ('a', 'a', NULL, 0, 0, 0)", ""), 1);
	engine_store_close(p.en);
	for (int i = 0; i < 2; i++) {
		child[i] = fork();
		if (child[i] == 0)
			_exit(count_up(p.graph, 200));
	}
	for (int i = 0; i < 2; i++) {
		int status = -1;
		CHECK_INT(waitpid(child[i], &status, 0), child[i]);
		CHECK_INT(status, 0);
	}
	s = engine_store(p.en, &e);
	CHECK(s && one(s, "SELECT tree_size FROM layer") == 400);
}

/* A child makes a temporary directory and waits, or is gone already. */
static pid_t maker(const struct place *p, int lives, char name[64])
{
	int pipe_fds[2];
	pid_t pid;
	ssize_t n;

	if (pipe(pipe_fds) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char *tmp = NULL;
		int fd, lease;
		struct err e;
		if (engine_tmpdir(p->en, &tmp, &fd, &lease, &e) < 0 || mkdirat(fd, "deep", 0) < 0 ||
		    write(pipe_fds[1], tmp, strlen(tmp)) < 0)
			_exit(1);
		(void)close(pipe_fds[1]);
		if (lives)
			(void)pause(); /* until it is killed */
		_exit(0);
	}
	(void)close(pipe_fds[1]);
	n = read(pipe_fds[0], name, 63);
	name[n > 0 ? n : 0] = '\0';
	(void)close(pipe_fds[0]);
	if (!lives)
		(void)waitpid(pid, NULL, 0);
	return pid;
}

static int entries(const struct place *p)
{
	scoped(mem) char *path = str_printf("%s/tmp", p->graph);
	scoped(dir) DIR *d = path ? opendir(path) : NULL;
	int n = 0;
	for (struct dirent *de; d && (de = readdir(d));)
		n += de->d_name[0] != '.';
	return n;
}

TEST(what_dead_makers_left_is_collected)
{
	scoped(place) struct place p = { 0 };
	char living[64] = "", dead[64] = "", path[128];
	struct stat st;
	pid_t pid;

	CHECK_INT(place_new(&p), 0);
	if (!p.en)
		return;
	pid = maker(&p, 1, living);
	(void)maker(&p, 0, dead);
	CHECK(pid > 0 && living[0] && dead[0]);
	/* Rubbish without any lease, a lease without its directory, a file. */
	CHECK_INT(mkdirat(p.en->graph_fd, "tmp/0123456789abcdef", 0700), 0);
	CHECK_INT(mknodat(p.en->graph_fd, "tmp/fedcba9876543210.lease", S_IFREG | 0600, 0), 0);
	CHECK_INT(mknodat(p.en->graph_fd, "tmp/file", S_IFREG | 0600, 0), 0);
	engine_collect(p.en);
	(void)snprintf(path, sizeof(path), "tmp/%s", living);
	CHECK_INT(fstatat(p.en->graph_fd, path, &st, 0), 0);
	(void)snprintf(path, sizeof(path), "tmp/%s", dead);
	CHECK_INT(fstatat(p.en->graph_fd, path, &st, 0), -1);
	CHECK_INT(entries(&p), 2); /* the living one and its lease */
	CHECK_INT(kill(pid, SIGKILL), 0);
	(void)waitpid(pid, NULL, 0);
	engine_collect(p.en);
	CHECK_INT(entries(&p), 0);
}

TEST(tmpdirs_are_ours_and_go)
{
	scoped(place) struct place p = { 0 };
	scoped(mem) char *name = NULL;
	scoped(fd) int fd = -EBADF;
	scoped(fd) int lease = -EBADF;
	struct stat st;
	struct err e;

	CHECK_INT(place_new(&p), 0);
	if (!p.en || engine_tmpdir(p.en, &name, &fd, &lease, &e) < 0) {
		TEST_FAIL("%s", e.text);
		return;
	}
	CHECK_INT(fstat(fd, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0700);
	CHECK_INT(symlinkat("/etc", fd, "link"), 0);
	engine_tmpdir_remove(p.en, name);
	CHECK_INT(entries(&p), 0);
	CHECK_INT(access("/etc/passwd", F_OK), 0);
}

static int put(const char *path, const char *text)
{
	scoped(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
}

/* A file system of 3 MB at DIR, in namespaces of this process: -1 where that is not allowed. */
static int small_fs(const char *dir)
{
	char uids[32], gids[32];
	(void)snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -1;
	(void)put("/proc/self/setgroups", "deny"); /* root may do without */
	if (put("/proc/self/gid_map", gids) < 0 || put("/proc/self/uid_map", uids) < 0)
		return -1;
	return mount("full", dir, "tmpfs", 0, "size=3m,mode=0700");
}

/* A file takes what there is. */
static void fill(int dir_fd)
{
	static const char zeros[4096];
	scoped(fd) int fd = openat(dir_fd, "filling", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, zeros, sizeof(zeros)) > 0)
		;
}

/* Many pages, and fewer rows. */
static int shrink(struct store *s, int flags)
{
	struct err e;
	int r = store_begin(s, flags, &e);
	if (r == 0)
		r = store_exec(s, &e, "DELETE FROM layer WHERE tree_size % 2", "");
	if (r >= 0)
		return store_commit(s, &e);
	store_rollback(s);
	return r;
}

#define MUST(claim)                                                                \
	do {                                                                       \
		if (!(claim)) {                                                    \
			(void)printf("# line %d: not so: " #claim "\n", __LINE__); \
			return 1;                                                  \
		}                                                                  \
	} while (0)

static int on_full_disk(const char *dir)
{
	struct engine_options o = { .graphroot = dir, .runroot = dir };
	scoped(engine) struct engine *en = NULL;
	struct store *s;
	struct err e;

	MUST(engine_open(&o, &en, &e) == 0);
	s = engine_store(en, &e);
	MUST(s && store_begin(s, 0, &e) == 0);
	for (int i = 0; i < 500; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "layer%d", i);
		MUST(store_exec(s, &e, "INSERT INTO layer VALUES (?, ?, NULL, 0, 0, ?)", "ssi",
				name, name, (int64_t)i) == 1);
	}
	MUST(store_commit(s, &e) == 0);
	engine_store_close(en);
	MUST(faccessat(en->graph_fd, "reserve", F_OK, 0) == 0);
	fill(en->graph_fd);
	s = engine_store(en, &e);
	MUST(s && one(s, "SELECT count(*) FROM layer") == 500);
	MUST(shrink(s, 0) == -ENOSPC);
	MUST(shrink(s, STORE_REMOVES) == 0);
	MUST(one(s, "SELECT count(*) FROM layer") == 250);
	MUST(faccessat(en->graph_fd, "reserve", F_OK, 0) < 0);
	/* Room again: the next command that writes puts it aside. */
	MUST(unlinkat(en->graph_fd, "filling", 0) == 0 && shrink(s, STORE_REMOVES) == 0);
	engine_store_close(en);
	return faccessat(en->graph_fd, "reserve", F_OK, 0) == 0 ? 0 : 1;
}

TEST(a_full_disk_can_be_emptied)
{
	scoped(place) struct place p = { 0 };
	int status = -1;
	pid_t pid;

	CHECK_INT(place_new(&p), 0);
	if (!p.en)
		return;
	pid = fork();
	if (pid == 0) {
		if (small_fs(p.graph) < 0)
			_exit(0); /* not allowed here */
		status = on_full_disk(p.graph);
		(void)fflush(stdout);
		_exit(status);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(status, 0);
}

TEST_MAIN
