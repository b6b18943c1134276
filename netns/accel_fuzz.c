/* SPDX-License-Identifier: Apache-2.0 */
/* Any address of a connect(2): what is accelerated is none of those that must not be, and is kept
 * as it was. */
#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "netns/accel_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The same rules in other words. */
static int is_closed(uint32_t a)
{
	return a >> 24 == 0 || a >> 24 == 127 || a >> 16 == 0xa9fe || a >> 8 == 0x0a0002 ||
	       a >= 0xe0000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct accel_hello h = { .version = ACCEL_VERSION, .addresses = net_private };
	struct accel_rules rules;

	assert(accel_rules_make(&h, &rules) == 0);
	for (int i = 0; i < 2; i++) {
		union address a;
		/* Nothing is the container's own and outside of it. */
		assert(!accel_is_own(&rules, families[i], bytes, n, &a) ||
		       !accel_decide(&rules, families[i], bytes, n, &a));
		if (!accel_decide(&rules, families[i], bytes, n, &a))
			continue;
		assert(a.any.sa_family == families[i] && memcmp(&a, bytes, 4) == 0);
		if (families[i] == AF_INET) {
			assert(!is_closed(ntohl(a.in.sin_addr.s_addr)));
		} else {
			const uint8_t *b = a.in6.sin6_addr.s6_addr;
			uint32_t low;
			memcpy(&low, b + 12, 4);
			assert(memcmp(b, bytes + 8, 16) == 0 && b[0] != 0xff);
			if (IN6_IS_ADDR_V4MAPPED(&a.in6.sin6_addr))
				assert(!is_closed(ntohl(low)));
			else
				assert(!IN6_IS_ADDR_LINKLOCAL(&a.in6.sin6_addr) &&
				       !IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr) &&
				       memcmp(b, "\xfd\0\0\0\0\0\0\0", 8) != 0);
		}
	}
	return 0;
}
