/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "src/cli/exit.h"
#include "src/util/testing.h"

TEST(statuses_follow_the_rule_of_the_verb)
{
	CHECK_INT(exit_status(EXIT_ENGINE, -ENOENT), 125);
	CHECK_INT(exit_status(EXIT_OBJECT, -ENOENT), 1);
	CHECK_INT(exit_status(EXIT_OBJECT, -EBUSY), 2);
	CHECK_INT(exit_status(EXIT_OBJECT, -EIO), 125);
	CHECK_INT(exit_status(EXIT_EXEC, -ENOENT), 127);
	CHECK_INT(exit_status(EXIT_EXEC, -EACCES), 126);
	CHECK_INT(exit_status(EXIT_EXEC, -EINVAL), 125);
}

TEST(the_worst_failure_wins)
{
	int s = exit_worse(EXIT_OBJECT, 0, -ENOENT);
	CHECK_INT(s, 1);
	s = exit_worse(EXIT_OBJECT, s, -EBUSY);
	CHECK_INT(exit_worse(EXIT_OBJECT, s, -ENOENT), 2);
	CHECK_INT(exit_worse(EXIT_OBJECT, s, -EIO), 125);
}

TEST_MAIN
