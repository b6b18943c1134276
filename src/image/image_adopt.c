/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/image_adopt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "overlay/layer.h"
#include "src/image/image_layers.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/layer_stage.h"
#include "src/image/manifest.h"
#include "src/store/store.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* So that the policy holds for it as before. */
static int add_pulled_as(struct engine *en, const char *id, char *const *names, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = 0;

	if (!s || store_begin(s, STORE_DURABLE, e) < 0)
		return e->code;
	for (; names && *names && r >= 0; names++)
		r = store_exec(
			s, e,
			"INSERT OR IGNORE INTO image_digest (image_id, digest_name) VALUES (?, ?)",
			"ss", id, *names);
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

/* ---- layers ---------------------------------------------------------------------------------- */

static void scoped_layers(struct image_layer **l)
{
	free(*l); /* their names are freed where their number is known */
}

/* The next layer of the stage is L, made of its tar stream. */
static int copy_layer(struct engine *en, const struct image_layer *l, struct layer_stage *stage,
		      struct err *e)
{
	__attribute__((cleanup(layer_writer_end))) struct layer_writer tar = LAYER_WRITER_NONE;
	scoped(fd) int dir = image_layer_open(en, l, e);
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct layer_result read, written;
	struct err unpack = { 0 };
	int r, k;

	if (dir < 0)
		return dir;
	r = fd_pipe(&in, &out, e);
	if (r == 0)
		r = layer_tar_start(&tar, en->run_fd, dir, out, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&out));
	k = layer_stage_unpack(stage, in, &written, &unpack);
	fd_close(take_fd(&in));
	r = err_of_pipe(layer_writer_finish(&tar, &read, e), k, &unpack, e);
	if (r == 0 && strcmp(written.diff_id, l->diff_id) != 0)
		r = err_set(e, -EBADMSG, "it is %s", written.diff_id);
	return r < 0 ? err_in(e, "layer %s", l->diff_id) : 0;
}

/* Fill TO (as many as L): those that lie well where they are, and the others from the stage. */
static int take_layers(struct engine *en, const struct image_layer *l, size_t n,
		       struct layer_stage *stage, struct image_new_layer *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		size_t same = 0;

		while (strcmp(l[same].diff_id, l[i].diff_id) != 0)
			same++;
		if (same < i) {
			to[i] = to[same];
			to[i].tmp_path = NULL;
		} else if (image_layer_is_unfit(en, l[i].name)) {
			r = copy_layer(en, &l[i], stage, e);
			if (r == 0)
				to[i] = stage->layers[stage->n - 1];
		} else {
			(void)stpcpy(to[i].diff_id, l[i].diff_id); /* both have room for one */
			r = image_layer_sizes(en, l[i].diff_id, &to[i].diff_size, &to[i].tree_size,
					      e);
		}
	}
	return r;
}

/* ---- images ---------------------------------------------------------------------------------- */

static int publish(struct engine *en, const struct image *i, const char *name,
		   const struct image_new_layer *layers, size_t n, struct err *e)
{
	struct image_publish p = { .manifest_type = manifest_media_type(i->manifest),
				   .index_digest = i->index_digest,
				   .name = name,
				   .layers = layers,
				   .n_layers = n };
	scoped(mem) char *config = NULL;
	scoped(mem) char *manifest = NULL;
	scoped(mem) char *id = NULL;
	scoped(strv) char **pulled = NULL;
	char digest[DIGEST_LEN + 1];

	(void)snprintf(digest, sizeof(digest), "sha256:%s", i->id);
	if (image_blob_read(en, digest, &config, &p.config_len, e) < 0 ||
	    image_blob_read(en, i->manifest_digest, &manifest, &p.manifest_len, e) < 0 ||
	    image_pulled_as(en, i->id, &pulled, e) < 0)
		return e->code;
	p.config = config;
	p.manifest = manifest;
	return image_publish(en, &p, &id, e) < 0 ? e->code : add_pulled_as(en, i->id, pulled, e);
}

int image_adopt(struct engine *en, const struct image *i, const char *name, struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	__attribute__((cleanup(scoped_layers))) struct image_layer *l = NULL;
	scoped(mem) struct image_new_layer *layers = NULL;
	size_t n = 0;
	int r = image_layers(en, i, &l, &n, e);

	if (r < 0)
		return r;
	engine_collect(en); /* what one that was killed left needs the room */
	image_collect(en);
	layers = calloc(n + 1, sizeof(*layers));
	r = layers ? layer_stage_open(en, n, &stage, e) : err_errno(e, ENOMEM, "adopt an image");
	if (r == 0)
		r = take_layers(en, l, n, &stage, layers, e);
	if (r == 0)
		r = publish(en, i, name, layers, n, e);
	for (size_t k = 0; k < n; k++)
		free(l[k].name);
	return r;
}

int image_prepare_layers(struct engine *en, struct image **i, struct err *e)
{
	scoped(image) struct image *ours = NULL;
	struct err ignored = { 0 };
	int masked = 0, foreign = 0, r = 0;

	for (char **l = (*i)->store ? (*i)->layers : NULL; l && *l; l++) {
		masked = masked || image_layer_is_masked(*l);
		foreign = foreign || image_layer_is_foreign(*l);
	}
	if (!masked && !foreign)
		return 0;
	if (image_by_id_in(en, 0, (*i)->id, &ours, &ignored) < 0) {
		r = image_adopt(en, *i, NULL, e);
		if (r == 0)
			r = image_by_id_in(en, 0, (*i)->id, &ours, e);
	}
	if (r < 0 && !masked) { /* all that it can be, then, is nobody's */
		dbg("image %.12s of %s: %s", (*i)->id, (*i)->store, e->text);
		err_clear(e);
		return 0;
	}
	if (r != 0 || !ours)
		return r < 0 ? err_in(e, "image %.12s of %s", (*i)->id, (*i)->store) : 0;
	strv_free(ours->names);
	ours->names = take_ptr(&(*i)->names);
	(void)image_free(*i);
	*i = take_ptr(&ours);
	return 0;
}
