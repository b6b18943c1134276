/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/reference.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/strbuf.h"

#define NAME_MAX_BYTES 255 /* registry and repository together */
#define TAG_MAX_BYTES  128

/* What is owned changes hands; FROM is empty afterwards. */
static void give(struct reference *from, struct reference *to)
{
	*to = *from;
	*from = (struct reference){ 0 };
}

static int is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

int digest_is_valid(const char *s)
{
	if (!s || strncmp(s, "sha256:", 7) != 0)
		return 0;
	for (int i = 7; i < DIGEST_LEN; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return 0;
	return s[DIGEST_LEN] == '\0';
}

const char *digest_hex(const char *digest)
{
	return digest + 7;
}

/* [a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127} */
static int tag_is_valid(const char *s)
{
	size_t n = strlen(s);

	if (n < 1 || n > TAG_MAX_BYTES || s[0] == '.' || s[0] == '-')
		return 0;
	for (; *s; s++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return 0;
	return 1;
}

/* Between two alphanumeric runs of a path component stands ".", "_", "__" or any number of "-".
 * Returns the length of the separator at S, 0 when there is none. */
static size_t separator_len(const char *s)
{
	if (s[0] == '-')
		return strspn(s, "-");
	if (s[0] == '_')
		return s[1] == '_' ? 2 : 1;
	return s[0] == '.';
}

static int repository_is_valid(const char *s)
{
	for (;;) {
		if (!is_lower_alnum(*s))
			return 0;
		while (is_lower_alnum(*s))
			s++;
		if (*s == '\0')
			return 1;
		if (*s == '/') {
			s++;
			continue;
		}
		size_t n = separator_len(s);
		if (!n)
			return 0;
		s += n;
	}
}

static int port_is_valid(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n > 0 && n <= 5 && s[n] == '\0' && strtoul(s, NULL, 10) <= 65535;
}

/* [0-9a-fA-F:]+ in brackets: what an IPv6 address may be made of. */
static const char *bracketed_end(const char *s)
{
	size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");

	return n > 1 && s[n + 1] == ']' ? s + n + 2 : NULL;
}

static int registry_is_valid(const char *s)
{
	if (*s == '[') {
		s = bracketed_end(s);
		if (!s)
			return 0;
	} else {
		for (;;) { /* labels: alphanumeric, with '-' inside */
			if (!is_alnum(*s))
				return 0;
			while (is_alnum(*s) || (*s == '-' && s[strspn(s, "-")] != '\0' &&
						is_alnum(s[strspn(s, "-")])))
				s++;
			if (*s != '.')
				break;
			s++;
		}
	}
	return *s == '\0' || (*s == ':' && port_is_valid(s + 1));
}

static int invalid(const char *s, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	for (const char *p = s; *p && b.len < 512; p++) {
		if (isprint((unsigned char)*p) && *p != '"' && *p != '\\')
			(void)strbuf_putc(&b, *p);
		else
			(void)strbuf_printf(&b, "\\x%02x", (unsigned char)*p);
	}
	return err_set(e, -EINVAL, "parsing reference \"%s\": invalid reference format",
		       b.s ? b.s : "");
}

/* Is the first component, N bytes, a host? */
static int names_a_host(const char *s, size_t n)
{
	return memchr(s, '.', n) || memchr(s, ':', n) || (n == 9 && !memcmp(s, "localhost", 9));
}

/* Cut "@DIGEST" and ":TAG" off REST and store copies. */
static int cut_tail(char *rest, struct reference *r)
{
	char *at = strchr(rest, '@'), *colon;

	if (at) {
		*at = '\0';
		if (!digest_is_valid(at + 1))
			return -EINVAL;
		r->digest = strdup(at + 1);
		if (!r->digest)
			return -ENOMEM;
	}
	colon = strrchr(rest, ':');
	if (colon && !strchr(colon, '/')) {
		*colon = '\0';
		if (!tag_is_valid(colon + 1))
			return -EINVAL;
		r->tag = strdup(colon + 1);
		if (!r->tag)
			return -ENOMEM;
	}
	return 0;
}

/* The Hub's other host name and its "library/" are one place. */
static int canonical_hub(struct reference *r)
{
	char *s;

	if (!strcmp(r->registry, "index.docker.io")) {
		s = strdup(REFERENCE_HUB);
		if (!s)
			return -ENOMEM;
		free(r->registry);
		r->registry = s;
	}
	if (!strcmp(r->registry, REFERENCE_HUB) && !strchr(r->repository, '/')) {
		s = str_printf("library/%s", r->repository);
		if (!s)
			return -ENOMEM;
		free(r->repository);
		r->repository = s;
	}
	return 0;
}

static int parse(char *s, struct reference *r)
{
	char *slash = strchr(s, '/'), *path = s;
	int rc;

	if (slash && names_a_host(s, (size_t)(slash - s))) {
		*slash = '\0';
		path = slash + 1;
		if (!registry_is_valid(s))
			return -EINVAL;
		r->registry = strdup(s);
		if (!r->registry)
			return -ENOMEM;
	}
	rc = cut_tail(path, r);
	if (rc < 0)
		return rc;
	if (!repository_is_valid(path) ||
	    strlen(path) + (r->registry ? strlen(r->registry) + 1 : 0) > NAME_MAX_BYTES)
		return -EINVAL;
	r->repository = strdup(path);
	if (!r->repository)
		return -ENOMEM;
	return r->registry ? canonical_hub(r) : 0;
}

static int has_upper(const char *s)
{
	const char *end = s + strcspn(s, ":@");
	const char *slash = strchr(s, '/');

	if (slash && names_a_host(s, (size_t)(slash - s))) {
		s = slash + 1;
		end = s + strcspn(s, ":@");
	}
	for (; s < end; s++)
		if (*s >= 'A' && *s <= 'Z')
			return 1;
	return 0;
}

int reference_parse(const char *s, struct reference *ret, struct err *e)
{
	scoped(reference) struct reference r = { 0 };
	scoped(mem) char *copy = NULL;
	int rc = -EINVAL;

	if (strlen(s) <= NAME_MAX_BYTES + 1 + TAG_MAX_BYTES + 1 + DIGEST_LEN) {
		copy = strdup(s);
		rc = copy ? parse(copy, &r) : -ENOMEM;
	}
	if (rc == -EINVAL) {
		(void)invalid(s, e);
		if (has_upper(s))
			(void)err_hint(e, "repository names are lower case");
		return e->code;
	}
	if (rc < 0)
		return err_errno(e, rc, "parsing reference");
	give(&r, ret);
	return 0;
}

void reference_done(struct reference *r)
{
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct reference){ 0 };
}

static int copy_str(const char *s, char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

int reference_copy(const struct reference *r, struct reference *ret, struct err *e)
{
	scoped(reference) struct reference c = { 0 };

	if (copy_str(r->registry, &c.registry) < 0 || copy_str(r->repository, &c.repository) < 0 ||
	    copy_str(r->tag, &c.tag) < 0 || copy_str(r->digest, &c.digest) < 0)
		return err_errno(e, ENOMEM, "copy a reference");
	give(&c, ret);
	return 0;
}

int reference_qualify(struct reference *r, const char *registry, struct err *e)
{
	scoped(mem) char *rest = reference_format(r);
	scoped(mem) char *full = NULL;
	scoped(reference) struct reference q = { 0 };
	int rc;

	if (rest)
		full = str_printf("%s/%s", registry, rest);
	if (!full)
		return err_errno(e, ENOMEM, "qualify a name");
	rc = reference_parse(full, &q, e);
	if (rc < 0)
		return rc;
	if (!q.registry)
		return err_set(e, -EINVAL, "'%s' is not a registry", registry);
	reference_done(r);
	give(&q, r);
	return 0;
}

static int add_path(struct strbuf *b, const struct reference *r)
{
	if (r->registry)
		(void)strbuf_printf(b, "%s/", r->registry);
	return strbuf_puts(b, r->repository);
}

char *reference_path(const struct reference *r)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)add_path(&b, r);
	return strbuf_take(&b);
}

char *reference_format(const struct reference *r)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)add_path(&b, r);
	if (r->tag)
		(void)strbuf_printf(&b, ":%s", r->tag);
	if (r->digest)
		(void)strbuf_printf(&b, "@%s", r->digest);
	return strbuf_take(&b);
}

char *reference_name(const struct reference *r)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	if (!r->tag && r->digest) {
		errno = 0;
		return NULL;
	}
	(void)add_path(&b, r);
	(void)strbuf_printf(&b, ":%s", r->tag ? r->tag : "latest");
	return strbuf_take(&b);
}

char *reference_digest_name(const struct reference *r, const char *digest)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	(void)add_path(&b, r);
	(void)strbuf_printf(&b, "@%s", digest);
	return strbuf_take(&b);
}

int reference_new_name(const char *text, char **ret, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	int r = reference_parse(text, &ref, e);

	if (r == 0 && ref.digest)
		r = err_set(e, -EINVAL, "%s: a name with a digest cannot be given to an image",
			    text);
	if (r == 0 && !ref.registry && str_starts(text, "sha256:")) /* it would hide an ID */
		r = err_set(e, -EINVAL, "%s: tag by digest not supported", text);
	if (r == 0 && !ref.registry)
		r = reference_qualify(&ref, "localhost", e);
	if (r < 0)
		return r;
	*ret = reference_name(&ref);
	return *ret ? 0 : err_errno(e, ENOMEM, "name an image");
}
