/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "src/image/trust_role.h"

int main(void)
{
	/* Not through exit(): libcrypto would take everything it knows apart, which costs more than
	 * a millisecond that the engine waits for. */
	_exit(role_trust_main());
}
