/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/capability.h>

#include "src/util/testing.h"
#include "userns/caps.h"

TEST(capability_names_in_every_spelling)
{
	CHECK_INT(caps_from_name("CAP_NET_ADMIN"), CAP_NET_ADMIN);
	CHECK_INT(caps_from_name("NET_ADMIN"), CAP_NET_ADMIN);
	CHECK_INT(caps_from_name("net_admin"), CAP_NET_ADMIN);
	CHECK_INT(caps_from_name("cap_Net_Admin"), CAP_NET_ADMIN);
	CHECK_INT(caps_from_name("CHOWN"), 0);
	CHECK_INT(caps_from_name(""), -EINVAL);
	CHECK_INT(caps_from_name("CAP_"), -EINVAL);
	CHECK_INT(caps_from_name("all"), -EINVAL);
	CHECK_INT(caps_from_name("CAP_CAP_CHOWN"), -EINVAL);
	CHECK_INT(caps_from_name("12"), -EINVAL);
	CHECK_INT(caps_from_name("0"), -EINVAL);
	CHECK_INT(caps_from_name("NET_ADMIN,SYS_ADMIN"), -EINVAL);
	CHECK_INT(caps_from_name("net_admin_and_a_name_that_is_longer_than_any_buffer_for_such_"
				 "names_should_be"),
		  -EINVAL);
}

TEST(capability_names_round)
{
	caps_set all = caps_all();

	for (int i = 0; i < 64; i++) {
		char name[40];
		if (!(all & CAPS_BIT(i)))
			continue;
		if (strncmp(caps_name(i, name), "CAP_", 4) != 0) /* newer than libcap: a number */
			continue;
		CHECK_INT(caps_from_name(name), i);
	}
}

TEST(default_capabilities_are_the_eleven)
{
	CHECK_INT(__builtin_popcountll(caps_default()), 11);
	CHECK((caps_default() &
	       (CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_NET_ADMIN) | CAPS_BIT(CAP_NET_RAW) |
		CAPS_BIT(CAP_MKNOD) | CAPS_BIT(CAP_SYS_PTRACE))) == 0);
	CHECK((caps_default() & ~caps_all()) == 0);
}

TEST_MAIN
