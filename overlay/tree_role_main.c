/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "overlay/tree_role.h"

int main(int argc, char **argv)
{
	_exit(role_tree_main(argc, argv)); /* the root has no files for a leak report */
}
