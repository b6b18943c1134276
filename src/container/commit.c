/* SPDX-License-Identifier: Apache-2.0 */
/* An image of a container: the role `tree` writes what the container changed as a tar, the role
 * `layer` unpacks it into the layer that it will be, as for any other image; then config and
 * manifest are written and all of it is published at once. */
#include "src/container/commit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "overlay/tree_role.h"
#include "src/container/commit_config.h"
#include "src/container/event.h"
#include "src/container/root.h"
#include "src/image/layer_stage.h"
#include "src/image/manifest.h"
#include "src/image/pull_progress.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

/* ---- progress -------------------------------------------------------------------------------- */

static void progress_begin(struct pull_progress *p, const struct commit *c, size_t n_known)
{
	json_object *ids = commit_base_layers(c);

	pull_progress_init(p, c->o->quiet);
	pull_progress_say(p, "Getting image source signatures");
	for (size_t i = 0; i < n_known; i++)
		pull_progress_say(p, "Copying blob %.12s skipped: already exists",
				  digest_hex(json_str_at(ids, i)));
}

static void progress_end(struct pull_progress *p, const char *id)
{
	pull_progress_say(p, "Copying config %.12s done", id);
	pull_progress_say(p, "Writing manifest to image destination");
	pull_progress_say(p, "Storing signatures");
}

/* ---- the layer ------------------------------------------------------------------------------- */

/* Those of the image, which are in the store. */
static int add_known(struct layer_stage *stage, const struct commit *c, struct err *e)
{
	json_object *ids = commit_base_layers(c);
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_len(ids); i++)
		r = layer_stage_known(stage, json_str_at(ids, i), e);
	return r;
}

static int add_changes(struct engine *en, struct layer_stage *stage, const struct commit *c,
		       struct err *e)
{
	scoped(root) struct root root = ROOT_NONE;
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	scoped(strv) char **args = NULL;
	scoped(fd) int in = -EBADF;
	scoped(fd) int out = -EBADF;
	struct layer_result layer = { 0 };
	struct err unpack;
	int r = root_of_container(en, c->container, c->spec, &root, e), k;

	if (r < 0)
		return r;
	if (commit_is_whole(c))
		k = root_add_ids(&root, "tar", &args) < 0 ? -1 : root_add_trees(&root, &args);
	else
		k = root_add_ids(&root, "layer", &args) < 0 ? -1 : strv_add(&args, root.upper);
	if (k < 0)
		return err_errno(e, ENOMEM, "read the container");
	engine_store_close(en);
	r = fd_pipe(&in, &out, e);
	if (r == 0)
		r = tree_reader_start(&reader, en->run_fd, root.dir_fd, out, args, e);
	if (r < 0)
		return r;
	fd_close(take_fd(&out));
	k = layer_stage_unpack(stage, in, &layer, &unpack);
	fd_close(take_fd(&in));
	return err_of_pipe(tree_reader_finish(&reader, e), k, &unpack, e);
}

/* ---- the image ------------------------------------------------------------------------------- */

static int publish(struct engine *en, const struct layer_stage *stage, const struct commit *c,
		   const char *name, char **ret_id, struct err *e)
{
	scoped(mem) char *config = commit_config_text(c, stage->layers, stage->n);
	scoped(mem) char *manifest =
		config ? commit_manifest_text(c, config, stage->layers, stage->n) : NULL;
	struct image_publish p = { .manifest_type = c->is_docker ? MEDIA_DOCKER_MANIFEST
								 : MEDIA_OCI_MANIFEST,
				   .layers = stage->layers,
				   .n_layers = stage->n,
				   .name = name };

	if (!manifest)
		return err_errno(e, ENOMEM, "make an image");
	p.manifest = manifest;
	p.manifest_len = strlen(manifest);
	p.config = config;
	p.config_len = strlen(config);
	return image_publish(en, &p, ret_id, e);
}

/* 1: it is frozen now, by us. */
static int pause_it(struct engine *en, const struct commit *c, struct err *e)
{
	int r;

	if (!c->o->pause || c->container->state != CONTAINER_RUNNING || c->container->is_paused)
		return 0;
	r = container_pause(en, c->container->id, e);
	if (r == 0)
		return 1;
	if (c->o->pause_given)
		return r;
	/* It ended just now, or there is no freezer here: then what it writes meanwhile may be in
	 * the image or not. */
	dbg("commit without a pause: %s", e->text);
	err_clear(e);
	return 0;
}

/* Read the container, frozen where that is wanted.  An impatient user's signals wait until it goes
 * on again. */
static int add_frozen(struct engine *en, struct layer_stage *stage, const struct commit *c,
		      struct err *e)
{
	sigset_t wait, before;
	struct err other;
	int r, paused;

	(void)sigemptyset(&wait);
	(void)sigaddset(&wait, SIGINT);
	(void)sigaddset(&wait, SIGTERM);
	(void)sigaddset(&wait, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &wait, &before);
	r = paused = pause_it(en, c, e);
	if (r >= 0)
		r = add_changes(en, stage, c, e);
	if (paused > 0 && container_unpause(en, c->container->id, &other) < 0 && r == 0) {
		*e = other;
		r = e->code;
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return r;
}

static int commit(struct engine *en, const struct commit *c, const char *name, char **ret_id,
		  struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	size_t n = commit_is_whole(c) ? 0 : json_len(commit_base_layers(c));
	struct pull_progress progress;
	int r = layer_stage_open(en, n + 1, &stage, e);

	if (r == 0 && n)
		r = add_known(&stage, c, e);
	if (r < 0)
		return r;
	progress_begin(&progress, c, n);
	r = add_frozen(en, &stage, c, e);
	if (r < 0)
		return r;
	pull_progress_say(&progress, "Copying blob %.12s done",
			  digest_hex(stage.layers[stage.n - 1].diff_id));
	r = publish(en, &stage, c, name, ret_id, e);
	if (r == 0)
		progress_end(&progress, *ret_id);
	return r;
}

int container_commit(struct engine *en, const char *ref, const char *name,
		     const struct commit_options *o, char **ret_id, struct err *e)
{
	scoped(commit) struct commit c = { .o = o };
	scoped(mem) char *full = NULL;
	int r = name ? reference_new_name(name, &full, e) : 0;

	if (r == 0)
		r = commit_open(en, ref, &c, e);
	if (r != 0)
		return r;
	engine_collect(en);
	image_collect(en);
	r = commit(en, &c, full, ret_id, e);
	if (r < 0)
		return err_in(e, "commit %s", ref);
	container_event(en, c.container, "commit");
	return 0;
}
