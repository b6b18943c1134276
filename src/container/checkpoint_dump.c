/* SPDX-License-Identifier: Apache-2.0 */
/* One table for config.dump serves both ways. */
#include "src/container/checkpoint_dump.h"

#include <string.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct config_dump, f)
static const struct field config_fields[] = {
	{ "id", FIELD_STR, AT(id), FIELD_REQUIRED, NULL },
	{ "name", FIELD_STR, AT(name), FIELD_REQUIRED, NULL },
	{ "CreateCommand", FIELD_STRV, AT(create_command), FIELD_OMITEMPTY, NULL },
	{ "Dependencies", FIELD_STRV, AT(dependencies), 0, NULL },
	{ "rootfsImageID", FIELD_STR, AT(image_id), FIELD_OMITEMPTY, NULL },
	{ "rootfsImageName", FIELD_STR, AT(image_name), FIELD_OMITEMPTY, NULL },
	{ "shmSize", FIELD_I64, AT(shm_size), 0, NULL },
	{ "namedVolumes", FIELD_JSON, AT(volumes), FIELD_OMITEMPTY, NULL },
	{ "userVolumes", FIELD_STRV, AT(user_volumes), FIELD_OMITEMPTY, NULL },
	{ "privileged", FIELD_BOOL, AT(privileged), 0, NULL },
	{ "user", FIELD_STR, AT(user), FIELD_OMITEMPTY, NULL },
	{ "createNetNS", FIELD_BOOL, AT(has_network), 0, NULL },
	{ "networkMode", FIELD_STR, AT(network), FIELD_OMITEMPTY, NULL },
	{ "newPortMappings", FIELD_JSON, AT(ports), FIELD_OMITEMPTY, NULL },
	{ "dnsServer", FIELD_STRV, AT(dns), FIELD_OMITEMPTY, NULL },
	{ "dnsSearch", FIELD_STRV, AT(dns_search), FIELD_OMITEMPTY, NULL },
	{ "dnsOption", FIELD_STRV, AT(dns_option), FIELD_OMITEMPTY, NULL },
	{ "hostsAdd", FIELD_STRV, AT(add_host), FIELD_OMITEMPTY, NULL },
	{ "entrypoint", FIELD_STRV, AT(entrypoint), FIELD_OMITEMPTY, NULL },
	{ "command", FIELD_STRV, AT(command), FIELD_OMITEMPTY, NULL },
	{ "stdin", FIELD_BOOL, AT(is_interactive), 0, NULL },
	{ "labels", FIELD_JSON, AT(labels), FIELD_OMITEMPTY, NULL },
	{ "stopSignal", FIELD_INT, AT(stop_signal), 0, NULL },
	{ "stopTimeout", FIELD_INT, AT(stop_timeout), 0, NULL },
	{ "logDriver", FIELD_STR, AT(log_driver), 0, NULL },
	{ "umask", FIELD_STR, AT(umask), FIELD_OMITEMPTY, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

static int is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static json_object *volume_dump(json_object *mount)
{
	json_object *o = json_object_new_object(), *options = json_get(mount, "options");
	json_object *list = json_object_new_array();

	json_put_str(o, "volumeName", json_get_str(mount, "volume"));
	json_put_str(o, "dest", json_get_str(mount, "destination"));
	for (size_t i = 0; i < json_len(options); i++) {
		const char *word = json_str_at(options, i);
		if (word && !str_starts(word, "cove."))
			(void)json_object_array_add(list, json_object_new_string(word));
	}
	json_put(o, "options", list);
	return o;
}

static void dump_mounts(const struct container_spec *s, struct config_dump *d)
{
	d->volumes = json_object_new_array();
	for (size_t i = 0; i < json_len(s->mounts); i++) {
		json_object *m = json_object_array_get_idx(s->mounts, i), *v;
		const char *name = json_get_str(m, "volume"), *to = json_get_str(m, "destination");

		if (to)
			(void)strv_add(&d->user_volumes, to); /* it only informs */
		if (!name)
			continue;
		v = volume_dump(m);
		if (strv_has(s->anonymous_volumes, name))
			json_put_bool(v, "isAnonymous", 1);
		(void)json_object_array_add(d->volumes, v);
	}
}

static json_object *dump_ports(json_object *ports)
{
	static const char *const names[] = { "container_port", "host_port" };
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_len(ports); i++) {
		json_object *p = json_object_array_get_idx(ports, i), *o = json_object_new_object();

		json_put_str(o, "host_ip", json_get_str(p, "host_ip"));
		for (size_t k = 0; k < ARRAY_LEN(names); k++)
			json_put_int(o, names[k], json_get_int(p, names[k], 0));
		json_put_int(o, "range", 1);
		json_put_str(o, "protocol", json_get_str(p, "protocol"));
		(void)json_object_array_add(list, o);
	}
	return list;
}

/* Borrows from C and S what field_encode() only reads. */
json_object *checkpoint_config_dump(const struct container *c, const struct container_spec *s)
{
	scoped(mem) char *mask = str_printf("%04o", (unsigned)s->umask);
	struct config_dump d = { .id = c->id,
				 .name = c->name,
				 .image_id = s->image_id,
				 .image_name = s->image_name,
				 .user = s->user,
				 .umask = mask,
				 .log_driver = s->log_driver,
				 .entrypoint = s->entrypoint,
				 .command = s->command,
				 .create_command = s->create_command,
				 .dns = s->dns,
				 .dns_search = s->dns_search,
				 .dns_option = s->dns_option,
				 .add_host = s->add_host,
				 .labels = s->labels,
				 .shm_size = s->shm_size,
				 .privileged = s->privileged,
				 .has_network = is(s->network, "private"),
				 .is_interactive = s->interactive,
				 .stop_timeout = s->stop_timeout };
	json_object *o;

	if (d.has_network)
		d.network = (char[]){ "slirp4netns" };
	d.stop_signal = container_signal_parse(s->stop_signal ? s->stop_signal : "TERM");
	d.ports = dump_ports(s->ports);
	dump_mounts(s, &d);
	o = mask ? field_encode(config_fields, &d) : NULL;
	json_free(d.ports);
	json_free(d.volumes);
	strv_free(d.user_volumes);
	return o;
}

int config_dump_parse(json_object *config, struct config_dump *ret, struct err *e)
{
	return field_decode(config_fields, config, ret, "config.dump", e);
}

void config_dump_done(struct config_dump *d)
{
	field_done(config_fields, d);
}
