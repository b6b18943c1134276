/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/compress.h"

int main(int argc, char **argv)
{
	return role_compress_main(argc, argv);
}
