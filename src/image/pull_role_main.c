/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_role.h"

int main(void)
{
	return role_pull_main();
}
