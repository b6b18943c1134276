/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/network/filter.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/container/networks.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

const struct template_schema network_schema = {
	.maps = "Labels|Options|IPAMOptions|Containers",
	.times = "Created",
};

/* 1 when network O passes VALUE. */
typedef int test_fn(struct engine *en, json_object *o, const char *value, struct err *e);

static int test_id(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return str_starts(json_get_str(o, "id"), value);
}

static int test_name(struct engine *en, json_object *o, const char *value, struct err *e)
{
	regex_t re;
	int found;

	(void)en;
	if (regcomp(&re, value, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, -EINVAL, "invalid regular expression \"%s\"", value);
	found = regexec(&re, json_get_str(o, "name"), 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static int test_driver(struct engine *en, json_object *o, const char *value, struct err *e)
{
	(void)en;
	(void)e;
	return strcmp(json_get_str(o, "driver"), value) == 0;
}

static int test_label(struct engine *en, json_object *o, const char *value, struct err *e)
{
	size_t n = strcspn(value, "=");
	scoped(mem) char *key = strndup(value, n);
	const char *have = key ? json_get_str(json_get(o, "labels"), key) : NULL;

	(void)en;
	(void)e;
	return have && (!value[n] || strcmp(have, value + n + 1) == 0);
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

static const struct test {
	const char *key;
	test_fn *fn;
	int all; /* each one has to hold, not just one of a key */
} tests[] = {
	{ "id", test_id, 0 },		{ "name", test_name, 0 },
	{ "driver", test_driver, 0 },	{ "label", test_label, 1 },
	{ "label!", test_no_label, 1 }, { "dangling", test_dangling, 0 },
	{ "until", test_until, 0 },
};

static const struct test *find_test(const char *filter, const char **ret_value)
{
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		size_t n = strlen(tests[i].key);
		if (strncmp(filter, tests[i].key, n) == 0 && filter[n] == '=') {
			*ret_value = filter + n + 1;
			return &tests[i];
		}
	}
	return NULL;
}

/* Do the filters of test T let O pass? */
static int passes(struct engine *en, json_object *o, const struct test *t, char *const *filters,
		  struct err *e)
{
	int any = 0, one = 0;

	for (; filters && *filters; filters++) {
		const char *value;
		int r;
		if (find_test(*filters, &value) != t)
			continue;
		r = t->fn(en, o, value, e);
		if (r < 0 || (t->all && !r))
			return r;
		any = 1;
		one |= r;
	}
	return !any || one;
}

int network_filter(struct engine *en, json_object *list, char *const *filters, json_object **ret,
		   struct err *e)
{
	scoped(json) json_object *kept = json_object_new_array();

	for (char *const *f = filters; f && *f; f++) {
		const char *value;
		if (!find_test(*f, &value))
			return err_set(e, -EINVAL, "invalid filter \"%.*s\"", (int)strcspn(*f, "="),
				       *f);
	}
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		int r = 1;
		for (size_t k = 0; k < ARRAY_LEN(tests) && r > 0; k++)
			r = passes(en, o, &tests[k], filters, e);
		if (r < 0)
			return r;
		if (r)
			(void)json_object_array_add(kept, json_object_get(o));
	}
	*ret = take_ptr(&kept);
	return 0;
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
