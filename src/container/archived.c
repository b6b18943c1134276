/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/archived.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/checkpoint_dump.h"
#include "src/container/generate.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/caps.h"

#define SHM "/dev/shm"

static int is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* The options' strings: TAKE_S is A's from here on; NULL when out of memory. */
static const char *keep(struct archived *a, char *take_s)
{
	scoped(mem) char *s = take_s;
	if (!s || strv_add(&a->strings, s) < 0)
		return NULL;
	return a->strings[strv_len(a->strings) - 1];
}

/* A list that grows before it is given to the options with keep_list(). */
static char **keep_list(struct archived *a, char **take_list)
{
	if (take_list)
		a->lists[a->n_lists++] = take_list;
	return take_list;
}

static int add(char ***list, char *take_s)
{
	scoped(mem) char *s = take_s;
	return s ? strv_add(list, s) : -ENOMEM;
}

static json_object *find_namespace(json_object *spec, const char *type)
{
	json_object *list = json_path(spec, "linux", "namespaces", NULL);

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *ns = json_object_array_get_idx(list, i);
		if (is(json_get_str(ns, "type"), type))
			return ns;
	}
	return NULL;
}

static int read_namespaces(const struct config_dump *d, json_object *spec, struct archived *a,
			   struct err *e)
{
	struct container_create_options *o = &a->options;
	const struct {
		const char *type, **mode;
	} rows[] = { { "pid", &o->pid },
		     { "ipc", &o->ipc },
		     { "uts", &o->uts },
		     { "cgroup", &o->cgroupns } };
	const char *network = d->has_network			? "private"
			      : find_namespace(spec, "network") ? "none"
								: "host";
	char **list = NULL;

	if (d->dependencies && d->dependencies[0])
		return err_set(e, -ENOTSUP,
			       "cannot import checkpoints of containers with dependencies");
	if (find_namespace(spec, "user"))
		return err_set(e, -ENOTSUP, "the container of the archive has a user namespace");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_object *ns = find_namespace(spec, rows[i].type);
		const char *path = json_get_str(ns, "path");
		if (path && *path)
			return err_set(e, -ENOTSUP,
				       "the container of the archive is in the %s namespace of "
				       "another",
				       rows[i].type);
		*rows[i].mode = ns ? "private" : "host";
	}
	if (strv_add(&list, network) < 0)
		return err_errno(e, ENOMEM, "read the archive");
	o->network = keep_list(a, list);
	return 0;
}

/* As they differ from what containers have by default. */
static int read_caps(json_object *spec, struct archived *a, struct err *e)
{
	json_object *list = json_path(spec, "process", "capabilities", "bounding", NULL);
	caps_set have = 0, base = caps_default();
	char **more = NULL, **less = NULL, name[40];
	int r = 0;

	if (a->options.privileged > 0)
		return 0;
	for (size_t i = 0; i < json_len(list); i++) {
		const char *s = json_str_at(list, i);
		int n = s ? caps_from_name(s) : -EINVAL;
		if (n < 0)
			return err_set(e, -EBADMSG, "spec.dump: a capability is not known");
		have |= CAPS_BIT(n);
	}
	for (int n = 0; n < 64 && r == 0; n++) {
		if ((have & ~base) & CAPS_BIT(n))
			r = strv_add(&more, caps_name(n, name));
		else if ((base & ~have) & CAPS_BIT(n))
			r = strv_add(&less, caps_name(n, name));
	}
	a->options.cap_add = keep_list(a, more);
	a->options.cap_drop = keep_list(a, less);
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : 0;
}

static int read_security(json_object *spec, struct archived *a, struct err *e)
{
	char **list = NULL;
	int r = 0;

	if (!json_path(spec, "linux", "seccomp", NULL))
		r = strv_add(&list, "seccomp=unconfined");
	if (r == 0 && json_get_bool(json_get(spec, "process"), "noNewPrivileges", 0))
		r = strv_add(&list, "no-new-privileges");
	a->options.security_opt = keep_list(a, list);
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : read_caps(spec, a, e);
}

static int read_rlimits(json_object *spec, struct archived *a, struct err *e)
{
	json_object *limits = json_path(spec, "process", "rlimits", NULL);
	char **list = NULL;
	int r = 0;

	for (size_t i = 0; i < json_len(limits) && r == 0; i++) {
		json_object *l = json_object_array_get_idx(limits, i);
		const char *type = json_get_str(l, "type");
		char name[16] = "";

		if (!type || !str_starts(type, "RLIMIT_") || strlen(type) - 7 >= sizeof(name))
			continue;
		for (size_t k = 0; type[7 + k]; k++)
			name[k] = (char)tolower((unsigned char)type[7 + k]);
		r = add(&list,
			str_printf("%s=%lld:%lld", name, (long long)json_get_int(l, "soft", 0),
				   (long long)json_get_int(l, "hard", 0)));
	}
	a->options.ulimit = keep_list(a, list);
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : 0;
}

static int positive(json_object *o, const char *name)
{
	int64_t v = json_get_int(o, name, 0);
	return v > 0 && v <= INT32_MAX ? (int)v : 0;
}

static int read_limits(json_object *spec, struct archived *a, struct err *e)
{
	struct resource_options *l = &a->options.limits;
	json_object *from = json_path(spec, "linux", "resources", NULL);
	json_object *memory = json_get(from, "memory"), *cpu = json_get(from, "cpu");
	const struct {
		const char *name, **to;
	} sizes[] = { { "limit", &l->memory },
		      { "swap", &l->memory_swap },
		      { "reservation", &l->memory_reservation } };

	l->memory_swappiness = -1;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		int64_t v = json_get_int(memory, sizes[i].name, 0);
		if (v <= 0)
			continue;
		*sizes[i].to = keep(a, str_printf("%lldb", (long long)v));
		if (!*sizes[i].to)
			return err_errno(e, ENOMEM, "read the archive");
	}
	l->cpu_shares = positive(cpu, "shares");
	l->cpu_quota = positive(cpu, "quota");
	l->cpu_period = positive(cpu, "period");
	if (json_get_str(cpu, "cpus"))
		l->cpuset_cpus = keep(a, strdup(json_get_str(cpu, "cpus")));
	l->pids_limit = positive(json_get(from, "pids"), "limit");
	l->pids_limit_given = l->pids_limit > 0;
	return 0;
}

/* ---- mounts and volumes ---------------------------------------------------------------------- */

/* What the engine itself puts into containers. */
static int is_ours(const char *to)
{
	static const char *const ours[] = { "/proc",
					    "/dev",
					    "/dev/pts",
					    "/dev/mqueue",
					    "/sys",
					    "/sys/fs/cgroup",
					    "/etc/hosts",
					    "/etc/resolv.conf",
					    "/etc/hostname",
					    SHM,
					    "/run/.containerenv",
					    GENERATE_INIT };
	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (strcmp(to, ours[i]) == 0)
			return 1;
	return 0;
}

static int is_volume(const struct archived *a, const char *to)
{
	for (size_t i = 0; i < a->n_volumes; i++)
		if (is(a->volumes[i].target, to))
			return 1;
	return 0;
}

static int is_given(char *const *volumes, const char *to)
{
	struct err ignored;

	for (size_t i = 0; volumes && volumes[i]; i++) {
		scoped(json) json_object *m = NULL;
		if (spec_parse_volume(volumes[i], &m, &ignored) == 0 &&
		    is(json_get_str(m, "destination"), to))
			return 1;
	}
	return 0;
}

/* DEST with those options that --tmpfs takes. */
static char *tmpfs_option(const char *to, json_object *options)
{
	static const char *const words[] = { "ro", "exec", "suid", "dev", "notmpcopyup" };
	static const char *const values[] = { "size=", "mode=", "uid=", "gid=", "nr_inodes=" };
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int wanted;

	(void)strbuf_printf(&b, "%s:rw", to);
	for (size_t i = 0; i < json_len(options); i++) {
		const char *o = json_str_at(options, i);
		wanted = 0;
		for (size_t k = 0; o && k < ARRAY_LEN(words); k++)
			wanted |= strcmp(o, words[k]) == 0;
		for (size_t k = 0; o && k < ARRAY_LEN(values); k++)
			wanted |= str_starts(o, values[k]);
		if (wanted)
			(void)strbuf_printf(&b, ",%s", o);
	}
	return b.failed ? NULL : strdup(b.s);
}

static int is_bind(json_object *mount)
{
	json_object *options = json_get(mount, "options");
	int bind = is(json_get_str(mount, "type"), "bind");

	for (size_t i = 0; i < json_len(options) && !bind; i++)
		bind = is(json_str_at(options, i), "bind") || is(json_str_at(options, i), "rbind");
	return bind;
}

/* criu wants to find something outside at a place where there was something outside. */
static int add_shm(struct archived *a, char ***list)
{
	struct archived_volume *to = &a->volumes[a->n_volumes++];

	to->name = strdup("shm");
	to->target = strdup(SHM);
	to->is_anonymous = to->is_shm = 1;
	return to->name && to->target ? strv_add(list, SHM) : -ENOMEM;
}

static int read_mount(json_object *m, char *const *volumes, struct archived *a, char ***list,
		      char ***tmpfs, struct err *e)
{
	const char *to = json_get_str(m, "destination");
	int r = 0;

	if (!to || to[0] != '/')
		return err_set(e, -EBADMSG, "spec.dump: a mount has no destination");
	if (is_volume(a, to) || is_given(volumes, to))
		return 0;
	if (is_ours(to) && (strcmp(to, SHM) != 0 || !is_bind(m) || is(a->options.ipc, "host")))
		return 0;
	if (strcmp(to, SHM) == 0)
		r = add_shm(a, list);
	else if (is_bind(m))
		r = strv_add(&a->binds, to);
	else if (is(json_get_str(m, "type"), "tmpfs"))
		r = add(tmpfs, tmpfs_option(to, json_get(m, "options")));
	else
		return err_set(e, -ENOTSUP, "the container of the archive has a mount of type %s",
			       json_get_str(m, "type"));
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : 0;
}

static int read_volume(json_object *v, struct archived *a, char ***list, struct err *e)
{
	struct archived_volume *to = &a->volumes[a->n_volumes];
	const char *name = json_get_str(v, "volumeName"), *dest = json_get_str(v, "dest");
	json_object *options = json_get(v, "options");
	int ro = 0, r;

	if (!name || !dest || dest[0] != '/' || strchr(dest, ':') || !name_is_valid(name))
		return err_set(e, -EBADMSG, "config.dump: a volume is not valid");
	for (size_t i = 0; i < json_len(options); i++)
		ro |= is(json_str_at(options, i), "ro");
	to->name = strdup(name);
	to->target = path_clean(dest);
	a->n_volumes++;
	if (!to->name || !to->target)
		return err_errno(e, ENOMEM, "read the archive");
	to->is_anonymous = json_get_bool(v, "isAnonymous", 0);
	if (to->is_anonymous)
		r = add(list, strdup(to->target));
	else
		r = add(list, str_printf("%s:%s:nocopy%s", name, to->target, ro ? ",ro" : ""));
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : 0;
}

static int read_mounts(const struct config_dump *d, json_object *spec, char *const *volumes,
		       struct archived *a, struct err *e)
{
	json_object *mounts = json_get(spec, "mounts");
	char **list = NULL, **tmpfs = NULL;
	int r = 0;

	a->volumes = calloc(json_len(d->volumes) + 2, sizeof(*a->volumes));
	if (!a->volumes)
		return err_errno(e, ENOMEM, "read the archive");
	for (size_t i = 0; i < json_len(d->volumes) && r == 0; i++)
		r = read_volume(json_object_array_get_idx(d->volumes, i), a, &list, e);
	for (size_t i = 0; volumes && volumes[i] && r == 0; i++)
		if (strv_add(&list, volumes[i]) < 0)
			r = err_errno(e, ENOMEM, "--volume");
	for (size_t i = 0; i < json_len(mounts) && r == 0; i++)
		r = read_mount(json_object_array_get_idx(mounts, i), volumes, a, &list, &tmpfs, e);
	a->options.volume = keep_list(a, list);
	a->options.tmpfs = keep_list(a, tmpfs);
	return r;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static int add_port(json_object *p, char ***list, struct err *e)
{
	const char *ip = json_get_str(p, "host_ip"), *protocol = json_get_str(p, "protocol");
	int64_t host = json_get_int(p, "host_port", 0),
		inside = json_get_int(p, "container_port", 0);
	int64_t range = json_get_int(p, "range", 1);
	int is_v6 = ip && strchr(ip, ':') != NULL;

	if (range < 1 || host < 1 || inside < 1 || range > 65535 || host > 65536 - range ||
	    inside > 65536 - range)
		return err_set(e, -EBADMSG, "config.dump: a port is not valid");
	return add(list,
		   str_printf("%s%s%s%s%lld-%lld:%lld-%lld/%s", is_v6 ? "[" : "", ip ? ip : "",
			      is_v6 ? "]" : "", ip && *ip ? ":" : "", (long long)host,
			      (long long)(host + range - 1), (long long)inside,
			      (long long)(inside + range - 1), protocol ? protocol : "tcp")) < 0
		       ? err_errno(e, ENOMEM, "read the archive")
		       : 0;
}

static int read_ports(const struct config_dump *d, char *const *publish, struct archived *a,
		      struct err *e)
{
	char **list = NULL;
	int r = 0;

	if (publish && publish[0]) {
		list = strv_copy(publish);
		r = list ? 0 : err_errno(e, ENOMEM, "--publish");
	} else {
		for (size_t i = 0; i < json_len(d->ports) && r == 0; i++)
			r = add_port(json_object_array_get_idx(d->ports, i), &list, e);
	}
	a->options.publish = keep_list(a, list);
	return r;
}

static int read_labels(const struct config_dump *d, struct archived *a, struct err *e)
{
	char **list = NULL;
	int r = 0;

	if (json_object_is_type(d->labels, json_type_object)) {
		json_object_object_foreach(d->labels, key, value)
		{
			const char *text = json_object_is_type(value, json_type_string)
						   ? json_object_get_string(value)
						   : "";
			if (r == 0)
				r = add(&list, str_printf("%s=%s", key, text));
		}
	}
	a->options.label = keep_list(a, list);
	return r < 0 ? err_errno(e, ENOMEM, "read the archive") : 0;
}

static int read_process(struct config_dump *d, json_object *spec, struct archived *a, struct err *e)
{
	struct container_create_options *o = &a->options;
	json_object *process = json_get(spec, "process");
	json_object *args = json_get(process, "args");
	const char *first = json_len(args) ? json_str_at(args, 0) : NULL;
	scoped(json) json_object *entrypoint = d->entrypoint ? json_strv(d->entrypoint) : NULL;
	char **env = NULL;

	if (!first)
		return err_set(e, -EBADMSG, "spec.dump has no process");
	if (json_to_strv(json_get(process, "env"), &env) < 0)
		return err_set(e, -EBADMSG, "spec.dump: 'env' is no list of strings");
	o->env = keep_list(a, env);
	o->init = strcmp(first, GENERATE_INIT) == 0;
	o->entrypoint = entrypoint ? keep(a, json_text(entrypoint)) : "";
	o->command = keep_list(a, take_ptr(&d->command));
	o->workdir =
		keep(a, strdup(json_get_str(process, "cwd") ? json_get_str(process, "cwd") : "/"));
	o->user = keep(a, strdup(d->user ? d->user : ""));
	o->stop_signal = keep(a, str_printf("%d", d->stop_signal > 0 ? d->stop_signal : 15));
	o->stop_timeout = d->stop_timeout >= 0 ? d->stop_timeout : -1;
	o->umask = d->umask ? keep(a, take_ptr(&d->umask)) : NULL;
	o->interactive = d->is_interactive;
	o->tty = json_get_bool(process, "terminal", 0);
	o->oom_score_adj = (int)json_get_int(process, "oomScoreAdj", 0);
	o->oom_score_adj_given = json_get(process, "oomScoreAdj") != NULL;
	if (json_get_str(spec, "hostname"))
		o->hostname = keep(a, strdup(json_get_str(spec, "hostname")));
	return o->entrypoint && o->workdir && o->user && o->stop_signal
		       ? 0
		       : err_errno(e, ENOMEM, "read the archive");
}

static int read_identity(struct config_dump *d, struct archived *a, struct err *e)
{
	struct container_create_options *o = &a->options;
	const char *image = d->image_name && *d->image_name ? d->image_name : d->image_id;

	if (!name_is_valid(d->name) || strlen(d->id) != ID_LEN || !id_is_prefix(d->id))
		return err_set(e, -EBADMSG, "config.dump: the name or ID is not valid");
	if (!image || !*image)
		return err_set(e, -ENOTSUP, "the container of the archive has no image");
	a->id = take_ptr(&d->id);
	a->name = take_ptr(&d->name);
	a->image_id = take_ptr(&d->image_id);
	o->image = keep(a, strdup(image));
	o->shm_size = d->shm_size > 0 ? keep(a, str_printf("%lldb", (long long)d->shm_size)) : NULL;
	o->log_driver = is(d->log_driver, "none") ? "none" : NULL;
	o->dns = keep_list(a, take_ptr(&d->dns));
	o->dns_search = keep_list(a, take_ptr(&d->dns_search));
	o->dns_option = keep_list(a, take_ptr(&d->dns_option));
	o->add_host = keep_list(a, take_ptr(&d->add_host));
	o->privileged = d->privileged;
	return o->image ? 0 : err_errno(e, ENOMEM, "read the archive");
}

int archived_parse(json_object *config, json_object *spec, char *const *volumes,
		   char *const *publish, struct archived *ret, struct err *e)
{
	scoped(config_dump) struct config_dump d = { .stop_timeout = -1 };
	int r = config_dump_parse(config, &d, e);

	ret->options = (struct container_create_options){ .tls_verify = -1, .sig_proxy = 1 };
	if (r == 0 && !json_object_is_type(spec, json_type_object))
		r = err_set(e, -EBADMSG, "spec.dump is no JSON object");
	if (r == 0)
		r = read_identity(&d, ret, e);
	if (r == 0)
		r = read_process(&d, spec, ret, e);
	if (r == 0)
		r = read_namespaces(&d, spec, ret, e);
	if (r == 0)
		r = read_security(spec, ret, e);
	if (r == 0)
		r = read_rlimits(spec, ret, e);
	if (r == 0)
		r = read_limits(spec, ret, e);
	if (r == 0)
		r = read_labels(&d, ret, e);
	if (r == 0)
		r = read_ports(&d, publish, ret, e);
	ret->options.read_only = json_get_bool(json_get(spec, "root"), "readonly", 0);
	return r < 0 ? r : read_mounts(&d, spec, volumes, ret, e);
}

void archived_done(struct archived *a)
{
	free(a->id);
	free(a->name);
	free(a->image_id);
	strv_free(a->binds);
	for (size_t i = 0; i < a->n_volumes; i++) {
		free(a->volumes[i].name);
		free(a->volumes[i].target);
	}
	free(a->volumes);
	strv_free(a->strings);
	for (size_t i = 0; i < a->n_lists; i++)
		strv_free(a->lists[i]);
	memset(a, 0, sizeof(*a));
}
