/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/runtime/hooks.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define CONFIG_MAX (32U << 20)

static int make_dir(const struct engine *en, const char *id, char **ret, struct err *e)
{
	scoped(mem) char *dir = str_printf("%s/c/%s/oci", en->runroot, id);

	if (!dir)
		return err_errno(e, ENOMEM, "start the container");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make %s", dir);
	*ret = take_ptr(&dir);
	return 0;
}

int bundle_driver(const struct engine *en, const struct container_spec *spec, const char *id,
		  char **ret_dir, struct driver *ret, struct err *e)
{
	int r = make_dir(en, id, ret_dir, e);

	if (r == 0)
		*ret = (struct driver){ .program = spec->runtime,
					.options = spec->runtime_flags,
					.id = id,
					.dir = *ret_dir };
	return r;
}

int bundle_write(const struct engine *en, const char *id, json_object *config, char **ret_dir,
		 struct err *e)
{
	scoped(mem) char *text = json_text_pretty(config);
	scoped(fd) int dir = -EBADF;
	int r = make_dir(en, id, ret_dir, e);

	if (r < 0)
		return r;
	dir = open(*ret_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return err_sys(e, "open %s", *ret_dir);
	return text ? path_replace(dir, "config.json", text, strlen(text), 0600, 0, e)
		    : err_errno(e, ENOMEM, "write config.json");
}

static int run_poststop(const struct engine *en, const char *id, struct err *e)
{
	scoped(mem) char *text = NULL;
	scoped(mem) char *bundle = str_printf("%s/c/%s/oci", en->runroot, id);
	scoped(mem) char *file = str_printf("c/%s/oci/config.json", id);
	scoped(json) json_object *config = NULL;
	scoped(fd) int state = -EBADF;
	struct runtime_subject s = { .id = id, .bundle = bundle };
	size_t n = 0;
	int r = bundle && file ? path_read(en->run_fd, file, CONFIG_MAX, &text, &n, e)
			       : err_errno(e, ENOMEM, "poststop hooks");

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = json_parse(text, n, &config, e);
	if (r < 0 || !hooks_count(config, "poststop"))
		return r;
	s.config = config;
	s.annotations = json_get(config, "annotations");
	state = hooks_state_file(&s, 0, "stopped", e);
	return state < 0 ? state : hooks_run(config, "poststop", state, e);
}

void bundle_end(const struct engine *en, const struct container_spec *spec, const char *id)
{
	scoped(mem) char *dir = NULL;
	struct driver d;
	struct err e;
	int r = 0;

	if (!spec->runtime) {
		r = run_poststop(en, id, &e);
	} else {
		r = bundle_driver(en, spec, id, &dir, &d, &e);
		if (r == 0)
			driver_delete(&d);
	}
	if (r < 0)
		dbg("%s", e.text);
}
