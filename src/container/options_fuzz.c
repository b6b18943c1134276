/* SPDX-License-Identifier: Apache-2.0 */
/* Option strings: the first byte chooses the language.  A mount that was accepted has a clean
 * absolute target and only options that the runtime understands. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/attach.h"
#include "src/container/secrets.h"
#include "src/container/spec.h"
#include "src/runtime/plan.h"
#include "src/util/strbuf.h"

static void check_mount(json_object *m)
{
	struct plan_mount plan = { 0 };
	struct err e;
	const char *target = json_get_str(m, "destination");

	assert(target && target[0] == '/' && target[1] && !strstr(target, "/../") &&
	       !strstr(target, "//"));
	if (strcmp(json_get_str(m, "type"), "volume") == 0)
		json_put_str(m, "source", "/v");
	if (plan_parse_mount(m, &plan, &e) == 0) {
		assert(!plan.fill && strcmp(plan.target, target) == 0);
		assert(strcmp(plan.fstype, "bind") != 0 || !plan.data);
	}
	plan_mount_done(&plan);
}

static void mount_string(int (*parse)(const char *, json_object **, struct err *), const char *s)
{
	scoped(json) json_object *m = NULL;
	struct err e;
	if (parse(s, &m, &e) == 0)
		check_mount(m);
}

static void env_string(const char *s)
{
	scoped(strv) char **env = NULL;
	struct err e;
	(void)spec_parse_env_file(s, "file", &env, &e);
	for (size_t i = 0; env && env[i]; i++)
		assert(strchr(env[i], '=') && env[i][0] != '=');
}

static void secret_string(const char *s)
{
	scoped(secret_use) struct secret_use u = { .source = NULL };
	struct err e;
	if (secrets_parse(s, &u, &e) == 0)
		assert(u.source && *u.source && (!u.target || *u.target));
}

static void other_string(int which, const char *s)
{
	scoped(json) json_object *o = NULL;
	scoped(json) json_object *list = json_object_new_array();
	scoped(strv) char **v = NULL;
	unsigned char keys[DETACH_KEYS_MAX];
	struct err e;

	switch (which) {
	case 3:
		(void)spec_parse_publish(s, list, &e);
		break;
	case 4:
		(void)spec_parse_ulimit(s, &o, &e);
		break;
	case 5:
		env_string(s);
		secret_string(s);
		break;
	case 6:
		(void)spec_split_words(s, &v, &e);
		break;
	case 7:
		assert(attach_parse_keys(s, keys) <= DETACH_KEYS_MAX);
		break;
	default:
		assert(container_signal_parse(s) != 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(mem) char *s = n ? strndup((const char *)bytes + 1, n - 1) : NULL;

	if (!s)
		return 0;
	switch (bytes[0] % 9) {
	case 0:
		mount_string(spec_parse_volume, s);
		break;
	case 1:
		mount_string(spec_parse_mount, s);
		break;
	case 2:
		mount_string(spec_parse_tmpfs, s);
		break;
	default:
		other_string(bytes[0] % 9, s);
		break;
	}
	return 0;
}
