/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/container/mount.h"
#include "src/image/image_adopt.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct mount_options {
	int all;
	const char *format;
};

#define AT(f) offsetof(struct mount_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Mount all images"),
	STR(0, "format", "FORMAT", AT(format), "Print the list as JSON (\"json\")"),
	END,
};

static void add(json_object *list, const struct image *i, const char *path)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "id", i->id);
	json_put_strv(o, "Names", (char *[]){ i->manifest_digest, NULL });
	json_put_strv(o, "Repositories", i->names);
	json_put_str(o, "mountpoint", path);
	(void)json_object_array_add(list, o);
}

static int mount_named(struct engine *en, char *const *args, json_object *list, struct err *e)
{
	int r = 0;

	for (; *args && r == 0; args++) {
		scoped(image) struct image *i = NULL;
		scoped(mem) char *path = NULL;
		r = image_find(en, *args, &i, e);
		if (r == 0)
			r = image_prepare_layers(en, &i, e);
		if (r == 0)
			r = image_mount(en, i, &path, e);
		if (r == 0)
			add(list, i, path);
	}
	return r;
}

/* With ALL they are mounted first. */
static int list_mounted(struct engine *en, int all, json_object *out, struct err *e)
{
	struct image **list = NULL;
	size_t n = 0;
	int r = image_list(en, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		scoped(mem) char *path = all ? NULL : image_mounted(en, list[i]->id);
		if (all)
			r = image_mount(en, list[i], &path, e);
		if (r == 0 && path)
			add(out, list[i], path);
	}
	image_list_free(list, n);
	return r;
}

static void print(json_object *list, int paths_only)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *name = json_str_at(json_get(o, "Repositories"), 0);
		if (paths_only)
			(void)puts(json_get_str(o, "mountpoint"));
		else
			(void)printf("%s  %s\n", name ? name : json_get_str(o, "id"),
				     json_get_str(o, "mountpoint"));
	}
}

static int mount(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct mount_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	int json = report_is_json(o->format), r = mount_allowed("image mount", e);

	if (r < 0)
		return r;
	if (o->all && args[0])
		return err_set(
			e, -EINVAL,
			"when using the --all switch, you may not pass any images names or IDs");
	if (o->format && *o->format && !json)
		return err_set(e, -EINVAL, "unknown --format argument: \"%s\"", o->format);
	if (!list)
		return err_errno(e, ENOMEM, "image mount");
	r = args[0] ? mount_named(en, args, list, e) : list_mounted(en, o->all, list, e);
	if (r < 0)
		return r;
	if (json)
		return report_json(list, e);
	print(list, args[0] && !args[1]);
	return 0;
}

const struct cmd cmd_image_mount = {
	.noun = "image",
	.verb = "mount",
	.args = "[IMAGE...]",
	.help = "Mount images, and print where",
	.man = "For root, and inside of `cove unshare`, whose command and its children are who "
	       "sees "
	       "the mount. It can only be read. Without IMAGE it prints what is mounted.",
	.examples = "cove unshare sh -c 'ls $(cove image mount alpine)'",
	.complete = "image",
	.max_args = -1,
	.size = sizeof(struct mount_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = mount,
};
