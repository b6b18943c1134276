/* SPDX-License-Identifier: Apache-2.0 */
/* Operating system, architecture and variant, in the names that images use (Go's). */
#ifndef COVE_IMAGE_PLATFORM_H
#define COVE_IMAGE_PLATFORM_H

#include "src/util/err.h"

struct platform {
	char os[32], arch[32], variant[32]; /* "" when not known */
};

/* That of this host, by uname(2). */
void platform_host(struct platform *ret);
/* The same from uname's MACHINE: "x86_64", "armv7l", ...; an unknown one is taken as it is. */
void platform_from_machine(const char *machine, struct platform *ret);
/* "os/arch[/variant]", or "arch" alone for linux; other spellings ("x86_64", "aarch64", "arm/v7")
 * are brought to the usual ones.  -EINVAL. */
int platform_parse(const char *s, struct platform *ret, struct err *e);
#define PLATFORM_TEXT_MAX 128
/* What OS, ARCH and VARIANT (NULL: not said) ask for, in the form of platform_parse(): *RET is NULL
 * when nothing was said, else BUF.  The host's own variant says nothing about another architecture.
 * -EINVAL. */
int platform_compose(const char *os, const char *arch, const char *variant,
		     char buf[PLATFORM_TEXT_MAX], const char **ret, struct err *e);
/* "os/arch[/variant]" in BUF. */
const char *platform_format(const struct platform *p, char buf[100]);
/* How well does an image of HAVE run where WANT is asked for?  0: not at all; more is better. */
int platform_score(const struct platform *want, const struct platform *have);

#endif
