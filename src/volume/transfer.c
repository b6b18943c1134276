/* SPDX-License-Identifier: Apache-2.0 */
/* Tars of volumes: written by the role `tree`, read by the role `layer`, both with the volume as
 * their root. */
#include <errno.h>
#include <fcntl.h>

#include "overlay/layer.h"
#include "overlay/tree_role.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"
#include "userns/join.h"

struct place {
	struct engine *en;
	char *path; /* below graphroot, or absolute */
};

static int find_place(struct engine *en, const struct volume *v, struct place *ret, struct err *e)
{
	scoped(volume_mount) struct volume_mount m = { .kind = VOLUME_DATA };
	int r = volume_mount_plan(en, v, &m, e);

	if (r < 0)
		return r;
	if (m.kind == VOLUME_TMPFS)
		return err_set(e, -EINVAL,
			       "volume %s is memory of the containers that have it: volume is not "
			       "mounted",
			       v->name);
	ret->en = en;
	ret->path = take_ptr(&m.source);
	return 0;
}

/* In the child: the directory may be one that only a subordinate id can open. */
static int enter(void *arg, struct err *e)
{
	const struct place *p = arg;
	int r = userns_enter(p->en->run_fd, e);

	if (r < 0)
		return r;
	r = open(p->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? err_sys(e, "open %s", p->path) : r;
}

int volume_export(struct engine *en, const struct volume *v, int out_fd, struct err *e)
{
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	char tar[] = "tar", zero[] = "0", here[] = ".";
	char *args[] = { tar, zero, zero, here, NULL };
	struct place p = { .en = en };
	int r = find_place(en, v, &p, e);

	if (r < 0)
		return r;
	engine_store_close(en);
	r = tree_reader_start_with(&reader, enter, &p, out_fd, args, e);
	if (r == 0)
		r = tree_reader_finish(&reader, e);
	free(p.path);
	return r < 0 ? err_in(e, "export volume %s", v->name) : 0;
}

int volume_import(struct engine *en, const struct volume *v, int in_fd, struct err *e)
{
	const struct layer_copy copy = { .base = "", .overwrite = 1 };
	struct layer_writer w = LAYER_WRITER_NONE;
	struct layer_result ignored;
	struct place p = { .en = en };
	int r = find_place(en, v, &p, e);

	if (r < 0)
		return r;
	engine_store_close(en);
	r = layer_copy_start(&w, enter, &p, in_fd, &copy, e);
	if (r == 0)
		r = layer_writer_finish(&w, &ignored, e);
	layer_writer_end(&w);
	free(p.path);
	return r < 0 ? err_in(e, "import volume %s", v->name) : 0;
}
