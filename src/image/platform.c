/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Names of uname(2) and other spellings. */
static const struct {
	const char *machine, *arch, *variant;
} names[] = {
	{ "x86_64", "amd64", "" },    { "x86-64", "amd64", "" },
	{ "aarch64", "arm64", "v8" }, { "arm64", "arm64", "v8" },
	{ "armv8l", "arm", "v7" },    { "armv7l", "arm", "v7" },
	{ "armhf", "arm", "v7" },     { "arm", "arm", "v7" },
	{ "armv6l", "arm", "v6" },    { "armv5tel", "arm", "v5" },
	{ "armel", "arm", "v6" },     { "i386", "386", "" },
	{ "i486", "386", "" },	      { "i586", "386", "" },
	{ "i686", "386", "" },	      { "loongarch64", "loong64", "" },
};

static void set(char *to, size_t n, const char *s)
{
	(void)snprintf(to, n, "%s", s);
}

void platform_from_machine(const char *machine, struct platform *ret)
{
	*ret = (struct platform){ .os = "linux" };
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!strcmp(names[i].machine, machine)) {
			set(ret->arch, sizeof(ret->arch), names[i].arch);
			set(ret->variant, sizeof(ret->variant), names[i].variant);
			return;
		}
	}
	set(ret->arch, sizeof(ret->arch), machine);
}

void platform_host(struct platform *ret)
{
	struct utsname u;

	if (uname(&u) < 0) /* only a bad pointer can fail */
		u.machine[0] = '\0';
	platform_from_machine(u.machine, ret);
}

static int part_is_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n < 32 && s[n] == '\0';
}

int platform_parse(const char *s, struct platform *ret, struct err *e)
{
	scoped(strv) char **v = strv_split(s, '/');
	struct platform p = { .os = "linux" };
	size_t n = strv_len(v), arch = n > 1 && strcmp(v[0], "arm") != 0 ? 1 : 0;

	if (!v)
		return err_errno(e, ENOMEM, "read a platform");
	for (size_t i = 0; i < n; i++)
		if (!part_is_valid(v[i]))
			n = 0;
	if (n < 1 || n > arch + 2 || str_ends(s, "/"))
		return err_set(e, -EINVAL, "invalid platform '%.80s': it is OS/ARCH[/VARIANT]", s);
	platform_from_machine(v[arch], &p);
	if (arch)
		set(p.os, sizeof(p.os), v[0]);
	if (n > arch + 1)
		set(p.variant, sizeof(p.variant), v[arch + 1]);
	*ret = p;
	return 0;
}

const char *platform_format(const struct platform *p, char buf[100])
{
	(void)snprintf(buf, 100, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
	return buf;
}

int platform_score(const struct platform *want, const struct platform *have)
{
	if (strcmp(want->os, have->os) != 0 || strcmp(want->arch, have->arch) != 0)
		return 0;
	if (!strcmp(want->variant, have->variant))
		return 100;
	/* "v8" is all that arm64 has had for long; documents leave it out as often as not. */
	if (!strcmp(want->arch, "arm64"))
		return !*have->variant || !strcmp(have->variant, "v8") ? 90 : 0;
	/* An ARM core runs what was made for older ones; without a variant anything may be meant.
	 */
	if (!strcmp(want->arch, "arm")) {
		if (!*have->variant)
			return 1;
		return have->variant[0] == 'v' && strcmp(have->variant, want->variant) < 0
			       ? 10 + have->variant[1] - '0'
			       : 0;
	}
	return !*have->variant ? 90 : !*want->variant && !strcmp(have->variant, "v1") ? 80 : 0;
}

int platform_compose(const char *os, const char *arch, const char *variant,
		     char buf[PLATFORM_TEXT_MAX], const char **ret, struct err *e)
{
	struct platform host;

	*ret = NULL;
	arch = arch && *arch ? arch : NULL;
	os = os && *os ? os : NULL;
	variant = variant && *variant ? variant : NULL;
	if (!arch && !os && !variant)
		return 0;
	platform_host(&host);
	if (!variant && !arch && host.variant[0])
		variant = host.variant;
	if (snprintf(buf, PLATFORM_TEXT_MAX, "%s/%s%s%s", os ? os : host.os,
		     arch ? arch : host.arch, variant ? "/" : "",
		     variant ? variant : "") >= PLATFORM_TEXT_MAX)
		return err_set(e, -EINVAL, "the platform's name is too long");
	*ret = buf;
	return 0;
}
