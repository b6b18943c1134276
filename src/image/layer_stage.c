/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/layer_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/image_store.h"
#include "src/util/strbuf.h"

int layer_stage_open(struct engine *en, size_t max_layers, struct layer_stage *ret, struct err *e)
{
	struct layer_stage s = { .en = en, .tmp_fd = -EBADF, .lease = -EBADF, .cap = max_layers };
	int r = 0;

	s.layers = calloc(max_layers + 1, sizeof(*s.layers));
	s.paths = calloc(max_layers + 1, sizeof(*s.paths));
	s.writers = calloc(max_layers + 1, sizeof(*s.writers));
	for (size_t i = 0; s.writers && i < max_layers; i++)
		s.writers[i] = (struct layer_writer)LAYER_WRITER_NONE;
	if (!s.layers || !s.paths || !s.writers)
		r = err_errno(e, ENOMEM, "store layers");
	if (r == 0)
		r = engine_tmpdir(en, &s.tmp, &s.tmp_fd, &s.lease, e);
	if (r < 0) {
		layer_stage_done(&s);
		return r;
	}
	*ret = s;
	return 0;
}

void layer_stage_done(struct layer_stage *s)
{
	for (size_t i = 0; s->writers && i < s->cap; i++)
		layer_writer_end(&s->writers[i]);
	for (size_t i = 0; s->paths && i < s->cap; i++)
		free(s->paths[i]);
	free(s->writers);
	free(s->paths);
	free(s->layers);
	if (s->tmp) {
		engine_tmpdir_remove(s->en, s->tmp);
		fd_close(s->tmp_fd);
		fd_close(s->lease);
	}
	free(s->tmp);
	*s = (struct layer_stage){ .tmp_fd = -EBADF, .lease = -EBADF };
}

static int begin(struct layer_stage *s, int *ret_fd, struct err *e)
{
	char name[32];
	scoped(fd) int fd = -EBADF;

	if (s->n == s->cap)
		return err_set(e, -E2BIG, "more layers than announced");
	(void)snprintf(name, sizeof(name), "%zu", s->n);
	if (mkdirat(s->tmp_fd, name, 0700) < 0)
		return err_sys(e, "make a layer directory");
	fd = openat(s->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	s->paths[s->n] = str_printf("tmp/%s/%s", s->tmp, name);
	if (fd < 0 || !s->paths[s->n])
		return err_sys(e, "open a layer directory");
	*ret_fd = take_fd(&fd);
	return 0;
}

static void take_result(struct layer_stage *s, size_t k, const struct layer_result *got)
{
	struct image_new_layer *l = &s->layers[k];

	memcpy(l->diff_id, got->diff_id, sizeof(l->diff_id));
	memcpy(l->blob_digest, got->digest, sizeof(l->blob_digest));
	l->blob_size = got->size;
	l->diff_size = got->diff_size;
	l->tree_size = got->tree_size;
	l->tmp_path = s->paths[k];
}

int layer_stage_unpack(struct layer_stage *s, int source_fd, struct layer_result *ret,
		       struct err *e)
{
	scoped(fd) int dir = -EBADF;
	int r = begin(s, &dir, e);

	if (r == 0)
		r = layer_writer_start(&s->writers[s->n], s->en->run_fd, dir, source_fd, e);
	if (r == 0)
		r = layer_writer_finish(&s->writers[s->n], ret, e);
	if (r < 0)
		return r;
	take_result(s, s->n++, ret);
	return 0;
}

/* LENGTH -1: to its end. */
static int begin_reading(struct layer_stage *s, const char *diff_id, int source_fd, int64_t offset,
			 int64_t length, struct err *e)
{
	struct layer_writer *w = &s->writers[s->n];
	scoped(fd) int dir = -EBADF;
	int r = begin(s, &dir, e);

	if (r == 0)
		r = length < 0 ? layer_writer_start(w, s->en->run_fd, dir, source_fd, e)
			       : layer_writer_start_range(w, s->en->run_fd, dir, source_fd, offset,
							  length, e);
	if (r < 0)
		return r;
	(void)snprintf(s->layers[s->n].diff_id, sizeof(s->layers[s->n].diff_id), "%s", diff_id);
	s->n++;
	return 0;
}

int layer_stage_begin(struct layer_stage *s, const char *diff_id, int source_fd, int64_t offset,
		      int64_t length, struct err *e)
{
	return begin_reading(s, diff_id, source_fd, offset, length, e);
}

int layer_stage_begin_stream(struct layer_stage *s, const char *diff_id, int source_fd,
			     struct err *e)
{
	return begin_reading(s, diff_id, source_fd, 0, -1, e);
}

int layer_stage_finish(struct layer_stage *s, size_t k, struct layer_result *ret, struct err *e)
{
	int r = layer_writer_finish(&s->writers[k], ret, e);

	if (r < 0)
		return r;
	if (*s->layers[k].diff_id && strcmp(ret->diff_id, s->layers[k].diff_id) != 0)
		return err_set(e, -EBADMSG, "its contents are %s, the config says %s", ret->diff_id,
			       s->layers[k].diff_id);
	take_result(s, k, ret);
	/* The same layer may be in the image again, recorded before the sizes were known. */
	for (size_t i = k + 1; i < s->n; i++)
		if (!s->layers[i].tmp_path && strcmp(s->layers[i].diff_id, ret->diff_id) == 0) {
			s->layers[i] = s->layers[k];
			s->layers[i].tmp_path = NULL;
		}
	return 0;
}

int layer_stage_has(struct layer_stage *s, const char *diff_id)
{
	scoped(mem) char *name = NULL;
	struct err ignored;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->layers[i].diff_id, diff_id) == 0)
			return 1;
	return image_layer_by_diff_id(s->en, diff_id, &name, &ignored) == 0;
}

int layer_stage_known(struct layer_stage *s, const char *diff_id, struct err *e)
{
	struct image_new_layer *l = &s->layers[s->n];
	int r;

	if (s->n == s->cap)
		return err_set(e, -E2BIG, "more layers than announced");
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->layers[i].diff_id, diff_id) == 0) {
			*l = s->layers[i];
			l->tmp_path = NULL;
			s->n++;
			return 0;
		}
	r = image_layer_sizes(s->en, diff_id, &l->diff_size, &l->tree_size, e);
	if (r == -ENOENT)
		return err_set(e, -EAGAIN, "layer %s was removed by somebody else meanwhile",
			       diff_id);
	if (r < 0)
		return r;
	(void)snprintf(l->diff_id, sizeof(l->diff_id), "%s", diff_id);
	s->n++;
	return 0;
}
