/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is made of: an image or a directory, and the command that follows from both. */
#include "src/container/creation.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/image.h"
#include "src/image/image_adopt.h"
#include "src/image/image_layers.h"
#include "src/image/layer_crypt.h"
#include "src/image/platform.h"
#include "src/image/retry.h"
#include "src/image/trust.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

static const struct {
	const char *name;
	int policy;
} pull_policies[] = { { "missing", PULL_MISSING }, { "always", PULL_ALWAYS },
		      { "never", PULL_NEVER },	   { "newer", PULL_NEWER },
		      { "true", PULL_ALWAYS },	   { "false", PULL_NEVER } };

static int find_image(struct creation *c, struct err *e)
{
	const struct container_create_options *o = c->o;
	struct image_pull_options pull = { .reference = o->image,
					   .policy = -1,
					   .platform = o->platform,
					   .tls_verify = o->tls_verify,
					   .authfile = o->authfile,
					   .creds = o->creds,
					   .cert_dir = o->cert_dir,
					   .quiet = o->quiet,
					   .retry = o->retry,
					   .retry_delay_ms = o->retry_delay_ms,
					   .signature_policy = o->signature_policy };
	scoped(json) json_object *keys = NULL;
	scoped(mem) char *id = NULL;
	char platform[PLATFORM_TEXT_MAX];
	const char *composed = NULL;
	int r;

	if (layer_crypt_keys(o->decryption_keys, &keys, e) < 0)
		return e->code;
	pull.decryption_keys = keys;
	if (platform_compose(o->os, o->arch, o->variant, platform, &composed, e) < 0)
		return e->code;
	if (composed)
		pull.platform = composed;
	for (size_t i = 0; i < ARRAY_LEN(pull_policies); i++)
		if (strcmp(o->pull ? o->pull : "missing", pull_policies[i].name) == 0)
			pull.policy = pull_policies[i].policy;
	if (pull.policy < 0)
		return err_set(e, -EINVAL, "unsupported pull policy \"%s\"", o->pull);
	/* With a platform the name alone does not say that the image is the right one. */
	if ((pull.policy == PULL_MISSING || pull.policy == PULL_NEVER) && !pull.platform) {
		r = image_find(c->en, o->image, &c->image, e);
		if (r == 0) /* by the policy of now, whatever it was when the image came */
			return trust_check_stored(c->en, o->signature_policy, c->image, o->image,
						  e);
		if (r != -ENOENT || pull.policy == PULL_NEVER)
			return r;
		err_clear(e);
	}
	r = retry_default(c->en, &pull.retry, &pull.retry_delay_ms, e);
	if (r == 0)
		r = image_pull(c->en, &pull, &id, e);
	if (r == 0)
		r = image_find(c->en, id, &c->image, e);
	return r < 0 ? r : trust_check_stored(c->en, o->signature_policy, c->image, o->image, e);
}

int creation_resolve_image(struct creation *c, struct err *e)
{
	int r = find_image(c, e);

	return r < 0 ? r : image_prepare_layers(c->en, &c->image, e);
}

int creation_resolve_rootfs(struct creation *c, struct err *e)
{
	scoped(mem) char *path = strdup(c->o->rootfs);
	char real[PATH_MAX], *colon = path ? strrchr(path, ':') : NULL;
	struct stat st;

	if (!path)
		return err_errno(e, ENOMEM, "--rootfs");
	if (colon) {
		if (strcmp(colon, ":O") != 0)
			return err_set(e, -EINVAL,
				       "invalid option \"%s\" for --rootfs: only O is known",
				       colon + 1);
		*colon = '\0';
		c->spec->rootfs_overlay = 1;
	}
	if (!realpath(path, real) || stat(real, &st) < 0)
		return err_sys(e, "root file system %s", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "root file system %s is not a directory", path);
	if (strpbrk(real, ",:\\"))
		return err_set(e, -EINVAL,
			       "root file system %s: a path with ',', ':' or '\\' cannot be used",
			       real);
	return creation_copy(&c->spec->rootfs, real, e);
}

int creation_take_image(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	const char *arch = json_get_str(c->image->config, "architecture");
	scoped(mem) char *name = NULL;
	int r = creation_copy(&s->image_id, c->image->id, e);

	s->is_i386 = arch && strcmp(arch, "386") == 0;
	c->config = json_get(c->image->config, "config");
	/* Of several names the one that was asked for is shown. */
	if (r == 0)
		r = image_name_meant(c->o->image, c->image, &name, e);
	if (r == 0)
		r = creation_copy(&s->image_name,
				  name					  ? name
				  : c->image->names && c->image->names[0] ? c->image->names[0]
									  : c->image->id,
				  e);
	return r < 0 ? r : creation_copy_list(&s->layers, c->image->layers, e);
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

int creation_set_command(struct creation *c, struct err *e)
{
	struct container_spec *s = c->spec;
	int r = parse_entrypoint(c, e);

	if (r < 0)
		return r;
	if (strv_len(c->o->command) || c->o->entrypoint)
		r = creation_copy_list(&s->command, c->o->command, e);
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
		return err_set(
			e, -EINVAL,
			"no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
	return 0;
}
