/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "overlay/assemble_role.h"

int main(int argc, char **argv)
{
	/* No destructors: the root has no files for a leak report. */
	_exit(role_assemble_main(argc, argv));
}
