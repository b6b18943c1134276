/* SPDX-License-Identifier: Apache-2.0 */
/* A seccomp profile as the linux.seccomp of a config.json, for another runtime. */
#include <errno.h>
#include <string.h>

#include "src/runtime/seccomp.h"
#include "src/runtime/seccomp_profile.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

/* The machine's architecture and those that go with it: config.json has no map of them. */
static json_object *architectures(json_object *profile)
{
	json_object *map = json_get(profile, "archMap"), *list;

	if (!json_len(map))
		return json_object_get(json_get(profile, "architectures"));
	list = json_object_new_array();
	for (size_t i = 0; list && i < json_len(map); i++) {
		json_object *m = json_object_array_get_idx(map, i);
		json_object *sub = json_get(m, "subArchitectures");
		if (!seccomp_arch_is_native(json_get_str(m, "architecture")))
			continue;
		(void)json_object_array_add(list, json_object_get(json_get(m, "architecture")));
		for (size_t k = 0; k < json_len(sub); k++)
			(void)json_object_array_add(
				list, json_object_get(json_object_array_get_idx(sub, k)));
	}
	return list;
}

/* socketcall(2) of 32-bit programs hides the address family behind a pointer: what the built-in
 * profile refuses to socket(2) would be had through it. */
static json_object *names_of(json_object *rule, int builtin)
{
	json_object *names = json_get(rule, "names"), *list = json_object_new_array();
	const char *single = json_get_str(rule, "name"); /* the dialect's first version */

	if (list && single)
		(void)json_object_array_add(list, json_object_new_string(single));
	for (size_t i = 0; list && i < json_len(names); i++)
		if (!builtin || strcmp(json_str_at(names, i), "socketcall") != 0)
			(void)json_object_array_add(
				list, json_object_get(json_object_array_get_idx(names, i)));
	return list;
}

static json_object *rule_of(json_object *rule, int builtin)
{
	static const char *const members[] = { "action", "errnoRet", "args" };
	json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	json_put(o, "names", names_of(rule, builtin));
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (json_get(rule, members[i]))
			json_put(o, members[i], json_object_get(json_get(rule, members[i])));
	return o;
}

int seccomp_to_config(const char *profile, caps_set caps, json_object **ret, struct err *e)
{
	static const char *const members[] = { "defaultAction", "defaultErrnoRet", "flags" };
	scoped(mem) char *text = profile ? strdup(profile) : seccomp_builtin();
	scoped(json) json_object *p = NULL;
	scoped(json) json_object *o = json_object_new_object();
	json_object *list = json_object_new_array(), *rules;
	int r;

	if (!text || !o || !list)
		return err_errno(e, ENOMEM, "seccomp profile");
	json_put(o, "syscalls", list);
	r = json_parse(text, strlen(text), &p, e);
	if (r < 0)
		return err_in(e, "seccomp profile");
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		if (json_get(p, members[i]))
			json_put(o, members[i], json_object_get(json_get(p, members[i])));
	json_put(o, "architectures", architectures(p));
	rules = json_get(p, "syscalls");
	for (size_t i = 0; i < json_len(rules); i++) {
		json_object *rule = json_object_array_get_idx(rules, i);
		r = seccomp_rule_check(rule, e);
		if (r < 0)
			return r;
		if (seccomp_rule_applies(rule, caps))
			(void)json_object_array_add(list, rule_of(rule, !profile));
	}
	*ret = json_object_get(o);
	return 0;
}
