/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/mount.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/report.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct mount_options {
	int all, latest, no_trunc;
	const char *format;
};

#define AT(f) offsetof(struct mount_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Mount all containers"),
	STR(0, "format", "FORMAT", AT(format), "Print the list as JSON (\"json\")"),
	FLAG('l', "latest", AT(latest), "Mount the newest container"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not truncate IDs", .spellings = "notruncate"),
	EXCLUDES("all", "latest"),
	END,
};

static int mount_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	scoped(mem) char *path = NULL;
	int r = container_mount(en, ref, &path, e);

	(void)arg;
	if (r == 0)
		(void)puts(path);
	return r;
}

static void add(json_object *list, const struct container *c, const char *path)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "id", c->id);
	json_put_strv(o, "Names", (char *[]){ c->name, NULL });
	json_put_str(o, "mountpoint", path);
	(void)json_object_array_add(list, o);
}

/* What is mounted. */
static int print(struct engine *en, const struct mount_options *o, struct err *e)
{
	scoped(json) json_object *out = json_object_new_array();
	struct container **list = NULL;
	size_t n = 0;
	int json = report_is_json(o->format), r;

	if (o->format && *o->format && !json)
		return err_set(e, -EINVAL, "unknown --format argument: \"%s\"", o->format);
	r = out ? container_list(en, 1, &list, &n, e) : err_errno(e, ENOMEM, "mount");
	for (size_t i = 0; i < n; i++) {
		scoped(mem) char *path = container_mounted(en, list[i]->id);
		if (path && json)
			add(out, list[i], path);
		else if (path)
			(void)printf("%.*s  %s\n", o->no_trunc ? ID_LEN : ID_SHORT_LEN, list[i]->id,
				     path);
	}
	container_list_free(list, n);
	return r == 0 && json ? report_json(out, e) : r;
}

static int mount(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct mount_options *o = opts;
	int r = mount_allowed("mount", e);

	if (r < 0)
		return r;
	if (!args[0] && !o->all && !o->latest)
		return print(en, o, e);
	return container_each(en, args, o->all, o->latest, 0, EXIT_ENGINE, mount_one, NULL, e);
}

const struct cmd cmd_container_mount = {
	.noun = "container",
	.verb = "mount",
	.alias = "mount",
	.args = "[CONTAINER...]",
	.help = "Mount the root file systems of containers, and print where",
	.man = "For root, and inside of `cove unshare`, whose command and its children are who "
	       "sees "
	       "the mount. It is writable; a container that is mounted should not be started. "
	       "Of one that runs it is the root without what is mounted in it. Without CONTAINER "
	       "it "
	       "prints what is mounted.",
	.examples = "cove unshare sh -c 'cat $(cove mount web)/etc/os-release'",
	.complete = "container",
	.max_args = -1,
	.size = sizeof(struct mount_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = mount,
};
