/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/assemble_role.h"

int main(int argc, char **argv)
{
	return role_assemble_main(argc, argv);
}
