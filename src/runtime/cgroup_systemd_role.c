/* SPDX-License-Identifier: Apache-2.0 */
/* cove-systemd: one request to a systemd manager, then it ends.
 *
 * The only argument is a JSON object: {"verb": "start" | "set" | "attach", "user": bool, "unit":
 * NAME, "pids":
 * [...], "properties": [{"name", "type", "value"}]}.  Success is silence and status 0; a failure is
 * a struct err on stdout.  The manager is spoken to on its private socket, without a bus daemon in
 * between; where there is none, over the bus. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "src/util/err.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define MANAGER	   "org.freedesktop.systemd1"
#define OBJECT	   "/org/freedesktop/systemd1"
#define INTERFACE  "org.freedesktop.systemd1.Manager"
#define TIMEOUT_US 25000000 /* of the call, and of the job */

DEFINE_SCOPED(bus, sd_bus *, sd_bus_flush_close_unref);
DEFINE_SCOPED(message, sd_bus_message *, sd_bus_message_unref);

struct job {
	char *path;  /* of the job we wait for */
	char *early; /* a job that ended before we knew ours: "PATH RESULT" */
	char result[32];
};

static int open_private(int is_user, sd_bus **ret)
{
	scoped(bus) sd_bus *bus = NULL;
	scoped(mem) char *address = NULL;
	const char *dir = getenv("XDG_RUNTIME_DIR");
	int r;

	if (!is_user)
		address = strdup("unix:path=/run/systemd/private");
	else if (dir && *dir == '/')
		address = str_printf("unix:path=%s/systemd/private", dir);
	else
		address = str_printf("unix:path=/run/user/%u/systemd/private", (unsigned)geteuid());
	if (!address)
		return -ENOMEM;
	r = sd_bus_new(&bus);
	if (r >= 0)
		r = sd_bus_set_address(bus, address);
	if (r >= 0)
		r = sd_bus_start(bus);
	if (r < 0)
		return r;
	*ret = take_ptr(&bus);
	return 0;
}

static int on_removed(sd_bus_message *m, void *arg, sd_bus_error *unused)
{
	struct job *j = arg;
	const char *path, *unit, *result;
	uint32_t id;

	(void)unused;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	if (j->path && strcmp(j->path, path) == 0) {
		(void)snprintf(j->result, sizeof(j->result), "%s", result);
	} else if (!j->path) {
		free(j->early);
		j->early = str_printf("%s %s", path, result);
	}
	return 0;
}

/* ---- the message ----------------------------------------------------------------------------- */

static int append_value(sd_bus_message *m, const char *type, json_object *v)
{
	int r;

	if (strcmp(type, "b") == 0)
		return sd_bus_message_append(m, "v", "b", json_object_get_boolean(v));
	if (strcmp(type, "s") == 0)
		return sd_bus_message_append(m, "v", "s", json_object_get_string(v));
	if (strcmp(type, "t") == 0)
		return sd_bus_message_append(m, "v", "t", json_object_get_uint64(v));
	if (strcmp(type, "x") == 0)
		return sd_bus_message_append(m, "v", "x", json_object_get_int64(v));
	if (strcmp(type, "u") == 0)
		return sd_bus_message_append(m, "v", "u", (uint32_t)json_object_get_int64(v));
	if (strcmp(type, "i") == 0)
		return sd_bus_message_append(m, "v", "i", json_object_get_int(v));
	r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', type + 1);
	for (size_t i = 0; i < json_len(v) && r >= 0; i++) {
		json_object *x = json_object_array_get_idx(v, i);
		if (strcmp(type, "as") == 0)
			r = sd_bus_message_append(m, "s", json_object_get_string(x));
		else if (strcmp(type, "ay") == 0)
			r = sd_bus_message_append(m, "y", json_object_get_int(x));
		else if (strcmp(type, "au") == 0)
			r = sd_bus_message_append(m, "u", (uint32_t)json_object_get_int64(x));
		else
			r = -EINVAL;
	}
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_property(sd_bus_message *m, const char *name, const char *type, json_object *v)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append(m, "s", name);
	if (r >= 0)
		r = append_value(m, type, v);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_properties(sd_bus_message *m, json_object *request)
{
	json_object *list = json_get(request, "properties"), *pids = json_get(request, "pids");
	int r = sd_bus_message_open_container(m, 'a', "(sv)");

	for (size_t i = 0; i < json_len(list) && r >= 0; i++) {
		json_object *p = json_object_array_get_idx(list, i);
		const char *name = json_get_str(p, "name"), *type = json_get_str(p, "type");
		r = name && type ? append_property(m, name, type, json_get(p, "value")) : -EINVAL;
	}
	if (json_len(pids) && r >= 0)
		r = append_property(m, "PIDs", "au", pids);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* ---- verbs ----------------------------------------------------------------------------------- */

static int call(sd_bus *bus, sd_bus_message *m, sd_bus_message **ret, struct err *e)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call(bus, m, TIMEOUT_US, &error, ret);

	if (r < 0)
		(void)err_set(e, r, "%s", error.message ? error.message : strerror(-r));
	sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

static int wait_job(sd_bus *bus, struct job *j, struct err *e)
{
	size_t n = strlen(j->path);

	if (j->early && strncmp(j->early, j->path, n) == 0 && j->early[n] == ' ')
		(void)snprintf(j->result, sizeof(j->result), "%s", j->early + n + 1);
	while (!*j->result) {
		int r = sd_bus_process(bus, NULL);
		if (r == 0)
			r = sd_bus_wait(bus, TIMEOUT_US);
		if (r == 0)
			return err_set(e, -ETIMEDOUT, "the scope is not made in time");
		if (r < 0)
			return err_errno(e, r, "wait for the scope");
	}
	return strcmp(j->result, "done") == 0
		       ? 0
		       : err_set(e, -EIO, "the scope could not be made: %s", j->result);
}

static int start(sd_bus *bus, json_object *request, struct err *e)
{
	scoped(message) sd_bus_message *m = NULL;
	scoped(message) sd_bus_message *reply = NULL;
	struct job j = { 0 };
	const char *path;
	/* Not waited for: messages are handled in order. */
	int r = sd_bus_match_signal_async(bus, NULL, NULL, OBJECT, INTERFACE, "JobRemoved",
					  on_removed, NULL, &j);

	if (r >= 0)
		r = sd_bus_message_new_method_call(bus, &m, MANAGER, OBJECT, INTERFACE,
						   "StartTransientUnit");
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", json_get_str(request, "unit"), "fail");
	if (r >= 0)
		r = append_properties(m, request);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	if (r < 0)
		return err_errno(e, r, "write the request");
	r = call(bus, m, &reply, e);
	if (r < 0)
		return r;
	r = sd_bus_message_read(reply, "o", &path);
	if (r < 0)
		return err_errno(e, r, "read the answer");
	j.path = strdup(path);
	r = j.path ? wait_job(bus, &j, e) : err_errno(e, ENOMEM, "wait for the scope");
	free(j.path);
	free(j.early);
	return r;
}

static int set(sd_bus *bus, json_object *request, struct err *e)
{
	scoped(message) sd_bus_message *m = NULL;
	scoped(message) sd_bus_message *reply = NULL;
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, OBJECT, INTERFACE,
					       "SetUnitProperties");

	if (r >= 0)
		r = sd_bus_message_append(m, "sb", json_get_str(request, "unit"), 1);
	if (r >= 0)
		r = append_properties(m, request);
	return r < 0 ? err_errno(e, r, "write the request") : call(bus, m, &reply, e);
}

static int attach(sd_bus *bus, json_object *request, struct err *e)
{
	scoped(message) sd_bus_message *m = NULL;
	scoped(message) sd_bus_message *reply = NULL;
	json_object *pids = json_get(request, "pids");
	const char *subgroup = json_get_str(request, "subgroup");
	int r = sd_bus_message_new_method_call(bus, &m, MANAGER, OBJECT, INTERFACE,
					       "AttachProcessesToUnit");

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", json_get_str(request, "unit"),
					  subgroup ? subgroup : "");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "u");
	for (size_t i = 0; i < json_len(pids) && r >= 0; i++)
		r = sd_bus_message_append(
			m, "u",
			(uint32_t)json_object_get_int64(json_object_array_get_idx(pids, i)));
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r < 0 ? err_errno(e, r, "write the request") : call(bus, m, &reply, e);
}

static int work(const char *text, struct err *e)
{
	scoped(json) json_object *request = NULL;
	scoped(bus) sd_bus *bus = NULL;
	const char *verb;
	int is_user, r = json_parse(text, strlen(text), &request, e);

	if (r < 0)
		return r;
	verb = json_get_str(request, "verb");
	is_user = json_get_bool(request, "user", 1);
	if (!verb || !json_get_str(request, "unit"))
		return err_set(e, -EINVAL, "the request names no unit");
	r = open_private(is_user, &bus);
	if (r < 0)
		r = is_user ? sd_bus_open_user(&bus) : sd_bus_open_system(&bus);
	if (r < 0)
		return err_errno(e, r, "connect to the %s manager", is_user ? "user" : "system");
	if (strcmp(verb, "start") == 0)
		return start(bus, request, e);
	if (strcmp(verb, "set") == 0)
		return set(bus, request, e);
	if (strcmp(verb, "attach") == 0)
		return attach(bus, request, e);
	return err_set(e, -EINVAL, "unknown request '%s'", verb);
}

int main(int argc, char **argv)
{
	struct err e;

	err_clear(&e);
	if (argc != 2)
		return 2;
	if (work(argv[1], &e) == 0)
		return 0;
	(void)err_send(STDOUT_FILENO, &e); /* without a reader the status says it */
	return 1;
}
