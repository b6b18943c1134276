/* SPDX-License-Identifier: Apache-2.0 */
/* The inspect document, with the member names that Podman's has. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/container/checkpoint.h"
#include "src/container/limits.h"
#include "src/container/networks.h"
#include "src/container/private_network.h"
#include "src/container/record.h"
#include "src/container/spec.h"
#include "src/image/image.h"
#include "src/image/image_stores.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define TIME_NEVER "0001-01-01T00:00:00Z"

static void put_time(json_object *o, const char *name, int64_t ns)
{
	char buf[UNITS_MAX];
	json_put_str(o, name, ns ? time_rfc3339(ns, buf) : TIME_NEVER);
}

static json_object *make_state(const struct container *c)
{
	json_object *o = json_object_new_object();

	json_put_str(o, "OciVersion", "1.0.2");
	json_put_str(o, "Status", container_state_text(c));
	json_put_bool(o, "Running", c->state == CONTAINER_RUNNING && !c->is_paused);
	json_put_bool(o, "Paused", c->is_paused);
	json_put_bool(o, "Restarting", 0);
	json_put_bool(o, "OOMKilled", c->oom);
	json_put_bool(o, "Dead", 0);
	json_put_int(o, "Pid", c->pid);
	json_put_int(o, "ExitCode", c->state == CONTAINER_RUNNING ? 0 : c->exit_code);
	json_put_str(o, "Error", c->error);
	put_time(o, "StartedAt", c->started);
	put_time(o, "FinishedAt", c->state == CONTAINER_RUNNING ? 0 : c->finished);
	return o;
}

/* Of the unified hierarchy, as podman's document has it; "" when there is none. */
static void put_cgroup_path(struct engine *en, const struct container *c, json_object *state)
{
	scoped(cgroup) struct cgroup cg = CGROUP_NONE;
	const char *root = cgroup_v2_mount();
	struct err ignored;

	if (c->state == CONTAINER_RUNNING && limits_open_cgroup(en, c->id, &cg, &ignored) == 0 &&
	    cg.path && root && str_starts(cg.path, root))
		json_put_str(state, "CgroupPath", cg.path + strlen(root));
	else
		json_put_str(state, "CgroupPath", "");
}

/* Of a secret only that it is there. */
static void put_env(json_object *config, const struct container_spec *s)
{
	scoped(strv) char **env = strv_copy(s->env);
	struct err ignored;

	for (size_t i = 0; i < json_len(s->secret_env); i++) {
		json_object *o = json_object_array_get_idx(s->secret_env, i);
		const char *name = json_get_str(o, "Variable");
		scoped(mem) char *kv = name ? str_printf("%s=*******", name) : NULL;
		if (kv)
			(void)spec_env_set(&env, kv, &ignored); /* its name was checked */
	}
	json_put_strv(config, "Env", env);
}

static void put_secrets(json_object *config, const struct container_spec *s)
{
	json_object *list = NULL;

	if (!json_len(s->secrets) || json_object_deep_copy(s->secrets, &list, NULL) < 0)
		return;
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		if (json_object_is_type(o, json_type_object))
			json_object_object_del(o, "Target");
	}
	json_put(config, "Secrets", list);
}

static json_object *make_config(const struct container *c, const struct container_spec *s)
{
	json_object *o = json_object_new_object();
	scoped(strbuf) struct strbuf entrypoint = STRBUF_INIT;

	for (size_t i = 0; s->entrypoint && s->entrypoint[i]; i++)
		(void)strbuf_printf(&entrypoint, "%s%s", i ? " " : "", s->entrypoint[i]);
	json_put_str(o, "Hostname", s->hostname);
	json_put_str(o, "Domainname", "");
	json_put_str(o, "User", s->user);
	json_put_bool(o, "AttachStdin", 0);
	json_put_bool(o, "AttachStdout", 0);
	json_put_bool(o, "AttachStderr", 0);
	json_put_bool(o, "Tty", s->tty);
	json_put_bool(o, "OpenStdin", s->interactive);
	json_put_bool(o, "StdinOnce", 0);
	put_env(o, s);
	json_put_strv(o, "Cmd", s->command);
	json_put_str(o, "Image", c->image_name);
	json_put(o, "Volumes", NULL);
	json_put_str(o, "WorkingDir", s->workdir);
	json_put_str(o, "Entrypoint", entrypoint.s);
	json_put(o, "OnBuild", NULL);
	json_put(o, "Labels",
		 s->labels && json_object_object_length(s->labels) ? json_object_get(s->labels)
								   : NULL);
	json_put(o, "Annotations", json_object_get(s->annotations));
	json_put_int(o, "StopSignal",
		     container_signal_parse(s->stop_signal ? s->stop_signal : "TERM"));
	json_put_int(o, "StopTimeout", s->stop_timeout);
	json_put_int(o, "Timeout", s->timeout);
	json_put_strv(o, "CreateCommand", s->create_command);
	if (s->tz)
		json_put_str(o, "Timezone", s->tz);
	{
		char um[16];
		(void)snprintf(um, sizeof(um), "%04o", (unsigned)s->umask);
		json_put_str(o, "Umask", um);
	}
	put_secrets(o, s);
	return o;
}

/* {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]} */
static json_object *make_ports(const struct container_spec *s)
{
	json_object *o = json_object_new_object();

	for (size_t i = 0; i < json_len(s->ports); i++) {
		json_object *p = json_object_array_get_idx(s->ports, i), *list,
			    *b = json_object_new_object();
		char key[32], port[16];
		(void)snprintf(key, sizeof(key), "%d/%s", (int)json_get_int(p, "container_port", 0),
			       json_get_str(p, "protocol"));
		(void)snprintf(port, sizeof(port), "%d", (int)json_get_int(p, "host_port", 0));
		list = json_get(o, key);
		if (!list) {
			list = json_object_new_array();
			json_put(o, key, list);
		}
		json_put_str(b, "HostIp", json_get_str(p, "host_ip"));
		json_put_str(b, "HostPort", port);
		(void)json_object_array_add(list, b);
	}
	return o;
}

static void add_exposed(json_object *ports, char *const *expose)
{
	for (size_t i = 0; expose && expose[i]; i++) {
		scoped(mem) char *key =
			str_printf("%s%s", expose[i], strchr(expose[i], '/') ? "" : "/tcp");
		if (key && !json_get(ports, key))
			json_put(ports, key, NULL);
	}
}

/* One network's part, or that of a container that has just one. */
static void put_addresses(json_object *o, json_object *status)
{
	json_object *prefixes = json_get(status, "prefixes");
	size_t at = 0, at6 = 0;
	const char *a = networks_first(status, "addresses", 0, &at),
		   *a6 = networks_first(status, "addresses", 1, &at6);

	json_put_str(o, "EndpointID", "");
	json_put_str(o, "Gateway", networks_first(status, "gateways", 0, NULL));
	json_put_str(o, "IPAddress", a);
	json_put_int(o, "IPPrefixLen",
		     a ? json_object_get_int(json_object_array_get_idx(prefixes, at)) : 0);
	json_put_str(o, "IPv6Gateway", networks_first(status, "gateways", 1, NULL));
	json_put_str(o, "GlobalIPv6Address", a6);
	json_put_int(o, "GlobalIPv6PrefixLen",
		     a6 ? json_object_get_int(json_object_array_get_idx(prefixes, at6)) : 0);
	json_put_str(o, "MacAddress", json_get_str(status, "mac"));
}

static void put_network(json_object *all, const char *name, json_object *status,
			json_object *aliases)
{
	json_object *o = json_object_new_object();

	put_addresses(o, status);
	json_put_str(o, "NetworkID", name);
	json_put(o, "DriverOpts", NULL);
	json_put(o, "IPAMConfig", NULL);
	json_put(o, "Links", NULL);
	json_put(o, "Aliases", json_object_get(aliases));
	json_put(all, name, o);
}

/* ALONE: what a container has that is on no bridge. */
static void put_networks(json_object *o, const struct container_spec *s, json_object *statuses,
			 json_object *alone)
{
	json_object *all = json_object_new_object();

	for (size_t i = 0; i < json_len(s->networks); i++) {
		json_object *n = json_object_array_get_idx(s->networks, i);
		const char *name = json_get_str(n, "name");
		put_network(all, name, json_get(statuses, name), json_get(n, "aliases"));
	}
	/* Programs take the first entry's address for the container's. */
	if (s->network && (strcmp(s->network, "private") == 0 || strcmp(s->network, "pasta") == 0))
		put_network(all, s->network, alone, NULL);
	json_put(o, "Networks", all);
}

/* What a private network has, in the form of a bridge's status. */
static json_object *private_status(const struct container_spec *s)
{
	json_object *o = json_object_new_object(), *addresses = json_object_new_array(),
		    *gateways = json_object_new_array(), *prefixes = json_object_new_array();

	struct private_network p;
	struct err ignored;

	(void)private_network_parse(s->network_options, &p, &ignored); /* it was checked */
	(void)json_object_array_add(addresses, json_object_new_string(p.addresses.v4.container));
	(void)json_object_array_add(gateways, json_object_new_string(p.addresses.v4.host));
	(void)json_object_array_add(prefixes, json_object_new_int(p.addresses.v4.prefix));
	json_put(o, "addresses", addresses);
	json_put(o, "gateways", gateways);
	json_put(o, "prefixes", prefixes);
	return o;
}

static json_object *make_network(struct engine *en, const struct container *c,
				 const struct container_spec *s)
{
	json_object *o = json_object_new_object(), *ports = make_ports(s);
	scoped(json) json_object *state = networks_status(en, c->id);
	scoped(json) json_object *alone = NULL;
	json_object *statuses = json_get(state, "networks");
	char ns[32];

	add_exposed(ports, s->expose);
	if (s->network && strcmp(s->network, "private") == 0)
		alone = private_status(s);
	else if (json_len(s->networks) == 1)
		alone = json_object_get(json_get(
			statuses, json_get_str(json_object_array_get_idx(s->networks, 0), "name")));
	put_addresses(o, alone);
	json_put_str(o, "Bridge", "");
	json_put_str(o, "SandboxID", "");
	json_put_bool(o, "HairpinMode", 0);
	json_put_str(o, "LinkLocalIPv6Address", "");
	json_put_int(o, "LinkLocalIPv6PrefixLen", 0);
	json_put(o, "Ports", ports);
	(void)snprintf(ns, sizeof(ns), "/proc/%d/ns/net", (int)c->pid);
	json_put_str(o, "SandboxKey", c->pid > 0 ? ns : "");
	put_networks(o, s, statuses, alone);
	return o;
}

static int option_is(json_object *options, const char *want)
{
	for (size_t i = 0; i < json_len(options); i++)
		if (strcmp(json_str_at(options, i), want) == 0)
			return 1;
	return 0;
}

static json_object *make_mounts(const struct container_spec *s)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_len(s->mounts); i++) {
		json_object *m = json_object_array_get_idx(s->mounts, i), *o,
			    *opts = json_get(m, "options"), *shown = json_object_new_array();
		const char *type = json_get_str(m, "type"), *volume = json_get_str(m, "volume");
		if (strcmp(type, "bind") != 0 && !volume) {
			json_free(shown);
			continue;
		}
		for (size_t k = 0; k < json_len(opts); k++)
			if (!str_starts(json_str_at(opts, k), "cove.") &&
			    strcmp(json_str_at(opts, k), "ro") != 0 &&
			    strcmp(json_str_at(opts, k), "rw") != 0)
				(void)json_object_array_add(
					shown, json_object_get(json_object_array_get_idx(opts, k)));
		o = json_object_new_object();
		json_put_str(o, "Type", volume ? "volume" : "bind");
		if (volume)
			json_put_str(o, "Name", volume);
		json_put_str(o, "Source", json_get_str(m, "source"));
		json_put_str(o, "Destination", json_get_str(m, "destination"));
		json_put_str(o, "Driver", volume ? "local" : "");
		json_put_str(o, "Mode", "");
		json_put(o, "Options", shown);
		json_put_bool(o, "RW", !option_is(opts, "ro"));
		json_put_str(o, "Propagation", "rprivate");
		(void)json_object_array_add(list, o);
	}
	return list;
}

static json_object *make_ulimits(json_object *rlimits)
{
	json_object *list = json_object_new_array();

	for (size_t i = 0; i < json_len(rlimits); i++) {
		json_object *from = json_object_array_get_idx(rlimits, i),
			    *o = json_object_new_object();
		int64_t soft = json_get_int(from, "soft", 0), hard = json_get_int(from, "hard", 0);
		json_put_str(o, "Name", json_get_str(from, "type"));
		json_put_int(o, "Soft", soft == INT64_MAX ? -1 : soft);
		json_put_int(o, "Hard", hard == INT64_MAX ? -1 : hard);
		(void)json_object_array_add(list, o);
	}
	return list;
}

static json_object *make_host_config(const struct container_spec *s)
{
	json_object *o = json_object_new_object(), *log = json_object_new_object(),
		    *binds = json_object_new_array(), *restart = json_object_new_object();
	char size[UNITS_MAX];

	for (size_t i = 0; i < json_len(s->mounts); i++) {
		json_object *m = json_object_array_get_idx(s->mounts, i);
		scoped(mem) char *b =
			str_printf("%s:%s",
				   json_get_str(m, "volume") ? json_get_str(m, "volume")
							     : json_get_str(m, "source"),
				   json_get_str(m, "destination"));
		if (strcmp(json_get_str(m, "type"), "tmpfs") != 0 || json_get_str(m, "volume"))
			(void)json_object_array_add(binds, json_object_new_string(b ? b : ""));
	}
	json_put(o, "Binds", binds);
	json_put_strv(o, "VolumesFrom", s->volumes_from);
	json_put_str(o, "CgroupMode", s->cgroup_mode);
	json_put_str(o, "ContainerIDFile", s->cidfile);
	json_put_str(o, "ConmonPidFile", s->monitor_pidfile);
	json_put_str(log, "Type", s->log_driver);
	json_put(log, "Config", NULL);
	json_put_str(log, "Path", s->log_path);
	json_put_str(log, "Tag", "");
	json_put_str(log, "Size", size_human_digits(s->log_size_max, 4, "", size));
	json_put(o, "LogConfig", log);
	json_put_str(o, "NetworkMode", s->network);
	json_put(o, "PortBindings", make_ports(s));
	json_put_str(restart, "Name", "");
	json_put_int(restart, "MaximumRetryCount", 0);
	json_put(o, "RestartPolicy", restart);
	json_put_bool(o, "AutoRemove", s->rm);
	json_put_strv(o, "CapAdd", s->cap_add);
	json_put_strv(o, "CapDrop", s->cap_drop);
	json_put_strv(o, "Dns", s->dns);
	json_put_strv(o, "DnsOptions", s->dns_option);
	json_put_strv(o, "DnsSearch", s->dns_search);
	json_put_strv(o, "ExtraHosts", s->add_host);
	json_put_strv(o, "GroupAdd", s->group_add);
	json_put_str(o, "IpcMode", s->ipc_mode);
	json_put_str(o, "PidMode", s->pid_mode);
	json_put_str(o, "UTSMode", s->uts_mode);
	json_put_str(o, "UsernsMode", s->userns_mode);
	json_put_bool(o, "Privileged", s->privileged);
	json_put_bool(o, "PublishAllPorts", 0);
	json_put_bool(o, "ReadonlyRootfs", s->read_only);
	json_put_strv(o, "SecurityOpt", s->security_opt);
	json_put_int(o, "ShmSize", s->shm_size);
	json_put_int(o, "OomScoreAdj", s->oom_score_adj);
	json_put(o, "Ulimits", make_ulimits(s->rlimits));
	json_put_bool(o, "Init", s->init);
	json_put_str(o, "Cgroups", s->cgroups ? s->cgroups : "enabled");
	json_put_str(o, "CgroupParent", s->cgroup_parent);
	resources_inspect(s->resources, o);
	return o;
}

static json_object *make_driver(struct engine *en, const struct container *c,
				const struct container_spec *s)
{
	json_object *o = json_object_new_object(), *data = json_object_new_object();
	scoped(strbuf) struct strbuf lower = STRBUF_INIT;
	scoped(mem) char *upper = str_printf("%s/containers/%s/upper", en->graphroot, c->id);
	scoped(mem) char *work = str_printf("%s/containers/%s/work", en->graphroot, c->id);
	size_t n = strv_len(s->layers);

	for (size_t i = n; i-- > 0;) {
		scoped(mem) char *dir = image_layer_path(en, s->layers[i]);
		(void)strbuf_printf(&lower, "%s%s", dir ? dir : "", i ? ":" : "");
	}
	json_put_str(o, "Name", "overlay");
	json_put_str(data, "LowerDir", lower.s);
	json_put_str(data, "UpperDir", upper);
	json_put_str(data, "WorkDir", work);
	json_put(o, "Data", data);
	return o;
}

static void put_image_digest(struct engine *en, const struct container *c, json_object *o)
{
	scoped(image) struct image *i = NULL;
	struct err ignored;

	if (c->image_id && *c->image_id && image_find(en, c->image_id, &i, &ignored) == 0)
		json_put_str(o, "ImageDigest", i->manifest_digest);
	else
		json_put_str(o, "ImageDigest", "");
}

int container_inspect(struct engine *en, const char *ref, json_object **ret, struct err *e)
{
	scoped(container) struct container *c = NULL;
	scoped(container_spec) struct container_spec *s = NULL;
	json_object *o;
	int r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	r = container_spec_decode(c->spec, &s, e);
	if (r < 0)
		return r;
	o = json_object_new_object();
	if (!o)
		return err_errno(e, ENOMEM, "inspect container %s", ref);
	json_put_str(o, "Id", c->id);
	put_time(o, "Created", c->created);
	json_put_str(o, "Path", s->args && s->args[0] ? s->args[0] : "");
	json_put_strv(o, "Args", s->args && s->args[0] ? s->args + 1 : NULL);
	json_put(o, "State", make_state(c));
	put_cgroup_path(en, c, json_get(o, "State"));
	checkpoint_inspect(en, c->id, json_get(o, "State"));
	json_put_str(o, "Image", c->image_id);
	json_put_str(o, "ImageName", c->image_name);
	put_image_digest(en, c, o);
	json_put_str(o, "Rootfs", s->rootfs);
	json_put_str(o, "Pod", "");
	json_put_str(o, "OCIRuntime", s->runtime ? s->runtime : "cove");
	json_put_str(o, "Name", c->name);
	json_put_int(o, "RestartCount", 0);
	json_put_str(o, "Driver", "overlay");
	json_put_str(o, "MountLabel", "");
	json_put_str(o, "ProcessLabel", "");
	json_put_str(o, "AppArmorProfile", s->apparmor);
	json_put_strv(o, "EffectiveCaps", s->caps);
	json_put_strv(o, "BoundingCaps", s->caps);
	json_put(o, "ExecIDs", json_object_new_array());
	json_put(o, "GraphDriver", make_driver(en, c, s));
	json_put(o, "Mounts", make_mounts(s));
	json_put(o, "Dependencies", json_object_new_array());
	json_put(o, "NetworkSettings", make_network(en, c, s));
	json_put_str(o, "Namespace", "");
	json_put_bool(o, "IsInfra", 0);
	json_put(o, "Config", make_config(c, s));
	json_put(o, "HostConfig", make_host_config(s));
	*ret = o;
	return 0;
}
