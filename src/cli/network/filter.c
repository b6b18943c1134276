/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/network/filter.h"

#include <errno.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/filter.h"
#include "src/container/networks.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

const struct template_schema network_schema = {
	.maps = "Labels|Options|IPAMOptions|Containers",
	.times = "Created",
};

static int test_id(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return str_starts(json_get_str(o, "id"), value);
}

static int test_name(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	return filter_regex(json_get_str(o, "name"), value, e);
}

static int test_driver(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return strcmp(json_get_str(o, "driver"), value) == 0;
}

static int test_label(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return filter_label(json_get(o, "labels"), value);
}

static int test_no_label(struct engine *en, json_object *o, const char *value, struct err *e)
{
	return !test_label(en, o, value, e);
}

static int test_dangling(struct engine *en, json_object *o, const char *value, struct err *e)
{
	scoped(strv) char **ids = NULL;
	int want = strcmp(value, "true") == 0, r;

	if (!want && strcmp(value, "false") != 0)
		return err_set(e, -EINVAL, "invalid dangling filter value \"%s\"", value);
	if (strcmp(json_get_str(o, "name"), NETWORK_DEFAULT) == 0) /* it is always there */
		return !want;
	r = networks_users(en, json_get_str(o, "name"), &ids, e);
	return r < 0 ? r : (strv_len(ids) == 0) == want;
}

static int test_until(struct engine *en, json_object *o, const char *value, struct err *e)
{
	int64_t limit = 0, created = 0;

	(void)en;
	if (time_parse(value, time_now_ns(), &limit) < 0)
		return err_set(e, -EINVAL, "\"%s\" is not a time", value);
	(void)time_parse(json_get_str(o, "created"), 0, &created);
	return created < limit;
}

static const struct filter_key tests[] = {
	{ "id", test_id, 0 },		{ "name", test_name, 0 },
	{ "driver", test_driver, 0 },	{ "label", test_label, 1 },
	{ "label!", test_no_label, 1 }, { "dangling", test_dangling, 0 },
	{ "until", test_until, 0 },
};

int network_filter(struct engine *en, json_object *list, char *const *filters, json_object **ret,
		   struct err *e)
{
	static const struct filter_keys keys = { tests, ARRAY_LEN(tests), "invalid filter \"",
						 "\"" };

	return filter_list(en, &keys, list, filters, ret, e);
}

static json_object *subnet_row(json_object *subnet)
{
	json_object *row = json_object_new_object(), *range = json_get(subnet, "lease_range"),
		    *lease = json_object_new_object();

	json_put_str(row, "Subnet", json_get_str(subnet, "subnet"));
	json_put_str(row, "Gateway", json_get_str(subnet, "gateway"));
	json_put_str(lease, "StartIP", json_get_str(range, "start_ip"));
	json_put_str(lease, "EndIP", json_get_str(range, "end_ip"));
	json_put(row, "LeaseRange", lease);
	return row;
}

json_object *network_row(json_object *o)
{
	static const char *const names[][2] = {
		{ "name", "Name" },
		{ "id", "ID" },
		{ "driver", "Driver" },
		{ "network_interface", "NetworkInterface" },
		{ "created", "Created" },
		{ "ipv6_enabled", "IPv6Enabled" },
		{ "internal", "Internal" },
		{ "dns_enabled", "DNSEnabled" },
		{ "network_dns_servers", "NetworkDNSServers" },
		{ "labels", "Labels" },
		{ "options", "Options" },
		{ "ipam_options", "IPAMOptions" },
		{ "containers", "Containers" },
	};
	json_object *row = json_object_new_object(), *subnets = json_object_new_array(),
		    *from = json_get(o, "subnets");

	for (size_t i = 0; i < json_len(from); i++)
		(void)json_object_array_add(subnets,
					    subnet_row(json_object_array_get_idx(from, i)));
	json_put(row, "Subnets", subnets);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		json_object *v = json_get(o, names[i][0]);
		if (v)
			json_put(row, names[i][1], json_object_get(v));
	}
	if (!json_get(row, "Labels"))
		json_put(row, "Labels", json_object_new_object());
	return row;
}

int network_inspect(struct engine *en, const char *ref, json_object **ret, struct err *e)
{
	json_object *members = NULL;
	int r = network_find(en, ref, ret, e);

	if (r < 0)
		return err_in(e, "inspecting object: network %s", ref);
	r = networks_members(en, json_get_str(*ret, "name"), &members, e);
	json_put(*ret, "containers", members);
	return r;
}
