/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/hooks_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/hooks.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define FILE_MAX (1U << 20)

static const char *const system_dirs[] = { "/usr/share/containers/oci/hooks.d",
					   "/etc/containers/oci/hooks.d" };
static const char *const stages[] = { "prestart",	"createRuntime", "createContainer",
				      "startContainer", "poststart",	 "poststop" };

/* ---- when ------------------------------------------------------------------------------------ */

/* Does S match PATTERN, a POSIX extended expression?  1, 0, or -EINVAL. */
static int matches(const char *pattern, const char *s, struct err *e)
{
	regex_t re;
	int r = regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB);

	if (r != 0) {
		char why[128];
		(void)regerror(r, &re, why, sizeof(why));
		return err_set(e, -EINVAL, "pattern '%s': %s", pattern, why);
	}
	r = regexec(&re, s, 0, NULL, 0) == 0;
	regfree(&re);
	return r;
}

/* Is there an annotation whose name and value the two patterns match? */
static int one_matches(const char *name, const char *text, json_object *annotations, struct err *e)
{
	if (!annotations)
		return 0;
	json_object_object_foreach(annotations, key, value)
	{
		int r = matches(name, key, e);
		if (r > 0)
			r = matches(text, json_object_get_string(value), e);
		if (r)
			return r;
	}
	return 0;
}

/* Every pair of patterns needs an annotation that both match. */
static int annotations_match(json_object *want, json_object *have, struct err *e)
{
	json_object_object_foreach(want, name, v)
	{
		int r = json_object_is_type(v, json_type_string)
				? one_matches(name, json_object_get_string(v), have, e)
				: err_set(e, -EINVAL, "'annotations' must be patterns");
		if (r <= 0)
			return r;
	}
	return 1;
}

static int command_matches(json_object *patterns, const char *command, struct err *e)
{
	for (size_t i = 0; i < json_len(patterns); i++) {
		const char *p = json_str_at(patterns, i);
		int r = p ? matches(p, command, e)
			  : err_set(e, -EINVAL, "'commands' must be patterns");
		if (r)
			return r;
	}
	return 0;
}

/* All conditions that are there must hold; a hook without any never runs. */
static int applies(json_object *when, int has_bind_mounts, json_object *config, struct err *e)
{
	json_object *always = json_get(when, "always"), *binds = json_get(when, "hasBindMounts"),
		    *annotations = json_get(when, "annotations"),
		    *commands = json_get(when, "commands");
	const char *command = json_str_at(json_get(json_get(config, "process"), "args"), 0);
	int r;

	if (!json_object_is_type(when, json_type_object))
		return err_set(e, -EINVAL, "'when' is missing");
	if ((always && !json_object_is_type(always, json_type_boolean)) ||
	    (binds && !json_object_is_type(binds, json_type_boolean)) ||
	    (annotations && !json_object_is_type(annotations, json_type_object)) ||
	    (commands && !json_object_is_type(commands, json_type_array)))
		return err_set(e, -EINVAL, "a member of 'when' has the wrong type");
	if (!always && !binds && !annotations && !commands)
		return 0;
	if (always && !json_object_get_boolean(always))
		return 0;
	if (binds && json_object_get_boolean(binds) != has_bind_mounts)
		return 0;
	if (annotations) {
		r = annotations_match(annotations, json_get(config, "annotations"), e);
		if (r <= 0)
			return r;
	}
	return commands ? command_matches(commands, command ? command : "", e) : 1;
}

/* ---- one file -------------------------------------------------------------------------------- */

static int add_to_stage(json_object *config, const char *stage, json_object *hook,
			json_object *precreate, struct err *e)
{
	json_object *hooks = json_get(config, "hooks"), *list;
	size_t i = 0;

	if (strcmp(stage, "precreate") == 0)
		return json_object_array_add(precreate, json_object_get(hook)) < 0
			       ? err_errno(e, ENOMEM, "add a hook")
			       : 0;
	while (i < ARRAY_LEN(stages) && strcmp(stages[i], stage) != 0)
		i++;
	if (i == ARRAY_LEN(stages))
		return err_set(e, -EINVAL, "stage '%s' is not known", stage);
	if (!hooks) {
		hooks = json_object_new_object();
		json_put(config, "hooks", hooks);
	}
	list = json_get(hooks, stage);
	if (!list) {
		list = json_object_new_array();
		json_put(hooks, stage, list);
	}
	return json_object_array_add(list, json_object_get(hook)) < 0
		       ? err_errno(e, ENOMEM, "add a hook")
		       : 0;
}

static int add_document(json_object *o, int has_bind_mounts, json_object *config,
			json_object *precreate, struct err *e)
{
	const char *version = json_get_str(o, "version");
	json_object *hook = json_get(o, "hook"), *list = json_get(o, "stages");
	int r;

	if (!version || strcmp(version, "1.0.0") != 0)
		return err_set(e, -EINVAL, "version '%s' is not 1.0.0", version ? version : "");
	if (!json_get_str(hook, "path") || access(json_get_str(hook, "path"), F_OK) < 0)
		return err_set(e, -EINVAL, "the hook's path '%s' does not exist",
			       json_get_str(hook, "path") ? json_get_str(hook, "path") : "");
	if (!json_len(list))
		return err_set(e, -EINVAL, "'stages' is missing");
	r = applies(json_get(o, "when"), has_bind_mounts, config, e);
	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = json_str_at(list, i)
			    ? add_to_stage(config, json_str_at(list, i), hook, precreate, e)
			    : err_set(e, -EINVAL, "'stages' has the wrong type");
	return r;
}

/* One file: what it asks for into CONFIG, precreate hooks into PRECREATE (an array). */
static int add_text(const char *text, size_t n, const char *name, int has_bind_mounts,
		    json_object *config, json_object *precreate, struct err *e)
{
	scoped(json) json_object *o = NULL;
	int r = json_parse(text, n, &o, e);

	if (r == 0)
		r = add_document(o, has_bind_mounts, config, precreate, e);
	return r < 0 ? err_in(e, "hook file %s", name) : 0;
}

/* ---- the directories ------------------------------------------------------------------------- */

struct hook_file {
	char *name, *path;
};
struct hook_files {
	struct hook_file *file;
	size_t n;
};

static inline void scoped_hook_files(struct hook_files *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->file[i].name);
		free(l->file[i].path);
	}
	free(l->file);
}

static int put_file(struct hook_files *l, const char *dir, const char *name)
{
	scoped(mem) char *path = str_printf("%s/%s", dir, name);
	struct hook_file *more;
	size_t i = 0;

	if (!path)
		return -ENOMEM;
	while (i < l->n && strcmp(l->file[i].name, name) != 0)
		i++;
	if (i == l->n) {
		more = realloc(l->file, (l->n + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->file = more;
		l->file[i] = (struct hook_file){ strdup(name), NULL };
		if (!l->file[i].name)
			return -ENOMEM;
		l->n++;
	}
	free(l->file[i].path);
	l->file[i].path = take_ptr(&path);
	return 0;
}

static int list_dir(struct hook_files *l, const char *path, int may_be_missing, struct err *e)
{
	scoped(dir) DIR *d = opendir(path);
	struct dirent *entry;
	int r = 0;

	if (!d && errno == ENOENT && may_be_missing)
		return 0;
	if (!d)
		return err_sys(e, "hooks directory %s", path);
	while (r == 0 && (entry = readdir(d))) {
		size_t n = strlen(entry->d_name);
		if (n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0)
			r = put_file(l, path, entry->d_name);
	}
	return r < 0 ? err_errno(e, r, "hooks directory %s", path) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hook_file *)a)->name, ((const struct hook_file *)b)->name);
}

static int run_precreate(json_object *list, json_object **config, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < json_len(list) && r == 0; i++) {
		json_object *changed = NULL;
		r = hooks_filter(json_object_array_get_idx(list, i), *config, &changed, e);
		if (r < 0)
			break;
		json_object_put(*config);
		*config = changed;
	}
	return r;
}

int hooks_dir_apply(char *const *dirs, int has_bind_mounts, json_object **config, struct err *e)
{
	scoped(hook_files) struct hook_files l = { 0 };
	scoped(json) json_object *precreate = json_object_new_array();
	int r = precreate ? 0 : err_errno(e, ENOMEM, "hooks");

	for (size_t i = 0; dirs && dirs[i] && r == 0; i++)
		r = list_dir(&l, dirs[i], 0, e);
	for (size_t i = 0; !dirs && i < ARRAY_LEN(system_dirs) && r == 0; i++)
		r = list_dir(&l, system_dirs[i], 1, e);
	if (l.n)
		qsort(l.file, l.n, sizeof(*l.file), by_name);
	for (size_t i = 0; i < l.n && r == 0; i++) {
		scoped(mem) char *text = NULL;
		size_t n = 0;
		r = path_read(AT_FDCWD, l.file[i].path, FILE_MAX, &text, &n, e);
		if (r == 0)
			r = add_text(text, n, l.file[i].path, has_bind_mounts, *config, precreate,
				     e);
	}
	return r < 0 ? r : run_precreate(precreate, config, e);
}
