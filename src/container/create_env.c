/* SPDX-License-Identifier: Apache-2.0 */
/* The environment and the labels: engine, image, files, options, in this order. */
#include "src/container/creation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/container/create.h"
#include "src/util/expand.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define ENV_FILE_MAX (4U << 20)
#define LABELS_MAX   (1U << 20)
#define PATH_DEFAULT "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

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

static void add_value(void *arg, const char *name, struct strbuf *b)
{
	const char *value = spec_env_get(arg, name);

	(void)strbuf_puts(b, value ? value : "");
}

/* --env-merge K=V: V may speak of what the variables are so far. */
static int merge(char ***env, char *const *list, struct err *e)
{
	int r = 0;

	for (; list && *list && r == 0; list++) {
		scoped(mem) char *text = NULL;

		if (!strchr(*list, '=') || **list == '=')
			return err_set(e, -EINVAL, "--env-merge %s is no KEY=VALUE", *list);
		text = expand(*list, add_value, *env);
		r = text ? spec_env_set(env, text, e) : err_errno(e, ENOMEM, "environment");
	}
	return r;
}

/* --unsetenv and --unsetenv-all, of what is there without the user's own. */
static void unset(char ***env, char *const *names, int all)
{
	if (all) {
		strv_free(*env);
		*env = NULL;
	}
	for (; *env && names && *names; names++) {
		size_t n = strlen(*names);
		char **to = *env;
		for (char **from = *env; *from; from++)
			if (strncmp(*from, *names, n) == 0 && (*from)[n] == '=')
				free(*from);
			else
				*to++ = *from;
		*to = NULL;
	}
}

int creation_set_env(struct creation *c, struct err *e)
{
	static const char *const proxies[] = {
		"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY"
	};
	struct container_spec *s = c->spec;
	json_object *image_env = json_get(c->config, "Env");
	scoped(mem) char *host = NULL;
	int r = spec_env_set(&s->env, PATH_DEFAULT, e);

	if (r == 0)
		r = spec_env_set(&s->env, "container=podman", e); /* programs look for this value */
	if (r == 0 && s->tty)
		r = spec_env_set(&s->env, "TERM=xterm", e);
	for (size_t i = 0; i < ARRAY_LEN(proxies) && r == 0 && c->o->http_proxy != 0; i++)
		if (getenv(proxies[i]))
			r = env_option(&s->env, proxies[i], e);
	for (size_t i = 0; i < json_len(image_env) && r == 0; i++) {
		/* An entry without '=' would name a variable of whoever runs the image. */
		const char *kv = json_str_at(image_env, i);
		if (!kv || !strchr(kv, '=') || kv[0] == '=')
			return err_set(e, -EINVAL,
				       "the image's Env has an entry that is no KEY=VALUE");
		r = spec_env_set(&s->env, kv, e);
	}
	for (char **v = environ; c->o->env_host > 0 && *v && r == 0; v++)
		if (strchr(*v, '=') && (*v)[0] != '=')
			r = spec_env_set(&s->env, *v, e);
	if (r == 0)
		r = merge(&s->env, c->o->env_merge, e);
	unset(&s->env, c->o->unsetenv, c->o->unsetenv_all);
	if (r == 0)
		r = create_env_options(&s->env, c->o->env_file, c->o->env, e);
	if (r < 0)
		return r;
	if (spec_env_get(s->env, "HOSTNAME") || c->o->unsetenv_all)
		return 0;
	host = str_printf("HOSTNAME=%s", s->hostname ? s->hostname : "");
	return host ? spec_env_set(&s->env, host, e) : err_errno(e, ENOMEM, "environment");
}

int creation_add_pairs(json_object *o, char *const *list, const char *what, struct err *e)
{
	for (size_t i = 0; list && list[i]; i++) {
		const char *eq = strchr(list[i], '=');
		scoped(mem) char *key =
			eq ? strndup(list[i], (size_t)(eq - list[i])) : strdup(list[i]);
		if (!key)
			return err_errno(e, ENOMEM, "%s", what);
		if (!*key)
			return err_set(e, -EINVAL, "invalid %s \"%s\": the key is empty", what,
				       list[i]);
		json_put_str(o, key, eq ? eq + 1 : "");
	}
	return 0;
}

int creation_set_labels(struct creation *c, struct err *e)
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
				r = creation_add_pairs(s->labels, (char *[]){ lines[k], NULL },
						       "label", e);
	}
	if (r == 0)
		r = creation_add_pairs(s->labels, c->o->label, "label", e);
	/* Annotations come from the command line only: nothing of an image reaches the runtime. */
	return r < 0 ? r : creation_add_pairs(s->annotations, c->o->annotation, "annotation", e);
}
