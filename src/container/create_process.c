/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs, where, with which limits, and where its output goes. */
#include "src/container/creation.h"
#include "src/container/generate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/util/path.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"
#include "userns/join.h"

/* The last word on a limit counts: options come behind what containers.conf says. */
static void put_rlimit(json_object *list, json_object *limit)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (strcmp(json_get_str(json_object_array_get_idx(list, i), "type"),
			   json_get_str(limit, "type")) == 0) {
			(void)json_object_array_put_idx(list, i, limit);
			return;
		}
	(void)json_object_array_add(list, limit);
}

static int set_zone(struct container_spec *s, const char *name, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	int r = generate_read_zone(name, &bytes, NULL, e);

	return r < 0 ? r : creation_copy(&s->tz, name, e);
}

/* Nobody but root may lower it. */
static int oom_score(const struct creation *c)
{
	scoped(mem) char *text = NULL;
	scoped(mem) char *said = NULL;
	struct err ignored;
	int now;

	if (!c->o->oom_score_adj_given || userns_is_host_root() ||
	    path_read(AT_FDCWD, "/proc/self/oom_score_adj", 32, &text, NULL, &ignored) < 0)
		return c->o->oom_score_adj;
	now = (int)strtol(text, NULL, 10);
	if (c->o->oom_score_adj >= now)
		return c->o->oom_score_adj;
	said = str_printf("Requested oom_score_adj=%d is lower than the current one, changing to "
			  "%d",
			  c->o->oom_score_adj, now);
	if (said && c->warn)
		c->warn(said);
	return now;
}

static int take_init(struct container_spec *s, const char *path, struct err *e)
{
	char real[PATH_MAX];

	if (!realpath(path, real) || access(real, X_OK) < 0)
		return err_sys(e, "container-init binary not found on the host: stat %s", path);
	return creation_copy(&s->init_path, real, e);
}

int creation_set_process(struct creation *c, struct err *e)
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
	if (wd[0] != '/' || creation_has_control(wd))
		return err_set(
			e, -EINVAL,
			"the working directory \"%s\" is invalid, it needs to be an absolute path",
			wd);
	if (!user)
		user = json_get_str(c->config, "User");
	if (user && creation_has_control(user))
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
	s->timeout = o->timeout;
	s->stop_timeout = o->stop_timeout >= 0 ? o->stop_timeout : 10;
	s->tty = o->tty;
	s->interactive = o->interactive;
	s->init = o->init > 0;
	if (s->init && o->init_path && *o->init_path && take_init(s, o->init_path, e) < 0)
		return e->code;
	s->rm = o->rm;
	s->oom_score_adj = oom_score(c);
	s->oom_score_adj_given = o->oom_score_adj_given;
	s->preserve_fds = o->preserve_fds;
	r = creation_copy(&s->workdir, wd, e);
	if (r == 0)
		r = creation_copy(&s->user, user ? user : "", e);
	if (r == 0)
		r = creation_copy(&s->stop_signal, sig, e);
	if (r == 0 && o->tz && *o->tz)
		r = set_zone(s, o->tz, e);
	for (size_t i = 0; o->group_add && o->group_add[i] && r == 0; i++) {
		if (strcmp(o->group_add[i], "keep-groups") == 0)
			s->keep_groups = 1;
		else if (strv_add(&s->group_add, o->group_add[i]) < 0)
			r = err_errno(e, ENOMEM, "--group-add");
	}
	if (r == 0 && s->keep_groups && strv_len(s->group_add))
		r = err_set(e, -EINVAL,
			    "the '--group-add keep-groups' option is not allowed with any other "
			    "--group-add options");
	s->rlimits = json_object_new_array();
	for (size_t i = 0; o->ulimit && o->ulimit[i] && r == 0; i++) {
		json_object *l = NULL;
		if (strcmp(o->ulimit[i], "host") == 0) {
			r = spec_host_ulimits(s->rlimits, e);
			continue;
		}
		r = spec_parse_ulimit(o->ulimit[i], &l, e);
		if (r == 0)
			put_rlimit(s->rlimits, l);
	}
	return r;
}

int creation_set_log(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	const char *driver = c->o->log_driver ? c->o->log_driver : "k8s-file";
	int r;

	s->log_size_max = c->o->log_size_max > 0 ? c->o->log_size_max : 0;
	if (strcmp(driver, "json-file") == 0)
		driver = "k8s-file";
	if (strcmp(driver, "k8s-file") != 0 && strcmp(driver, "none") != 0)
		return err_set(e, -EINVAL, "log driver \"%s\" is not available: k8s-file or none",
			       driver);
	r = creation_copy(&s->log_driver, driver, e);
	for (size_t i = 0; c->o->log_opt && c->o->log_opt[i] && r == 0; i++) {
		const char *l = c->o->log_opt[i];
		if (str_starts(l, "max-size=")) {
			if (size_parse_decimal(l + 9, &s->log_size_max) < 0 || s->log_size_max < 0)
				r = err_set(e, -EINVAL, "invalid log option \"%s\"", l);
		} else if (str_starts(l, "path=") && l[5] == '/') {
			r = creation_copy(&s->log_path, l + 5, e);
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
