/* SPDX-License-Identifier: Apache-2.0 */
#include "src/volume/volume.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "overlay/layer_measure.h"
#include "src/store/events.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"
#include "userns/join.h"

int volume_ensure(struct engine *en, const char *name, char **ret_data, struct err *e)
{
	char path[300];
	int is_new;

	if (!name_is_valid(name))
		return err_set(e, -EINVAL, "volume name \"%s\" is not valid", name);
	(void)snprintf(path, sizeof(path), "volumes/%s", name);
	if (mkdirat(en->graph_fd, path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make volume %s", name);
	(void)snprintf(path, sizeof(path), "volumes/%s/_data", name);
	is_new = mkdirat(en->graph_fd, path, 0755) == 0;
	if (!is_new) {
		if (errno != EEXIST)
			return err_sys(e, "make volume %s", name);
	} else if (fchmodat(en->graph_fd, path, 0755, 0) < 0) { /* whatever the umask */
		return err_sys(e, "make volume %s", name);
	}
	if (is_new)
		events_write(en,
			     &(struct event){ .type = "volume", .status = "create", .name = name });
	*ret_data = str_printf("%s/volumes/%s/_data", en->graphroot, name);
	return *ret_data ? 0 : err_errno(e, ENOMEM, "make volume %s", name);
}

int volume_remove(struct engine *en, const char *name, struct err *e)
{
	scoped(fd) int dir =
		openat(en->graph_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (!name_is_valid(name))
		return err_set(e, -EINVAL, "volume name \"%s\" is not valid", name);
	if (dir < 0)
		return err_sys(e, "open %s/volumes", en->graphroot);
	if (userns_rmtree(en->run_fd, dir, name, e) < 0)
		return e->code;
	events_write(en, &(struct event){ .type = "volume", .status = "remove", .name = name });
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int volume_list(struct engine *en, char ***ret, struct err *e)
{
	int fd = openat(en->graph_fd, "volumes", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	scoped(dir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	scoped(strv) char **v = NULL;

	if (!d) {
		fd_close(fd);
		return err_sys(e, "open %s/volumes", en->graphroot);
	}
	for (struct dirent *de; (de = readdir(d));)
		if (name_is_valid(de->d_name) && strv_add(&v, de->d_name) < 0)
			return err_errno(e, ENOMEM, "list volumes");
	if (v)
		qsort(v, strv_len(v), sizeof(*v), by_name);
	*ret = take_ptr(&v);
	return 0;
}

int volume_size(struct engine *en, const char *name, int64_t *ret, struct err *e)
{
	char path[300];
	char *const trees[] = { path, NULL };

	(void)snprintf(path, sizeof(path), "volumes/%s/_data", name);
	return layer_measure(en->run_fd, en->graph_fd, trees, ret, e);
}
