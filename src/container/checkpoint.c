/* SPDX-License-Identifier: Apache-2.0 */
/* The images lie in containers/ID/checkpoint; where they are, the
 * container can be restored. */
#include "src/container/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/container/generate.h"
#include "src/container/record.h"
#include "src/runtime/criu.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define IMAGES	 "checkpoint"
#define PREVIOUS "pre-checkpoint"

/* A container's record, spec, and directory below graphroot/containers. */
struct subject {
	struct container *c;
	struct container_spec *spec;
	json_object *config;
	int dir;
};

static void scoped_subject(struct subject *s)
{
	(void)container_free(s->c);
	(void)container_spec_free(s->spec);
	json_free(s->config);
	fd_close(s->dir);
}

static int load(struct engine *en, const char *ref, struct subject *s, struct err *e)
{
	scoped(mem) char *path = NULL;
	int r = container_find(en, ref, &s->c, e);

	if (r == 0)
		r = container_spec_decode(s->c->spec, &s->spec, e);
	if (r == 0)
		r = generate_config(en, s->spec, s->c->id, NULL, NULL, &s->config, e);
	if (r < 0)
		return r;
	path = str_printf("containers/%s", s->c->id);
	s->dir = path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	return s->dir < 0 ? err_sys(e, "open the directory of container %s", ref) : 0;
}

/* Older images go: a checkpoint is whole or it is not there. */
static int make_dir(struct engine *en, const struct subject *s, const char *name, char **ret,
		    struct err *e)
{
	int r = path_rmtree(s->dir, name);

	if (r < 0 && r != -ENOENT)
		return err_errno(e, r, "remove the last checkpoint");
	if (mkdirat(s->dir, name, 0700) < 0)
		return err_sys(e, "make a directory for the checkpoint");
	*ret = str_printf("%s/containers/%s/%s", en->graphroot, s->c->id, name);
	return *ret ? 0 : err_errno(e, ENOMEM, "checkpoint");
}

static int check(const struct subject *s, const struct checkpoint_options *o, struct err *e)
{
	if (s->c->state != CONTAINER_RUNNING || s->c->pid <= 0)
		return err_set(e, -EINVAL,
			       "%s is not running, cannot checkpoint: container state improper",
			       s->c->id);
	if (s->spec->rm && !o->leave_running && !o->pre_checkpoint)
		return err_set(e, -EINVAL,
			       "cannot checkpoint containers that have been started with '--rm': "
			       "nothing would be left to restore");
	if (s->spec->tty)
		return err_set(e, -ENOTSUP,
			       "container %s has a terminal, which cannot be checkpointed",
			       s->c->name);
	return 0;
}

int container_checkpoint(struct engine *en, const char *ref, const struct checkpoint_options *o,
			 struct err *e)
{
	__attribute__((cleanup(scoped_subject))) struct subject s = { .dir = -EBADF };
	scoped(mem) char *dir = NULL;
	struct criu_options c = { .leave_running = o->leave_running,
				  .pre_dump = o->pre_checkpoint,
				  .tcp_established = o->tcp_established,
				  .file_locks = o->file_locks,
				  .previous = o->with_previous ? "../" PREVIOUS : NULL };
	int r = criu_check(&c, e);

	if (r == 0)
		r = load(en, ref, &s, e);
	if (r == 0)
		r = check(&s, o, e);
	if (r == 0 && o->with_previous && faccessat(s.dir, PREVIOUS, F_OK, 0) < 0)
		r = err_set(e, -ENOENT, "container %s has no pre-checkpoint", ref);
	if (r == 0)
		r = make_dir(en, &s, o->pre_checkpoint ? PREVIOUS : IMAGES, &dir, e);
	if (r != 0)
		return r;
	c.dir = dir;
	c.config = s.config;
	engine_store_close(en); /* the monitor writes the end */
	r = criu_dump(&c, s.c->pid, e);
	if (r < 0)
		return r;
	if (o->leave_running || o->pre_checkpoint)
		return 0;
	return container_wait(en, s.c->id, &(int){ 0 }, e);
}

int container_is_checkpointed(struct engine *en, const char *id)
{
	scoped(mem) char *path = str_printf("containers/%s/" IMAGES "/inventory.img", id);
	return path && faccessat(en->graph_fd, path, F_OK, 0) == 0;
}

int checkpoint_forget(struct engine *en, const char *id, struct err *e)
{
	scoped(mem) char *path = str_printf("containers/%s", id);
	scoped(fd) int dir =
		path ? openat(en->graph_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;
	int r = dir < 0 ? -errno : path_rmtree(dir, IMAGES);

	if (r == 0 || r == -ENOENT)
		r = path_rmtree(dir, PREVIOUS);
	return r < 0 && r != -ENOENT ? err_errno(e, r, "remove the checkpoint") : 0;
}

char *checkpoint_dir(const struct engine *en, const char *id)
{
	return str_printf("%s/containers/%s/" IMAGES, en->graphroot, id);
}
