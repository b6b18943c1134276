/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/secret/driver.h"
#include "src/util/json.h"

static int check(json_object *options, struct err *e)
{
	static const char known[] = "delete|list|lookup|store";
	size_t n = 0;

	json_object_object_foreach(options, key, value)
	{
		if (!str_in_words(key, strlen(key), known))
			return err_set(e, -EINVAL, "invalid shell driver option: \"%s\"", key);
		n += json_object_get_string_len(value) > 0;
	}
	return n == 4 ? 0 : err_set(e, -EINVAL, "missing config value");
}

/* Run the command that option WHICH has: its exit status. */
static int run(json_object *options, const char *which, const char *id,
	       const struct secret_data *in, struct secret_data *out, struct err *e)
{
	char program[] = "/bin/sh", flag[] = "-c";
	scoped(strv) char **env = strv_copy(environ);
	scoped(mem) char *word = str_printf("SECRET_ID=%s", id);
	scoped(mem) char *command = NULL;
	char *argv[] = { program, flag, NULL, NULL };
	struct proc_options o = { .path = program, .argv = argv };
	int r = check(options, e);

	if (r < 0)
		return r;
	argv[2] = command = strdup(json_get_str(options, which));
	if (!env || !word || !command || strv_add(&env, word) < 0)
		return err_errno(e, ENOMEM, "driver shell");
	o.env = env;
	return driver_run(&o, in, out, e);
}

static int load(json_object *options, const char *id, struct secret_data *ret, struct err *e)
{
	scoped(secret_data) struct secret_data d = { 0 };
	int r = run(options, "lookup", id, NULL, &d, e);

	if (r > 0)
		return driver_has_none(id, e);
	if (r == 0)
		*ret = secret_data_take(&d);
	return r;
}

static int store(json_object *options, const char *id, const struct secret_data *data,
		 struct err *e)
{
	int r = run(options, "store", id, data, NULL, e);

	return r > 0 ? err_set(e, -EIO, "exit status %d", r) : r;
}

/* Nobody can tell a secret that is not there from one that cannot be removed: it stays. */
static int remove_one(json_object *options, const char *id, struct err *e)
{
	int r = run(options, "delete", id, NULL, NULL, e);

	return r > 0 ? err_set(e, -EIO, "%s: no such secret", id) : r;
}

const struct secret_driver secret_driver_shell = {
	.name = "shell", .check = check, .load = load, .store = store, .remove = remove_one
};
