/* SPDX-License-Identifier: Apache-2.0 */
/* What the container may do: capabilities and --security-opt. */
#include "src/container/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/seccomp.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "userns/caps.h"

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
	s->privileged = c->o->privileged > 0;
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
			return err_set(e, -EINVAL, "invalid path \"%s\": it must be absolute",
				       part[i]);
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
		return on_off(v, &s->no_new_privs) < 0
			       ? err_set(e, -EINVAL, "invalid --security-opt %s", o)
			       : 0;
	if (n == 7 && strncmp(o, "seccomp", n) == 0) {
		if (strcmp(v, "unconfined") == 0)
			return creation_copy(&s->seccomp, v, e);
		if (path_read(AT_FDCWD, v, SECCOMP_PROFILE_MAX, &s->seccomp, NULL, e) < 0)
			return err_in(e, "seccomp profile");
		return creation_copy(&s->seccomp_path, v, e);
	}
	if (n == 5 && strncmp(o, "label", n) == 0) {
		/* Without SELinux nothing is labelled, which is what "disable" asks for. */
		if (strcmp(v, "disable") == 0 || access("/sys/fs/selinux/enforce", F_OK) < 0)
			return 0;
		return err_set(e, -ENOTSUP, "--security-opt %s: SELinux labels cannot be set here",
			       o);
	}
	if (n == 8 && strncmp(o, "apparmor", n) == 0) {
		if (strcmp(v, "unconfined") == 0)
			return 0;
		return creation_copy(&s->apparmor, v, e);
	}
	if (n == 4 && strncmp(o, "mask", n) == 0)
		return add_paths(&s->mask, v, e);
	if (n == 6 && strncmp(o, "unmask", n) == 0)
		return add_paths(&s->unmask, v, e);
	if (strcmp(o, "systempaths=unconfined") == 0)
		return add_paths(&s->unmask, "ALL", e);
	return err_set(e, -EINVAL, "invalid --security-opt 2: \"%s\"", o);
}

int creation_set_security(struct creation *c, struct err *e)
{
	int r = set_caps(c, e);
	for (size_t i = 0; c->o->security_opt && c->o->security_opt[i] && r == 0; i++)
		r = security_option(c, c->o->security_opt[i], e);
	if (r == 0)
		r = creation_copy_list(&c->spec->security_opt, c->o->security_opt, e);
	if (r == 0 && c->spec->seccomp && !c->spec->seccomp_path)
		return 0;
	/* A profile that does not compile stops the command now, not at the start. */
	if (r == 0 && c->spec->seccomp_path && c->spec->seccomp) {
		scoped(mem) struct sock_filter *f = NULL;
		size_t n = 0;
		r = seccomp_compile(c->spec->seccomp, strlen(c->spec->seccomp), caps_default(), &f,
				    &n, e);
	}
	return r;
}
