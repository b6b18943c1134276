/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "src/image/archive.h"

int main(int argc, char **argv)
{
	/* No destructors: a thread may still be at work, and the root has no files for a leak
	 * report. */
	_exit(role_archive_main(argc, argv));
}
