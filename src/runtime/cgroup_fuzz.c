/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources and a cgroup's state, as they come from config.json and from disk. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/runtime/cgroup_backend.h"
#include "src/runtime/cgroup_devices.h"
#include "src/util/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void devices(json_object *o)
{
	scoped(device_rules) struct device_rules l = { 0 };
	scoped(mem) struct bpf_insn *p = NULL;
	char text[80];
	size_t n = 0;
	struct err e;

	if (device_rules_parse(json_get(o, "devices"), &l, &e) < 0 || !l.n)
		return;
	for (size_t i = 0; i < l.n; i++)
		(void)device_rule_text(&l.r[i], text, sizeof(text));
	if (device_rules_program(&l, &p, &n, &e) < 0 || n == 0)
		abort();
	/* Every jump stays inside. */
	for (size_t i = 0; i < n; i++)
		if (BPF_CLASS(p[i].code) == BPF_JMP32 &&
		    (p[i].off < 0 || i + 1 + (size_t)p[i].off >= n))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(json) json_object *o = NULL;
	scoped(json) json_object *list = json_object_new_array();
	scoped(cgroup_settings) struct cgroup_settings v2 = { 0 };
	scoped(cgroup_settings) struct cgroup_settings v1 = { 0 };
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	struct err e;

	if (json_parse((const char *)data, size, &o, &e) < 0)
		return 0;
	(void)cgroup_settings_v2(o, &v2, &e);
	(void)cgroup_settings_v1(o, &v1, &e);
	for (size_t i = 0; i < v2.n; i++) {
		char word[32];
		/* Nothing leaves the cgroup's directory, nothing touches the cgroup itself. */
		if (strchr(v2.s[i].file, '/') ||
		    strcmp(cgroup_setting_controller(v2.s[i].file, word, sizeof(word)), "cgroup") ==
			    0)
			abort();
	}
	(void)cgroup_systemd_properties(o, 1, list, &e);
	(void)cgroup_resources_limit(o);
	devices(o);
	(void)cgroup_from_json(o, &cg, &e);
	return 0;
}
