/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/hooks.h"
#include "src/runtime/runtime.h"
#include "src/runtime/state.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

static json_object *parse(const char *text)
{
	json_object *o = NULL;
	struct err e;

	err_clear(&e);
	return json_parse(text, strlen(text), &o, &e) == 0 ? o : NULL;
}

TEST(hooks_of_a_wrong_form_are_refused)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "{}", 0 },
		{ "{\"hooks\":{}}", 0 },
		{ "{\"hooks\":{\"prestart\":[{\"path\":\"/x\"}]}}", 0 },
		{ "{\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"args\":[\"x\",\"y\"],\"env\":[],"
		  "\"timeout\":1}]}}",
		  0 },
		{ "{\"hooks\":[]}", -EINVAL },
		{ "{\"hooks\":{\"prestart\":{}}}", -EINVAL },
		{ "{\"hooks\":{\"prestart\":[3]}}", -EINVAL },
		{ "{\"hooks\":{\"prestart\":[{}]}}", -EINVAL },
		{ "{\"hooks\":{\"createRuntime\":[{\"path\":\"x\"}]}}", -EINVAL },
		{ "{\"hooks\":{\"createContainer\":[{\"path\":\"\"}]}}", -EINVAL },
		{ "{\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"args\":\"x\"}]}}", -EINVAL },
		{ "{\"hooks\":{\"poststart\":[{\"path\":\"/x\",\"env\":[1]}]}}", -EINVAL },
		{ "{\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}}", -EINVAL },
		{ "{\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":-3}]}}", -EINVAL },
		{ "{\"hooks\":{\"poststop\":[{\"path\":\"/x\",\"timeout\":1.5}]}}", -EINVAL },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(json) json_object *config = parse(rows[i].text);
		struct err e;
		err_clear(&e);
		CHECK_INT(hooks_check(config, &e), rows[i].want);
	}
}

TEST(a_hook_gets_the_state_and_its_failure_is_told)
{
	scoped(json) json_object *config =
		parse("{\"hooks\":{\"prestart\":[{\"path\":\"/bin/"
		      "sh\",\"args\":[\"sh\",\"-c\",\"grep -q '\\\"id\\\":\\\"c\\\"'\"]}],"
		      "\"poststart\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"echo why; "
		      "exit 3\"]}],"
		      "\"poststop\":[{\"path\":\"/no/such/hook\"}]}}");
	const struct runtime_subject s = { .id = "c", .bundle = "/b", .config = config };
	struct err e;
	int fd;

	err_clear(&e);
	fd = hooks_state_file(&s, 5, "running", &e);
	CHECK(fd >= 0);
	CHECK_INT(hooks_wanted_by_init(config), 1);
	CHECK_INT(hooks_run(config, "prestart", fd, &e), 0);
	CHECK_INT(hooks_run(config, "createRuntime", fd, &e), 0);
	CHECK_INT(hooks_run(config, "poststart", fd, &e), -ECANCELED);
	CHECK_STR(e.text, "poststart hook 0 (/bin/sh): exit status 3: why");
	err_clear(&e);
	CHECK_INT(hooks_run(config, "poststop", fd, &e), -ECANCELED);
	fd_close(fd);
}

TEST(ids_of_containers)
{
	static const char *const good[] = { "a", "A-1_b.c+d", "0", "-x" };
	static const char *const bad[] = { "", ".", "..", ".a", "a/b", "a b", "a\n", "\xc3\xa4" };
	struct err e;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		err_clear(&e);
		CHECK_INT(state_check_id(good[i], &e), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		err_clear(&e);
		CHECK_INT(state_check_id(bad[i], &e), -EINVAL);
	}
}

TEST(each_status_has_a_name)
{
	for (int i = 0; i < STATE_STATUS_COUNT; i++)
		CHECK(state_status_names[i] && state_status_names[i][0]);
}
