/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/export.h"

#include <errno.h>

#include "overlay/tree_role.h"
#include "src/container/event.h"
#include "src/container/root.h"
#include "src/util/strbuf.h"

int container_export(struct engine *en, const char *ref, int fd, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(root) struct root root = ROOT_NONE;
	scoped(tree_reader) struct tree_reader reader = TREE_READER_NONE;
	scoped(strv) char **args = NULL;
	int r = container_find(en, ref, &c, e);

	if (r == 0)
		r = container_spec_decode(c->spec, &spec, e);
	if (r == 0)
		r = root_of_container(en, c, spec, &root, e);
	if (r < 0)
		return r;
	if (root_add_ids(&root, "tar", &args) < 0 || root_add_trees(&root, &args) < 0)
		return err_errno(e, ENOMEM, "export");
	engine_store_close(en);
	r = tree_reader_start(&reader, en->run_fd, root.dir_fd, fd, args, e);
	if (r == 0)
		r = tree_reader_finish(&reader, e);
	if (r < 0)
		return err_in(e, "export %s", ref);
	container_event(en, c, "export");
	return 0;
}
