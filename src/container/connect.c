/* SPDX-License-Identifier: Apache-2.0 */
/* network connect, disconnect and reload; who is on a network. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "netns/member.h"
#include "src/container/container.h"
#include "src/container/event.h"
#include "src/container/generate.h"
#include "src/container/networks.h"
#include "src/container/record.h"
#include "src/network/network.h"
#include "src/store/store.h"
#include "src/util/strbuf.h"

#define RELOAD_TRIES   200
#define RELOAD_WAIT_NS 10000000 /* 10 ms */

/* A container whose networks are changed, under its lock unless its monitor has that. */
struct change {
	struct container *c;
	struct container_spec *spec;
	json_object *network; /* document */
	const char *name;     /* of the network, borrowed from it */
	int lock;
};

static void change_done(struct change *g)
{
	(void)container_free(g->c);
	(void)container_spec_free(g->spec);
	json_free(g->network);
	fd_close(g->lock);
}

static inline void scoped_change(struct change *g)
{
	change_done(g);
}

static int change_begin(struct engine *en, const char *network, const char *ref, struct change *ret,
			struct err *e)
{
	int r = network ? network_find(en, network, &ret->network, e) : 0;

	if (r == 0)
		r = container_find(en, ref, &ret->c, e);
	if (r == 0)
		r = container_spec_decode(ret->c->spec, &ret->spec, e);
	if (r < 0)
		return r;
	ret->name = ret->network ? json_get_str(ret->network, "name") : NULL;
	if (!ret->spec->network || strcmp(ret->spec->network, "bridge") != 0)
		return err_set(e, -EINVAL, "\"%s\" is not supported: invalid network mode",
			       ret->spec->network ? ret->spec->network : "");
	if (ret->c->state == CONTAINER_RUNNING)
		return 0;
	return record_lock(en, ret->c->id, 5000, &ret->lock, e);
}

static json_object *find_on(json_object *list, const char *name, size_t *ret_at)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *n = json_object_array_get_idx(list, i);
		if (strcmp(json_get_str(n, "name"), name) != 0)
			continue;
		if (ret_at)
			*ret_at = i;
		return n;
	}
	return NULL;
}

static int store(struct engine *en, const struct change *g, struct err *e)
{
	scoped(json) json_object *spec = field_encode(container_spec_fields, g->spec);

	return spec ? record_set_spec(en, g->c->id, spec, e)
		    : err_errno(e, ENOMEM, "change the container's networks");
}

static int ask(struct engine *en, const struct change *g, json_object *question, struct err *e)
{
	char path[128];
	scoped(fd) int dir = -EBADF;
	scoped(json) json_object *status = NULL;
	int r;

	(void)snprintf(path, sizeof(path), "c/%s", g->c->id);
	dir = openat(en->run_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = dir < 0 ? err_sys(e, "reach the container's network process")
		    : member_ask(dir, question, &status, e);
	/* Its /etc/hosts and resolv.conf say what is now. */
	return r < 0 ? r : generate_files(en, g->spec, g->c->id, g->c->name, status, e);
}

/* What the member wants to know of network N. */
static int ask_connect_of(struct engine *en, const struct change *g, json_object *list,
			  const char *name, struct err *e)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *one = json_object_array_get_idx(list, i);
		if (strcmp(json_get_str(json_get(one, "network"), "name"), name) != 0)
			continue;
		json_put_str(one, "op", "connect");
		return ask(en, g, one, e);
	}
	return 0;
}

static int ask_connect(struct engine *en, const struct change *g, const char *name, struct err *e)
{
	scoped(json) json_object *list = NULL;
	int r = networks_of(en, g->spec, g->c->id, g->c->name, &list, e);

	return r < 0 ? r : ask_connect_of(en, g, list, name, e);
}

static int ask_disconnect(struct engine *en, const struct change *g, const char *name,
			  struct err *e)
{
	scoped(json) json_object *q = json_object_new_object();

	json_put_str(q, "op", "disconnect");
	json_put_str(q, "name", name);
	return ask(en, g, q, e);
}

/* The first of eth0, eth1... that it has not. */
static void pick_interface(json_object *list, json_object *n)
{
	for (int i = 0; i < 64; i++) {
		char name[16];
		int used = 0;
		(void)snprintf(name, sizeof(name), "eth%d", i);
		for (size_t k = 0; k < json_len(list); k++) {
			const char *other =
				json_get_str(json_object_array_get_idx(list, k), "interface");
			used |= other && strcmp(other, name) == 0;
		}
		if (used)
			continue;
		json_put_str(n, "interface", name);
		return;
	}
}

int container_network_connect(struct engine *en, const char *network, const char *ref,
			      json_object *wanted, struct err *e)
{
	scoped(change) struct change g = { .lock = -EBADF };
	const char *interface = json_get_str(wanted, "interface");
	int r = change_begin(en, network, ref, &g, e);

	if (r < 0)
		return r;
	if (find_on(g.spec->networks, g.name, NULL))
		return err_set(e, -EEXIST,
			       "container %s is already connected to network \"%s\": network is "
			       "already connected",
			       g.c->id, g.name);
	json_put_str(wanted, "name", g.name);
	if (!interface || !*interface)
		pick_interface(g.spec->networks, wanted);
	if (json_object_array_add(g.spec->networks, json_object_get(wanted)) < 0)
		return err_errno(e, ENOMEM, "connect a network");
	if (g.c->state == CONTAINER_RUNNING)
		r = ask_connect(en, &g, g.name, e);
	if (r == 0)
		r = store(en, &g, e);
	if (r == 0)
		container_event_network(en, g.c->id, g.c->name, "connect", g.name, NULL);
	return r;
}

int container_network_disconnect(struct engine *en, const char *network, const char *ref,
				 struct err *e)
{
	scoped(change) struct change g = { .lock = -EBADF };
	size_t at;
	int r = change_begin(en, network, ref, &g, e);

	if (r < 0)
		return r;
	if (!find_on(g.spec->networks, g.name, &at))
		return err_set(e, -ENOENT,
			       "container %s is not connected to network %s: network is not "
			       "connected",
			       g.c->id, g.name);
	(void)json_object_array_del_idx(g.spec->networks, at, 1);
	if (g.c->state == CONTAINER_RUNNING)
		r = ask_disconnect(en, &g, g.name, e);
	if (r == 0)
		r = store(en, &g, e);
	if (r == 0)
		container_event_network(en, g.c->id, g.c->name, "disconnect", g.name, NULL);
	return r;
}

/* Off the network and on it again.  Its switch gives the addresses free when it comes to it. */
static int reload_one(struct engine *en, struct change *g, json_object *list, const char *name,
		      struct err *e)
{
	const struct timespec moment = { .tv_nsec = RELOAD_WAIT_NS };
	int r = ask_disconnect(en, g, name, e);

	if (r < 0 && r != -ENOENT)
		return r;
	r = -EADDRINUSE;
	for (int i = 0; i < RELOAD_TRIES && r == -EADDRINUSE; i++) {
		if (i)
			(void)nanosleep(&moment, NULL);
		err_clear(e);
		r = ask_connect_of(en, g, list, name, e);
	}
	return r;
}

int container_network_reload(struct engine *en, const char *ref, struct err *e)
{
	scoped(change) struct change g = { .lock = -EBADF };
	scoped(json) json_object *list = NULL;
	int r = change_begin(en, NULL, ref, &g, e);

	if (r == 0 && g.c->state != CONTAINER_RUNNING)
		return err_set(
			e, -EINVAL,
			"cannot reload network of a container that is not running: container "
			"state improper");
	/* As it is now, so that it gets the same addresses again: its ports lead there. */
	if (r == 0)
		r = networks_of(en, g.spec, g.c->id, g.c->name, &list, e);
	for (size_t i = 0; r == 0 && i < json_len(g.spec->networks); i++) {
		const char *name =
			json_get_str(json_object_array_get_idx(g.spec->networks, i), "name");
		r = reload_one(en, &g, list, name, e);
	}
	return r;
}

/* ---- who is there --------------------------------------------------------------------------- */

/* For each container that is on networks: its ID and its list of them. */
typedef int on_networks_fn(const char *id, json_object *networks, void *arg);

static int for_each(struct engine *en, on_networks_fn *fn, void *arg, struct err *e)
{
	struct store *db = engine_store(en, e);
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = db ? store_query(db, &q, e,
				 "SELECT id, spec FROM container WHERE spec LIKE "
				 "'%\"Networks\"%'",
				 "")
		   : e->code;

	while (r >= 0 && (r = store_step(q, e)) > 0) {
		scoped(json) json_object *spec = NULL;
		const char *text = store_text(q, 1);
		r = json_parse(text, strlen(text), &spec, e);
		if (r == 0 && fn(store_text(q, 0), json_get(spec, "Networks"), arg) < 0)
			r = err_errno(e, ENOMEM, "list containers");
	}
	return r;
}

struct users {
	const char *name;
	char **ids;
};

static int add_user(const char *id, json_object *networks, void *arg)
{
	struct users *u = arg;
	return find_on(networks, u->name, NULL) ? strv_add(&u->ids, id) : 0;
}

int networks_users(struct engine *en, const char *name, char ***ret, struct err *e)
{
	struct users u = { .name = name };
	int r = for_each(en, add_user, &u, e);

	if (r < 0)
		strv_free(u.ids);
	else
		*ret = u.ids;
	return r;
}

static int add_names(const char *id, json_object *networks, void *arg)
{
	json_object *names = json_object_new_array();

	for (size_t i = 0; i < json_len(networks); i++)
		(void)json_object_array_add(
			names, json_object_new_string(json_get_str(
				       json_object_array_get_idx(networks, i), "name")));
	json_put(arg, id, names);
	return 0;
}

int networks_names(struct engine *en, json_object **ret, struct err *e)
{
	scoped(json) json_object *o = json_object_new_object();
	int r = o ? for_each(en, add_names, o, e) : err_errno(e, ENOMEM, "list containers");

	if (r == 0)
		*ret = take_ptr(&o);
	return r;
}

static json_object *member_document(const struct container *c, json_object *status)
{
	json_object *o = json_object_new_object(), *all = json_object_new_object(),
		    *one = json_object_new_object(), *subnets = json_object_new_array(),
		    *addresses = json_get(status, "addresses");

	for (size_t i = 0; i < json_len(addresses); i++) {
		json_object *s = json_object_new_object(),
			    *prefix = json_object_array_get_idx(json_get(status, "prefixes"), i);
		char text[80];
		(void)snprintf(text, sizeof(text), "%s/%d", json_str_at(addresses, i),
			       json_object_get_int(prefix));
		json_put_str(s, "ipnet", text);
		if (*json_str_at(json_get(status, "gateways"), i))
			json_put_str(s, "gateway", json_str_at(json_get(status, "gateways"), i));
		(void)json_object_array_add(subnets, s);
	}
	json_put(one, "subnets", subnets);
	json_put_str(one, "mac_address", json_get_str(status, "mac"));
	json_put(all, json_get_str(status, "interface"), one);
	json_put_str(o, "name", c->name);
	json_put(o, "interfaces", all);
	return o;
}

int networks_members(struct engine *en, const char *name, json_object **ret, struct err *e)
{
	struct container **list = NULL;
	size_t n = 0;
	json_object *o = json_object_new_object();
	int r = o ? container_list(en, 0, &list, &n, e) : err_errno(e, ENOMEM, "list containers");

	for (size_t i = 0; r == 0 && i < n; i++) {
		scoped(json) json_object *status = networks_status(en, list[i]->id);
		json_object *one = json_path(status, "networks", name, NULL);
		if (one)
			json_put(o, list[i]->id, member_document(list[i], one));
	}
	container_list_free(list, n);
	*ret = o;
	return r;
}
