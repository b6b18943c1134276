/* SPDX-License-Identifier: Apache-2.0 */
/* Creating a container: everything the user typed is parsed and checked, then the directory is made, then the
 * record appears.  Nothing that cannot be honoured is left out silently (security.md P6). */
#include "src/container/create.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/image.h"
#include "src/runtime/seccomp.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "src/volume/volume.h"
#include "userns/caps.h"

#define ENV_FILE_MAX  (4U << 20)
#define LABELS_MAX    (1U << 20)
#define HOSTNAME_LEN  64 /* uts_namespaces(7): __NEW_UTS_LEN */
#define PATH_DEFAULT  "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct creation {
	struct engine *en;
	const struct container_create_options *o;
	struct container_spec *spec;
	struct image *image; /* owned */
	json_object *config; /* borrowed: image->config's "config" */
	char id[ID_LEN + 1];
	void (*warn)(const char *text);
};

static void scoped_creation(struct creation *c)
{
	(void)image_free(c->image);
}

static int copy(char **dst, const char *s, struct err *e)
{
	free(*dst);
	*dst = strdup(s);
	return *dst ? 0 : err_errno(e, ENOMEM, "create a container");
}

static int copy_list(char ***dst, char *const *v, struct err *e)
{
	*dst = strv_copy(v);
	return *dst ? 0 : err_errno(e, ENOMEM, "create a container");
}

static int has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 1;
	return 0;
}

/* ---- image and command ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int policy;
} pull_policies[] = { { "missing", PULL_MISSING }, { "always", PULL_ALWAYS }, { "never", PULL_NEVER },
		      { "newer", PULL_NEWER },	   { "true", PULL_ALWAYS },   { "false", PULL_NEVER } };

static int resolve_image(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct image_pull_options pull = { .reference = o->image, .policy = -1, .platform = o->platform,
					   .tls_verify = o->tls_verify, .authfile = o->authfile, .quiet = o->quiet,
					   .retry = -1 };
	scoped(mem) char *id = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(pull_policies); i++)
		if (strcmp(o->pull ? o->pull : "missing", pull_policies[i].name) == 0)
			pull.policy = pull_policies[i].policy;
	if (pull.policy < 0)
		return err_set(e, -EINVAL, "unsupported pull policy \"%s\"", o->pull);
	if (pull.policy == PULL_MISSING || pull.policy == PULL_NEVER) {
		r = image_find(c->en, o->image, &c->image, e);
		if (r != -ENOENT || pull.policy == PULL_NEVER)
			return r;
		err_clear(e);
	}
	r = image_pull(c->en, &pull, &id, e);
	return r < 0 ? r : image_find(c->en, id, &c->image, e);
}

static int resolve_rootfs(struct creation *c, struct err *e)
{
	scoped(mem) char *path = strdup(c->o->rootfs);
	char real[PATH_MAX], *colon = path ? strrchr(path, ':') : NULL;
	struct stat st;

	if (!path)
		return err_errno(e, ENOMEM, "--rootfs");
	if (colon) {
		if (strcmp(colon, ":O") != 0)
			return err_set(e, -EINVAL, "invalid option \"%s\" for --rootfs: only O is known", colon + 1);
		*colon = '\0';
		c->spec->rootfs_overlay = 1;
	}
	if (!realpath(path, real) || stat(real, &st) < 0)
		return err_sys(e, "root file system %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "root file system %s is not a directory", path);
	if (strpbrk(real, ",:\\"))
		return err_set(e, -EINVAL, "root file system %s: a path with ',', ':' or '\\' cannot be used", real);
	return copy(&c->spec->rootfs, real, e);
}

static int image_root(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	int r = copy(&s->image_id, c->image->id, e);

	c->config = json_get(c->image->config, "config");
	if (r == 0)
		r = copy(&s->image_name,
			 c->image->names && c->image->names[0] && !id_is_prefix(c->o->image)
				 ? c->image->names[0]
				 : c->image->names && c->image->names[0] ? c->image->names[0] : c->image->id,
			 e);
	/* Of several names the one that was asked for is shown. */
	for (size_t i = 0; r == 0 && c->image->names && c->image->names[i]; i++) {
		const char *n = c->image->names[i], *slash = strrchr(n, '/');
		if (strcmp(n, c->o->image) == 0 || (slash && strcmp(slash + 1, c->o->image) == 0))
			r = copy(&s->image_name, n, e);
	}
	return r < 0 ? r : copy_list(&s->layers, c->image->layers, e);
}

static int parse_entrypoint(struct creation *c, struct err *e)
{
	const char *given = c->o->entrypoint;
	scoped(json) json_object *list = NULL;
	struct err ignored;

	if (!given) {
		if (json_to_strv(json_get(c->config, "Entrypoint"), &c->spec->entrypoint) < 0)
			return err_set(e, -EINVAL, "the image's Entrypoint is no list of strings");
		return 0;
	}
	if (given[0] == '[' && json_parse(given, strlen(given), &list, &ignored) == 0 &&
	    json_to_strv(list, &c->spec->entrypoint) == 0)
		return 0;
	if (*given && strv_add(&c->spec->entrypoint, given) < 0)
		return err_errno(e, ENOMEM, "--entrypoint");
	return 0;
}

static int set_command(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	int r = parse_entrypoint(c, e);

	if (r < 0)
		return r;
	if (strv_len(c->o->command) || c->o->entrypoint)
		r = copy_list(&s->command, c->o->command, e);
	else if (json_to_strv(json_get(c->config, "Cmd"), &s->command) < 0)
		r = err_set(e, -EINVAL, "the image's Cmd is no list of strings");
	if (r < 0)
		return r;
	s->args = calloc(1, sizeof(*s->args));
	for (size_t i = 0; s->args && s->entrypoint && s->entrypoint[i]; i++)
		r |= strv_add(&s->args, s->entrypoint[i]);
	for (size_t i = 0; s->args && s->command && s->command[i]; i++)
		r |= strv_add(&s->args, s->command[i]);
	if (!s->args || r)
		return err_errno(e, ENOMEM, "create a container");
	if (!s->args[0])
		return err_set(e, -EINVAL,
			       "no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
	return 0;
}

/* ---- environment and labels -------------------------------------------------------------------- */

/* -e K=V, K (the caller's value, if there is one), PRE*. */
static int env_option(char ***env, const char *opt, struct err *e)
{
	size_t n = strlen(opt);
	int r = 0;

	if (strchr(opt, '='))
		return spec_env_set(env, opt, e);
	if (!n)
		return err_set(e, -EINVAL, "invalid environment variable: \"\"");
	for (char **v = environ; *v && r == 0; v++) {
		size_t len = strcspn(*v, "=");
		if (opt[n - 1] == '*' ? len >= n - 1 && strncmp(*v, opt, n - 1) == 0
				      : len == n && strncmp(*v, opt, n) == 0)
			r = spec_env_set(env, *v, e);
	}
	return r;
}

int create_env_options(char ***env, char *const *files, char *const *given, struct err *e)
{
	int r = 0;
	for (size_t i = 0; files && files[i] && r == 0; i++) {
		scoped(mem) char *text = NULL;
		r = path_read(AT_FDCWD, files[i], ENV_FILE_MAX, &text, NULL, e);
		if (r == 0)
			r = spec_parse_env_file(text, files[i], env, e);
	}
	for (size_t i = 0; given && given[i] && r == 0; i++)
		r = env_option(env, given[i], e);
	return r;
}

static int set_env(struct creation *c, struct err *e)
{
	static const char *const proxies[] = { "http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
					       "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY" };
	struct container_spec *s = c->spec;
	json_object *image_env = json_get(c->config, "Env");
	scoped(mem) char *host = NULL;
	int r = spec_env_set(&s->env, PATH_DEFAULT, e);

	if (r == 0)
		r = spec_env_set(&s->env, "container=podman", e); /* programs look for this value */
	if (r == 0 && s->tty)
		r = spec_env_set(&s->env, "TERM=xterm", e);
	for (size_t i = 0; i < ARRAY_LEN(proxies) && r == 0 && c->o->http_proxy; i++)
		if (getenv(proxies[i]))
			r = env_option(&s->env, proxies[i], e);
	for (size_t i = 0; i < json_len(image_env) && r == 0; i++) {
		/* An entry without '=' would name a variable of whoever runs the image (security.md C5). */
		const char *kv = json_str_at(image_env, i);
		if (!kv || !strchr(kv, '=') || kv[0] == '=')
			return err_set(e, -EINVAL, "the image's Env has an entry that is no KEY=VALUE");
		r = spec_env_set(&s->env, kv, e);
	}
	for (char **v = environ; c->o->env_host && *v && r == 0; v++)
		if (strchr(*v, '=') && (*v)[0] != '=')
			r = spec_env_set(&s->env, *v, e);
	if (r == 0 && c->o->tz && *c->o->tz) {
		scoped(mem) char *tz = str_printf("TZ=%s", c->o->tz);
		r = tz ? spec_env_set(&s->env, tz, e) : err_errno(e, ENOMEM, "--tz");
	}
	if (r == 0)
		r = create_env_options(&s->env, c->o->env_file, c->o->env, e);
	if (r < 0)
		return r;
	for (size_t i = 0; s->env[i]; i++)
		if (str_starts(s->env[i], "HOSTNAME="))
			return 0;
	host = str_printf("HOSTNAME=%s", s->hostname ? s->hostname : "");
	return host ? spec_env_set(&s->env, host, e) : err_errno(e, ENOMEM, "environment");
}

static int add_pairs(json_object *o, char *const *list, const char *what, struct err *e)
{
	for (size_t i = 0; list && list[i]; i++) {
		const char *eq = strchr(list[i], '=');
		scoped(mem) char *key = eq ? strndup(list[i], (size_t)(eq - list[i])) : strdup(list[i]);
		if (!key)
			return err_errno(e, ENOMEM, "%s", what);
		if (!*key)
			return err_set(e, -EINVAL, "invalid %s \"%s\": the key is empty", what, list[i]);
		json_put_str(o, key, eq ? eq + 1 : "");
	}
	return 0;
}

static int set_labels(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	json_object *from_image = json_get(c->config, "Labels");
	int r = 0;

	s->labels = json_object_new_object();
	s->annotations = json_object_new_object();
	if (!s->labels || !s->annotations)
		return err_errno(e, ENOMEM, "labels");
	if (json_object_is_type(from_image, json_type_object)) {
		json_object_object_foreach(from_image, key, value)
		{
			if (json_object_is_type(value, json_type_string))
				json_put_str(s->labels, key, json_object_get_string(value));
		}
	}
	for (size_t i = 0; c->o->label_file && c->o->label_file[i] && r == 0; i++) {
		scoped(mem) char *text = NULL;
		scoped(strv) char **lines = NULL;
		r = path_read(AT_FDCWD, c->o->label_file[i], LABELS_MAX, &text, NULL, e);
		lines = r == 0 ? strv_split(text, '\n') : NULL;
		for (size_t k = 0; lines && lines[k] && r == 0; k++)
			if (*lines[k] && *lines[k] != '#')
				r = add_pairs(s->labels, (char *[]){ lines[k], NULL }, "label", e);
	}
	if (r == 0)
		r = add_pairs(s->labels, c->o->label, "label", e);
	/* Annotations come from the command line only: nothing of an image reaches the runtime. */
	return r < 0 ? r : add_pairs(s->annotations, c->o->annotation, "annotation", e);
}

/* ---- process ----------------------------------------------------------------------------------- */

static int set_process(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	const char *wd = o->workdir, *user = o->user, *sig = o->stop_signal;
	unsigned long um = 022;
	char *end;
	int r;

	if (!wd) {
		wd = json_get_str(c->config, "WorkingDir");
		s->make_workdir = 1;
	}
	if (!wd || !*wd)
		wd = "/";
	if (wd[0] != '/' || has_control(wd))
		return err_set(e, -EINVAL, "the working directory \"%s\" is invalid, it needs to be an absolute path", wd);
	if (!user)
		user = json_get_str(c->config, "User");
	if (user && has_control(user))
		return err_set(e, -EINVAL, "user names have no control characters");
	if (!sig)
		sig = json_get_str(c->config, "StopSignal");
	if (!sig || !*sig)
		sig = "SIGTERM";
	if (container_signal_parse(sig) < 0)
		return err_set(e, -EINVAL, "invalid signal: %s", sig);
	if (o->umask) {
		um = strtoul(o->umask, &end, 8);
		if (*end || !*o->umask || um > 0777)
			return err_set(e, -EINVAL, "invalid umask: %s", o->umask);
	}
	s->umask = (int)um;
	s->stop_timeout = o->stop_timeout >= 0 ? o->stop_timeout : 10;
	s->tty = o->tty;
	s->interactive = o->interactive;
	s->init = o->init;
	s->rm = o->rm;
	s->oom_score_adj = o->oom_score_adj;
	s->oom_score_adj_given = o->oom_score_adj_given;
	s->preserve_fds = o->preserve_fds;
	r = copy(&s->workdir, wd, e);
	if (r == 0)
		r = copy(&s->user, user ? user : "", e);
	if (r == 0)
		r = copy(&s->stop_signal, sig, e);
	for (size_t i = 0; o->group_add && o->group_add[i] && r == 0; i++) {
		if (strcmp(o->group_add[i], "keep-groups") == 0)
			s->keep_groups = 1;
		else if (strv_add(&s->group_add, o->group_add[i]) < 0)
			r = err_errno(e, ENOMEM, "--group-add");
	}
	if (r == 0 && s->keep_groups && strv_len(s->group_add))
		r = err_set(e, -EINVAL, "the '--group-add keep-groups' option is not allowed with any other --group-add options");
	s->rlimits = json_object_new_array();
	for (size_t i = 0; o->ulimit && o->ulimit[i] && r == 0; i++) {
		json_object *l = NULL;
		r = spec_parse_ulimit(o->ulimit[i], &l, e);
		if (r == 0)
			(void)json_object_array_add(s->rlimits, l);
	}
	return r;
}

/* Both "--cap-drop kill --cap-drop chown" and "--cap-drop kill,chown". */
static int copy_caps(char ***dst, char *const *given, struct err *e)
{
	*dst = calloc(1, sizeof(**dst));
	for (size_t i = 0; *dst && given && given[i]; i++) {
		scoped(strv) char **part = strv_split(given[i], ',');
		for (size_t k = 0; part && part[k]; k++)
			if (strv_add(dst, part[k]) < 0)
				return err_errno(e, ENOMEM, "capabilities");
		if (!part)
			return err_errno(e, ENOMEM, "capabilities");
	}
	return *dst ? 0 : err_errno(e, ENOMEM, "capabilities");
}

static int set_caps(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	caps_set set = caps_default(), all = caps_container(c->en->uid);
	char name[40];
	int r = copy_caps(&s->cap_add, c->o->cap_add, e);

	if (r == 0)
		r = copy_caps(&s->cap_drop, c->o->cap_drop, e);
	if (r < 0)
		return r;
	s->privileged = c->o->privileged;
	if (s->privileged)
		set = all;
	for (int drop = 1; drop >= 0; drop--) {
		char **list = drop ? s->cap_drop : s->cap_add;
		for (size_t i = 0; list[i]; i++) {
			int n;
			if (strcasecmp(list[i], "all") == 0) {
				set = drop ? 0 : all;
				continue;
			}
			n = caps_from_name(list[i]);
			if (n < 0)
				return err_set(e, -EINVAL, "unknown capability \"%s\"", list[i]);
			set = drop ? set & ~CAPS_BIT(n) : set | CAPS_BIT(n);
		}
	}
	/* "add ALL, drop X" takes X away again. */
	for (size_t i = 0; s->cap_drop[i]; i++)
		if (strcasecmp(s->cap_drop[i], "all") != 0)
			set &= ~CAPS_BIT(caps_from_name(s->cap_drop[i]));
	s->caps = calloc(1, sizeof(*s->caps));
	for (int i = 0; i < 64 && s->caps; i++)
		if ((set & all & CAPS_BIT(i)) && strv_add(&s->caps, caps_name(i, name)) < 0)
			return err_errno(e, ENOMEM, "capabilities");
	return s->caps ? 0 : err_errno(e, ENOMEM, "capabilities");
}

static int on_off(const char *v, int *ret)
{
	if (!*v || strcmp(v, "true") == 0 || strcmp(v, "1") == 0)
		*ret = 1;
	else if (strcmp(v, "false") == 0 || strcmp(v, "0") == 0)
		*ret = 0;
	else
		return -EINVAL;
	return 0;
}

static int add_paths(char ***list, const char *v, struct err *e)
{
	scoped(strv) char **part = strv_split(v, ':');
	for (size_t i = 0; part && part[i]; i++) {
		if (part[i][0] != '/' && strcmp(part[i], "ALL") != 0 && strcmp(part[i], "all") != 0)
			return err_set(e, -EINVAL, "invalid path \"%s\": it must be absolute", part[i]);
		if (strv_add(list, part[i]) < 0)
			return err_errno(e, ENOMEM, "--security-opt");
	}
	return part ? 0 : err_errno(e, ENOMEM, "--security-opt");
}

static int security_option(struct creation *c, const char *o, struct err *e)
{
	struct container_spec *s = c->spec;
	size_t n = strcspn(o, "=:");
	const char *v = o[n] ? o + n + 1 : "";

	if (n == 17 && strncmp(o, "no-new-privileges", n) == 0)
		return on_off(v, &s->no_new_privs) < 0 ? err_set(e, -EINVAL, "invalid --security-opt %s", o) : 0;
	if (n == 7 && strncmp(o, "seccomp", n) == 0) {
		if (strcmp(v, "unconfined") == 0)
			return copy(&s->seccomp, v, e);
		if (path_read(AT_FDCWD, v, SECCOMP_PROFILE_MAX, &s->seccomp, NULL, e) < 0)
			return err_in(e, "seccomp profile");
		return copy(&s->seccomp_path, v, e);
	}
	if (n == 5 && strncmp(o, "label", n) == 0) {
		/* Without SELinux nothing is labelled, which is what "disable" asks for. */
		if (strcmp(v, "disable") == 0 || access("/sys/fs/selinux/enforce", F_OK) < 0)
			return 0;
		return err_set(e, -ENOTSUP, "--security-opt %s: SELinux labels cannot be set here", o);
	}
	if (n == 8 && strncmp(o, "apparmor", n) == 0) {
		if (strcmp(v, "unconfined") == 0)
			return 0;
		return copy(&s->apparmor, v, e);
	}
	if (n == 4 && strncmp(o, "mask", n) == 0)
		return add_paths(&s->mask, v, e);
	if (n == 6 && strncmp(o, "unmask", n) == 0)
		return add_paths(&s->unmask, v, e);
	if (strcmp(o, "systempaths=unconfined") == 0)
		return add_paths(&s->unmask, "ALL", e);
	return err_set(e, -EINVAL, "invalid --security-opt 2: \"%s\"", o);
}

static int set_security(struct creation *c, struct err *e)
{
	int r = set_caps(c, e);
	for (size_t i = 0; c->o->security_opt && c->o->security_opt[i] && r == 0; i++)
		r = security_option(c, c->o->security_opt[i], e);
	if (r == 0)
		r = copy_list(&c->spec->security_opt, c->o->security_opt, e);
	if (r == 0 && c->spec->seccomp && !c->spec->seccomp_path)
		return 0;
	/* A profile that does not compile stops the command now, not at the start. */
	if (r == 0 && c->spec->seccomp_path && c->spec->seccomp) {
		scoped(mem) struct sock_filter *f = NULL;
		size_t n = 0;
		r = seccomp_compile(c->spec->seccomp, strlen(c->spec->seccomp), caps_default(), &f, &n, e);
	}
	return r;
}

/* ---- mounts ------------------------------------------------------------------------------------ */

static int is_mounted(json_object *mounts, const char *target)
{
	for (size_t i = 0; i < json_len(mounts); i++) {
		const char *t = json_get_str(json_object_array_get_idx(mounts, i), "destination");
		if (t && strcmp(t, target) == 0)
			return 1;
	}
	return 0;
}

static int add_mount(struct creation *c, json_object *take_m, struct err *e)
{
	const char *target = json_get_str(take_m, "destination");
	if (is_mounted(c->spec->mounts, target)) {
		(void)err_set(e, -EINVAL, "%s: duplicate mount destination", target);
		json_free(take_m);
		return e->code;
	}
	(void)json_object_array_add(c->spec->mounts, take_m);
	return 0;
}

/* A bind's source must be there; a volume's is made. */
static int resolve_source(struct creation *c, json_object *m, struct err *e)
{
	const char *type = json_get_str(m, "type"), *source = json_get_str(m, "source");
	char real[PATH_MAX], name[ID_LEN + 1];
	scoped(mem) char *data = NULL;
	int r, anonymous = 0;

	if (strcmp(type, "bind") == 0) {
		if (!realpath(source, real))
			return err_sys(e, "statfs %s", source);
		json_put_str(m, "source", real);
		return 0;
	}
	if (strcmp(type, "volume") != 0)
		return 0;
	if (!*source) {
		r = id_random(name, ID_LEN);
		if (r < 0)
			return err_errno(e, r, "name a volume");
		source = name;
		anonymous = 1;
	}
	r = volume_ensure(c->en, source, &data, e);
	if (r < 0)
		return r;
	if (strv_add(&c->spec->volumes, source) < 0 ||
	    (anonymous && strv_add(&c->spec->anonymous_volumes, source) < 0))
		return err_errno(e, ENOMEM, "volumes");
	json_put_str(m, "volume", source);
	json_put_str(m, "source", data);
	if (!json_get_bool(m, "nocopy", 0))
		(void)json_object_array_add(json_get(m, "options"), json_object_new_string("cove.fill"));
	return 0;
}

typedef int (*mount_parser)(const char *s, json_object **ret, struct err *e);

static int parse_device(const char *s, json_object **ret, struct err *e)
{
	scoped(strv) char **part = strv_split(s, ':');
	size_t n = strv_len(part);
	const char *to = n > 1 && part[1][0] == '/' ? part[1] : n ? part[0] : "";
	const char *mode = n > 2 ? part[2] : n == 2 && part[1][0] != '/' ? part[1] : "rwm";
	scoped(mem) char *volume = NULL;
	struct stat st;
	int r;

	if (n < 1 || n > 3 || strspn(mode, "rwm") != strlen(mode))
		return err_set(e, -EINVAL, "invalid device specification: %s", s);
	if (stat(part[0], &st) < 0)
		return err_sys(e, "stat %s", part[0]);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, -EINVAL, "%s is not a device node", part[0]);
	volume = str_printf("%s:%s:bind%s", part[0], to, strchr(mode, 'w') ? "" : ",ro");
	r = volume ? spec_parse_volume(volume, ret, e) : err_errno(e, ENOMEM, "%s", s);
	return r;
}

static int add_mounts(struct creation *c, char *const *list, mount_parser parse, struct err *e)
{
	for (size_t i = 0; list && list[i]; i++) {
		json_object *m = NULL;
		int r = parse(list[i], &m, e);
		if (r == 0)
			r = resolve_source(c, m, e);
		if (r < 0) {
			json_free(m);
			return r;
		}
		r = add_mount(c, m, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The image's VOLUMEs that nothing was mounted on get anonymous ones. */
static int add_image_volumes(struct creation *c, struct err *e)
{
	json_object *vols = json_get(c->config, "Volumes");

	if (!json_object_is_type(vols, json_type_object))
		return 0;
	json_object_object_foreach(vols, key, unused)
	{
		scoped(mem) char *clean = path_clean(key);
		(void)unused;
		if (!clean || key[0] != '/' || has_control(key) || strchr(key, ':'))
			return err_set(e, -EINVAL, "the image has a VOLUME that is no absolute path");
		if (!is_mounted(c->spec->mounts, clean)) {
			int r = add_mounts(c, (char *[]){ clean, NULL }, spec_parse_volume, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int set_mounts(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	int64_t shm = 64 << 20;
	int r;

	s->mounts = json_object_new_array();
	s->read_only = o->read_only;
	s->read_only_tmpfs = o->read_only && o->read_only_tmpfs;
	if (o->shm_size && (size_parse(o->shm_size, &shm) < 0 || shm < 0))
		return err_set(e, -EINVAL, "invalid --shm-size: %s", o->shm_size);
	s->shm_size = shm;
	r = add_mounts(c, o->volume, spec_parse_volume, e);
	if (r == 0)
		r = add_mounts(c, o->mount, spec_parse_mount, e);
	if (r == 0)
		r = add_mounts(c, o->tmpfs, spec_parse_tmpfs, e);
	if (r == 0)
		r = add_mounts(c, o->device, parse_device, e);
	if (r == 0)
		r = add_image_volumes(c, e);
	return r;
}

/* ---- namespaces and network -------------------------------------------------------------------- */

static int set_mode(char **dst, const char *given, const char *fallback, const char *const *known, const char *what,
		    struct err *e)
{
	if (!given || !*given)
		given = fallback;
	for (size_t i = 0; known[i]; i++)
		if (strcmp(given, known[i]) == 0)
			return copy(dst, given, e);
	if ((str_starts(given, "ns:") && given[3] == '/') || (str_starts(given, "container:") && given[10]))
		return copy(dst, given, e);
	return err_set(e, -EINVAL, "unrecognized %s mode: %s", what, given);
}

static int set_network(struct creation *c, struct err *e)
{
	static const char *const modes[] = { "private", "none", "host", NULL };
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	const char *mode = o->network && o->network[0] ? o->network[0] : "private";
	int r = 0;

	if (o->network && o->network[0] && o->network[1])
		return err_set(e, -ENOTSUP, "a container is on one network: --network was given twice");
	/* Other engines' words for a network of the container's own. */
	if (strcmp(mode, "default") == 0 || strcmp(mode, "slirp4netns") == 0)
		mode = "private";
	r = set_mode(&s->network, mode, mode, modes, "network", e);
	if (r < 0)
		return err_hint(e, "networks here: private, none, host, container:NAME, ns:PATH");
	s->ports = json_object_new_array();
	for (size_t i = 0; o->publish && o->publish[i] && r == 0; i++)
		r = spec_parse_publish(o->publish[i], s->ports, e);
	for (size_t i = 0; o->expose && o->expose[i] && r == 0; i++) {
		scoped(json) json_object *check = json_object_new_array();
		r = spec_parse_publish(o->expose[i], check, e);
		if (r == 0 && strv_add(&s->expose, o->expose[i]) < 0)
			r = err_errno(e, ENOMEM, "--expose");
	}
	if (r == 0 && json_object_is_type(json_get(c->config, "ExposedPorts"), json_type_object)) {
		json_object_object_foreach(json_get(c->config, "ExposedPorts"), key, unused)
		{
			scoped(json) json_object *check = json_object_new_array();
			struct err ignored;
			(void)unused;
			/* What an image says of its ports is shown, and published only with -P. */
			if (spec_parse_publish(key, check, &ignored) == 0 && strv_add(&s->expose, key) < 0)
				return err_errno(e, ENOMEM, "ports");
		}
	}
	for (size_t i = 0; o->publish_all && s->expose && s->expose[i] && r == 0; i++)
		r = spec_parse_publish(s->expose[i], s->ports, e);
	if (r == 0)
		r = create_pick_ports(s->ports, e);
	if (r == 0 && json_len(s->ports) && strcmp(s->network, "private") != 0) {
		if (c->warn)
			c->warn("Port mappings have been discarded because \"host\", \"none\" and joined network "
				"namespaces have no use for them");
		json_free(s->ports);
		s->ports = json_object_new_array();
	}
	for (size_t i = 0; o->add_host && o->add_host[i] && r == 0; i++)
		if (!strchr(o->add_host[i], ':') || has_control(o->add_host[i]) || strchr(o->add_host[i], ' '))
			r = err_set(e, -EINVAL, "invalid host entry \"%s\": must be NAME:IP", o->add_host[i]);
	for (size_t i = 0; o->dns && o->dns[i] && r == 0; i++)
		if (has_control(o->dns[i]) || strspn(o->dns[i], "0123456789abcdefABCDEF.:%") != strlen(o->dns[i]))
			r = err_set(e, -EINVAL, "%s is not an ip address", o->dns[i]);
	for (size_t i = 0; o->dns_search && o->dns_search[i] && r == 0; i++)
		if (has_control(o->dns_search[i]) || strchr(o->dns_search[i], ' '))
			r = err_set(e, -EINVAL, "invalid DNS search domain \"%s\"", o->dns_search[i]);
	for (size_t i = 0; o->dns_option && o->dns_option[i] && r == 0; i++)
		if (has_control(o->dns_option[i]))
			r = err_set(e, -EINVAL, "invalid DNS option: it has control characters");
	s->no_hosts = o->no_hosts;
	if (r == 0)
		r = copy_list(&s->dns, o->dns, e);
	if (r == 0)
		r = copy_list(&s->dns_search, o->dns_search, e);
	if (r == 0)
		r = copy_list(&s->dns_option, o->dns_option, e);
	return r < 0 ? r : copy_list(&s->add_host, o->add_host, e);
}

static int set_namespaces(struct creation *c, struct err *e)
{
	static const char *const pid[] = { "private", "host", NULL }, *const cgroup[] = { "private", "host", NULL };
	static const char *const ipc[] = { "private", "host", "shareable", "none", NULL };
	static const char *const userns[] = { "", "host", "private", "keep-id", NULL };
	const struct container_create_options *o = c->o;
	struct container_spec *s = c->spec;
	const char *h = o->hostname;
	int r = set_mode(&s->pid_mode, o->pid, "private", pid, "pid", e);

	if (r == 0)
		r = set_mode(&s->ipc_mode, o->ipc, "private", ipc, "ipc", e);
	if (r == 0)
		r = set_mode(&s->uts_mode, o->uts, "private", pid, "uts", e);
	if (r == 0)
		r = set_mode(&s->cgroup_mode, o->cgroupns, "private", cgroup, "cgroup", e);
	if (r == 0)
		r = set_mode(&s->userns_mode, o->userns, "", userns, "user namespace", e);
	if (r < 0)
		return r;
	if (h && (has_control(h) || !*h || strlen(h) > HOSTNAME_LEN || strpbrk(h, " /")))
		return err_set(e, -EINVAL, "invalid hostname \"%s\": it must have 1 to 64 visible characters", h);
	if (h && strcmp(s->uts_mode, "host") == 0)
		return err_set(e, -EINVAL, "cannot set hostname when running in the host UTS namespace");
	if (!h) {
		char host[HOSTNAME_LEN + 1] = "", id[ID_SHORT_LEN + 1];
		(void)snprintf(id, sizeof(id), "%.12s", c->id);
		if (strcmp(s->uts_mode, "host") == 0 || strcmp(s->network, "host") == 0)
			(void)gethostname(host, sizeof(host) - 1); /* "" then: the short ID */
		return copy(&s->hostname, host[0] ? host : id, e);
	}
	return copy(&s->hostname, h, e);
}

static int set_sysctls(struct creation *c, struct err *e)
{
	static const char *const prefixes[] = { "kernel.msg", "kernel.sem", "kernel.shm", "fs.mqueue.", "net." };
	c->spec->sysctl = json_object_new_object();
	for (size_t i = 0; c->o->sysctl && c->o->sysctl[i]; i++) {
		size_t k;
		for (k = 0; k < ARRAY_LEN(prefixes); k++)
			if (str_starts(c->o->sysctl[i], prefixes[k]))
				break;
		if (k == ARRAY_LEN(prefixes) || !strchr(c->o->sysctl[i], '='))
			return err_set(e, -EINVAL, "sysctl '%s' is not allowed: it is not of a namespace",
				       c->o->sysctl[i]);
		if (k == 4 && strcmp(c->spec->network, "host") == 0)
			return err_set(e, -EINVAL, "sysctl '%s' is not allowed with the host's network",
				       c->o->sysctl[i]);
	}
	return add_pairs(c->spec->sysctl, c->o->sysctl, "sysctl", e);
}

static int set_log(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	const char *driver = c->o->log_driver ? c->o->log_driver : "k8s-file";
	int r;

	if (strcmp(driver, "json-file") == 0)
		driver = "k8s-file";
	if (strcmp(driver, "k8s-file") != 0 && strcmp(driver, "none") != 0)
		return err_set(e, -EINVAL, "log driver \"%s\" is not available: k8s-file or none", driver);
	r = copy(&s->log_driver, driver, e);
	for (size_t i = 0; c->o->log_opt && c->o->log_opt[i] && r == 0; i++) {
		const char *l = c->o->log_opt[i];
		if (str_starts(l, "max-size=")) {
			if (size_parse(l + 9, &s->log_size_max) < 0 || s->log_size_max < 0)
				r = err_set(e, -EINVAL, "invalid log option \"%s\"", l);
		} else if (str_starts(l, "path=") && l[5] == '/') {
			r = copy(&s->log_path, l + 5, e);
		} else {
			r = err_set(e, -EINVAL, "log option \"%s\" is not known", l);
		}
	}
	if (r == 0 && !s->log_path && strcmp(driver, "none") != 0) {
		s->log_path = str_printf("%s/containers/%s/ctr.log", c->en->graphroot, c->id);
		if (!s->log_path)
			r = err_errno(e, ENOMEM, "log");
	}
	return r;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static int check_early(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct stat st;

	if (o->name && !name_is_valid(o->name))
		return err_set(e, -EINVAL, "running container create option: names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: "
					   "invalid argument");
	if (o->restart && *o->restart && strcmp(o->restart, "no") != 0 && strcmp(o->restart, "never") != 0)
		return err_set(e, -ENOTSUP, "restart policy \"%s\" is not available", o->restart);
	if (o->cidfile && lstat(o->cidfile, &st) == 0)
		return err_set(e, -EEXIST, "container id file exists. Ensure another container is not using it or delete %s",
			       o->cidfile);
	if (o->image && !*o->image)
		return err_set(e, -EINVAL, "invalid reference format: the image name is empty");
	return 0;
}

static int make_spec(struct creation *c, struct err *e)
{
	int r = check_early(c, e);

	if (r == 0)
		r = c->o->rootfs ? resolve_rootfs(c, e) : resolve_image(c, e);
	if (r == 0 && c->image)
		r = image_root(c, e);
	if (r == 0)
		r = set_command(c, e);
	if (r == 0)
		r = set_process(c, e);
	if (r == 0)
		r = set_network(c, e);
	if (r == 0)
		r = set_namespaces(c, e);
	if (r == 0)
		r = set_env(c, e);
	if (r == 0)
		r = set_labels(c, e);
	if (r == 0)
		r = set_security(c, e);
	if (r == 0)
		r = set_sysctls(c, e);
	if (r == 0)
		r = set_log(c, e);
	if (r == 0)
		r = set_mounts(c, e);
	if (r == 0 && c->o->pidfile)
		r = copy(&c->spec->pidfile, c->o->pidfile, e);
	if (r == 0 && c->o->cidfile)
		r = copy(&c->spec->cidfile, c->o->cidfile, e);
	if (r == 0 && c->o->detach_keys)
		r = copy(&c->spec->detach_keys, c->o->detach_keys, e);
	return r;
}

static int make_dirs(struct creation *c, struct err *e)
{
	static const char *const subs[] = { "upper", "work", "merged" };
	char path[128];

	(void)snprintf(path, sizeof(path), "containers/%s", c->id);
	if (mkdirat(c->en->graph_fd, path, 0700) < 0)
		return err_sys(e, "make directory %s/%s", c->en->graphroot, path);
	for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
		(void)snprintf(path, sizeof(path), "containers/%s/%s", c->id, subs[i]);
		/* upper becomes the container's "/", which everybody in it may enter; its parent is 0700. */
		if (mkdirat(c->en->graph_fd, path, 0700) < 0 ||
		    (i == 0 && fchmodat(c->en->graph_fd, path, 0755, 0) < 0))
			return err_sys(e, "make directory %s/%s", c->en->graphroot, path);
	}
	return 0;
}

static void undo(struct creation *c)
{
	struct err ignored;
	(void)record_remove_files(c->en, c->id, &ignored); /* collected later otherwise */
	for (size_t i = 0; c->spec->anonymous_volumes && c->spec->anonymous_volumes[i]; i++)
		(void)volume_remove(c->en, c->spec->anonymous_volumes[i], &ignored);
	record_forget_run(c->en, c->id);
}

/* From here on rmi sees the record and refuses; before, the image may have been removed under our feet. */
static int keep_image(struct creation *c, struct err *e)
{
	scoped(image) struct image *again = NULL;
	struct err ignored;
	int r = c->image ? image_find(c->en, c->image->id, &again, e) : 0;

	if (r < 0)
		(void)record_delete(c->en, c->id, &ignored); /* the files are collected if this fails */
	return r < 0 ? err_in(e, "the image was removed meanwhile") : 0;
}

static int insert(struct creation *c, const char *state, struct container *ret, struct err *e)
{
	char name[64];
	int r = -EEXIST;

	ret->id = strdup(c->id);
	ret->image_id = c->spec->image_id ? strdup(c->spec->image_id) : NULL;
	ret->image_name = strdup(c->spec->image_name ? c->spec->image_name : c->spec->rootfs);
	ret->created = record_now();
	ret->started = strcmp(state, "running") == 0 ? ret->created : 0;
	ret->command = strv_copy(c->spec->args);
	ret->labels = json_object_get(c->spec->labels);
	ret->ports = json_object_get(c->spec->ports);
	ret->spec = field_encode(container_spec_fields, c->spec);
	if (!ret->id || !ret->image_name || !ret->command || !ret->spec)
		return err_errno(e, ENOMEM, "create a container");
	for (int tries = 0; tries < 16 && r == -EEXIST; tries++) {
		free(ret->name);
		name_random(name);
		ret->name = strdup(c->o->name ? c->o->name : name);
		if (!ret->name)
			return err_errno(e, ENOMEM, "create a container");
		r = record_insert(c->en, ret, state, e);
		if (c->o->name)
			break;
	}
	return r < 0 ? r : keep_image(c, e);
}

static int write_cidfile(const char *path, const char *id, struct err *e)
{
	scoped(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, id, strlen(id)) != (ssize_t)strlen(id))
		return err_sys(e, "write %s", path);
	return 0;
}

int create_record(struct engine *en, const struct container_create_options *o, const char *state,
		  void (*warn)(const char *text), struct container **ret, struct container_spec **ret_spec, int *ret_lock,
		  struct err *e)
{
	scoped(container_spec) struct container_spec *spec = calloc(1, sizeof(*spec));
	scoped(container) struct container *rec = calloc(1, sizeof(*rec));
	scoped(creation) struct creation c = { .en = en, .o = o, .spec = spec, .warn = warn };
	scoped(fd) int lock = -EBADF;
	int r;

	if (!spec || !rec)
		return err_errno(e, ENOMEM, "create a container");
	r = id_random(c.id, ID_LEN);
	if (r < 0)
		return err_errno(e, r, "name a container");
	if (o->replace && o->name) {
		struct rm_options rm = { .force = 1, .timeout = -1 };
		r = container_rm(en, o->name, &rm, e);
		if (r < 0 && r != -ENOENT)
			return r;
		err_clear(e);
	}
	r = record_lock(en, c.id, 0, &lock, e);
	if (r < 0)
		return r;
	r = make_spec(&c, e);
	if (r == 0)
		r = make_dirs(&c, e);
	if (r == 0 && o->cidfile)
		r = write_cidfile(o->cidfile, c.id, e);
	if (r == 0)
		r = insert(&c, state, rec, e);
	if (r < 0) {
		undo(&c);
		return r;
	}
	*ret = take_ptr(&rec);
	*ret_spec = take_ptr(&spec);
	*ret_lock = take_fd(&lock);
	return 0;
}

int container_create(struct engine *en, const struct container_create_options *o, char **ret_id,
		     void (*warn)(const char *text), struct err *e)
{
	scoped(container) struct container *rec = NULL;
	scoped(container_spec) struct container_spec *spec = NULL;
	scoped(fd) int lock = -EBADF;
	int r = create_record(en, o, "created", warn, &rec, &spec, &lock, e);

	if (r < 0)
		return r;
	record_forget_run(en, rec->id);
	*ret_id = take_ptr(&rec->id);
	return 0;
}
