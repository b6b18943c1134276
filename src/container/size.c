/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/size.h"

#include <errno.h>

#include "overlay/layer_measure.h"
#include "src/image/image_store.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

int container_size(struct engine *en, const char *id, int64_t *ret, struct err *e)
{
	scoped(mem) char *path = str_printf("containers/%s/upper", id);
	char *const trees[] = { path, NULL };
	int r = path ? layer_measure(en->run_fd, en->graph_fd, trees, ret, e)
		     : err_errno(e, ENOMEM, "measure a container");

	if (r == -ENOENT) {
		err_clear(e);
		*ret = 0;
		r = 0;
	}
	return r;
}

int container_measure(struct engine *en, struct container *c, struct err *e)
{
	scoped(image) struct image *i = NULL;
	int r = container_size(en, c->id, &c->size.changed, e);

	if (r == 0 && *c->image_id) { /* else it has a --rootfs */
		r = image_by_id(en, c->image_id, &i, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = 0;
		}
	}
	c->size.all = c->size.changed + (i ? i->size : 0);
	return r;
}
