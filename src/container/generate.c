/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netns/net.h"
#include "netns/pasta.h"
#include "src/container/hosts.h"
#include "src/container/private_network.h"
#include "src/container/secrets.h"
#include "src/runtime/seccomp.h"
#include "src/runtime/seccomp_profile.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"
#include "userns/caps.h"

#define ZONES	 "/usr/share/zoneinfo"
#define ZONE_MAX (1U << 20)

static int is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* ---- the files ------------------------------------------------------------------------------- */

static int put_file(struct engine *en, const char *id, const char *name, const struct strbuf *b,
		    struct err *e)
{
	char path[128];
	scoped(fd) int fd = -EBADF;

	(void)snprintf(path, sizeof(path), "containers/%s/%s", id, name);
	fd = openat(en->graph_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0644);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return err_sys(e, "write %s", path);
	if (b->len && write(fd, b->s, b->len) != (ssize_t)b->len)
		return err_sys(e, "write %s", path);
	return 0;
}

/* The host's search domains and options go along; its name servers are reached through the role
 * net. */
static void copy_resolv(struct strbuf *b, const char *text, int servers, int search, int options)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		int keep = (servers && strncmp(text, "nameserver", 10) == 0) ||
			   (search &&
			    (strncmp(text, "search", 6) == 0 || strncmp(text, "domain", 6) == 0)) ||
			   (options && strncmp(text, "options", 7) == 0);
		if (keep) {
			(void)strbuf_add(b, text, n);
			(void)strbuf_putc(b, '\n');
		}
		text += n + (text[n] == '\n');
	}
}

static void put_bridge_servers(json_object *networks, struct strbuf *b)
{
	json_object *list = json_get(networks, "nameservers");

	for (size_t i = 0; i < json_len(list); i++)
		(void)strbuf_printf(b, "nameserver %s\n", json_str_at(list, i));
}

/* Where pasta was told to answer for the host's name servers. */
static void put_pasta_servers(char *const *options, struct strbuf *b)
{
	int told = 0;

	for (; options && options[0] && options[1]; options++)
		if (is(options[0], "--dns-forward")) {
			(void)strbuf_printf(b, "nameserver %s\n", options[1]);
			told = 1;
		}
	if (!told)
		(void)strbuf_puts(b, "nameserver " PASTA_DNS "\n");
}

/* --dns none: the image's stays. */
static int has_resolv(const struct container_spec *s)
{
	return !(s->dns && is(s->dns[0], "none"));
}

static int make_resolv(const struct container_spec *s, json_object *networks,
		       const struct net_family *own, struct strbuf *b)
{
	scoped(mem) char *host = NULL;
	struct err ignored;
	size_t n_dns = strv_len(s->dns), n_search = strv_len(s->dns_search),
	       n_options = strv_len(s->dns_option);

	if (n_search) {
		(void)strbuf_puts(b, "search");
		for (size_t i = 0; i < n_search; i++)
			(void)strbuf_printf(b, " %s", s->dns_search[i]);
		(void)strbuf_putc(b, '\n');
	}
	if (path_read(AT_FDCWD, "/etc/resolv.conf", 1U << 20, &host, NULL, &ignored) == 0)
		copy_resolv(b, host, !n_dns && is(s->network, "host"), !n_search, !n_options);
	for (size_t i = 0; i < n_dns; i++)
		(void)strbuf_printf(b, "nameserver %s\n", s->dns[i]);
	if (!n_dns && is(s->network, "private"))
		(void)strbuf_printf(b, "nameserver %s\n", own->dns);
	if (!n_dns && is(s->network, "pasta"))
		put_pasta_servers(s->network_options, b);
	if (!n_dns && networks)
		put_bridge_servers(networks, b);
	if (n_options) {
		(void)strbuf_puts(b, "options");
		for (size_t i = 0; i < n_options; i++)
			(void)strbuf_printf(b, " %s", s->dns_option[i]);
		(void)strbuf_putc(b, '\n');
	}
	return b->failed;
}

int generate_read_zone(const char *name, char **ret, size_t *ret_len, struct err *e)
{
	const char *dir = getenv("TZDIR");
	scoped(mem) char *path = is(name, "local")
					 ? strdup("/etc/localtime")
					 : str_printf("%s/%s", dir && *dir ? dir : ZONES, name);

	if (!path)
		return err_errno(e, ENOMEM, "read a time zone");
	/* The name becomes part of a path. */
	if (name[0] == '/' || strstr(name, "..") ||
	    path_read(AT_FDCWD, path, ZONE_MAX, ret, ret_len, e) < 0)
		return err_set(e, -EINVAL, "unknown time zone %s", name);
	return 0;
}

static int put_zone(struct engine *en, const char *name, const char *id, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(mem) char *zone = NULL;
	size_t n = 0;
	int r = generate_read_zone(name, &zone, &n, e);

	if (r < 0)
		return r;
	if (strbuf_add(&b, zone, n) < 0)
		return err_errno(e, ENOMEM, "write a time zone");
	return put_file(en, id, "localtime", &b, e);
}

int generate_files(struct engine *en, const struct container_spec *s, const char *id,
		   const char *name, json_object *networks, struct err *e)
{
	const struct net_family *own;
	struct private_network p;
	scoped(strbuf) struct strbuf hosts = STRBUF_INIT;
	scoped(strbuf) struct strbuf resolv = STRBUF_INIT;
	scoped(strbuf) struct strbuf hostname = STRBUF_INIT;
	scoped(strbuf) struct strbuf env = STRBUF_INIT;
	int r = 0;

	if (private_network_parse(is(s->network, "private") ? s->network_options : NULL, &p, e) < 0)
		return e->code;
	own = &p.addresses.v4;
	r = s->no_hosts ? 0 : hosts_make(en, s, name, networks, &p, &hosts, e);
	if (r < 0)
		return r;
	if (make_resolv(s, networks, own, &resolv) < 0 ||
	    strbuf_printf(&hostname, "%s\n", s->hostname) < 0)
		return err_errno(e, ENOMEM, "write the container's files");
	if (s->privileged) /* for others the file only says that this is a container */
		(void)strbuf_printf(&env,
				    "engine=\"cove\"\nid=\"%s\"\nimageid=\"%s\"\nrootless=%d\n", id,
				    s->image_id ? s->image_id : "", en->uid != 0);
	if (!s->no_hosts)
		r = put_file(en, id, "hosts", &hosts, e);
	if (r == 0 && has_resolv(s))
		r = put_file(en, id, "resolv.conf", &resolv, e);
	if (r == 0 && !s->no_hostname)
		r = put_file(en, id, "hostname", &hostname, e);
	if (r == 0)
		r = put_file(en, id, "containerenv", &env, e);
	if (r == 0 && s->tz)
		r = put_zone(en, s->tz, id, e);
	return r;
}

/* ---- mounts ---------------------------------------------------------------------------------- */

static json_object *options(const char *list)
{
	scoped(strv) char **v = strv_split(list, ',');
	return json_strv(v);
}

static int has_target(json_object *mounts, const char *target)
{
	for (size_t i = 0; i < json_len(mounts); i++)
		if (is(json_get_str(json_object_array_get_idx(mounts, i), "destination"), target))
			return 1;
	return 0;
}

/* A mount of ours, unless the user has one at the same place. */
static void add(json_object *out, json_object *given, const char *target, const char *type,
		const char *source, const char *opts)
{
	json_object *m;
	if (has_target(given, target))
		return;
	m = json_object_new_object();
	json_put_str(m, "destination", target);
	json_put_str(m, "type", type);
	json_put_str(m, "source", source);
	json_put(m, "options", options(opts));
	(void)json_object_array_add(out, m);
}

static void add_file(json_object *out, json_object *given, struct engine *en, const char *id,
		     const char *file, const char *target)
{
	scoped(mem) char *source = str_printf("%s/containers/%s/%s", en->graphroot, id, file);
	add(out, given, target, "bind", source ? source : "", "bind,private,nosuid,nodev");
}

/* Nothing of them appears in the root: their places are made on a tmpfs. */
static void add_secrets(json_object *out, json_object *given, struct engine *en,
			const struct container_spec *s, const char *id)
{
	char file[48];

	if (json_len(s->secrets))
		add(out, given, SECRETS_DIR, "tmpfs", "tmpfs",
		    "nosuid,nodev,noexec,mode=755,size=1m");
	for (size_t i = 0; i < json_len(s->secrets); i++) {
		const char *target =
			json_get_str(json_object_array_get_idx(s->secrets, i), "Target");
		(void)snprintf(file, sizeof(file), "secrets/%zu", i);
		if (target)
			add_file(out, given, en, id, file, target);
	}
}

/* One of the user's: a tmpfs of no mode is everybody's, whatever the image has there. */
static json_object *given_mount(json_object *m)
{
	json_object *list = json_get(m, "options"), *copy = NULL;
	int is_ready = !is(json_get_str(m, "type"), "tmpfs");

	for (size_t i = 0; i < json_len(list) && !is_ready; i++)
		is_ready = json_str_at(list, i) && str_starts(json_str_at(list, i), "mode=");
	if (is_ready || json_object_deep_copy(m, &copy, NULL) < 0)
		return json_object_get(m);
	(void)json_object_array_add(json_get(copy, "options"), json_object_new_string("mode=1777"));
	return copy;
}

/* The order of targets: a parent before what lies in it. */
static int by_depth(const void *a, const void *b)
{
	const char *x = json_get_str(*(json_object *const *)a, "destination");
	const char *y = json_get_str(*(json_object *const *)b, "destination");
	size_t i = 0, nx = 0, ny = 0;
	for (i = 0; x[i]; i++)
		nx += x[i] == '/';
	for (i = 0; y[i]; i++)
		ny += y[i] == '/';
	return nx == ny ? strcmp(x, y) : nx < ny ? -1 : 1;
}

static json_object *make_mounts(struct engine *en, const struct container_spec *s, const char *id,
				const struct idmap *gids)
{
	json_object *out = json_object_new_array(), *given = s->mounts;
	uint32_t tty_gid;
	int has_tty_gid = !gids || idmap_lookup(gids, 5, &tty_gid) == 0;
	char shm[96];

	/* A new procfs shows the processes of the mounter's pid namespace, and only its owner may
	 * mount one. */
	if (is(s->pid_mode, "private"))
		add(out, given, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	else
		add(out, given, "/proc", "bind", "/proc", "rbind,nosuid,noexec,nodev,slave");
	add(out, given, "/dev", "tmpfs", "tmpfs",
	    s->read_only && !s->privileged ? "nosuid,noexec,strictatime,mode=755,size=65536k"
					   : "nosuid,strictatime,mode=755,size=65536k");
	add(out, given, "/sys", "sysfs", "sysfs",
	    s->privileged ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	add(out, given, "/dev/pts", "devpts", "devpts",
	    has_tty_gid ? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"
			: "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	if (is(s->ipc_mode, "host")) {
		if (access("/dev/mqueue", F_OK) == 0)
			add(out, given, "/dev/mqueue", "bind", "/dev/mqueue",
			    "rbind,nosuid,noexec,nodev,slave");
		add(out, given, "/dev/shm", "bind", "/dev/shm", "rbind,nosuid,noexec,nodev,slave");
	} else {
		(void)snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%lld",
			       (long long)s->shm_size);
		add(out, given, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
		if (!is(s->ipc_mode, "none"))
			add(out, given, "/dev/shm", "tmpfs", "shm", shm);
	}
	add(out, given, "/sys/fs/cgroup", "cgroup", "cgroup",
	    s->privileged ? "nosuid,noexec,nodev,relatime,rw" : "nosuid,noexec,nodev,relatime,ro");
	if (s->read_only_tmpfs) {
		add(out, given, "/run", "tmpfs", "tmpfs", "rw,nosuid,nodev,tmpcopyup");
		add(out, given, "/tmp", "tmpfs", "tmpfs", "rw,nosuid,nodev,tmpcopyup,mode=1777");
		add(out, given, "/var/tmp", "tmpfs", "tmpfs",
		    "rw,nosuid,nodev,tmpcopyup,mode=1777");
	}
	if (!s->no_hosts)
		add_file(out, given, en, id, "hosts", "/etc/hosts");
	if (has_resolv(s))
		add_file(out, given, en, id, "resolv.conf", "/etc/resolv.conf");
	if (!s->no_hostname)
		add_file(out, given, en, id, "hostname", "/etc/hostname");
	add_file(out, given, en, id, "containerenv", "/run/.containerenv");
	if (s->tz)
		add_file(out, given, en, id, "localtime", "/etc/localtime");
	add_secrets(out, given, en, s, id);
	if (s->init) {
		scoped(mem) char *program =
			s->init_path ? strdup(s->init_path) : proc_role_path("cove-init");
		add(out, given, GENERATE_INIT, "bind", program ? program : "",
		    "bind,ro,nosuid,nodev");
	}
	for (size_t i = 0; i < json_len(given); i++)
		(void)json_object_array_add(out, given_mount(json_object_array_get_idx(given, i)));
	json_object_array_sort(out, by_depth);
	return out;
}

/* ---- what is hidden, and what it may --------------------------------------------------------- */

static int listed(char *const *list, const char *path)
{
	for (size_t i = 0; list && list[i]; i++)
		if (strcmp(list[i], path) == 0 || strcasecmp(list[i], "all") == 0)
			return 1;
	return 0;
}

static void hide_paths(const struct container_spec *s, json_object *linux_)
{
	static const char *const masked[] = { "/proc/acpi",
					      "/proc/asound",
					      "/proc/interrupts",
					      "/proc/kcore",
					      "/proc/keys",
					      "/proc/latency_stats",
					      "/proc/sched_debug",
					      "/proc/scsi",
					      "/proc/timer_list",
					      "/proc/timer_stats",
					      "/sys/devices/virtual/powercap",
					      "/sys/firmware",
					      "/sys/fs/selinux",
					      "/sys/dev/block" };
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
						"/proc/sysrq-trigger" };
	json_object *m = json_object_new_array(), *ro = json_object_new_array();

	for (size_t i = 0; i < ARRAY_LEN(masked) && !s->privileged; i++)
		if (!listed(s->unmask, masked[i]))
			(void)json_object_array_add(m, json_object_new_string(masked[i]));
	for (size_t i = 0; s->mask && s->mask[i]; i++)
		(void)json_object_array_add(m, json_object_new_string(s->mask[i]));
	for (size_t i = 0; i < ARRAY_LEN(readonly) && !s->privileged; i++)
		if (!listed(s->unmask, readonly[i]))
			(void)json_object_array_add(ro, json_object_new_string(readonly[i]));
	json_put(linux_, "maskedPaths", m);
	json_put(linux_, "readonlyPaths", ro);
}

/* Root has what the bounding set allows; another user starts with nothing but what was added by
 * name. */
static json_object *make_caps(char *const *caps, char *const *added)
{
	json_object *o = json_object_new_object(), *ambient = json_object_new_array();
	static const char *const sets[] = { "bounding", "effective", "permitted" };

	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		json_put(o, sets[i], json_strv(caps));
	json_put(o, "inheritable", json_object_new_array());
	for (size_t i = 0; added && added[i]; i++) {
		char name[40];
		int n = caps_from_name(added[i]);
		if (n >= 0)
			(void)json_object_array_add(ambient,
						    json_object_new_string(caps_name(n, name)));
	}
	json_put(o, "ambient", ambient);
	return o;
}

static json_object *make_env(const struct container_spec *s)
{
	scoped(strv) char **env = s->secret_values ? strv_copy(s->env) : NULL;
	struct err ignored;

	/* Names were checked when they were given. */
	return env && secrets_add_env(s, &env, &ignored) == 0 ? json_strv(env) : json_strv(s->env);
}

static json_object *make_process(const struct container_spec *s)
{
	json_object *p = json_object_new_object(), *user = json_object_new_object();

	json_put_bool(p, "terminal", s->tty);
	json_put_int(user, "uid", 0);
	json_put_int(user, "gid", 0);
	json_put_int(user, "umask", s->umask);
	json_put(p, "user", user); /* looked up by name once the root is mounted */
	json_put_strv(p, "args", s->args);
	if (s->init) {
		json_object *args = json_object_new_array();
		(void)json_object_array_add(args, json_object_new_string(GENERATE_INIT));
		if (s->init_path) /* the usual ones have options */
			(void)json_object_array_add(args, json_object_new_string("--"));
		for (size_t i = 0; s->args[i]; i++)
			(void)json_object_array_add(args, json_object_new_string(s->args[i]));
		json_put(p, "args", args);
	}
	json_put(p, "env", make_env(s));
	json_put_str(p, "cwd", s->workdir);
	json_put(p, "capabilities", make_caps(s->caps, s->cap_add));
	json_put(p, "rlimits", json_object_get(s->rlimits));
	json_put_bool(p, "noNewPrivileges", s->no_new_privs);
	if (s->oom_score_adj_given)
		json_put_int(p, "oomScoreAdj", s->oom_score_adj);
	if (s->apparmor)
		json_put_str(p, "apparmorProfile", s->apparmor);
	return p;
}

static int join_or_make(struct engine *en, json_object *list, const char *type, const char *mode,
			const char *proc_name, struct err *e)
{
	json_object *ns;
	scoped(mem) char *path = NULL;

	if (is(mode, "host"))
		return 0;
	if (str_starts(mode, "ns:")) {
		path = strdup(mode + 3);
	} else if (str_starts(mode, "container:")) {
		scoped(container) struct container *c = NULL;
		int r = container_find(en, mode + 10, &c, e);
		if (r < 0)
			return r;
		if (c->state != CONTAINER_RUNNING || c->pid <= 0)
			return err_set(
				e, -EINVAL,
				"cannot join the %s namespace of container %s: it is not running",
				type, mode + 10);
		path = str_printf("/proc/%d/ns/%s", (int)c->pid, proc_name);
	}
	ns = json_object_new_object();
	json_put_str(ns, "type", type);
	if (path)
		json_put_str(ns, "path", path);
	(void)json_object_array_add(list, ns);
	return 0;
}

static int make_namespaces(struct engine *en, const struct container_spec *s, json_object *list,
			   int user_ns, struct err *e)
{
	int r = join_or_make(en, list, "mount", "private", "mnt", e);

	if (r == 0 && user_ns)
		r = join_or_make(en, list, "user", "private", "user", e);
	if (r == 0)
		r = join_or_make(en, list, "pid", s->pid_mode, "pid", e);
	if (r == 0)
		r = join_or_make(en, list, "ipc", s->ipc_mode, "ipc", e);
	if (r == 0)
		r = join_or_make(en, list, "uts", s->uts_mode, "uts", e);
	if (r == 0)
		r = join_or_make(en, list, "network", s->network, "net", e);
	if (r == 0)
		r = join_or_make(en, list, "cgroup", s->cgroup_mode, "cgroup", e);
	return r;
}

static void add_line(json_object *list, uint32_t inside, uint32_t outside, uint32_t n)
{
	json_object *o = json_object_new_object();
	json_put_int(o, "containerID", inside);
	json_put_int(o, "hostID", outside);
	json_put_int(o, "size", n);
	(void)json_object_array_add(list, o);
}

/* Ids INSIDE... stand for ids FROM... of the surrounding namespace.  A line may not reach over the
 * end of a line of the surrounding map (user_namespaces(7)), so it is cut at each. */
static void add_mapping(json_object *list, const struct idmap *outer, uint32_t inside,
			uint32_t from, uint32_t n)
{
	while (n) {
		uint32_t piece = 0;
		for (size_t i = 0; i < outer->n; i++) {
			const struct idmap_extent *x = &outer->extent[i];
			if (from >= x->inside && from - x->inside < x->count)
				piece = x->count - (from - x->inside);
		}
		if (!piece)
			return; /* beyond what there is */
		if (piece > n)
			piece = n;
		add_line(list, inside, from, piece);
		inside += piece;
		from += piece;
		n -= piece;
	}
}

/* The container's namespace is nested in the user's, where id 0 is the caller and 1... are the
 * subordinate ids. Default: the same ids.  keep-id: the caller's own number stands for the caller,
 * and 0... for the subordinates. */
static json_object *make_mapping(const struct idmap *outer, uint32_t self, int keep_id)
{
	json_object *list = json_object_new_array();
	uint64_t total = idmap_total(outer);
	uint32_t n = total > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)total;

	if (!keep_id || self == 0) {
		add_mapping(list, outer, 0, 0, n);
		return list;
	}
	if (self >=
	    n) { /* more ids below the caller's than there are: what is there goes to 0... */
		add_mapping(list, outer, 0, 1, n - 1);
		add_mapping(list, outer, self, 0, 1);
		return list;
	}
	add_mapping(list, outer, 0, 1, self);
	add_mapping(list, outer, self, 0, 1);
	add_mapping(list, outer, self + 1, self + 1, n - self - 1);
	return list;
}

/* In a network of its own every group may send ICMP echo requests without a capability; what the
 * user says goes first. */
static json_object *make_sysctls(const struct container_spec *s)
{
	json_object *o = json_object_new_object();
	int own = is(s->network, "private") || is(s->network, "bridge") || is(s->network, "pasta");

	if (own)
		json_put_str(o, "net.ipv4.ping_group_range", "0 0");
	if (s->sysctl) {
		json_object_object_foreach(s->sysctl, key, value)
		{
			json_put(o, key, json_object_get(value));
		}
	}
	return o;
}

int generate_config(struct engine *en, const struct container_spec *s, const char *id,
		    const struct idmap *uids, const struct idmap *gids, json_object **ret,
		    struct err *e)
{
	scoped(json) json_object *c = json_object_new_object();
	json_object *root = json_object_new_object(), *linux_ = json_object_new_object(),
		    *ns = json_object_new_array(), *process = make_process(s);
	int r;

	if (!c || !root || !linux_ || !ns || !process)
		return err_errno(e, ENOMEM, "write the runtime's configuration");
	json_put_str(c, "ociVersion", "1.0.2");
	json_put(c, "process", process);
	json_put(c, "root", root);
	json_put(c, "linux", linux_);
	json_put(linux_, "namespaces", ns);
	json_put_str(root, "path", s->rootfs ? s->rootfs : "merged");
	json_put_bool(root, "readonly", s->read_only);
	if (!is(s->uts_mode, "host"))
		json_put_str(c, "hostname", s->hostname);
	json_put(c, "mounts", make_mounts(en, s, id, gids));
	json_put(c, "annotations", json_object_get(s->annotations));
	r = make_namespaces(en, s, ns, uids != NULL, e);
	if (r < 0)
		return r;
	if (uids) {
		int keep = is(s->userns_mode, "keep-id");
		json_put(linux_, "uidMappings", make_mapping(uids, en->uid, keep));
		json_put(linux_, "gidMappings", make_mapping(gids, en->gid, keep));
	}
	json_put(linux_, "sysctl", make_sysctls(s));
	if (s->resources && json_object_object_length(s->resources))
		json_put(linux_, "resources", json_object_get(s->resources));
	hide_paths(s, linux_);
	*ret = take_ptr(&c);
	return 0;
}

json_object *generate_exec_process(const struct container_spec *s, const struct exec_options *o,
				   char *const *env)
{
	json_object *p = make_process(s);

	if (!p)
		return NULL;
	json_put_bool(p, "terminal", o->tty);
	json_put_strv(p, "args", o->command);
	json_put_strv(p, "env", env);
	if (o->workdir)
		json_put_str(p, "cwd", o->workdir);
	if (o->privileged) {
		scoped(strv) char **all = NULL;
		caps_set set = caps_container(geteuid());
		char name[40];
		for (int i = 0; i < 64; i++)
			if ((set & CAPS_BIT(i)) && strv_add(&all, caps_name(i, name)) < 0)
				break;
		json_put(p, "capabilities", make_caps(all, all));
	}
	return p;
}

static caps_set bounding_set(const struct container_spec *s)
{
	caps_set caps = 0;
	for (size_t i = 0; s->caps && s->caps[i]; i++)
		caps |= CAPS_BIT(caps_from_name(s->caps[i]));
	return caps;
}

static int has_no_filter(const struct container_spec *s)
{
	return s->privileged || is(s->seccomp, "unconfined");
}

/* The text of the profile that S's processes have (*RET owned); NULL: the built-in one.  That one
 * keeps 32-bit programs from making sockets by socketcall(2), where the address family cannot be
 * seen; an image that has nothing else gets it as it is: its C library may know no other way. */
static int profile_of(const struct container_spec *s, char **ret, struct err *e)
{
	int r = s->seccomp ? 0 : seccomp_host_profile(ret, e);

	if (r < 0 || *ret)
		return r;
	*ret = s->seccomp ? strdup(s->seccomp) : s->is_i386 ? seccomp_builtin() : NULL;
	return *ret || (!s->seccomp && !s->is_i386)
		       ? 0
		       : err_errno(e, ENOMEM, "read the seccomp profile");
}

int generate_seccomp(const struct container_spec *s, json_object **ret, struct err *e)
{
	scoped(mem) char *profile = NULL;
	int r;

	if (has_no_filter(s))
		return 0;
	r = profile_of(s, &profile, e);
	return r < 0 ? r : seccomp_to_config(profile, bounding_set(s), ret, e);
}

int generate_filter(struct engine *en, const struct container_spec *s, struct sock_filter **ret,
		    size_t *ret_n, struct err *e)
{
	scoped(fd) int cache = -EBADF;
	scoped(mem) char *profile = NULL;
	int r;

	if (has_no_filter(s))
		return 0;
	cache = openat(en->graph_fd, "cache", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	r = profile_of(s, &profile, e);
	return r < 0 ? r : seccomp_program(profile, bounding_set(s), cache, ret, ret_n, e);
}
