/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/store/storage_conf.h"
#include "src/store/store.h"
#include "src/util/account.h"
#include "src/util/lock.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

/* Open one of our two roots: made 0700, and refused when it is somebody else's or a link to
 * elsewhere in a shared directory. */
static int open_root(const char *path, uid_t uid, int *ret_fd, struct err *e)
{
	scoped(fd) int fd = -EBADF;
	struct stat st;
	int r = path_mkdirs(path, 0700, e);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat %s", path);
	if (st.st_uid != uid) {
		(void)err_set(e, -EACCES, "%s belongs to user %u, not to user %u", path, st.st_uid,
			      uid);
		return err_hint(e, "choose another directory with --root or --runroot");
	}
	if ((st.st_mode & 077) && fchmod(fd, st.st_mode & 0700) < 0)
		return err_sys(e, "close %s to other users", path);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int subdir(int at, const char *root, const char *name, struct err *e)
{
	if (mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", root, name);
	return 0;
}

static char *absolute(const char *p)
{
	char cwd[PATH_MAX];
	if (p[0] == '/')
		return path_clean(p);
	if (!getcwd(cwd, sizeof(cwd)))
		return NULL;
	scoped(mem) char *joined = str_printf("%s/%s", cwd, p);
	return joined ? path_clean(joined) : NULL;
}

static char *home_dir(uid_t uid)
{
	const char *h = getenv("HOME");
	scoped(account) struct account a = ACCOUNT_NONE;
	if (h && h[0] == '/')
		return strdup(h);
	return strdup(account_find(uid, &a) ? a.home : "/");
}

/* What `cove unshare` says to whoever is root by its grace: the user's own directories. */
static char *unshared(const struct engine *en, const char *variable)
{
	const char *dir = getenv(variable);
	return en->uid == 0 && dir && dir[0] == '/' && !userns_is_host_root() ? strdup(dir) : NULL;
}

static char *graphroot_default(const struct engine *en, char **said)
{
	const char *data = getenv("XDG_DATA_HOME");
	char *told = unshared(en, "CONTAINERS_GRAPHROOT");
	if (told)
		return told;
	if (*said)
		return take_ptr(said);
	if (en->uid == 0)
		return strdup("/var/lib/cove");
	if (data && data[0] == '/')
		return str_printf("%s/cove", data);
	return str_printf("%s/.local/share/cove", en->home);
}

/* $XDG_RUNTIME_DIR only when it is really ours: after su or sudo it often is the former user's. */
static char *runroot_default(const struct engine *en, char **said)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char *told = unshared(en, "CONTAINERS_RUNROOT");
	scoped(mem) char *user = str_printf("/run/user/%u", en->uid);
	struct stat st;

	if (told)
		return told;
	if (*said)
		return take_ptr(said);
	if (en->uid == 0)
		return strdup("/run/cove");
	if (run && run[0] == '/' && stat(run, &st) == 0 && st.st_uid == en->uid)
		return str_printf("%s/cove", run);
	if (user && stat(user, &st) == 0 && st.st_uid == en->uid)
		return str_printf("%s/cove", user);
	return str_printf("/tmp/cove-run-%u", en->uid);
}

int engine_open(const struct engine_options *o, struct engine **ret, struct err *e)
{
	scoped(engine) struct engine *en = calloc(1, sizeof(*en));
	scoped(storage_conf) struct storage_conf conf = { 0 };
	static const char *const dirs[] = { "blobs",   "layers", "containers",
					    "volumes", "tmp",	 "cache" };
	const char *config = getenv("XDG_CONFIG_HOME");
	int r = 0;

	if (!en)
		return err_errno(e, ENOMEM, "open the engine");
	en->graph_fd = en->run_fd = -EBADF;
	en->uid = geteuid();
	en->gid = getegid();
	en->home = home_dir(en->uid);
	en->config_dir = config && config[0] == '/'
				 ? str_printf("%s/containers", config)
				 : str_printf("%s/.config/containers", en->home ? en->home : "");
	if (!en->home || !en->config_dir)
		return err_errno(e, ENOMEM, "open the engine");
	/* Who says it all reads no files, so that nobody's mistake in them is in the way. */
	r = storage_conf_read(en, o->storage_opts, !o->graphroot || !o->runroot || !o->storage_opts,
			      &conf, e);
	if (r < 0)
		return r;
	en->stores = take_ptr(&conf.stores);
	en->graphroot = o->graphroot && *o->graphroot ? absolute(o->graphroot)
						      : graphroot_default(en, &conf.graphroot);
	en->runroot = o->runroot && *o->runroot ? absolute(o->runroot)
						: runroot_default(en, &conf.runroot);
	if (!en->graphroot || !en->runroot)
		return err_errno(e, ENOMEM, "open the engine");
	en->umask = umask(077); /* container processes get their own */
	r = open_root(en->graphroot, en->uid, &en->graph_fd, e);
	if (r < 0)
		return err_in(e, "image and container store");
	r = open_root(en->runroot, en->uid, &en->run_fd, e);
	if (r < 0)
		return err_in(e, "runtime directory");
	/* One look tells a made store: the last of the list. */
	if (faccessat(en->graph_fd, dirs[ARRAY_LEN(dirs) - 1], F_OK, 0) < 0)
		for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
			r = subdir(en->graph_fd, en->graphroot, dirs[i], e);
			if (r < 0)
				return r;
		}
	r = subdir(en->run_fd, en->runroot, "c", e);
	if (r < 0)
		return r;
	*ret = take_ptr(&en);
	return 0;
}

struct engine *engine_free(struct engine *en)
{
	if (!en)
		return NULL;
	engine_store_close(en);
	fd_close(en->graph_fd);
	fd_close(en->run_fd);
	free(en->graphroot);
	free(en->runroot);
	free(en->config_dir);
	free(en->events.path);
	free(en->home);
	strv_free(en->stores);
	free(en);
	return NULL;
}

struct store *engine_store(struct engine *en, struct err *e)
{
	if (!en->store)
		(void)store_open(en->graphroot, en->graph_fd, &en->store,
				 e); /* the error is in E */
	return en->store;
}

void engine_store_close(struct engine *en)
{
	en->store = store_close(en->store);
	for (size_t i = 0; en->catalogues && en->stores && en->stores[i]; i++)
		(void)store_close(en->catalogues[i].db);
	free(en->catalogues);
	en->catalogues = NULL;
}

/* ---- half-made things ------------------------------------------------------------------------ */

static int tmp_open(struct engine *en, struct err *e)
{
	int fd = openat(en->graph_fd, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open %s/tmp", en->graphroot) : fd;
}

int engine_spool(struct engine *en, struct err *e)
{
	int fd = openat(en->graph_fd, "tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, "make a spool file in %s/tmp", en->graphroot) : fd;
}

int engine_tmpdir(struct engine *en, char **ret_name, int *ret_fd, int *ret_lease, struct err *e)
{
	char name[20], lease_name[40];
	scoped(fd) int tmp = tmp_open(en, e);
	scoped(fd) int lease = -EBADF;
	scoped(fd) int dir = -EBADF;
	scoped(mem) char *copy = NULL;
	int r;

	if (tmp < 0)
		return tmp;
	r = id_random(name, 16);
	if (r < 0)
		return err_errno(e, r, "make a name");
	(void)snprintf(lease_name, sizeof(lease_name), "%s.lease", name);
	lease = lock_file(tmp, lease_name, LOCK_EXCLUSIVE, 0, e);
	if (lease == -EROFS)
		return err_set(e, -EROFS, "the store %s is on a read-only file system",
			       en->graphroot);
	if (lease < 0)
		return lease;
	if (mkdirat(tmp, name, 0700) < 0)
		return err_sys(e, "make directory %s/tmp/%s", en->graphroot, name);
	dir = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	copy = strdup(name);
	if (dir < 0 || !copy)
		return err_sys(e, "open %s/tmp/%s", en->graphroot, name);
	*ret_name = take_ptr(&copy);
	*ret_fd = take_fd(&dir);
	*ret_lease = take_fd(&lease);
	return 0;
}

void engine_tmpdir_remove(struct engine *en, const char *name)
{
	char lease_name[NAME_MAX];
	struct err ignored;
	scoped(fd) int tmp = tmp_open(en, &ignored);

	if (tmp < 0 || userns_rmtree(en->run_fd, tmp, name, &ignored) < 0) {
		dbg("left behind in tmp: %s", name); /* the next collection tries again */
		return;
	}
	(void)snprintf(lease_name, sizeof(lease_name), "%s.lease", name);
	(void)unlinkat(tmp, lease_name, 0); /* gone is gone */
}

/* A name without a lease is somebody's mkdir between two system calls of engine_tmpdir(), or older
 * than the lease idea; the lease is made first, so it can only be rubbish. */
static void collect_one(struct engine *en, int tmp, const char *entry)
{
	char name[NAME_MAX + 1], lease_name[NAME_MAX + 8];
	struct err ignored;
	scoped(fd) int lease = -EBADF;

	(void)snprintf(name, sizeof(name), "%s", entry);
	if (str_ends(name, ".lease"))
		name[strlen(name) - strlen(".lease")] = '\0';
	(void)snprintf(lease_name, sizeof(lease_name), "%s.lease", name);
	lease = lock_file(tmp, lease_name, LOCK_EXCLUSIVE, 0, &ignored);
	if (lease < 0)
		return; /* its maker lives */
	engine_tmpdir_remove(en, name);
}

void engine_collect(struct engine *en)
{
	struct err ignored;
	int fd = tmp_open(en, &ignored);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		fd_close(fd);
		return;
	}
	for (struct dirent *de; (de = readdir(d));)
		if (de->d_name[0] != '.')
			collect_one(en, dirfd(d), de->d_name);
}
