/* SPDX-License-Identifier: Apache-2.0 */
/* The small languages of run's and create's options. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>

#include "src/container/spec.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

static json_object *mount_new(const char *type, const char *source, const char *target)
{
	json_object *m = json_object_new_object();
	if (m) {
		json_put_str(m, "destination", target);
		json_put_str(m, "type", type);
		json_put_str(m, "source", source);
		json_put(m, "options", json_object_new_array());
	}
	return m;
}

static void add_option(json_object *m, const char *o)
{
	(void)json_object_array_add(json_get(m, "options"), json_object_new_string(o));
}

static int has_option(json_object *m, const char *o)
{
	json_object *list = json_get(m, "options");
	for (size_t i = 0; i < json_len(list); i++)
		if (strcmp(json_str_at(list, i), o) == 0)
			return 1;
	return 0;
}

int spec_is_mount_option(const char *o)
{
	static const char *const plain[] = {
		"ro",	   "rw",       "exec",	     "noexec",	    "dev",     "nodev",	  "suid",
		"nosuid",  "bind",     "rbind",	     "shared",	    "rshared", "slave",	  "rslave",
		"private", "rprivate", "unbindable", "runbindable", "rro",     "noatime", "relatime"
	};
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (strcmp(o, plain[i]) == 0)
			return 1;
	return 0;
}

/* On a tmpfs it would make the runtime look for a directory of the host. */
static int is_bind(const char *o)
{
	return strcmp(o, "bind") == 0 || strcmp(o, "rbind") == 0;
}

static int is_propagation(const char *o)
{
	return (*o == 'r' &&
		str_in_words(o + 1, strlen(o + 1), "shared|slave|private|unbindable")) ||
	       str_in_words(o, strlen(o), "shared|slave|private|unbindable");
}

/* What only volumes that are made now can be told: lists for volume_create(). */
static int creation_key(json_object *m, const char *key, const char *value)
{
	json_object *list;

	if (strcmp(json_get_str(m, "type"), "volume") != 0)
		return 0;
	if (strcmp(key, "nocreate") == 0 && !*value) {
		json_put_bool(m, "nocreate", 1);
		return 1;
	}
	if ((strcmp(key, "volume-opt") != 0 && strcmp(key, "volume-label") != 0) || !*value)
		return 0;
	list = json_get(m, key);
	if (!list) {
		list = json_object_new_array();
		json_put(m, key, list);
	}
	(void)json_object_array_add(list, json_object_new_string(value));
	return 1;
}

static int volume_option(json_object *m, const char *o, const char *s, struct err *e)
{
	if (spec_is_mount_option(o)) {
		add_option(m, o);
		return 0;
	}
	/* SELinux relabelling on a host without SELinux, and consistency hints, change nothing. */
	if (strcmp(o, "z") == 0 || strcmp(o, "Z") == 0 || strcmp(o, "cached") == 0 ||
	    strcmp(o, "delegated") == 0 || strcmp(o, "consistent") == 0 || strcmp(o, "") == 0)
		return 0;
	if (strcmp(o, "copy") == 0 || strcmp(o, "nocopy") == 0) {
		json_put_bool(m, "nocopy", strcmp(o, "nocopy") == 0);
		return 0;
	}
	if (creation_key(m, o, ""))
		return 0;
	return err_set(e, -EINVAL, "%s: invalid mount option \"%s\"", s, o);
}

static int finish_mount(json_object *m, const char *s, struct err *e)
{
	const char *target = json_get_str(m, "destination"), *type = json_get_str(m, "type");
	scoped(mem) char *clean = NULL;

	if (!target || target[0] != '/')
		return err_set(e, -EINVAL,
			       "invalid container path \"%s\", must be an absolute path",
			       target ? target : s);
	clean = path_clean(target);
	if (!clean)
		return err_errno(e, ENOMEM, "%s", s);
	if (strcmp(clean, "/") == 0)
		return err_set(e, -EINVAL, "invalid container path \"%s\": it is the root itself",
			       target);
	json_put_str(m, "destination", clean);
	if (strcmp(type, "bind") == 0 || strcmp(type, "volume") == 0) {
		if (!has_option(m, "bind") && !has_option(m, "rbind"))
			add_option(m, "rbind");
		if (strcmp(type, "volume") == 0) {
			if (!has_option(m, "suid"))
				add_option(m, "nosuid");
			if (!has_option(m, "dev"))
				add_option(m, "nodev");
		}
	}
	return 0;
}

int spec_parse_volume(const char *s, json_object **ret, struct err *e)
{
	scoped(strv) char **part = strv_split(s, ':');
	scoped(json) json_object *m = NULL;
	size_t n = strv_len(part);
	const char *source = "", *target = "";
	int is_path, r = 0;

	if (!part)
		return err_errno(e, ENOMEM, "%s", s);
	if (n > 1)
		source = part[0];
	if (n > 0)
		target = part[n > 1];
	is_path = source[0] == '/' || source[0] == '.';
	/* "/a:" is no "/a": the second path was forgotten, or a variable was empty. */
	if (n < 1 || n > 3 || !*target || (n > 1 && !*source) || (n == 1 && strchr(s, ':')))
		return err_set(
			e, -EINVAL,
			"incorrect volume format \"%s\", should be [host-dir:]ctr-dir[:option]", s);
	if (n > 1 && !is_path && !name_is_valid(source))
		return err_set(e, -EINVAL,
			       "volume name \"%s\" is not valid: names must match "
			       "[a-zA-Z0-9][a-zA-Z0-9_.-]*",
			       source);
	m = mount_new(is_path ? "bind" : "volume", source, target);
	if (!m)
		return err_errno(e, ENOMEM, "%s", s);
	if (n == 3) {
		scoped(strv) char **opt = strv_split(part[2], ',');
		for (size_t i = 0; opt && opt[i] && r == 0; i++)
			r = volume_option(m, opt[i], s, e);
	}
	if (r == 0)
		r = finish_mount(m, s, e);
	if (r == 0)
		*ret = take_ptr(&m);
	return r;
}

/* One key of --mount; the value is "" when there was no '='. */
static int mount_key(json_object *m, const char *key, const char *value, int has_value,
		     const char *s, struct err *e)
{
	const char *type = json_get_str(m, "type");
	int off = has_value && (strcmp(value, "false") == 0 || strcmp(value, "0") == 0);
	int is_flag = !has_value || off || strcmp(value, "true") == 0 || strcmp(value, "1") == 0;

	if (strcmp(key, "type") == 0)
		return 0;
	if (strcmp(key, "src") == 0 || strcmp(key, "source") == 0) {
		json_put_str(m, "source", value);
		return 0;
	}
	if (strcmp(key, "dst") == 0 || strcmp(key, "dest") == 0 ||
	    strcmp(key, "destination") == 0 || strcmp(key, "target") == 0) {
		json_put_str(m, "destination", value);
		return 0;
	}
	if (is_flag && (strcmp(key, "ro") == 0 || strcmp(key, "readonly") == 0)) {
		add_option(m, off ? "rw" : "ro");
		return 0;
	}
	if (is_flag && strcmp(key, "rw") == 0) {
		add_option(m, off ? "ro" : "rw");
		return 0;
	}
	if (creation_key(m, key, value))
		return 0;
	if (strcmp(key, "consistency") == 0 || strcmp(key, "relabel") == 0 ||
	    (!has_value && (strcmp(key, "z") == 0 || strcmp(key, "Z") == 0)))
		return 0;
	if (strcmp(type, "bind") == 0 && strcmp(key, "bind-propagation") == 0 &&
	    is_propagation(value)) {
		add_option(m, value);
		return 0;
	}
	if (strcmp(type, "bind") == 0 && is_flag && strcmp(key, "bind-nonrecursive") == 0) {
		add_option(m, off ? "rbind" : "bind");
		return 0;
	}
	if ((strcmp(type, "tmpfs") == 0 || strcmp(type, "ramfs") == 0)) {
		scoped(mem) char *o = NULL;
		if (strcmp(key, "tmpcopyup") == 0 || strcmp(key, "notmpcopyup") == 0) {
			add_option(m, key);
			return 0;
		}
		if (strcmp(key, "tmpfs-size") == 0 || strcmp(key, "tmpfs-mode") == 0) {
			o = str_printf("%s=%s", key + 6, value);
			if (strspn(value, "0123456789kKmMgG%") != strlen(value) || !*value)
				return err_set(e, -EINVAL, "%s: invalid value for \"%s\"", s, key);
			add_option(m, o ? o : "");
			return 0;
		}
	}
	if (!has_value && spec_is_mount_option(key) &&
	    (!is_bind(key) || strcmp(type, "bind") == 0 || strcmp(type, "volume") == 0)) {
		add_option(m, key);
		return 0;
	}
	return err_set(e, -EINVAL, "%s: invalid mount option \"%s\" for type %s", s, key, type);
}

int spec_parse_mount(const char *s, json_object **ret, struct err *e)
{
	scoped(strv) char **part = strv_split(s, ',');
	scoped(json) json_object *m = NULL;
	const char *type = "volume", *source;
	static const char *const types[] = { "bind", "volume", "tmpfs", "ramfs", "devpts" };
	size_t k;
	int r = 0;

	if (!part)
		return err_errno(e, ENOMEM, "%s", s);
	for (size_t i = 0; part[i]; i++)
		if (str_starts(part[i], "type="))
			type = part[i] + 5;
	for (k = 0; k < ARRAY_LEN(types); k++)
		if (strcmp(type, types[k]) == 0)
			break;
	if (k == ARRAY_LEN(types))
		return err_set(e, -EINVAL, "invalid filesystem type \"%s\"", type);
	m = mount_new(type, "", "");
	for (size_t i = 0; part[i] && r == 0; i++) {
		char *eq = strchr(part[i], '=');
		if (eq)
			*eq++ = '\0';
		r = mount_key(m, part[i], eq ? eq : "", eq != NULL, s, e);
	}
	if (r < 0)
		return r;
	source = json_get_str(m, "source");
	if (!*json_get_str(m, "destination"))
		return err_set(e, -EINVAL, "must set volume destination: %s", s);
	if (strcmp(type, "bind") == 0 && source[0] != '/' && source[0] != '.')
		return err_set(e, -EINVAL, "must set volume source to a host path: %s", s);
	if (strcmp(type, "volume") == 0 && *source && !name_is_valid(source))
		return err_set(e, -EINVAL, "volume name \"%s\" is not valid", source);
	if (k >= 2)
		json_put_str(m, "source", type);
	if (strcmp(type, "tmpfs") == 0) {
		add_option(m, "nosuid");
		add_option(m, "nodev");
		if (!has_option(m, "notmpcopyup"))
			add_option(m, "tmpcopyup");
	}
	r = finish_mount(m, s, e);
	if (r == 0)
		*ret = take_ptr(&m);
	return r;
}

int spec_parse_tmpfs(const char *s, json_object **ret, struct err *e)
{
	const char *colon = strchr(s, ':');
	scoped(mem) char *target = colon ? strndup(s, (size_t)(colon - s)) : strdup(s);
	scoped(json) json_object *m = target ? mount_new("tmpfs", "tmpfs", target) : NULL;
	scoped(strv) char **opt = strv_split(colon ? colon + 1 : "", ',');
	int r;

	if (!m || !opt)
		return err_errno(e, ENOMEM, "%s", s);
	for (size_t i = 0; opt[i]; i++) {
		if ((!spec_is_mount_option(opt[i]) || is_bind(opt[i])) &&
		    !str_starts(opt[i], "size=") && !str_starts(opt[i], "mode=") &&
		    !str_starts(opt[i], "uid=") && !str_starts(opt[i], "gid=") &&
		    !str_starts(opt[i], "nr_inodes=") && strcmp(opt[i], "tmpcopyup") != 0 &&
		    strcmp(opt[i], "notmpcopyup") != 0)
			return err_set(e, -EINVAL,
				       "unknown mount option \"%s\": invalid mount option", opt[i]);
		add_option(m, opt[i]);
	}
	if (!has_option(m, "exec"))
		add_option(m, "noexec");
	if (!has_option(m, "suid"))
		add_option(m, "nosuid");
	if (!has_option(m, "dev"))
		add_option(m, "nodev");
	if (!has_option(m, "notmpcopyup"))
		add_option(m, "tmpcopyup");
	r = finish_mount(m, s, e);
	if (r == 0)
		*ret = take_ptr(&m);
	return r;
}

/* ---- ports ----------------------------------------------------------------------------------- */

/* "80" or "8000-8010". */
static int port_range(const char *s, unsigned *first, unsigned *last)
{
	scoped(mem) char *copy = strdup(s);
	char *dash = copy ? strchr(copy, '-') : NULL;
	unsigned long long a = 0, b = 0;

	if (!copy)
		return -ENOMEM;
	if (dash)
		*dash++ = '\0';
	if (str_to_u64(copy, 65535, &a) < 0 || a == 0 ||
	    (dash && (str_to_u64(dash, 65535, &b) < 0 || b < a)))
		return -EINVAL;
	*first = (unsigned)a;
	*last = dash ? (unsigned)b : (unsigned)a;
	return 0;
}

static int is_address(const char *s)
{
	struct in6_addr a;
	return inet_pton(AF_INET, s, &a) == 1 || inet_pton(AF_INET6, s, &a) == 1;
}

/* Cut "IP:" off the front: "[::1]:80:80", "127.0.0.1:80:80", "127.0.0.1::80". */
static int cut_address(char **p, char **ret_ip)
{
	char *s = *p, *end;
	if (*s == '[') {
		end = strchr(s, ']');
		if (!end || end[1] != ':')
			return -EINVAL;
		*end = '\0';
		*ret_ip = s + 1;
		*p = end + 2;
		return is_address(*ret_ip) ? 0 : -EINVAL;
	}
	end = strchr(s, ':');
	if (end && strchr(end + 1, ':')) {
		*end = '\0';
		*ret_ip = s;
		*p = end + 1;
		return !*s || is_address(s) ? 0 : -EINVAL;
	}
	return 0;
}

int spec_parse_publish(const char *s, json_object *list, struct err *e)
{
	scoped(mem) char *copy = strdup(s);
	char *p = copy, *ip = "", *proto, *host = NULL, *colon;
	unsigned c1 = 0, c2 = 0, h1 = 0, h2 = 0;

	if (!copy)
		return err_errno(e, ENOMEM, "%s", s);
	proto = strrchr(copy, '/');
	if (proto)
		*proto++ = '\0';
	else
		proto = "tcp";
	if (strcmp(proto, "tcp") != 0 && strcmp(proto, "udp") != 0) {
		(void)err_set(e, -EINVAL,
			      "cannot publish \"%s\": protocol \"%s\" is not tcp or udp", s, proto);
		return e->code;
	}
	if (cut_address(&p, &ip) < 0)
		return err_set(e, -EINVAL, "cannot parse \"%s\" as an IP address", s);
	colon = strchr(p, ':');
	if (colon) {
		*colon = '\0';
		host = p;
		p = colon + 1;
	}
	if (port_range(p, &c1, &c2) < 0)
		return err_set(e, -EINVAL,
			       "cannot parse container port of \"%s\": it must be 1 to 65535", s);
	if (host && *host) {
		if (port_range(host, &h1, &h2) < 0)
			return err_set(e, -EINVAL,
				       "cannot parse host port of \"%s\": it must be 1 to 65535",
				       s);
		if (h2 - h1 != c2 - c1)
			return err_set(
				e, -EINVAL,
				"host and container port ranges of \"%s\" have different lengths",
				s);
	}
	for (unsigned i = 0; i <= c2 - c1; i++) {
		json_object *o = json_object_new_object();
		json_put_str(o, "host_ip", ip);
		json_put_int(o, "host_port", h1 ? h1 + i : 0);
		json_put_int(o, "container_port", c1 + i);
		json_put_str(o, "protocol", proto);
		(void)json_object_array_add(list, o);
	}
	return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int resource;
} ulimits[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
};

int spec_host_ulimits(json_object *list, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(ulimits); i++) {
		scoped(mem) char *text = NULL;
		json_object *o = NULL;
		struct rlimit l;
		int r;
		if (getrlimit((__rlimit_resource_t)ulimits[i].resource, &l) < 0)
			return err_sys(e, "--ulimit host");
		/* -1 is how spec_parse_ulimit() is told of no limit. */
		text = str_printf("%s=%lld:%lld", ulimits[i].name,
				  l.rlim_cur == RLIM_INFINITY ? -1LL : (long long)l.rlim_cur,
				  l.rlim_max == RLIM_INFINITY ? -1LL : (long long)l.rlim_max);
		r = text ? spec_parse_ulimit(text, &o, e) : err_errno(e, ENOMEM, "--ulimit host");
		if (r < 0)
			return r;
		(void)json_object_array_add(list, o);
	}
	return 0;
}

int spec_parse_ulimit(const char *s, json_object **ret, struct err *e)
{
	scoped(mem) char *copy = strdup(s);
	char *eq = copy ? strchr(copy, '=') : NULL, *colon, type[32] = "RLIMIT_";
	unsigned long long soft = 0, hard = 0;
	size_t k;
	json_object *o;

	if (!eq)
		return err_set(e, -EINVAL, "invalid ulimit argument: %s", s);
	*eq++ = '\0';
	for (k = 0; k < ARRAY_LEN(ulimits); k++)
		if (strcmp(copy, ulimits[k].name) == 0)
			break;
	if (k == ARRAY_LEN(ulimits))
		return err_set(e, -EINVAL, "invalid ulimit type: %s", copy);
	colon = strchr(eq, ':');
	if (colon)
		*colon++ = '\0';
	if (strcmp(eq, "-1") == 0)
		soft = INT64_MAX;
	else if (str_to_u64(eq, INT64_MAX, &soft) < 0)
		return err_set(e, -EINVAL, "invalid ulimit value: %s", s);
	if (!colon)
		hard = soft;
	else if (strcmp(colon, "-1") == 0)
		hard = INT64_MAX;
	else if (str_to_u64(colon, INT64_MAX, &hard) < 0)
		return err_set(e, -EINVAL, "invalid ulimit value: %s", s);
	if (soft > hard)
		return err_set(e, -EINVAL,
			       "ulimit soft limit must be less than or equal to hard limit: %s", s);
	for (size_t i = 0; i < sizeof(type) - 8 && ulimits[k].name[i]; i++) {
		type[7 + i] = (char)toupper((unsigned char)ulimits[k].name[i]);
		type[8 + i] = '\0';
	}
	o = json_object_new_object();
	json_put_str(o, "type", type);
	json_put_int(o, "soft", (int64_t)soft);
	json_put_int(o, "hard", (int64_t)hard);
	*ret = o;
	return 0;
}

int spec_env_set(char ***env, const char *kv, struct err *e)
{
	size_t n = strcspn(kv, "=");
	char *copy;

	if (n == 0 || !kv[n] || strcspn(kv, "\n\r") < n)
		return err_set(e, -EINVAL, "invalid environment variable: %.100s", kv);
	for (size_t i = 0; *env && (*env)[i]; i++)
		if (strncmp((*env)[i], kv, n + 1) == 0) {
			copy = strdup(kv);
			if (!copy)
				return err_errno(e, ENOMEM, "environment");
			free((*env)[i]);
			(*env)[i] = copy;
			return 0;
		}
	return strv_add(env, kv) < 0 ? err_errno(e, ENOMEM, "environment") : 0;
}

const char *spec_env_get(char *const *env, const char *name)
{
	size_t n = strlen(name);

	for (; env && *env; env++)
		if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

int spec_parse_env_file(const char *text, const char *path, char ***env, struct err *e)
{
	for (int line = 1; *text; line++) {
		size_t n = strcspn(text, "\n");
		scoped(mem) char *copy = strndup(text, n);
		char *p = copy;
		int r = 0;
		if (!copy)
			return err_errno(e, ENOMEM, "%s", path);
		if (n && copy[n - 1] == '\r')
			copy[n - 1] = '\0';
		while (isspace((unsigned char)*p))
			p++;
		if (*p && *p != '#') {
			const char *value = strchr(p, '=') ? NULL : getenv(p);
			scoped(mem) char *from_caller =
				value ? str_printf("%s=%s", p, value) : NULL;
			if (strchr(p, '='))
				r = spec_env_set(env, p, e);
			else if (from_caller)
				r = spec_env_set(env, from_caller, e);
		}
		if (r < 0)
			return err_in(e, "%s line %d", path, line);
		text += n + (text[n] == '\n');
	}
	return 0;
}

int spec_split_words(const char *s, char ***ret, struct err *e)
{
	scoped(strv) char **v = calloc(1, sizeof(*v));
	scoped(strbuf) struct strbuf word = STRBUF_INIT;
	char quote = 0;
	int in_word = 0;

	for (; v && *s; s++) {
		if (quote == '\'' ? *s != '\'' : quote && *s != quote && *s != '\\') {
			(void)strbuf_putc(&word, *s);
		} else if (quote && *s == quote) {
			quote = 0;
		} else if (*s == '\\') {
			if (!*++s)
				return err_set(e, -EINVAL, "a backslash ends the string");
			(void)strbuf_putc(&word, *s);
			in_word = 1;
		} else if (*s == '"' || *s == '\'') {
			quote = *s;
			in_word = 1;
		} else if (isspace((unsigned char)*s)) {
			if (in_word && (strbuf_add(&word, "", 0) < 0 || strv_add(&v, word.s) < 0))
				return err_errno(e, ENOMEM, "split words");
			strbuf_reset(&word);
			in_word = 0;
		} else {
			(void)strbuf_putc(&word, *s);
			in_word = 1;
		}
	}
	if (quote)
		return err_set(e, -EINVAL, "a quote is not closed");
	if (!v || (in_word && (strbuf_add(&word, "", 0) < 0 || strv_add(&v, word.s) < 0)))
		return err_errno(e, ENOMEM, "split words");
	*ret = v;
	v = NULL;
	return 0;
}
