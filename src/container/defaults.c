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
	ADD,  /* a list that what the user gives comes behind */
	LIST, /* a list in place of none */
	WORD, /* a string, or the one member of a list */
	FLAG,
};

#define AT(f) offsetof(struct container_create_options, f)
static const struct row {
	const char *key;
	enum kind kind;
	size_t offset;
} rows[] = {
	{ "annotations", ADD, AT(annotation) },
	{ "base_hosts_file", WORD, AT(hosts_file) },
	{ "cgroupns", WORD, AT(cgroupns) },
	{ "default_ulimits", ADD, AT(ulimit) },
	{ "devices", ADD, AT(device) },
	{ "dns_options", LIST, AT(dns_option) },
	{ "dns_searches", LIST, AT(dns_search) },
	{ "dns_servers", LIST, AT(dns) },
	{ "env", ADD, AT(env) },
	{ "host_containers_internal_ip", WORD, AT(host_ip) },
	{ "init", FLAG, AT(init) },
	{ "ipcns", WORD, AT(ipc) },
	{ "no_hosts", FLAG, AT(no_hosts) },
	{ "pidns", WORD, AT(pid) },
	{ "tz", WORD, AT(tz) },
	{ "userns", WORD, AT(userns) },
	{ "utsns", WORD, AT(uts) },
	{ "volumes", ADD, AT(volume) },
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

	switch (w->kind) {
	case ADD:
		return add_list(d, value, (char ***)(void *)at);
	case LIST:
		return *(char ***)(void *)at ? 0 : add_list(d, value, (char ***)(void *)at);
	case WORD:
		if (!*(const char **)(void *)at && json_object_is_type(value, json_type_string) &&
		    json_object_get_string_len(value))
			*(const char **)(void *)at = json_object_get_string(value);
		return 0;
	case FLAG:
		*(int *)(void *)at |= json_object_get_boolean(value);
		return 0;
	}
	return 0;
}

/* netns, and the program of a rootless private network. */
static int apply_network(struct defaults *d)
{
	const char *netns = json_get_str(json_get(d->config, "containers"), "netns"),
		   *command = json_get_str(json_get(d->config, "network"),
					   "default_rootless_network_cmd");
	scoped(json) json_object *one = NULL;
	const char *mode = netns && *netns ? netns : "private";

	if (d->options.network)
		return 0;
	if (strcmp(mode, "private") == 0 && command && strcmp(command, "pasta") == 0)
		mode = "pasta";
	one = json_object_new_array();
	(void)json_object_array_add(one, json_object_new_string(mode));
	return add_list(d, one, &d->options.network);
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
	for (size_t i = 0; i < ARRAY_LEN(rows) && r == 0; i++) {
		json_object *value = json_get(containers, rows[i].key);
		if (value)
			r = apply(ret, &rows[i], value);
		if (r < 0)
			return err_set(e, r, "containers.conf: %s is not as it should be",
				       rows[i].key);
	}
	if (r == 0)
		r = apply_network(ret);
	return r < 0 ? err_errno(e, r, "containers.conf") : 0;
}

void defaults_done(struct defaults *d)
{
	for (size_t i = 0; i < d->n_lists; i++)
		strv_free(d->lists[i]);
	d->n_lists = 0;
	json_free(d->config);
	d->config = NULL;
}
