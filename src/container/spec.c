/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/spec.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct container_spec, f)

const struct field container_spec_fields[] = {
	{ "ImageID", FIELD_STR, AT(image_id), FIELD_OMITEMPTY, NULL },
	{ "ImageName", FIELD_STR, AT(image_name), FIELD_OMITEMPTY, NULL },
	{ "Layers", FIELD_STRV, AT(layers), FIELD_OMITEMPTY, NULL },
	{ "Rootfs", FIELD_STR, AT(rootfs), FIELD_OMITEMPTY, NULL },
	{ "IsI386", FIELD_BOOL, AT(is_i386), FIELD_OMITEMPTY, NULL },
	{ "RootfsOverlay", FIELD_BOOL, AT(rootfs_overlay), FIELD_OMITEMPTY, NULL },
	{ "Entrypoint", FIELD_STRV, AT(entrypoint), FIELD_OMITEMPTY, NULL },
	{ "Command", FIELD_STRV, AT(command), FIELD_OMITEMPTY, NULL },
	{ "Args", FIELD_STRV, AT(args), FIELD_OMITEMPTY, NULL },
	{ "Env", FIELD_STRV, AT(env), FIELD_OMITEMPTY, NULL },
	{ "Workdir", FIELD_STR, AT(workdir), FIELD_OMITEMPTY, NULL },
	{ "MakeWorkdir", FIELD_BOOL, AT(make_workdir), FIELD_OMITEMPTY, NULL },
	{ "User", FIELD_STR, AT(user), FIELD_OMITEMPTY, NULL },
	{ "GroupAdd", FIELD_STRV, AT(group_add), FIELD_OMITEMPTY, NULL },
	{ "KeepGroups", FIELD_BOOL, AT(keep_groups), FIELD_OMITEMPTY, NULL },
	{ "Tty", FIELD_BOOL, AT(tty), FIELD_OMITEMPTY, NULL },
	{ "Interactive", FIELD_BOOL, AT(interactive), FIELD_OMITEMPTY, NULL },
	{ "Init", FIELD_BOOL, AT(init), FIELD_OMITEMPTY, NULL },
	{ "Umask", FIELD_INT, AT(umask), 0, NULL },
	{ "OomScoreAdj", FIELD_INT, AT(oom_score_adj), FIELD_OMITEMPTY, NULL },
	{ "OomScoreAdjGiven", FIELD_BOOL, AT(oom_score_adj_given), FIELD_OMITEMPTY, NULL },
	{ "Rlimits", FIELD_JSON, AT(rlimits), FIELD_OMITEMPTY, NULL },
	{ "StopSignal", FIELD_STR, AT(stop_signal), FIELD_OMITEMPTY, NULL },
	{ "InitPath", FIELD_STR, AT(init_path), FIELD_OMITEMPTY, NULL },
	{ "StopTimeout", FIELD_INT, AT(stop_timeout), 0, NULL },
	{ "Timeout", FIELD_INT, AT(timeout), FIELD_OMITEMPTY, NULL },
	{ "Runtime", FIELD_STR, AT(runtime), FIELD_OMITEMPTY, NULL },
	{ "RuntimeFlags", FIELD_STRV, AT(runtime_flags), FIELD_OMITEMPTY, NULL },
	{ "Hostname", FIELD_STR, AT(hostname), FIELD_OMITEMPTY, NULL },
	{ "VolumesFrom", FIELD_STRV, AT(volumes_from), FIELD_OMITEMPTY, NULL },
	{ "Mounts", FIELD_JSON, AT(mounts), FIELD_OMITEMPTY, NULL },
	{ "Volumes", FIELD_STRV, AT(volumes), FIELD_OMITEMPTY, NULL },
	{ "AnonymousVolumes", FIELD_STRV, AT(anonymous_volumes), FIELD_OMITEMPTY, NULL },
	{ "ShmSize", FIELD_I64, AT(shm_size), 0, NULL },
	{ "ReadOnly", FIELD_BOOL, AT(read_only), FIELD_OMITEMPTY, NULL },
	{ "ReadOnlyTmpfs", FIELD_BOOL, AT(read_only_tmpfs), FIELD_OMITEMPTY, NULL },
	{ "Network", FIELD_STR, AT(network), FIELD_OMITEMPTY, NULL },
	{ "NetworkOptions", FIELD_STRV, AT(network_options), FIELD_OMITEMPTY, NULL },
	{ "Networks", FIELD_JSON, AT(networks), FIELD_OMITEMPTY, NULL },
	{ "PidMode", FIELD_STR, AT(pid_mode), FIELD_OMITEMPTY, NULL },
	{ "IpcMode", FIELD_STR, AT(ipc_mode), FIELD_OMITEMPTY, NULL },
	{ "UtsMode", FIELD_STR, AT(uts_mode), FIELD_OMITEMPTY, NULL },
	{ "CgroupMode", FIELD_STR, AT(cgroup_mode), FIELD_OMITEMPTY, NULL },
	{ "UsernsMode", FIELD_STR, AT(userns_mode), FIELD_OMITEMPTY, NULL },
	{ "Ports", FIELD_JSON, AT(ports), FIELD_OMITEMPTY, NULL },
	{ "Expose", FIELD_STRV, AT(expose), FIELD_OMITEMPTY, NULL },
	{ "Dns", FIELD_STRV, AT(dns), FIELD_OMITEMPTY, NULL },
	{ "DnsSearch", FIELD_STRV, AT(dns_search), FIELD_OMITEMPTY, NULL },
	{ "DnsOption", FIELD_STRV, AT(dns_option), FIELD_OMITEMPTY, NULL },
	{ "AddHost", FIELD_STRV, AT(add_host), FIELD_OMITEMPTY, NULL },
	{ "NoHosts", FIELD_BOOL, AT(no_hosts), FIELD_OMITEMPTY, NULL },
	{ "NoHostname", FIELD_BOOL, AT(no_hostname), FIELD_OMITEMPTY, NULL },
	{ "HostsFile", FIELD_STR, AT(hosts_file), FIELD_OMITEMPTY, NULL },
	{ "HostIp", FIELD_STR, AT(host_ip), FIELD_OMITEMPTY, NULL },
	{ "KeptLayers", FIELD_BOOL, AT(kept_layers), FIELD_OMITEMPTY, NULL },
	{ "Timezone", FIELD_STR, AT(tz), FIELD_OMITEMPTY, NULL },
	{ "Sysctl", FIELD_JSON, AT(sysctl), FIELD_OMITEMPTY, NULL },
	{ "Secrets", FIELD_JSON, AT(secrets), FIELD_OMITEMPTY, NULL },
	{ "SecretEnv", FIELD_JSON, AT(secret_env), FIELD_OMITEMPTY, NULL },
	{ "Privileged", FIELD_BOOL, AT(privileged), FIELD_OMITEMPTY, NULL },
	{ "CapAdd", FIELD_STRV, AT(cap_add), FIELD_OMITEMPTY, NULL },
	{ "CapDrop", FIELD_STRV, AT(cap_drop), FIELD_OMITEMPTY, NULL },
	{ "Caps", FIELD_STRV, AT(caps), FIELD_OMITEMPTY, NULL },
	{ "NoNewPrivs", FIELD_BOOL, AT(no_new_privs), FIELD_OMITEMPTY, NULL },
	{ "Seccomp", FIELD_STR, AT(seccomp), FIELD_OMITEMPTY, NULL },
	{ "SeccompPath", FIELD_STR, AT(seccomp_path), FIELD_OMITEMPTY, NULL },
	{ "Mask", FIELD_STRV, AT(mask), FIELD_OMITEMPTY, NULL },
	{ "Unmask", FIELD_STRV, AT(unmask), FIELD_OMITEMPTY, NULL },
	{ "Apparmor", FIELD_STR, AT(apparmor), FIELD_OMITEMPTY, NULL },
	{ "SecurityOpt", FIELD_STRV, AT(security_opt), FIELD_OMITEMPTY, NULL },
	{ "Resources", FIELD_JSON, AT(resources), FIELD_OMITEMPTY, NULL },
	{ "Cgroups", FIELD_STR, AT(cgroups), FIELD_OMITEMPTY, NULL },
	{ "CgroupParent", FIELD_STR, AT(cgroup_parent), FIELD_OMITEMPTY, NULL },
	{ "Labels", FIELD_JSON, AT(labels), FIELD_OMITEMPTY, NULL },
	{ "Annotations", FIELD_JSON, AT(annotations), FIELD_OMITEMPTY, NULL },
	{ "Rm", FIELD_BOOL, AT(rm), FIELD_OMITEMPTY, NULL },
	{ "LogDriver", FIELD_STR, AT(log_driver), FIELD_OMITEMPTY, NULL },
	{ "LogPath", FIELD_STR, AT(log_path), FIELD_OMITEMPTY, NULL },
	{ "LogSizeMax", FIELD_I64, AT(log_size_max), FIELD_OMITEMPTY, NULL },
	{ "ConmonPidFile", FIELD_STR, AT(monitor_pidfile), FIELD_OMITEMPTY, NULL },
	{ "Pidfile", FIELD_STR, AT(pidfile), FIELD_OMITEMPTY, NULL },
	{ "Cidfile", FIELD_STR, AT(cidfile), FIELD_OMITEMPTY, NULL },
	{ "DetachKeys", FIELD_STR, AT(detach_keys), FIELD_OMITEMPTY, NULL },
	{ "CreateCommand", FIELD_STRV, AT(create_command), FIELD_OMITEMPTY, NULL },
	{ NULL, FIELD_END, 0, 0, NULL },
};

struct container_spec *container_spec_free(struct container_spec *s)
{
	if (!s)
		return NULL;
	for (char **kv = s->secret_values; kv && *kv; kv++)
		explicit_bzero(*kv, strlen(*kv));
	strv_free(s->secret_values);
	field_done(container_spec_fields, s);
	free(s);
	return NULL;
}

int container_spec_decode(json_object *o, struct container_spec **ret, struct err *e)
{
	scoped(container_spec) struct container_spec *s = calloc(1, sizeof(*s));
	int r = s ? field_decode(container_spec_fields, o, s, "container record", e)
		  : err_errno(e, ENOMEM, "read a container record");
	if (r == 0)
		*ret = take_ptr(&s);
	return r;
}
