/* SPDX-License-Identifier: Apache-2.0 */
/* cove-subid uid|gid USER: what the name service says of USER's subordinate ids, in the lines of
 * subuid(5).  A program of its own because libsubid brings PAM, SELinux and audit with it. */
#include <errno.h>
#include <shadow/subid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct subid_range *range = NULL;
	FILE *null = fopen("/dev/null", "we");
	int n;

	if (argc != 3 || (strcmp(argv[1], "uid") != 0 && strcmp(argv[1], "gid") != 0)) {
		(void)fputs("usage: cove-subid uid|gid USER\n", stderr);
		return 125;
	}
	(void)subid_init("cove-subid", null); /* false only means that it will write to stderr */
	n = strcmp(argv[1], "uid") == 0 ? subid_get_uid_ranges(argv[2], &range)
					: subid_get_gid_ranges(argv[2], &range);
	for (int i = 0; i < n; i++)
		(void)printf("%s:%lu:%lu\n", argv[2], range[i].start, range[i].count);
	free(range);
	return n < 0 || fflush(stdout) != 0;
}
