/* SPDX-License-Identifier: Apache-2.0 */
/* Grammar: a comma-separated list in which each element is either "SCHEME [token68 | param]" or one
 * more "name=value" of the challenge before it.  A word followed by '=' is a parameter, any other
 * begins a challenge. */
#include "src/image/registry_challenge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct reader {
	const char *p, *end;
};

static int is_token(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static void skip_blank(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t'))
		r->p++;
}

/* Blanks and commas between the elements. */
static void skip_separators(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == ','))
		r->p++;
}

static char *token(struct reader *r)
{
	const char *start = r->p;

	while (r->p < r->end && is_token(*r->p))
		r->p++;
	return strndup(start, (size_t)(r->p - start));
}

/* "..." with backslash escapes; R is behind the opening quote. */
static char *quoted(struct reader *r)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	for (; r->p < r->end && *r->p != '"'; r->p++) {
		if (*r->p == '\\' && ++r->p >= r->end)
			return NULL;
		if ((unsigned char)*r->p < 0x20 || *r->p == 0x7f)
			return NULL;
		(void)strbuf_putc(&b, *r->p); /* failure sticks */
	}
	if (r->p >= r->end)
		return NULL;
	r->p++;
	return strbuf_take(&b);
}

static void put(char **where, char *take_value)
{
	if (*where) { /* the first one counts */
		free(take_value);
		return;
	}
	*where = take_value;
}

/* The value after "NAME=". */
static int parameter(struct reader *r, const char *name, struct challenge *c)
{
	scoped(mem) char *v = NULL;

	skip_blank(r);
	if (r->p < r->end && *r->p == '"') {
		r->p++;
		v = quoted(r);
	} else {
		v = token(r);
	}
	if (!v)
		return -EBADMSG;
	if (!strcasecmp(name, "realm"))
		put(&c->realm, take_ptr(&v));
	else if (!strcasecmp(name, "service"))
		put(&c->service, take_ptr(&v));
	else if (!strcasecmp(name, "scope"))
		put(&c->scope, take_ptr(&v));
	return 0;
}

void challenge_done(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){ 0 };
}

/* Keep the better of the two in BEST, empty NEW. */
static void offer(struct challenge *best, struct challenge *new)
{
	if (new->scheme > best->scheme) {
		struct challenge old = *best;
		*best = *new;
		*new = old;
	}
	challenge_done(new);
}

static enum challenge_scheme scheme_of(const char *word)
{
	if (!strcasecmp(word, "Bearer"))
		return CHALLENGE_BEARER;
	return !strcasecmp(word, "Basic") ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* token68: what Negotiate and NTLM send instead of parameters.  Passed over. */
static void skip_token68(struct reader *r)
{
	const char *p = r->p;

	while (p < r->end && (is_token(*p) || *p == '/'))
		p++;
	const char *pad = p;
	while (p < r->end && *p == '=')
		p++;
	if (p > r->p && (p == r->end || *p == ',' || *p == ' ') &&
	    (p > pad || memchr(r->p, '/', (size_t)(p - r->p))))
		r->p = p;
}

static int parse(struct reader *r, struct challenge *best)
{
	scoped(challenge) struct challenge now = { 0 };

	for (skip_separators(r); r->p < r->end; skip_separators(r)) {
		scoped(mem) char *word = token(r);

		if (!word)
			return -ENOMEM;
		if (!*word)
			return -EBADMSG;
		const char *after = r->p;
		skip_blank(r);
		if (r->p < r->end && *r->p == '=') {
			r->p++;
			if (parameter(r, word, &now) < 0)
				return -EBADMSG;
			if (r->p < r->end && !strchr(" \t,", *r->p))
				return -EBADMSG;
			continue;
		}
		if (after < r->end && !strchr(" \t,", *after))
			return -EBADMSG;
		offer(best, &now);
		now.scheme = scheme_of(word);
		skip_token68(r);
	}
	offer(best, &now);
	return 0;
}

int challenge_parse(const char *value, size_t n, struct challenge *c, struct err *e)
{
	struct reader r = { value, value + n };
	int rc;

	if (n > CHALLENGE_HEADER_MAX)
		return err_set(e, -E2BIG, "WWW-Authenticate header of %zu bytes is too large", n);
	rc = memchr(value, '\0', n) ? -EBADMSG : parse(&r, c);
	if (rc == -EBADMSG)
		return err_set(e, rc, "invalid WWW-Authenticate header");
	return rc < 0 ? err_errno(e, rc, "read WWW-Authenticate") : 0;
}
