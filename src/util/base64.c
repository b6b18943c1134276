/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/scoped.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Not by searching: archives come this way, too. */
static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *text, size_t n, unsigned char **ret, size_t *ret_len, struct err *e)
{
	scoped(mem) unsigned char *out = malloc(n / 4 * 3 + 4);
	unsigned bits = 0, have = 0;
	size_t len = 0, i = 0, pads = 0;

	if (!out)
		return err_errno(e, ENOMEM, "decode base64");
	for (; i < n; i++) {
		int d = digit(text[i]);

		if (d < 0 && text[i] && strchr("\r\n\t ", text[i]))
			continue;
		if (text[i] == '=' && ++pads <= 2)
			continue;
		if (d < 0 || pads)
			return err_set(e, -EBADMSG, "it is no base64");
		bits = bits << 6 | (unsigned)d;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[len++] = (unsigned char)(bits >> have);
		}
	}
	if (have >= 6 || (bits & ((1U << have) - 1)))
		return err_set(e, -EBADMSG, "it is no base64");
	out[len] = '\0';
	*ret = take_ptr(&out);
	*ret_len = len;
	return 0;
}

char *base64_encode(const void *bytes, size_t n)
{
	const unsigned char *in = bytes;
	char *out = malloc((n + 2) / 3 * 4 + 1), *p = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)in[i] << 16 | (i + 1 < n ? (unsigned)in[i + 1] << 8 : 0) |
			     (i + 2 < n ? in[i + 2] : 0);

		*p++ = digits[v >> 18];
		*p++ = digits[v >> 12 & 63];
		*p++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*p++ = i + 2 < n ? digits[v & 63] : '=';
	}
	*p = '\0';
	return out;
}

int base64url_decode(const char *text, size_t n, unsigned char **ret, size_t *ret_len,
		     struct err *e)
{
	scoped(mem) char *usual = strndup(text, n);

	if (!usual)
		return err_errno(e, ENOMEM, "decode base64");
	for (char *p = usual; *p; p++)
		*p = (char)(*p == '-'		       ? '+'
			    : *p == '_'		       ? '/'
			    : strchr("+/=\r\n\t ", *p) ? '!'
						       : *p);
	return base64_decode(usual, strlen(usual), ret, ret_len, e);
}

char *base64url_encode(const void *bytes, size_t n)
{
	char *out = base64_encode(bytes, n);

	for (char *p = out; p && *p; p++) {
		if (*p == '=') {
			*p = '\0';
			break;
		}
		*p = (char)(*p == '+' ? '-' : *p == '/' ? '_' : *p);
	}
	return out;
}
