/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/caps.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "src/util/scoped.h"

static void cap_release(cap_t c)
{
	if (c)
		(void)cap_free(c);
}
DEFINE_SCOPED(cap, cap_t, cap_release);

int caps_have_effective(int n)
{
	scoped(cap) cap_t c = cap_get_proc();
	cap_flag_value_t v = CAP_CLEAR;
	return c && cap_get_flag(c, n, CAP_EFFECTIVE, &v) == 0 && v == CAP_SET;
}

int caps_from_name(const char *name)
{
	char buf[64];
	cap_value_t v;
	size_t i;

	if (strncasecmp(name, "cap_", 4) == 0)
		name += 4;
	/* libcap stops at the first character that is no part of a name: "kill,chown" would be
	 * "kill". */
	for (i = 0; name[i]; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return -EINVAL;
	if (snprintf(buf, sizeof(buf), "cap_%s", name) >= (int)sizeof(buf))
		return -EINVAL;
	for (i = 0; buf[i]; i++)
		buf[i] = (char)tolower((unsigned char)buf[i]);
	return cap_from_name(buf, &v) < 0 ? -EINVAL : v;
}

const char *caps_name(int n, char *buf)
{
	char *s = cap_to_name(n);
	(void)snprintf(buf, 40, "%s", s ? s : "unknown");
	if (s)
		(void)cap_free(s);
	for (size_t i = 0; buf[i]; i++)
		buf[i] = (char)toupper((unsigned char)buf[i]);
	return buf;
}

caps_set caps_all(void)
{
	int n = cap_max_bits();
	return n >= 64 ? ~(caps_set)0 : CAPS_BIT(n) - 1;
}

caps_set caps_permitted(void)
{
	scoped(cap) cap_t c = cap_get_proc();
	cap_flag_value_t v;
	caps_set s = 0;

	for (int i = 0; c && i < cap_max_bits() && i < 64; i++)
		if (cap_get_flag(c, i, CAP_PERMITTED, &v) == 0 && v == CAP_SET)
			s |= CAPS_BIT(i);
	return s;
}

caps_set caps_bounding(void)
{
	caps_set s = 0;
	for (int i = 0; i < cap_max_bits() && i < 64; i++)
		if (cap_get_bound(i) == 1)
			s |= CAPS_BIT(i);
	return s;
}

caps_set caps_container(uid_t uid)
{
	return uid ? caps_all() : caps_bounding();
}

caps_set caps_default(void)
{
	return CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) |
	       CAPS_BIT(CAP_FSETID) | CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_NET_BIND_SERVICE) |
	       CAPS_BIT(CAP_SETFCAP) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETPCAP) |
	       CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SYS_CHROOT);
}

int caps_limit_bounding(caps_set keep, struct err *e)
{
	for (int i = 0; i < cap_max_bits() && i < 64; i++)
		if (!(keep & CAPS_BIT(i)) && cap_drop_bound(i) < 0)
			return err_sys(e, "drop capability %d from the bounding set", i);
	return 0;
}

static int set_flag(cap_t c, cap_flag_t flag, caps_set s)
{
	cap_value_t list[64];
	int n = 0;
	for (int i = 0; i < 64; i++)
		if (s & CAPS_BIT(i))
			list[n++] = i;
	return n ? cap_set_flag(c, flag, n, list, CAP_SET) : 0;
}

int caps_apply(const struct caps *want, struct err *e)
{
	scoped(cap) cap_t c = cap_init();

	if (!c || set_flag(c, CAP_EFFECTIVE, want->effective) < 0 ||
	    set_flag(c, CAP_PERMITTED, want->permitted) < 0 ||
	    set_flag(c, CAP_INHERITABLE, want->inheritable) < 0 || cap_set_proc(c) < 0)
		return err_sys(e, "set capabilities");
	/* Linux 4.3: ambient capabilities; an older kernel has none to clear. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return want->ambient ? err_sys(e, "set ambient capabilities") : 0;
	for (int i = 0; i < 64; i++)
		if ((want->ambient & CAPS_BIT(i)) && cap_set_ambient(i, CAP_SET) < 0)
			return err_sys(e, "make capability %d ambient", i);
	return 0;
}
