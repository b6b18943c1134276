/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/signals.h"

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "src/util/strbuf.h"

int signal_from_name(const char *s)
{
	unsigned long long n = 0;

	if (str_to_u64(s, SIGRTMAX, &n) == 0)
		return n > 0 ? (int)n : -EINVAL;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN", 5) == 0 || strncasecmp(s, "RTMAX", 5) == 0) {
		int base = toupper((unsigned char)s[4]) == 'N' ? SIGRTMIN : SIGRTMAX;
		if (!s[5])
			return base;
		if ((s[5] == '+' || s[5] == '-') && str_to_u64(s + 6, 32, &n) == 0) {
			base += s[5] == '+' ? (int)n : -(int)n;
			return base >= SIGRTMIN && base <= SIGRTMAX ? base : -EINVAL;
		}
		return -EINVAL;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *name = sigabbrev_np(i); /* glibc 2.32 */
		if (name && strcasecmp(name, s) == 0)
			return i;
	}
	return -EINVAL;
}
