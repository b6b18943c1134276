/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "netns/member.h"
#include "src/network/network.h"
#include "src/util/names.h"
#include "src/util/path.h"

#define STATE_MAX (1U << 20)

/* What its neighbours call it. */
static json_object *names_on(json_object *n, const char *id, const char *name)
{
	json_object *list = json_object_new_array(), *aliases = json_get(n, "aliases");
	char short_id[ID_SHORT_LEN + 1];

	(void)snprintf(short_id, sizeof(short_id), "%.12s", id);
	(void)json_object_array_add(list, json_object_new_string(name));
	for (size_t i = 0; i < json_len(aliases); i++)
		(void)json_object_array_add(list, json_object_new_string(json_str_at(aliases, i)));
	(void)json_object_array_add(list, json_object_new_string(short_id));
	return list;
}

int networks_of(struct engine *en, const struct container_spec *s, const char *id, const char *name,
		json_object **ret, struct err *e)
{
	scoped(json) json_object *list = NULL;
	scoped(json) json_object *state = NULL;

	*ret = NULL;
	if (!s->network || strcmp(s->network, "bridge") != 0)
		return 0;
	list = json_object_new_array();
	state = networks_status(en, id);
	for (size_t i = 0; i < json_len(s->networks); i++) {
		json_object *n = json_object_array_get_idx(s->networks, i), *one, *has, *doc = NULL;
		int r = network_find(en, json_get_str(n, "name"), &doc, e);
		if (r < 0)
			return r;
		one = json_object_new_object();
		json_put(one, "network", doc);
		json_put_str(one, "interface", json_get_str(n, "interface"));
		/* While it runs it keeps what it has. */
		has = json_path(state, "networks", json_get_str(n, "name"), NULL);
		json_put_str(one, "mac", json_get_str(has ? has : n, "mac"));
		json_put(one, "addresses", json_object_get(json_get(has ? has : n, "addresses")));
		json_put(one, "names", names_on(n, id, name));
		(void)json_object_array_add(list, one);
	}
	*ret = take_ptr(&list);
	return 0;
}

static int state_dir(struct engine *en, const char *id)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "c/%s", id);
	return openat(en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int networks_start(struct engine *en, const char *id, const char *name, json_object *networks,
		   json_object *ports, int outlive, struct net *ret, json_object **ret_status,
		   struct err *e)
{
	scoped(json) json_object *hello = json_object_new_object();
	scoped(fd) int dir = state_dir(en, id);

	if (dir < 0 || !hello)
		return err_sys(e, "start the network");
	json_put_str(hello, "id", id);
	json_put_str(hello, "name", name);
	json_put(hello, "networks", json_object_get(networks));
	json_put(hello, "ports", json_object_get(ports));
	return member_start(hello, en->run_fd, dir, outlive, ret, ret_status, e);
}

json_object *networks_status(struct engine *en, const char *id)
{
	scoped(fd) int dir = state_dir(en, id);
	scoped(mem) char *text = NULL;
	json_object *o = NULL;
	struct err ignored;
	size_t n;

	if (dir < 0 || path_read(dir, "network.json", STATE_MAX, &text, &n, &ignored) < 0 ||
	    json_parse(text, n, &o, &ignored) < 0)
		return NULL;
	return o;
}

const char *networks_first(json_object *status, const char *list, int v6, size_t *ret_at)
{
	json_object *a = json_get(status, list);

	for (size_t i = 0; i < json_len(a); i++) {
		const char *text = json_str_at(a, i);
		if (!text || !*text || (strchr(text, ':') != NULL) != v6)
			continue;
		if (ret_at)
			*ret_at = i;
		return text;
	}
	return NULL;
}
