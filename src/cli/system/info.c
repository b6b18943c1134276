/* SPDX-License-Identifier: Apache-2.0 */
/* cove info: the host, the store and this program, as YAML, JSON or by a template. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/linkhash.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/cli/system/yaml.h"
#include "src/cli/version.h"
#include "src/container/defaults.h"
#include "src/image/image_stores.h"
#include "src/image/platform.h"
#include "src/image/registries.h"
#include "src/runtime/cgroup.h"
#include "src/store/engine.h"
#include "src/store/events.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/idmap.h"
#include "userns/join.h"

#define PROC_FILE_MAX 65536

struct info_options {
	const char *format;
};

#define AT(f) offsetof(struct info_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	END,
};

/* A file of /proc, /sys or /etc; owned, NULL when it cannot be read. */
static char *slurp(const char *path)
{
	scoped(file) FILE *f = fopen(path, "re");
	scoped(mem) char *text = calloc(1, PROC_FILE_MAX);
	size_t n;

	if (!f || !text)
		return NULL;
	n = fread(text, 1, PROC_FILE_MAX - 1, f);
	text[n] = '\0';
	return take_ptr(&text);
}

/* Bytes of "NAME:   N kB" in /proc/meminfo. */
static int64_t meminfo(const char *text, const char *name)
{
	const char *at = text ? strstr(text, name) : NULL;
	return at ? strtoll(at + strlen(name), NULL, 10) * 1024 : 0;
}

static void put_memory(json_object *host)
{
	scoped(mem) char *text = slurp("/proc/meminfo");
	json_put_int(host, "memFree", meminfo(text, "MemFree:"));
	json_put_int(host, "memTotal", meminfo(text, "MemTotal:"));
	json_put_int(host, "swapFree", meminfo(text, "SwapFree:"));
	json_put_int(host, "swapTotal", meminfo(text, "SwapTotal:"));
}

static void put_uptime(json_object *host)
{
	scoped(mem) char *text = slurp("/proc/uptime");
	long long s = text ? strtoll(text, NULL, 10) : 0;
	scoped(mem) char *words = str_printf("%lldh %lldm %lld.00s", s / 3600, s / 60 % 60, s % 60);
	json_put_str(host, "uptime", words);
}

/* Value of KEY in os-release(5), quotes taken off; owned, "" when missing. */
static char *os_release(const char *text, const char *key)
{
	size_t n = strlen(key);
	for (const char *line = text; line && *line;
	     line = strchr(line, '\n'), line = line ? line + 1 : NULL)
		if (strncmp(line, key, n) == 0 && line[n] == '=') {
			const char *v = line + n + 1;
			size_t len;
			v += *v == '"' || *v == '\'';
			len = strcspn(v, "\"'\n");
			return strndup(v, len);
		}
	return strdup("");
}

static json_object *distribution(void)
{
	json_object *o = json_object_new_object();
	scoped(mem) char *text = slurp("/etc/os-release");
	scoped(mem) char *id = os_release(text, "ID"), *version = os_release(text, "VERSION_ID");
	scoped(mem) char *codename = os_release(text, "VERSION_CODENAME");

	if (codename && *codename)
		json_put_str(o, "codename", codename);
	json_put_str(o, "distribution", id);
	json_put_str(o, "version", version);
	return o;
}

static json_object *map_json(const struct idmap *m)
{
	json_object *list = json_object_new_array();
	for (size_t i = 0; i < m->n; i++) {
		json_object *o = json_object_new_object();
		json_put_int(o, "container_id", m->extent[i].inside);
		json_put_int(o, "host_id", m->extent[i].outside);
		json_put_int(o, "size", m->extent[i].count);
		(void)json_object_array_add(list, o);
	}
	return list;
}

/* Empty without a range: then there is nothing but the user's own id. */
static json_object *id_mappings(const struct engine *en)
{
	scoped(idmap) struct idmap uids = IDMAP_NONE, gids = IDMAP_NONE;
	json_object *o = json_object_new_object();
	struct err ignored = { 0 };

	if (userns_is_root() ||
	    idmap_of_user(en->run_fd, en->uid, en->gid, &uids, &gids, &ignored) < 0)
		return o;
	json_put(o, "gidmap", map_json(&gids));
	json_put(o, "uidmap", map_json(&uids));
	return o;
}

static json_object *controllers(void)
{
	char text[256];
	scoped(strv) char **words = NULL;

	if (*cgroup_controllers(text, sizeof(text)))
		words = strv_split(text, ' ');
	return json_strv(words);
}

static json_object *security(void)
{
	json_object *o = json_object_new_object();
	scoped(mem) char *apparmor = slurp("/sys/module/apparmor/parameters/enabled");
	scoped(mem) char *status = slurp("/proc/self/status");

	json_put_bool(o, "apparmorEnabled", apparmor && apparmor[0] == 'Y' && userns_is_root());
	json_put_bool(o, "rootless", !userns_is_root());
	json_put_bool(o, "seccompEnabled", status && strstr(status, "Seccomp:"));
	json_put_bool(o, "selinuxEnabled", access("/sys/fs/selinux/enforce", F_OK) == 0);
	return o;
}

/* What starts containers. */
static json_object *oci_runtime(const struct engine *en)
{
	json_object *o = json_object_new_object();
	scoped(mem) char *own = proc_role_path("cove-runtime");
	const char *path = en->runtime ? en->runtime : own ? own : "";
	const char *slash = strrchr(path, '/');

	json_put_str(o, "name", slash ? slash + 1 : path);
	json_put_str(o, "path", path);
	if (!en->runtime)
		json_put_str(o, "version", PACKAGE_VERSION);
	return o;
}

/* A program that networks may be connected by; one that is not installed has no path. */
static json_object *network_program(const char *name)
{
	json_object *o = json_object_new_object();
	scoped(mem) char *path = proc_find_program(name);

	json_put_str(o, "executable", path ? path : "");
	json_put_str(o, "package", "Unknown"); /* asking the package manager takes its time */
	return o;
}

/* One of our own helper programs. */
static json_object *own_program(const char *name)
{
	json_object *o = json_object_new_object();
	scoped(mem) char *path = proc_role_path(name);

	json_put_str(o, "package", "cove " PACKAGE_VERSION);
	json_put_str(o, "path", path ? path : "");
	json_put_str(o, "version", PACKAGE_VERSION);
	return o;
}

/* What new containers get, by containers.conf. */
static int put_defaults(struct engine *en, json_object *host, struct err *e)
{
	const struct container_create_options none = { 0 };
	scoped(defaults) struct defaults d = { 0 };
	const char *network, *driver;
	int r = defaults_apply(en, &none, &d, e);

	if (r < 0)
		return r;
	network = d.options.network ? d.options.network[0] : "private";
	driver = d.options.log_driver;
	json_put_str(host, "logDriver", driver ? driver : "k8s-file");
	json_put_str(host, "rootlessNetworkCmd",
		     strcmp(network, "pasta") == 0 ? "pasta" : "cove-net");
	return 0;
}

static json_object *network_backend(void)
{
	json_object *o = own_program("cove-switch");

	json_put_str(o, "backend", "cove");
	json_put(o, "dns", own_program("cove-switch"));
	return o;
}

static json_object *plugins_json(void)
{
	static char *const logs[] = { "k8s-file", "json-file", "none", NULL };
	static char *const networks[] = { "bridge", NULL }, *const volumes[] = { "local", NULL };
	json_object *o = json_object_new_object();

	json_put(o, "authorization", NULL);
	json_put_strv(o, "log", logs);
	json_put_strv(o, "network", networks);
	json_put_strv(o, "volume", volumes);
	return o;
}

static json_object *host_json(struct engine *en, struct err *e)
{
	json_object *o = json_object_new_object();
	struct platform host;
	struct utsname u = { 0 };

	platform_host(&host);
	(void)uname(&u); /* cannot fail with a good pointer */
	json_put_str(o, "arch", host.arch);
	json_put(o, "cgroupControllers", controllers());
	json_put_str(o, "cgroupManager", en->cgroup_manager ? en->cgroup_manager : "cgroupfs");
	json_put_str(o, "cgroupVersion", cgroup_is_unified() ? "v2" : "v1");
	json_put_int(o, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	json_put(o, "distribution", distribution());
	json_put_str(o, "eventLogger", events_backend(en));
	json_put_str(o, "hostname", u.nodename);
	json_put(o, "idMappings", id_mappings(en));
	json_put_str(o, "databaseBackend", "sqlite");
	json_put(o, "conmon", own_program("cove-monitor"));
	json_put_str(o, "networkBackend", "cove");
	json_put(o, "networkBackendInfo", network_backend());
	json_put(o, "pasta", network_program("pasta"));
	json_put(o, "slirp4netns", network_program("slirp4netns"));
	if (put_defaults(en, o, e) < 0)
		return o;
	json_put(o, "ociRuntime", oci_runtime(en));
	json_put_str(o, "kernel", u.release);
	put_memory(o);
	json_put_str(o, "os", host.os);
	json_put(o, "security", security());
	put_uptime(o);
	return o;
}

static int64_t count(struct store *s, const char *sql, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;

	if (!s || store_query(s, &q, e, sql, "") < 0)
		return e->code;
	return store_step(q, e) > 0 ? store_int(q, 0) : e->code;
}

static int64_t count_images(struct engine *en, struct err *e)
{
	int64_t n = 0;

	for (size_t k = 0; k < image_stores_n(en); k++) {
		struct store *s = image_store_db(en, k, e);
		if (s)
			n += count(s, "SELECT COUNT(*) FROM image", e);
	}
	return n;
}

static json_object *store_json(struct engine *en, struct err *e)
{
	json_object *o = json_object_new_object(), *containers = json_object_new_object();
	json_object *images = json_object_new_object(), *driver = json_object_new_object();
	struct store *db = engine_store(en, e);
	scoped(strbuf) struct strbuf stores = STRBUF_INIT, volumes = STRBUF_INIT;
	int64_t total = count(db, "SELECT COUNT(*) FROM container", e);
	int64_t running = count(db, "SELECT COUNT(*) FROM container WHERE state = 'running'", e);
	struct statvfs fs = { 0 };

	json_put_int(containers, "number", total);
	json_put_int(containers, "paused", 0);
	json_put_int(containers, "running", running);
	json_put_int(containers, "stopped", total - running);
	json_put(o, "containerStore", containers);
	json_put_str(o, "graphDriverName", "overlay");
	for (char **s = en->stores; s && *s; s++)
		(void)strbuf_printf(&stores, "%s%s", stores.len ? "," : "", *s);
	if (stores.len)
		json_put_str(driver, "additionalimagestore", stores.s);
	json_put(o, "graphOptions", driver);
	json_put_str(o, "graphRoot", en->graphroot);
	if (fstatvfs(en->graph_fd, &fs) == 0) {
		json_put_int(o, "graphRootAllocated", (int64_t)(fs.f_blocks * fs.f_frsize));
		json_put_int(o, "graphRootUsed",
			     (int64_t)((fs.f_blocks - fs.f_bfree) * fs.f_frsize));
	}
	json_put_int(images, "number", count_images(en, e));
	json_put(o, "imageStore", images);
	json_put_str(o, "runRoot", en->runroot);
	(void)strbuf_printf(&volumes, "%s/volumes", en->graphroot);
	json_put_str(o, "volumePath", volumes.s ? volumes.s : "");
	return o;
}

static json_object *registries_json(const struct engine *en, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	json_object *o = json_object_new_object();

	if (registries_load(en->config_dir, NULL, &r, e) == 0 && r->search && r->search[0])
		json_put_strv(o, "search", r->search);
	return o;
}

static int info(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct template_schema schema = { .member = report_any_case,
						       .maps = "GraphOptions|graphOptions" };
	const struct info_options *o = opts;
	const struct report r = { .name = "info", .format = o->format, .schema = &schema };
	scoped(json) json_object *doc = json_object_new_object();

	(void)args;
	if (!doc)
		return err_errno(e, ENOMEM, "info");
	json_put(doc, "host", host_json(en, e));
	if (!e->code)
		json_put(doc, "registries", registries_json(en, e));
	json_put(doc, "plugins", plugins_json());
	if (!e->code)
		json_put(doc, "store", store_json(en, e));
	json_put(doc, "version", version_json());
	if (e->code)
		return e->code;
	if (report_is_json(o->format))
		return report_json(doc, e);
	return o->format && *o->format ? report_print_one(&r, doc, e) : yaml_print(doc, e);
}

const struct cmd cmd_system_info = {
	.noun = "system",
	.verb = "info",
	.alias = "info",
	.help = "Show the host, the store and what is in it",
	.man = "Tells about the host, the store and this version of cove.",
	.examples =
		"cove info\ncove info --format json\ncove info --format '{{.Host.CgroupVersion}}'",
	.max_args = 0,
	.size = sizeof(struct info_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = info,
};
