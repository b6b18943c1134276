/* SPDX-License-Identifier: Apache-2.0 */
/* A program that makes a single system call: it ends with status 42.  What fails in a container
 * that runs it failed before it. */
#include "userns/bare.h"

#ifdef BARE
void bare_main(void) __attribute__((noreturn, used));
void bare_main(void)
{
	for (;;)
		(void)call(SYS_exit_group, 42, 0, 0, 0, 0);
}
BARE_START(bare_main);
#else
int main(void)
{
	return 42;
}
#endif
