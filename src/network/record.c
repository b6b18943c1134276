/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and keeping networks. */
#include <errno.h>
#include <string.h>

#include "src/network/network.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

/* Not in the database: it cannot be lost, and a new store needs no write for it. */
static const char default_document[] =
	"{\"name\":\"" NETWORK_DEFAULT "\","
	"\"id\":\"2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9\","
	"\"driver\":\"bridge\",\"network_interface\":\"br0\","
	"\"created\":\"0001-01-01T00:00:00Z\","
	"\"subnets\":[{\"subnet\":\"10.88.0.0/16\",\"gateway\":\"10.88.0.1\"}],"
	"\"ipv6_enabled\":false,\"internal\":false,\"dns_enabled\":false,"
	"\"ipam_options\":{\"driver\":\"host-local\"}}";

static int add_row(json_object *list, const char *text, struct err *e)
{
	json_object *o = NULL;
	int r = json_parse(text, strlen(text), &o, e);

	if (r < 0)
		return err_in(e, "database: a network's record");
	return json_object_array_add(list, o) < 0 ? err_errno(e, ENOMEM, "list networks") : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(json_get_str(*(json_object *const *)a, "name"),
		      json_get_str(*(json_object *const *)b, "name"));
}

int network_list(struct engine *en, json_object **ret, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(json) json_object *list = json_object_new_array();
	int r;

	if (!s)
		return e->code;
	r = list ? add_row(list, default_document, e) : err_errno(e, ENOMEM, "list networks");
	if (r == 0)
		r = store_query(s, &q, e, "SELECT doc FROM network", "");
	if (r < 0)
		return r;
	while ((r = store_step(q, e)) > 0) {
		r = add_row(list, store_text(q, 0), e);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	json_object_array_sort(list, by_name);
	*ret = take_ptr(&list);
	return 0;
}

int network_find(struct engine *en, const char *ref, json_object **ret, struct err *e)
{
	scoped(json) json_object *list = NULL;
	json_object *found = NULL;
	int by_id = 0, r = network_list(en, &list, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		if (strcmp(json_get_str(o, "name"), ref) == 0) {
			*ret = json_object_get(o);
			return 0;
		}
		if (*ref && str_starts(json_get_str(o, "id"), ref)) {
			found = o;
			by_id++;
		}
	}
	if (by_id > 1)
		return err_set(e, -EINVAL, "more than one result for network ID %s", ref);
	if (!found)
		return err_set(e, -ENOENT,
			       "unable to find network with name or ID %s: network not found", ref);
	*ret = json_object_get(found);
	return 0;
}

static void note(struct engine *en, json_object *network, const char *status)
{
	scoped(json) json_object *what = json_object_new_object();
	const char *name = json_get_str(network, "name");

	json_put_str(what, "type", json_get_str(network, "driver"));
	events_write(en, &(struct event){ .type = "network",
					  .status = status,
					  .id = json_get_str(network, "id"),
					  .name = name,
					  .network = name,
					  .attributes = what });
}

int network_forget(struct engine *en, json_object *network, struct err *e)
{
	struct store *s = engine_store(en, e);
	int r = s ? store_begin(s, STORE_DURABLE | STORE_REMOVES, e) : e->code;

	if (r < 0)
		return r;
	r = store_exec(s, e, "DELETE FROM network WHERE id = ?", "s", json_get_str(network, "id"));
	if (r >= 0)
		r = store_commit(s, e);
	else
		store_rollback(s);
	if (r == 0)
		note(en, network, "remove");
	return r;
}

int network_store(struct engine *en, json_object *network, struct err *e)
{
	struct store *s = engine_store(en, e);
	scoped(mem) char *text = json_text(network);
	const char *id = json_get_str(network, "id"), *name = json_get_str(network, "name");
	int r, is_new;

	if (!s || !text)
		return s ? err_errno(e, ENOMEM, "store the network") : e->code;
	r = store_begin(s, STORE_DURABLE, e);
	if (r < 0)
		return r;
	r = store_exec(s, e, "UPDATE network SET doc = ? WHERE id = ?", "ss", text, id);
	is_new = r == 0;
	if (is_new)
		r = store_exec(s, e, "INSERT INTO network (id, name, doc) VALUES (?, ?, ?)", "sss",
			       id, name, text);
	if (r >= 0)
		r = store_commit(s, e);
	else
		store_rollback(s);
	if (r == 0)
		note(en, network, is_new ? "create" : "update");
	if (r == -EEXIST)
		return err_set(e, r, "network name %s already used: network already exists", name);
	return r;
}
