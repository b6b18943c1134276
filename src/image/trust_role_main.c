/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/trust_role.h"

int main(void)
{
	return role_trust_main();
}
