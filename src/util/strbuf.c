/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/strbuf.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

void strbuf_init(struct strbuf *b, size_t limit)
{
	memset(b, 0, sizeof(*b));
	b->limit = limit;
}

void strbuf_done(struct strbuf *b)
{
	free(b->s);
	strbuf_init(b, b->limit);
}

void strbuf_reset(struct strbuf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->s)
		b->s[0] = '\0';
}

static int reserve(struct strbuf *b, size_t more)
{
	size_t need, cap;
	char *s;

	if (b->failed)
		return b->failed;
	if (more > SIZE_MAX / 4 || (b->limit && (more > b->limit || b->len > b->limit - more)))
		return b->failed = -E2BIG;
	need = b->len + more + 1;
	if (need <= b->cap)
		return 0;
	for (cap = b->cap ? b->cap : 64; cap < need; cap *= 2)
		;
	s = realloc(b->s, cap);
	if (!s)
		return b->failed = -ENOMEM;
	b->s = s;
	b->cap = cap;
	return 0;
}

int strbuf_add(struct strbuf *b, const void *bytes, size_t n)
{
	int r = reserve(b, n);
	if (r < 0)
		return r;
	if (n)
		memcpy(b->s + b->len, bytes, n);
	b->len += n;
	b->s[b->len] = '\0';
	return 0;
}

int strbuf_puts(struct strbuf *b, const char *s)
{
	return strbuf_add(b, s, strlen(s));
}

int strbuf_putc(struct strbuf *b, char c)
{
	return strbuf_add(b, &c, 1);
}

int strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n, r;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return b->failed = -EINVAL;
	r = reserve(b, (size_t)n);
	if (r < 0)
		return r;
	va_start(ap, fmt);
	(void)vsnprintf(b->s + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
	return 0;
}

char *strbuf_take(struct strbuf *b)
{
	char *s;
	if (reserve(b, 0) < 0) {
		strbuf_done(b);
		return NULL;
	}
	b->s[b->len] = '\0';
	s = b->s;
	b->s = NULL;
	strbuf_done(b);
	return s;
}

char *str_printf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}

int strv_has(char *const *v, const char *s)
{
	for (; s && v && *v; v++)
		if (strcmp(*v, s) == 0)
			return 1;
	return 0;
}

size_t strv_len(char *const *v)
{
	size_t n = 0;
	while (v && v[n])
		n++;
	return n;
}

int strv_add(char ***v, const char *s)
{
	size_t n = strv_len(*v);
	char **w = realloc(*v, (n + 2) * sizeof(*w));
	if (!w)
		return -ENOMEM;
	*v = w;
	w[n + 1] = NULL;
	w[n] = strdup(s);
	return w[n] ? 0 : -ENOMEM;
}

void strv_free(char **v)
{
	scoped_strv(&v);
}

char **strv_copy(char *const *v)
{
	char **w = calloc(strv_len(v) + 1, sizeof(*w));
	for (size_t i = 0; w && v && v[i]; i++) {
		w[i] = strdup(v[i]);
		if (!w[i]) {
			strv_free(w);
			return NULL;
		}
	}
	return w;
}

char **strv_split(const char *s, char sep)
{
	char **v = calloc(1, sizeof(*v));
	while (v && *s) {
		const char *end = strchrnul(s, sep);
		scoped(mem) char *part = strndup(s, (size_t)(end - s));
		if (!part || strv_add(&v, part) < 0) {
			strv_free(v);
			return NULL;
		}
		s = *end ? end + 1 : end;
	}
	return v;
}

int str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

int str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);
	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_in_words(const char *s, size_t n, const char *words)
{
	while (words && *words) {
		size_t len = strcspn(words, "|");
		if (len == n && memcmp(words, s, n) == 0)
			return 1;
		words += len + (words[len] == '|');
	}
	return 0;
}

int str_to_u64(const char *s, unsigned long long max, unsigned long long *ret)
{
	unsigned long long v = 0;
	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned d = (unsigned)(*s - '0');
		if (d > 9)
			return -EINVAL;
		if (v > (UINT64_MAX - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	if (v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}
