/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "src/image/crypt_role.h"

int main(void)
{
	_exit(role_crypt_main()); /* not through exit(), as cove-trust */
}
