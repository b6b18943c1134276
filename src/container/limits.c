/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define STATE_MAX 65536

static void state_path(const char *id, char *buf, size_t n)
{
	(void)snprintf(buf, n, "c/%s/cgroup", id);
}

static int write_state(struct engine *en, const char *id, const struct cgroup *cg, struct err *e)
{
	scoped(json) json_object *o = cgroup_to_json(cg);
	scoped(mem) char *text = o ? json_text(o) : NULL;
	char path[128];
	scoped(fd) int fd = -EBADF;

	if (!text)
		return err_errno(e, ENOMEM, "note the container's cgroup");
	state_path(id, path, sizeof(path));
	fd = openat(en->run_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, "write %s/%s", en->runroot, path);
	if (fd_write_all(fd, text, strlen(text)) < 0)
		return err_set(e, -EIO, "cannot write %s/%s", en->runroot, path);
	return 0;
}

int limits_make(struct engine *en, const struct container_spec *s, const char *id,
		struct cgroup *ret, struct err *e)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct cgroup_options o = { .manager = CGROUP_AUTO,
				    .id = id,
				    .annotations = s->annotations };
	int r = cgroup_create(&o, &cg, e);

	if (r == 0 && cg.kind != CGROUP_KIND_NONE) {
		r = write_state(en, id, &cg, e);
		if (r < 0)
			limits_end(&cg);
	}
	if (r < 0)
		return r;
	*ret = cg;
	cg = (struct cgroup)CGROUP_NONE;
	return 0;
}

int limits_open(struct engine *en, const char *id, struct cgroup *ret, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = NULL;
	char path[128];
	size_t n;
	int r;

	state_path(id, path, sizeof(path));
	*ret = (struct cgroup)CGROUP_NONE;
	r = path_read(en->run_fd, path, STATE_MAX, &text, &n, e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = json_parse(text, n, &o, e);
	return r < 0 ? r : cgroup_from_json(o, ret, e);
}

void limits_end(struct cgroup *cg)
{
	struct err e;
	if (cgroup_destroy(cg, &e) < 0)
		dbg("%s", e.text);
}
