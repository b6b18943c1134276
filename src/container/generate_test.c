/* SPDX-License-Identifier: Apache-2.0 */
/* What a spec becomes; and that the runtime takes it. */
#include "src/container/generate.h"

#include <errno.h>
#include <string.h>

#include "src/runtime/plan.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

static const char spec_text[] =
	"{\"Args\":[\"true\"],\"Env\":[\"A=1\"],\"Workdir\":\"/"
	"\",\"User\":\"\",\"Umask\":18,\"Hostname\":\"h\",\"ShmSize\":65536,"
	"\"Network\":\"none\",\"PidMode\":\"private\",\"IpcMode\":\"private\",\"UtsMode\":"
	"\"private\",\"CgroupMode\":\"private\","
	"\"UsernsMode\":\"%s\",\"Caps\":[\"CAP_CHOWN\"],\"Mounts\":[{\"destination\":\"/v/"
	"deep\",\"type\":\"bind\","
	"\"source\":\"/a\",\"options\":[\"rbind\"]},{\"destination\":\"/"
	"v\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[]},{\"destination\":\"/etc/hosts\",\"type\":\"bind\",\"source\":\"/"
	"h\",\"options\":[\"bind\"]}]}";

static int generate(const char *userns, const char *uid_map, uid_t self, json_object **ret)
{
	struct engine en = { .graphroot = "/g", .runroot = "/r", .uid = self, .gid = self };
	scoped(container_spec) struct container_spec *s = NULL;
	scoped(json) json_object *o = NULL;
	scoped(idmap) struct idmap m = IDMAP_NONE;
	scoped(mem) char *text = str_printf(spec_text, userns);
	struct err e;
	int r;

	if (!text || json_parse(text, strlen(text), &o, &e) < 0 ||
	    container_spec_decode(o, &s, &e) < 0 || idmap_parse(uid_map, &m) < 0)
		return -EBADMSG;
	r = generate_config(&en, s, "0123", &m, &m, ret, &e);
	if (r < 0)
		TEST_FAIL("%s", e.text);
	return r;
}

TEST(mappings)
{
	static const struct {
		const char *userns, *outer;
		uid_t self;
		const char *inner;
	} t[] = {
		{ "", "0 1000 1\n1 100000 65536\n", 1000, "0 0 1;1 1 65536;" },
		{ "", "0 1000 1\n1 100000 10\n11 300000 10\n", 1000, "0 0 1;1 1 10;11 11 10;" },
		{ "", "0 1000 1\n", 1000, "0 0 1;" },
		{ "keep-id", "0 1000 1\n1 100000 65536\n", 1000,
		  "0 1 1000;1000 0 1;1001 1001 64536;" },
		{ "keep-id", "0 1000 1\n1 100000 500\n501 200000 1000\n", 1000,
		  "0 1 500;500 501 500;1000 0 1;1001 1001 500;" },
		/* A user whose own number is beyond what there is. */
		{ "keep-id", "0 70000 1\n1 100000 100\n", 70000, "0 1 100;70000 0 1;" },
		{ "keep-id", "0 70000 1\n", 70000, "70000 0 1;" },
		{ "keep-id", "0 100 1\n1 100000 100\n", 100, "0 1 100;100 0 1;" },
		{ "keep-id", "0 1 1\n1 100000 100\n", 1, "0 1 1;1 0 1;2 2 99;" },
		{ "keep-id", "0 0 1\n1 100000 100\n", 0, "0 0 1;1 1 100;" },
		{ "", "0 0 4294967295\n", 1000, "0 0 4294967294;" },
	};
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		scoped(json) json_object *c = NULL;
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		scoped(plan) struct plan *p = NULL;
		json_object *list;
		struct err e;

		if (generate(t[i].userns, t[i].outer, t[i].self, &c) < 0) {
			TEST_FAIL("row %zu", i);
			continue;
		}
		list = json_path(c, "linux", "uidMappings", NULL);
		for (size_t k = 0; k < json_len(list); k++) {
			json_object *o = json_object_array_get_idx(list, k);
			(void)strbuf_printf(&b, "%lld %lld %lld;",
					    (long long)json_get_int(o, "containerID", -1),
					    (long long)json_get_int(o, "hostID", -1),
					    (long long)json_get_int(o, "size", -1));
		}
		CHECK_STR(b.s, t[i].inner);
		err_clear(&e);
		if (plan_from_config(c, &p, &e) < 0)
			TEST_FAIL("row %zu: %s", i, e.text);
	}
}

static size_t position(json_object *mounts, const char *target)
{
	size_t n = 0;
	for (size_t i = 0; i < json_len(mounts); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(mounts, i), "destination"),
			   target) == 0)
			n = i + 1;
	return n;
}

TEST(parents_are_mounted_first_and_the_user_goes_before_us)
{
	scoped(json) json_object *c = NULL;
	json_object *mounts;
	int hosts = 0;

	if (generate("", "0 1000 1\n1 100000 65536\n", 1000, &c) < 0) {
		TEST_FAIL("no configuration");
		return;
	}
	mounts = json_get(c, "mounts");
	CHECK(position(mounts, "/v") && position(mounts, "/v") < position(mounts, "/v/deep"));
	CHECK(position(mounts, "/dev") && position(mounts, "/dev") < position(mounts, "/dev/pts"));
	CHECK(position(mounts, "/proc") != 0);
	for (size_t i = 0; i < json_len(mounts); i++) {
		json_object *m = json_object_array_get_idx(mounts, i);
		if (strcmp(json_get_str(m, "destination"), "/etc/hosts") == 0) {
			hosts++;
			CHECK_STR(json_get_str(m, "source"), "/h");
		}
	}
	CHECK_INT(hosts, 1);
	CHECK(json_len(json_path(c, "linux", "maskedPaths", NULL)) >= 10);
	CHECK_INT(json_len(json_path(c, "process", "capabilities", "bounding", NULL)), 1);
	CHECK_INT(json_len(json_path(c, "process", "capabilities", "ambient", NULL)), 0);
	CHECK_INT(json_len(json_path(c, "process", "capabilities", "inheritable", NULL)), 0);
}

TEST_MAIN
