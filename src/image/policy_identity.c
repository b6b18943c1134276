/* SPDX-License-Identifier: Apache-2.0 */
/* Names in policies: the scopes that an image belongs to, and whether a signed name is its. */
#include <stdlib.h>
#include <string.h>

#include "src/image/policy.h"
#include "src/util/strbuf.h"

/* TEXT, then what is left of it when it is cut at each '/' from the end. */
static int add_parents(char ***v, const char *text, size_t shortest)
{
	scoped(mem) char *s = strdup(text);
	char *slash;

	if (!s)
		return -ENOMEM;
	do {
		if (strlen(s) < shortest)
			break;
		if (strv_add(v, s) < 0)
			return -ENOMEM;
		slash = strrchr(s, '/');
		if (slash)
			*slash = '\0';
	} while (slash && *s);
	return 0;
}

static int add_wildcards(char ***v, const char *registry)
{
	scoped(mem) char *host = strndup(registry, strcspn(registry, ":"));

	if (!host)
		return -ENOMEM;
	for (const char *dot = strchr(host, '.'); dot; dot = strchr(dot + 1, '.')) {
		scoped(mem) char *wild = str_printf("*%s", dot);
		if (!wild || strv_add(v, wild) < 0)
			return -ENOMEM;
	}
	return 0;
}

char **policy_scopes(const struct reference *ref)
{
	scoped(strv) char **v = NULL;
	scoped(mem) char *path = reference_path(ref);
	scoped(mem) char *full = NULL;

	if (!path || !ref->registry)
		return NULL;
	full = str_printf("%s%s%s", path, ref->digest ? "@" : ":",
			  ref->digest ? ref->digest
			  : ref->tag  ? ref->tag
				      : "latest");
	if (!full || strv_add(&v, full) < 0 || add_parents(&v, path, 1) < 0 ||
	    add_wildcards(&v, ref->registry) < 0)
		return NULL;
	return take_ptr(&v);
}

char **policy_path_scopes(const char *path, const char *name)
{
	scoped(strv) char **v = NULL;
	scoped(mem) char *full = name ? str_printf("%s:%s", path, name) : NULL;

	if ((name && (!full || strv_add(&v, full) < 0)) || add_parents(&v, path, 2) < 0)
		return NULL;
	return v ? take_ptr(&v) : calloc(1, sizeof(*v));
}

/* A name with registry (the Hub's where none is written). */
static int read_name(const char *text, struct reference *ret, struct err *e)
{
	if (reference_parse(text, ret, e) < 0)
		return e->code;
	return ret->registry ? 0 : reference_qualify(ret, REFERENCE_HUB, e);
}

static int same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : !a && !b;
}

static int same_repository(const struct reference *a, const struct reference *b)
{
	return same(a->registry, b->registry) && same(a->repository, b->repository);
}

static int same_reference(const struct reference *a, const struct reference *b)
{
	return same_repository(a, b) && same(a->tag, b->tag) && same(a->digest, b->digest);
}

/* A tag must be the very one; a digest says itself what the image is. */
static int repo_digest_or_exact(const struct reference *wanted, const struct reference *name)
{
	return wanted->digest ? same_repository(wanted, name) : same_reference(wanted, name);
}

/* WANTED with the first prefix in place of the second, when it has it. */
static int remap(const struct requirement *r, const struct reference *wanted, struct reference *ret,
		 struct err *e)
{
	scoped(mem) char *path = reference_path(wanted);
	scoped(mem) char *other = NULL;
	size_t n = strlen(r->given);

	if (!path)
		return err_errno(e, ENOMEM, "compare names");
	if (strncmp(path, r->given, n) != 0 || (path[n] && path[n] != '/'))
		return reference_copy(wanted, ret, e);
	other = str_printf("%s%s%s%s", r->signed_prefix, path + n, wanted->digest ? "@" : ":",
			   wanted->digest ? wanted->digest : wanted->tag);
	if (!other)
		return err_errno(e, ENOMEM, "compare names");
	return read_name(other, ret, e);
}

static int compare_wanted(const struct requirement *r, const struct reference *wanted,
			  const struct reference *name, struct err *e)
{
	scoped(reference) struct reference mapped = { 0 };

	switch (r->match) {
	case IDENTITY_EXACT:
		return same_reference(wanted, name);
	case IDENTITY_REPOSITORY:
		return same_repository(wanted, name);
	case IDENTITY_REMAP:
		return remap(r, wanted, &mapped, e) < 0 ? 0 : repo_digest_or_exact(&mapped, name);
	default:
		return repo_digest_or_exact(wanted, name);
	}
}

int identity_matches(const struct requirement *r, const struct reference *wanted,
		     const char *signed_name, struct err *e)
{
	scoped(reference) struct reference name = { 0 };
	scoped(reference) struct reference given = { 0 };
	scoped(reference) struct reference full = { 0 };
	int ok;

	if (read_name(signed_name, &name, e) < 0)
		return 0;
	if (r->match == IDENTITY_EXACT_REFERENCE || r->match == IDENTITY_EXACT_REPOSITORY) {
		if (read_name(r->given, &given, e) < 0)
			return 0;
		ok = r->match == IDENTITY_EXACT_REFERENCE ? same_reference(&given, &name)
							  : same_repository(&given, &name);
	} else if (!wanted) {
		(void)err_set(e, -EACCES,
			      "the image was asked for without a name that a signature could be "
			      "compared with");
		return 0;
	} else {
		if (reference_copy(wanted, &full, e) < 0)
			return 0;
		if (!full.tag && !full.digest && !(full.tag = strdup("latest")))
			return 0;
		ok = compare_wanted(r, &full, &name, e);
	}
	if (!ok && !e->code)
		(void)err_set(e, -EACCES, "Signature for identity %.300s is not accepted",
			      signed_name);
	return ok;
}
