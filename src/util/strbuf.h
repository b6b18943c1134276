/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer with a limit, always NUL-terminated. */
#ifndef COVE_UTIL_STRBUF_H
#define COVE_UTIL_STRBUF_H

#include <stddef.h>

#include "src/util/scoped.h"

struct strbuf {
	char *s;      /* NULL while empty, else NUL-terminated */
	size_t len;   /* bytes without the NUL */
	size_t cap;   /* allocated */
	size_t limit; /* 0: no limit; more is an error that sticks */
	int failed;   /* 0, -ENOMEM or -E2BIG: sticky, so that callers may check once at the end */
};
#define STRBUF_INIT \
	{           \
		0   \
	}

/* Every adder returns 0 or the sticky failure. */
void strbuf_init(struct strbuf *b, size_t limit);
void strbuf_done(struct strbuf *b);
int strbuf_add(struct strbuf *b, const void *bytes, size_t n);
int strbuf_puts(struct strbuf *b, const char *s);
int strbuf_putc(struct strbuf *b, char c);
int strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_reset(struct strbuf *b);
/* Give the string away (an empty buffer gives ""): NULL when out of memory or when an adder failed.
 */
char *strbuf_take(struct strbuf *b);

static inline __attribute__((unused)) void scoped_strbuf(struct strbuf *b)
{
	strbuf_done(b);
}

/* printf into fresh memory; NULL when out of memory. */
char *str_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A NULL-terminated list of owned strings; v may be NULL (empty).  strv_add copies S.  0 or
 * -ENOMEM. */
int strv_add(char ***v, const char *s);
size_t strv_len(char *const *v);
/* Is S one of V?  NULL: no. */
int strv_has(char *const *v, const char *s);
char **strv_copy(char *const *v);
void strv_free(char **v);
/* Split S at SEP into a fresh list ("" gives an empty list).  NULL when out of memory. */
char **strv_split(const char *s, char sep);

/* Prefix and suffix tests. */
int str_starts(const char *s, const char *prefix);
int str_ends(const char *s, const char *suffix);
/* Are the N bytes at S one of the words of "a|b|c"?  NULL WORDS: no. */
int str_in_words(const char *s, size_t n, const char *words);
/* Strict decimal: the whole string, 0..max.  0 or -EINVAL / -ERANGE. */
int str_to_u64(const char *s, unsigned long long max, unsigned long long *ret);

#endif
