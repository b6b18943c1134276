/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/other_runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

int other_runtime(const struct engine *en, const struct container_spec *spec, const char *id,
		  char **ret_dir, struct driver *ret, struct err *e)
{
	scoped(mem) char *dir = str_printf("%s/c/%s/oci", en->runroot, id);

	if (!dir)
		return err_errno(e, ENOMEM, "start the container");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", dir);
	*ret = (struct driver){
		.program = spec->runtime, .options = spec->runtime_flags, .id = id, .dir = dir
	};
	*ret_dir = take_ptr(&dir);
	return 0;
}

void other_runtime_forget(const struct engine *en, const struct container_spec *spec,
			  const char *id)
{
	scoped(mem) char *dir = NULL;
	struct driver d;
	struct err e;

	if (other_runtime(en, spec, id, &dir, &d, &e) < 0)
		dbg("%s", e.text);
	else
		driver_delete(&d);
}
