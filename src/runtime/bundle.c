/* SPDX-License-Identifier: Apache-2.0 */
/* What cove-runtime is given: the state root, the bundle, descriptors, sockets, files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/runtime/agent.h"
#include "src/runtime/hooks.h"
#include "src/runtime/oci.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define CONFIG_MAX (16U << 20)

char *oci_default_root(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	/* Inside a user namespace of his own a user is 0 as well, and /run is not his. */
	if (geteuid() == 0 && (!run || !*run || access("/run", W_OK) == 0))
		return strdup("/run/cove-runtime");
	if (run && run[0] == '/')
		return str_printf("%s/cove-runtime", run);
	return str_printf("/run/user/%u/cove-runtime", geteuid());
}

int oci_open_root(const char *root, int *ret_fd, struct err *e)
{
	scoped(mem) char *path = root ? strdup(root) : oci_default_root();
	scoped(mem) char *absolute = NULL;
	scoped(fd) int fd = -EBADF;

	if (path && path[0] != '/') {
		scoped(mem) char *cwd = getcwd(NULL, 0);
		absolute = cwd ? str_printf("%s/%s", cwd, path) : NULL;
	} else {
		absolute = take_ptr(&path);
	}
	if (!absolute)
		return err_errno(e, ENOMEM, "open the state directory");
	fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		int r = path_mkdirs(absolute, 0700, e);
		if (r < 0) {
			(void)err_in(e, "state directory");
			return err_hint(e, "--root names another place");
		}
		fd = open(absolute, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, "open the state directory %s", absolute);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* ociVersion: any 1.x (config.md: a runtime need not take what is newer than itself, and 1.x stays
 * compatible). */
static int check_version(json_object *config, struct err *e)
{
	const char *version = json_get_str(config, "ociVersion");

	if (!json_object_is_type(config, json_type_object))
		return err_set(e, -EINVAL, "config.json: the document is no object");
	if (!version)
		return err_set(e, -EINVAL, "config.json: ociVersion is missing");
	if (!str_starts(version, "1."))
		return err_set(e, -EINVAL, "config.json: ociVersion '%.32s' is not supported",
			       version);
	return 0;
}

int oci_load_bundle(const char *bundle, const char *file, json_object **ret, char **ret_bundle,
		    struct err *e)
{
	scoped(json) json_object *config = NULL;
	scoped(mem) char *text = NULL;
	scoped(mem) char *absolute = realpath(bundle, NULL);
	size_t n;
	int r;

	if (!absolute || chdir(absolute) < 0)
		return err_sys(e, "enter the bundle %s", bundle);
	if (!file)
		file = "config.json";
	r = path_read(AT_FDCWD, file, CONFIG_MAX, &text, &n, e);
	if (r == 0 && json_parse(text, n, &config, e) < 0)
		r = err_in(e, "%s", file);
	if (r == 0)
		r = check_version(config, e);
	if (r == 0)
		r = hooks_check(config, e);
	if (r < 0)
		return err_in(e, "bundle %s", absolute);
	*ret = take_ptr(&config);
	*ret_bundle = take_ptr(&absolute);
	return 0;
}

int oci_keep_fds(const struct oci *oci, int n, struct err *e)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fd == oci->root_fd || fcntl(fd, F_GETFD) < 0)
			return err_set(e, -EBADF, "--preserve-fds=%d: descriptor %d is not open", n,
				       fd);
	n = fd_close_from(3 + n, &oci->root_fd, 1);
	return n < 0 ? err_errno(e, n, "close the caller's descriptors") : 0;
}

int oci_open_cache(const struct oci *oci, json_object *config)
{
	static const char name[] = ".seccomp"; /* no id begins with a dot */
	int fd;

	if (!json_path(config, "linux", "seccomp", NULL))
		return -EBADF;
	fd = openat(oci->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && mkdirat(oci->root_fd, name, 0700) == 0)
		fd = openat(oci->root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -EBADF : fd; /* it only makes things faster */
}

int oci_send_console(const char *path, int master, struct err *e)
{
	static const char name[] = "/dev/ptmx";
	scoped(fd) int s = agent_connect(path, e);
	int r;

	if (s < 0)
		return err_in(e, "console socket");
	r = fd_send(s, name, sizeof(name) - 1, &master, 1);
	return r < 0 ? err_errno(e, r, "send the terminal to %s", path) : 0;
}

int oci_write_pid_file(const char *file, pid_t pid, struct err *e)
{
	scoped(mem) char *dir = strdup(file);
	scoped(fd) int fd = -EBADF;
	char *slash = dir ? strrchr(dir, '/') : NULL, text[16];

	if (!dir)
		return err_errno(e, ENOMEM, "write %s", file);
	if (slash)
		*slash = '\0';
	fd = open(!slash ? "." : *dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "write pid file %s", file);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	return path_replace(fd, slash ? slash + 1 : dir, text, strlen(text), 0644, 0, e) < 0
		       ? err_in(e, "write pid file %s", file)
		       : 0;
}
