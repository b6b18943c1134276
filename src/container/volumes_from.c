/* SPDX-License-Identifier: Apache-2.0 */
/* --volumes-from: what another container has mounted. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/container/container.h"
#include "src/container/volumes.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/scoped.h"

static int is_taken(json_object *m)
{
	const char *type = json_get_str(m, "type"), *source = json_get_str(m, "source");
	struct stat st;

	if (json_get_str(m, "volume")) /* of whatever kind */
		return 1;
	/* A device of the host's is a bind mount, too. */
	return type && source && strcmp(type, "bind") == 0 && stat(source, &st) == 0 &&
	       !S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode);
}

/* Option ro instead of rw. */
static void set_readonly(json_object *m)
{
	json_object *old = json_get(m, "options"), *options = json_object_new_array();

	for (size_t i = 0; i < json_len(old); i++) {
		const char *o = json_str_at(old, i);
		if (o && !str_in_words(o, strlen(o), "rw|ro|cove.fill|cove.fill.content|tmpcopyup"))
			(void)json_object_array_add(options, json_object_new_string(o));
	}
	(void)json_object_array_add(options, json_object_new_string("ro"));
	json_put(m, "options", options);
}

static int parse_options(const char *text, int *ret_readonly, struct err *e)
{
	scoped(strv) char **words = text ? strv_split(text, ',') : NULL;

	for (char **w = words; w && *w; w++) {
		if (!str_in_words(*w, strlen(*w), "rw|ro|z"))
			return err_set(e, -EINVAL,
				       "invalid option \"%s\" specified - volumes from another "
				       "container can only use z,ro,rw options",
				       *w);
		*ret_readonly |= strcmp(*w, "ro") == 0;
	}
	return text && !words ? err_errno(e, ENOMEM, "--volumes-from") : 0;
}

int volumes_from(struct engine *en, const char *word, json_object **ret, struct err *e)
{
	const char *colon = strchr(word, ':');
	scoped(mem) char *name = strndup(word, strcspn(word, ":"));
	scoped(container) struct container *c = NULL;
	scoped(json) json_object *taken = json_object_new_array();
	json_object *mounts;
	int readonly = 0;

	if (!name || !taken)
		return err_errno(e, ENOMEM, "--volumes-from");
	if (parse_options(colon ? colon + 1 : NULL, &readonly, e) < 0)
		return e->code;
	if (container_find(en, name, &c, e) < 0)
		return err_in(e, "looking up container \"%s\" for volumes-from", name);
	mounts = json_get(c->spec, "Mounts");
	for (size_t i = 0; i < json_len(mounts); i++) {
		json_object *m = NULL;

		if (!is_taken(json_object_array_get_idx(mounts, i)))
			continue;
		if (json_object_deep_copy(json_object_array_get_idx(mounts, i), &m, NULL) < 0)
			return err_errno(e, ENOMEM, "--volumes-from");
		if (readonly)
			set_readonly(m);
		(void)json_object_array_add(taken, m);
	}
	*ret = take_ptr(&taken);
	return 0;
}
