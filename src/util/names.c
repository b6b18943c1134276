/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/names.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

int name_is_valid(const char *s)
{
	size_t n = strlen(s);
	if (n == 0 || n > 255 || !isalnum((unsigned char)s[0]) || (s[0] & 0x80))
		return 0;
	for (size_t i = 0; i < n; i++)
		if ((s[i] & 0x80) || !(isalnum((unsigned char)s[i]) || strchr("_.-", s[i])))
			return 0;
	return 1;
}

int id_random(char *buf, size_t n)
{
	unsigned char raw[ID_LEN];
	static const char hex[] = "0123456789abcdef";

	if (n > sizeof(raw))
		return -EINVAL;
	if (getrandom(raw, n, 0) != (ssize_t)n)
		return errno ? -errno : -EIO;
	for (size_t i = 0; i < n; i++)
		buf[i] = hex[raw[i] & 15];
	buf[n] = '\0';
	return 0;
}

int id_is_prefix(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");
	return n >= 1 && n <= ID_LEN && s[n] == '\0';
}

/* Length of a well-formed UTF-8 sequence at S that is no control character, else 0. */
static size_t printable_utf8(const unsigned char *s)
{
	uint32_t c;
	size_t n;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	n = s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 0;
	if (!n || s[0] >= 0xf5)
		return 0;
	c = s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < 0xa0 || (c >= 0x2028 && c <= 0x202e) || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return 0;
	return n;
}

int name_is_printable(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n;

	while (*p && (n = printable_utf8(p)))
		p += n;
	return !*p;
}

int name_escape(struct strbuf *b, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	while (*p) {
		size_t n = printable_utf8(p);
		if (n)
			(void)strbuf_add(b, p, n);
		else
			(void)strbuf_printf(b, "\\x%02x", *p);
		p += n ? n : 1;
	}
	return b->failed;
}

void name_random(char *buf)
{
	static const char *const first[] = {
		"amber", "brave",  "bright", "calm",	"clear",  "crisp",  "deep",   "eager",
		"early", "fair",   "fleet",  "fresh",	"gentle", "glad",   "golden", "green",
		"happy", "hardy",  "keen",   "kind",	"light",  "lively", "lucid",  "mellow",
		"merry", "neat",   "noble",  "patient", "plain",  "proud",  "quick",  "quiet",
		"ready", "silver", "sleek",  "smart",	"solid",  "steady", "still",  "sunny",
		"swift", "tidy",   "warm",   "wise",
	};
	static const char *const second[] = {
		"anchor", "bay",    "beach",  "boat",	 "breeze", "buoy",    "cape",  "cliff",
		"coast",  "coral",  "crab",   "current", "delta",  "dolphin", "dune",  "fjord",
		"gull",	  "harbor", "heron",  "inlet",	 "island", "jetty",   "keel",  "kelp",
		"lagoon", "mast",   "otter",  "pearl",	 "pier",   "plover",  "quay",  "reef",
		"ripple", "sail",   "salmon", "sand",	 "seal",   "shell",   "shoal", "shore",
		"spray",  "tern",   "tide",   "wave",
	};
	uint32_t r[2] = { 0, 0 };
	if (getrandom(r, sizeof(r), 0) < 0)
		r[0] = r[1] = 0;
	(void)snprintf(buf, 64, "%s_%s", first[r[0] % (sizeof(first) / sizeof(first[0]))],
		       second[r[1] % (sizeof(second) / sizeof(second[0]))]);
}
