/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_transport.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/daemon.h"
#include "src/image/policy.h"
#include "src/image/pull_progress.h"
#include "src/image/reference.h"
#include "src/image/storage_transport.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* "PATH[:REFERENCE]" */
struct place {
	char *path, *reference;
};

static void scoped_place(struct place *p)
{
	free(p->path);
	free(p->reference);
}

static int read_place(const char *text, struct place *ret, struct err *e)
{
	const char *colon = strchr(text, ':');

	ret->path = colon ? strndup(text, (size_t)(colon - text)) : strdup(text);
	if (colon && colon[1])
		ret->reference = strdup(colon + 1);
	if (!ret->path || (colon && colon[1] && !ret->reference))
		return err_errno(e, ENOMEM, "pull");
	return *ret->path ? 0 : err_set(e, -EINVAL, "a path is missing");
}

/* The name of what was in a directory: localhost/PATH, where that is one; else NULL.  Owned. */
static char *name_of_path(const char *path)
{
	scoped(mem) char *name = str_printf("localhost/%s", path + strspn(path, "/."));
	scoped(reference) struct reference ref = { 0 };
	struct err ignored = { 0 };

	if (!name || reference_parse(name, &ref, &ignored) < 0 || ref.digest)
		return NULL;
	return reference_name(&ref);
}

static int from_archive(struct engine *en, const struct image_pull_options *o, const char *text,
			int is_docker, struct load_result *ret, struct err *e)
{
	__attribute__((cleanup(scoped_place))) struct place at = { 0 };
	scoped(image_archive) struct image_archive *a = NULL;
	struct load_source s = { .platform = o->platform,
				 .needs_one = !is_docker,
				 .signature_policy = o->signature_policy,
				 .decryption_keys = o->decryption_keys };

	if (read_place(text, &at, e) < 0 || image_archive_open(en, at.path, &a, e) < 0)
		return e->code;
	s.reference = at.reference;
	s.path = at.path;
	return load_format(en, a, is_docker ? LOAD_DOCKER_ARCHIVE : LOAD_OCI, &s, ret, e);
}

static int from_docker_archive(struct engine *en, const struct image_pull_options *o,
			       const char *text, struct load_result *ret, struct err *e)
{
	return from_archive(en, o, text, 1, ret, e);
}

static int from_oci_archive(struct engine *en, const struct image_pull_options *o, const char *text,
			    struct load_result *ret, struct err *e)
{
	return from_archive(en, o, text, 0, ret, e);
}

static int from_oci(struct engine *en, const struct image_pull_options *o, const char *text,
		    struct load_result *ret, struct err *e)
{
	__attribute__((cleanup(scoped_place))) struct place at = { 0 };
	scoped(image_archive) struct image_archive *a = NULL;
	scoped(mem) char *name = NULL;
	struct load_source s = { .platform = o->platform,
				 .needs_one = 1,
				 .naming = LOAD_NAMES_GIVEN,
				 .signature_policy = o->signature_policy,
				 .decryption_keys = o->decryption_keys };

	if (read_place(text, &at, e) < 0 || image_archive_open_dir(at.path, &a, e) < 0)
		return e->code;
	name = name_of_path(at.path);
	s.reference = at.reference;
	s.path = at.path;
	s.name = name;
	return load_format(en, a, LOAD_OCI, &s, ret, e);
}

static int from_dir(struct engine *en, const struct image_pull_options *o, const char *text,
		    struct load_result *ret, struct err *e)
{
	scoped(image_archive) struct image_archive *a = NULL;
	const struct load_source s = { .platform = o->platform,
				       .naming = LOAD_NAMES_GIVEN,
				       .path = text,
				       .signature_policy = o->signature_policy,
				       .decryption_keys = o->decryption_keys };

	if (!*text)
		return err_set(e, -EINVAL, "a path is missing");
	if (image_archive_open_dir(text, &a, e) < 0)
		return e->code;
	return load_format(en, a, LOAD_DIR, &s, ret, e);
}

static int from_daemon(struct engine *en, const struct image_pull_options *o, const char *text,
		       struct load_result *ret, struct err *e)
{
	scoped(image_archive) struct image_archive *a = NULL;
	scoped(mem) char *name = NULL;
	scoped(reference) struct reference ref = { 0 };
	scoped(strv) char **scopes = NULL;
	struct load_source s = { .platform = o->platform,
				 .naming = LOAD_NAMES_GIVEN,
				 .signature_policy = o->signature_policy,
				 .decryption_keys = o->decryption_keys,
				 .subject = { .transport = "docker-daemon",
					      .shown = o->reference } };

	if (daemon_name(text, &name, e) < 0)
		return e->code;
	if (!digest_is_valid(name)) {
		if (reference_parse(name, &ref, e) < 0)
			return e->code;
		scopes = policy_scopes(&ref);
		s.subject.scopes = scopes;
	}
	if (daemon_get(en, name, &a, e) < 0)
		return err_in(e, "initializing source docker-daemon:%s", text);
	s.name = strchr(name, '@') || digest_is_valid(name) ? NULL : name;
	return load_format(en, a, LOAD_DOCKER_ARCHIVE, &s, ret, e);
}

static int from_storage(struct engine *en, const struct image_pull_options *o, const char *text,
			struct load_result *ret, struct err *e)
{
	return storage_pull(en, text, o->signature_policy, ret, e);
}

static int from_sif(struct engine *en, const struct image_pull_options *o, const char *text,
		    struct load_result *ret, struct err *e)
{
	(void)en;
	(void)o;
	(void)text;
	(void)ret;
	return err_set(e, -ENOTSUP, "images of Singularity are not read");
}

static const struct {
	const char *prefix;
	int (*pull)(struct engine *en, const struct image_pull_options *o, const char *text,
		    struct load_result *ret, struct err *e);
} transports[] = {
	{ "containers-storage:", from_storage },
	{ "dir:", from_dir },
	{ "docker-archive:", from_docker_archive },
	{ "docker-daemon:", from_daemon },
	{ "oci-archive:", from_oci_archive },
	{ "oci:", from_oci },
	{ "sif:", from_sif },
};

int pull_transport(struct engine *en, const struct image_pull_options *o, struct load_result *ret,
		   struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(transports); i++) {
		if (!str_starts(o->reference, transports[i].prefix))
			continue;
		if (o->all_tags)
			return err_set(e, -EINVAL, "pulling all tags is not supported for %s",
				       o->reference);
		if (o->policy == PULL_NEVER)
			return err_set(e, -ENOENT, "%s: image not known", o->reference);
		engine_collect(en);
		if (transports[i].pull(en, o, o->reference + strlen(transports[i].prefix), ret, e) <
		    0)
			return err_in(e, "%s", o->reference);
		return 1;
	}
	return 0;
}
