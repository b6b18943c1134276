/* SPDX-License-Identifier: Apache-2.0 */
/* Pulls: whether at all, and under which names. */
#include <stdlib.h>
#include <string.h>

#include "src/image/auth.h"
#include "src/image/image.h"
#include "src/image/platform.h"
#include "src/image/pull_attempt.h"
#include "src/image/pull_call.h"
#include "src/image/pull_progress.h"
#include "src/image/pull_transport.h"
#include "src/image/reference.h"
#include "src/image/registries.h"
#include "src/image/remote_list.h"
#include "src/store/events.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define DOCKER	 "docker://"
#define ATTEMPTS 3 /* when a layer that was there is removed under us */

static int copy(const char *s, char **ret, struct err *e)
{
	*ret = strdup(s);
	return *ret ? 0 : err_errno(e, ENOMEM, "pull");
}

static int pull_one(struct engine *en, const struct image_pull_options *o,
		    const struct registries *r, const struct reference *ref, char **ret_id,
		    struct err *e)
{
	scoped(mem) char *shown = ref->digest ? reference_format(ref) : reference_name(ref);
	struct pull_progress say;
	int rc = -EAGAIN;

	pull_progress_init(&say, o->quiet);
	if (shown && o->policy != PULL_NEWER) /* else when there is something newer */
		pull_progress_say(&say, "Trying to pull %s...", shown);
	/* -EAGAIN: a layer that we were not to fetch was removed before we could publish. */
	for (int i = 0; i < ATTEMPTS && rc == -EAGAIN; i++) {
		err_clear(e);
		rc = pull_attempt(en, o, r, ref, ret_id, e);
	}
	events_write(en, &(struct event){ .type = "image",
					  .status = rc < 0 ? "pull-error" : "pull",
					  .id = rc < 0 ? NULL : *ret_id,
					  .name = o->reference,
					  .error = rc < 0 ? e->text : NULL });
	return rc;
}

/* A person says which of the N names in LIST is meant: it is all that is left in LIST. */
static int choose(struct engine *en, const struct reference *name, struct reference *list,
		  size_t *n, struct err *e)
{
	scoped(mem) char *question =
		str_printf("Please select an image for \"%s\"", name->repository);
	scoped(strv) char **names = NULL;
	struct reference chosen;
	int k, rc = 0;

	for (size_t i = 0; i < *n && rc == 0; i++) {
		scoped(mem) char *full =
			list[i].digest ? reference_format(&list[i]) : reference_name(&list[i]);
		rc = full ? strv_add(&names, full) : -ENOMEM;
	}
	if (rc < 0 || !question)
		return err_errno(e, ENOMEM, "pull");
	k = en->choose(question, names, *n, e);
	if (k < 0)
		return k;
	if ((size_t)k >= *n)
		return err_set(e, -EINVAL, "pull: no candidate %d", k);
	chosen = list[k];
	list[k] = list[0];
	list[0] = chosen;
	while (*n > 1)
		reference_done(&list[--*n]);
	return 0;
}

/* The next time nobody is asked. */
static void remember(const struct engine *en, const struct reference *name,
		     const struct reference *chosen)
{
	scoped(mem) char *cache = pull_cache_dir(en);
	scoped(mem) char *target = reference_path(chosen);
	struct err e = { 0 };

	if (cache && target && registries_remember(cache, name->repository, target, &e) < 0)
		dbg("%s", e.text); /* then somebody is */
}

static void say_how(const struct image_pull_options *o, const struct registries *r,
		    const struct reference *name)
{
	const char *origin = json_get_str(r->origins, name->repository);
	struct pull_progress say;

	if (name->registry)
		return;
	pull_progress_init(&say, o->quiet);
	if (json_get_str(r->aliases, name->repository))
		pull_progress_say(&say, "Resolved \"%s\" as an alias (%s)", name->repository,
				  origin ? origin : r->path);
	else if (strv_len(r->search) > 1)
		pull_progress_say(&say, "Resolving \"%s\" using unqualified-search registries (%s)",
				  name->repository, r->path);
}

/* Each in its turn.  Of several failures all are told. */
static int pull_list(struct engine *en, const struct image_pull_options *o,
		     const struct registries *r, const struct reference *list, size_t n,
		     char **ret_id, struct err *e)
{
	struct err all = { 0 };
	int rc = -ENOENT;

	for (size_t i = 0; i < n; i++) {
		rc = pull_one(en, o, r, &list[i], ret_id, e);
		if (rc >= 0)
			break;
		if (i) {
			scoped(mem) char *before = strdup(all.text);
			(void)err_set(&all, rc, "%.700s; %.700s", before ? before : "", e->text);
		} else {
			all = *e;
		}
	}
	if (rc < 0)
		*e = all;
	return rc;
}

static int pull_candidates(struct engine *en, const struct image_pull_options *o,
			   const struct registries *r, const struct reference *name, char **ret_id,
			   struct err *e)
{
	struct reference *list = NULL;
	int asks = en->choose && registries_wants_choice(r, name);
	size_t n = 0;
	int rc = (asks ? registries_all : registries_candidates)(r, name, &list, &n, e);

	if (rc < 0)
		return rc;
	if (asks)
		rc = choose(en, name, list, &n, e);
	else
		say_how(o, r, name);
	if (rc >= 0)
		rc = pull_list(en, o, r, list, n, ret_id, e);
	if (rc >= 0 && asks)
		remember(en, name, &list[0]);
	reference_list_free(list, n);
	return rc;
}

/* Is there a local image that the policy is content with?  1: *RET_ID, 0: no. */
static int local(struct engine *en, const struct image_pull_options *o, const char *ref,
		 char **ret_id, struct err *e)
{
	scoped(image) struct image *i = NULL;
	int rc = image_find(en, ref, &i, e);

	if (rc == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (rc < 0)
		return rc;
	if (o->platform && !pull_fits_platform(o, i))
		return 0;
	return copy(i->id, ret_id, e) < 0 ? e->code : 1;
}

/* As local(), for what a short name may stand for: an alias has another path than its image. */
static int local_candidates(struct engine *en, const struct image_pull_options *o,
			    const struct registries *r, const struct reference *name, char **ret_id,
			    struct err *e)
{
	struct reference *list = NULL;
	size_t n = 0;
	int rc = registries_all(r, name, &list, &n, e);

	if (rc < 0) { /* says the pull, if there is one */
		err_clear(e);
		return 0;
	}
	for (size_t i = 0; i < n && rc == 0; i++) {
		scoped(mem) char *full = reference_format(&list[i]);
		rc = full ? local(en, o, full, ret_id, e) : err_errno(e, ENOMEM, "pull");
	}
	reference_list_free(list, n);
	return rc;
}

static int never(const char *ref, struct err *e)
{
	return err_set(e, -ENOENT, "%s: image not known", ref);
}

/* REF is not here under its own name, or what is here does not settle it: *HAVE, when set, is an
 * image that would do if there is no newer one. */
static int from_registries(struct engine *en, const struct image_pull_options *o, const char *ref,
			   char **have, char **ret_id, struct err *e)
{
	scoped(registries) struct registries *r = NULL;
	scoped(reference) struct reference name = { 0 };
	struct platform checked;
	int rc = 0;

	if (reference_parse(ref, &name, e) < 0)
		return e->code;
	if (o->platform && platform_parse(o->platform, &checked, e) < 0)
		return e->code;
	if (pull_registries(en, &r, e) < 0)
		return e->code;
	if (!name.registry && !*have && o->policy != PULL_ALWAYS)
		rc = local_candidates(en, o, r, &name, have, e);
	if (rc < 0)
		return rc;
	if (*have && o->policy != PULL_NEWER) {
		*ret_id = take_ptr(have);
		return 0;
	}
	if (o->policy == PULL_NEVER)
		return never(ref, e);
	return pull_candidates(en, o, r, &name, ret_id, e);
}

static int pull_name(struct engine *en, const struct image_pull_options *o, char **ret_id,
		     struct err *e)
{
	const char *ref =
		str_starts(o->reference, DOCKER) ? o->reference + strlen(DOCKER) : o->reference;
	scoped(mem) char *have = NULL;
	int rc = o->policy == PULL_ALWAYS ? 0 : local(en, o, ref, &have, e);

	if (rc < 0)
		return rc;
	if (rc && o->policy != PULL_NEWER) {
		*ret_id = take_ptr(&have);
		return 0;
	}
	if (str_starts(ref, "sha256:") && digest_is_valid(ref))
		return o->policy == PULL_ALWAYS
			       ? err_set(e, -EINVAL,
					 "pull policy is always but image has been referred to by "
					 "ID (%s)",
					 ref)
			       : err_set(e, -ENOENT, "%s: image not known", ref);
	rc = from_registries(en, o, ref, &have, ret_id, e);
	if (rc < 0 && have) { /* newer: what is here will do */
		dbg("%s", e->text);
		err_clear(e);
		*ret_id = take_ptr(&have);
		return 0;
	}
	return rc;
}

int image_pull(struct engine *en, const struct image_pull_options *o, char **ret_id, struct err *e)
{
	scoped(load_result) struct load_result got = { 0 };
	int rc;

	if (auth_file_check(o->authfile, e) < 0)
		return e->code;
	rc = pull_transport(en, o, &got, e);
	if (rc < 0)
		return rc;
	return rc ? copy(got.ids[0], ret_id, e) : pull_name(en, o, ret_id, e);
}

/* ---- several --------------------------------------------------------------------------------- */

static int add_id(char ***ret_ids, const char *id, struct err *e)
{
	return strv_add(ret_ids, id) < 0 ? err_errno(e, ENOMEM, "pull") : 0;
}

/* Every tag that REF's repository has. */
static int pull_tags(struct engine *en, const struct image_pull_options *o, struct reference *ref,
		     char ***ret_ids, struct err *e)
{
	const struct remote_options remote = { .authfile = o->authfile,
					       .creds = o->creds,
					       .cert_dir = o->cert_dir,
					       .tls_verify = o->tls_verify,
					       .retry = o->retry,
					       .retry_delay_ms = o->retry_delay_ms };
	struct image_pull_options one = *o;
	scoped(strv) char **tags = NULL;
	scoped(mem) char *path = NULL;

	if (remote_tags(en, &remote, ref, 0, &tags, e) < 0)
		return e->code;
	path = reference_path(ref);
	one.policy = PULL_ALWAYS;
	for (char **t = tags; t && *t; t++) {
		scoped(mem) char *name = path ? str_printf("%s:%s", path, *t) : NULL;
		scoped(mem) char *id = NULL;

		if (!name)
			return err_errno(e, ENOMEM, "pull");
		one.reference = name;
		if (pull_name(en, &one, &id, e) < 0 || add_id(ret_ids, id, e) < 0)
			return e->code;
	}
	return 0;
}

static int pull_all_tags(struct engine *en, const struct image_pull_options *o, char ***ret_ids,
			 struct err *e)
{
	const char *text =
		str_starts(o->reference, DOCKER) ? o->reference + strlen(DOCKER) : o->reference;
	scoped(registries) struct registries *r = NULL;
	scoped(reference) struct reference name = { 0 };
	struct reference *list = NULL;
	size_t n = 0;
	int rc = -ENOENT;

	if (reference_parse(text, &name, e) < 0 || pull_registries(en, &r, e) < 0)
		return e->code;
	if (name.digest)
		return err_set(e, -EINVAL, "%s: a digest has no tags", text);
	if (registries_candidates(r, &name, &list, &n, e) < 0)
		return e->code;
	for (size_t i = 0; i < n && rc < 0; i++) {
		err_clear(e);
		rc = pull_tags(en, o, &list[i], ret_ids, e);
	}
	reference_list_free(list, n);
	return rc;
}

int image_pull_all(struct engine *en, const struct image_pull_options *o, char ***ret_ids,
		   struct err *e)
{
	scoped(load_result) struct load_result got = { 0 };
	scoped(mem) char *id = NULL;
	int rc;

	if (auth_file_check(o->authfile, e) < 0)
		return e->code;
	rc = pull_transport(en, o, &got, e);
	if (rc < 0)
		return rc;
	if (rc) {
		*ret_ids = take_ptr(&got.ids);
		return 0;
	}
	if (o->all_tags)
		return pull_all_tags(en, o, ret_ids, e);
	return pull_name(en, o, &id, e) < 0 ? e->code : add_id(ret_ids, id, e);
}
