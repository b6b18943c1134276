/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/storage_transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/image_adopt.h"
#include "src/image/image_layers.h"
#include "src/image/image_store.h"
#include "src/image/image_stores.h"
#include "src/image/policy.h"
#include "src/image/reference.h"
#include "src/image/trust.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct place {
	char *root, *runroot; /* absolute; runroot NULL: the usual one */
	char *name;
	char *specifier; /* "DRIVER@ROOT", for the policy */
};
static void scoped_place(struct place *p)
{
	free(p->root);
	free(p->runroot);
	free(p->name);
	free(p->specifier);
}

/* ---- references ------------------------------------------------------------------------------ */

/* Between the brackets: BEGIN up to END. */
static int read_specifier(const char *begin, const char *end, struct place *ret, struct err *e)
{
	scoped(mem) char *s = strndup(begin, (size_t)(end - begin));
	char *at = s ? strchr(s, '@') : NULL;
	const char *root = at ? at + 1 : s;
	char *plus, *colon;

	if (!s)
		return err_errno(e, ENOMEM, "read a reference");
	colon = strchr(s, ':');
	if (colon)
		*colon = '\0'; /* options: those of Podman's drivers mean nothing here */
	plus = strchr(s, '+');
	if (plus)
		*plus++ = '\0';
	if (at)
		*at = '\0';
	if (!*root || (plus && !*plus))
		return err_set(e, -EINVAL, "invalid reference");
	if (*root != '/' || (plus && *plus != '/'))
		return err_set(e, -EINVAL, "path name is not absolute");
	if (at && strcmp(s, "overlay") != 0)
		return err_set(e, -ENOTSUP, "driver %s: there are only overlay stores", s);
	ret->root = strdup(root);
	ret->runroot = plus ? strdup(plus) : NULL;
	ret->specifier = str_printf("overlay@%s", root);
	return ret->root && ret->specifier && (!plus || ret->runroot)
		       ? 0
		       : err_errno(e, ENOMEM, "read a reference");
}

/* Without brackets it is our own store: root stays NULL. */
static int read_place(const char *text, struct place *ret, struct err *e)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;

	if (*text != '[') {
		ret->name = strdup(text);
		return ret->name ? 0 : err_errno(e, ENOMEM, "read a reference");
	}
	if (!end || !end[1])
		return err_set(e, -EINVAL, "invalid reference");
	ret->name = strdup(end + 1);
	if (!ret->name)
		return err_errno(e, ENOMEM, "read a reference");
	return read_specifier(text + 1, end, ret, e);
}

/* NAME as a destination says it: "registry/repository:tag".  Owned, or NULL with *E filled. */
static char *name_of(const char *name, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	char *full;

	if (reference_parse(name, &ref, e) < 0 ||
	    (!ref.registry && reference_qualify(&ref, REFERENCE_HUB, e) < 0))
		return NULL;
	full = reference_name(&ref);
	if (!full)
		(void)err_errno(e, ENOMEM, "name an image");
	return full;
}

static int is_own(const struct engine *en, const struct place *p)
{
	return !p->root || image_store_is_ours(en, p->root);
}

/* ---- copies ---------------------------------------------------------------------------------- */

/* An engine for the store ROOT with RUNROOT, whose one additional store is SOURCE. */
static int open_pair(const struct engine *en, const char *root, const char *runroot,
		     const char *source, struct engine **ret, struct err *e)
{
	scoped(mem) char *option = str_printf("additionalimagestore=%s", source);
	char *const storage_opts[] = { option, NULL };
	const struct engine_options o = { .graphroot = root,
					  .runroot = runroot,
					  .storage_opts = storage_opts };
	mode_t users = en->umask;

	if (!option)
		return err_errno(e, ENOMEM, "open a store");
	if (engine_open(&o, ret, e) < 0)
		return e->code;
	(*ret)->umask = users;
	(*ret)->warn = en->warn;
	(*ret)->copy_layers = 1;
	return 0;
}

/* What the policy knows it as, the narrowest first: with its name, and its store. */
static int may_be_taken(struct engine *en, const struct place *p, const char *name,
			const char *signature_policy, struct err *e)
{
	scoped(mem) char *shown = str_printf("containers-storage:[%s]%s", p->specifier, name);
	scoped(mem) char *store = str_printf("[%s]", p->specifier);
	scoped(mem) char *root = str_printf("[%s]", p->root);
	char *scopes[] = { NULL, store, root, NULL };
	scoped(json) json_object *requirements = NULL;
	struct trust_subject s = { .transport = "containers-storage", .scopes = scopes };
	int verdict;

	if (!shown || !store || !root)
		return err_errno(e, ENOMEM, "pull");
	scopes[0] = shown + strlen("containers-storage:");
	s.shown = shown;
	verdict = trust_decide(en, signature_policy, &s, &requirements, e);
	if (verdict <= 0)
		return verdict;
	return err_set(e, -EACCES,
		       "Source image rejected: A signature was required, but no signature exists");
}

static int copy_here(struct engine *en, const struct place *p, const char *signature_policy,
		     struct load_result *ret, struct err *e)
{
	scoped(engine) struct engine *pair = NULL;
	scoped(image) struct image *i = NULL;
	scoped(mem) char *name = NULL;
	const char *shown;
	int r = open_pair(en, en->graphroot, en->runroot, p->root, &pair, e);

	if (r == 0)
		r = image_find_in(pair, 1, p->name, &i, e);
	if (r == 0)
		r = image_name_meant(p->name, i, &name, e);
	if (r != 0 || !i)
		return r;
	shown = name ? name : i->id;
	r = may_be_taken(en, p, shown, signature_policy, e);
	if (r == 0)
		r = image_adopt(pair, i, name, e);
	if (r == 0 && (strv_add(&ret->ids, i->id) < 0 || strv_add(&ret->names, shown) < 0))
		r = err_errno(e, ENOMEM, "pull");
	return r;
}

int storage_pull(struct engine *en, const char *text, const char *signature_policy,
		 struct load_result *ret, struct err *e)
{
	__attribute__((cleanup(scoped_place))) struct place p = { 0 };
	scoped(image) struct image *i = NULL;

	if (read_place(text, &p, e) < 0)
		return e->code;
	if (!is_own(en, &p))
		return copy_here(en, &p, signature_policy, ret, e);
	if (image_find(en, p.name, &i, e) < 0)
		return e->code;
	if (strv_add(&ret->ids, i->id) < 0 ||
	    strv_add(&ret->names, i->names && i->names[0] ? i->names[0] : i->id) < 0)
		return err_errno(e, ENOMEM, "pull");
	return 0;
}

/* Podman would not see what cove puts there. */
static int refuse_podmans(const char *root, struct err *e)
{
	scoped(mem) char *mark = str_printf("%s/storage.lock", root);

	if (!mark)
		return err_errno(e, ENOMEM, "push");
	return access(mark, F_OK) == 0
		       ? err_set(e, -ENOTSUP, "%s is a store of Podman, which is only read", root)
		       : 0;
}

int storage_push(struct engine *en, const struct image *i, const char *text, struct err *e)
{
	__attribute__((cleanup(scoped_place))) struct place p = { 0 };
	scoped(engine) struct engine *pair = NULL;
	scoped(image) struct image *found = NULL;
	scoped(mem) char *name = NULL;
	int r = read_place(text, &p, e);

	if (r == 0 && !(name = name_of(p.name, e)))
		r = e->code;
	if (r != 0 || !name)
		return r;
	if (is_own(en, &p))
		return image_tag(en, i->id, name, e);
	r = refuse_podmans(p.root, e);
	if (r < 0)
		return r;
	r = open_pair(en, p.root, p.runroot, i->store ? i->store : en->graphroot, &pair, e);
	if (r == 0)
		r = image_find_in(pair, 1, i->id, &found, e);
	return r < 0 ? r : image_adopt(pair, found, name, e);
}
