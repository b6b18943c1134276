/* SPDX-License-Identifier: Apache-2.0 */
/* What containers.conf says for what the user did not. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/defaults.h"
#include "src/store/config.h"
#include "src/store/events.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

enum kind {
	ADD,	/* a list that what the user gives comes behind */
	LIST,	/* a list in place of none */
	WORD,	/* a string in place of NULL */
	TRI,	/* a boolean in place of -1 */
	NUMBER, /* an int64_t in place of 0 */
	LIMIT,	/* an int, where GIVEN was not set: then it counts as said */
};
static const enum json_type types[] = {
	[ADD] = json_type_array,   [LIST] = json_type_array, [WORD] = json_type_string,
	[TRI] = json_type_boolean, [NUMBER] = json_type_int, [LIMIT] = json_type_int,
};

#define AT(f) offsetof(struct container_create_options, f)
static const struct row {
	const char *key;
	enum kind kind;
	size_t offset, given;
} rows[] = {
	{ "annotations", ADD, AT(annotation), 0 },
	{ "base_hosts_file", WORD, AT(hosts_file), 0 },
	{ "cgroupns", WORD, AT(cgroupns), 0 },
	{ "default_ulimits", ADD, AT(ulimit), 0 },
	{ "devices", ADD, AT(device), 0 },
	{ "dns_options", LIST, AT(dns_option), 0 },
	{ "dns_searches", LIST, AT(dns_search), 0 },
	{ "dns_servers", LIST, AT(dns), 0 },
	{ "default_sysctls", LIST, AT(default_sysctl), 0 },
	{ "env", ADD, AT(env), 0 },
	{ "env_host", TRI, AT(env_host), 0 },
	{ "host_containers_internal_ip", WORD, AT(host_ip), 0 },
	{ "http_proxy", TRI, AT(http_proxy), 0 },
	{ "init", TRI, AT(init), 0 },
	{ "init_path", WORD, AT(init_path), 0 },
	{ "ipcns", WORD, AT(ipc), 0 },
	{ "log_size_max", NUMBER, AT(log_size_max), 0 },
	{ "mounts", LIST, AT(default_mount), 0 },
	{ "no_hosts", TRI, AT(no_hosts), 0 },
	{ "oom_score_adj", LIMIT, AT(oom_score_adj), AT(oom_score_adj_given) },
	{ "pidns", WORD, AT(pid), 0 },
	{ "pids_limit", LIMIT, AT(limits.pids_limit), AT(limits.pids_limit_given) },
	{ "privileged", TRI, AT(privileged), 0 },
	{ "read_only", TRI, AT(read_only), 0 },
	{ "shm_size", WORD, AT(shm_size), 0 },
	{ "tz", WORD, AT(tz), 0 },
	{ "umask", WORD, AT(umask), 0 },
	{ "userns", WORD, AT(userns), 0 },
	{ "utsns", WORD, AT(uts), 0 },
	{ "volumes", LIST, AT(default_volume), 0 },
};

static int add_list(struct defaults *d, json_object *value, char ***list)
{
	char **own = NULL;
	int r = json_to_strv(value, &own);

	for (char *const *s = *list; r == 0 && s && *s; s++)
		r = strv_add(&own, *s);
	if (r < 0 || d->n_lists == DEFAULTS_LISTS_MAX) {
		strv_free(own);
		return r < 0 ? r : -E2BIG;
	}
	d->lists[d->n_lists++] = own;
	*list = own;
	return 0;
}

static int apply(struct defaults *d, const struct row *w, json_object *value)
{
	char *at = (char *)&d->options + w->offset;
	int *given = (int *)(void *)((char *)&d->options + w->given);

	if (!json_object_is_type(value, types[w->kind]))
		return -EINVAL;
	switch (w->kind) {
	case ADD:
		return add_list(d, value, (char ***)(void *)at);
	case LIST:
		return *(char ***)(void *)at ? 0 : add_list(d, value, (char ***)(void *)at);
	case WORD:
		if (!*(const char **)(void *)at && json_object_get_string_len(value))
			*(const char **)(void *)at = json_object_get_string(value);
		return 0;
	case TRI:
		if (*(int *)(void *)at < 0)
			*(int *)(void *)at = json_object_get_boolean(value);
		return 0;
	case NUMBER:
		if (!*(int64_t *)(void *)at)
			*(int64_t *)(void *)at = json_object_get_int64(value);
		return 0;
	case LIMIT:
		if (!*given)
			*(int *)(void *)at = json_object_get_int(value);
		*given = 1;
		return 0;
	}
	return 0;
}

/* *RET: member KEY of the table NAME, of TYPE; NULL where it is not there. */
static int member(struct defaults *d, const char *name, const char *key, enum json_type type,
		  json_object **ret, struct err *e)
{
	json_object *value = json_get(json_get(d->config, name), key);

	if (value && !json_object_is_type(value, type))
		return err_set(e, -EINVAL, "containers.conf: %s is not as it should be", key);
	*ret = value;
	return 0;
}

static int word(struct defaults *d, const char *name, const char *key, const char **ret,
		struct err *e)
{
	json_object *value = NULL;
	int r = member(d, name, key, json_type_string, &value, e);

	*ret = r == 0 && value && json_object_get_string_len(value) ? json_object_get_string(value)
								    : NULL;
	return r;
}

/* A driver for containers that say none; the journal is not written. */
static int apply_log(struct defaults *d, struct err *e)
{
	const char *driver;

	if (word(d, "containers", "log_driver", &driver, e) < 0)
		return e->code;
	if (!d->options.log_driver && driver)
		d->options.log_driver = strcmp(driver, "journald") ? driver : "k8s-file";
	return 0;
}

/* netns, and the program of a rootless private network. */
static int apply_network(struct defaults *d, struct err *e)
{
	scoped(json) json_object *one = NULL;
	json_object *pasta = NULL;
	const char *mode, *command;

	if (word(d, "containers", "netns", &mode, e) < 0 ||
	    word(d, "network", "default_rootless_network_cmd", &command, e) < 0 ||
	    member(d, "network", "pasta_options", json_type_array, &pasta, e) < 0)
		return e->code;
	if (pasta && add_list(d, pasta, &d->options.pasta_options) < 0)
		return err_set(e, -EINVAL, "containers.conf: pasta_options is not as it should be");
	if (d->options.network)
		return 0;
	mode = mode ? mode : "private";
	if (strcmp(mode, "private") == 0 && command && strcmp(command, "pasta") == 0)
		mode = "pasta";
	one = json_object_new_array();
	(void)json_object_array_add(one, json_object_new_string(mode));
	return add_list(d, one, &d->options.network) < 0 ? err_errno(e, ENOMEM, "containers.conf")
							 : 0;
}

int defaults_apply(struct engine *en, const struct container_create_options *o,
		   struct defaults *ret, struct err *e)
{
	json_object *containers;
	int r = 0;

	*ret = (struct defaults){ .options = *o };
	if (config_read(en, &ret->config, e) < 0 || events_configure(en, ret->config, e) < 0)
		return e->code;
	containers = json_get(ret->config, "containers");
	if (containers && !json_object_is_type(containers, json_type_object))
		return err_set(e, -EINVAL, "containers.conf: [containers] is no table");
	for (size_t i = 0; i < ARRAY_LEN(rows) && r == 0; i++) {
		json_object *value = json_get(containers, rows[i].key);
		if (value)
			r = apply(ret, &rows[i], value);
		if (r < 0)
			return err_set(e, r, "containers.conf: %s is not as it should be",
				       rows[i].key);
	}
	r = apply_log(ret, e);
	return r < 0 ? r : apply_network(ret, e);
}

void defaults_done(struct defaults *d)
{
	for (size_t i = 0; i < d->n_lists; i++)
		strv_free(d->lists[i]);
	d->n_lists = 0;
	json_free(d->config);
	d->config = NULL;
}
