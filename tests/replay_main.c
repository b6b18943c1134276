/* SPDX-License-Identifier: Apache-2.0 */
/* main() for fuzz targets outside of a fuzzing build: gives each file named on the command line to
 * the target once, in memory of exactly its size so that sanitizers and valgrind see every byte too
 * far. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int replay(const char *path)
{
	scoped(file) FILE *f = fopen(path, "re");
	scoped(mem) uint8_t *bytes = NULL;
	long n;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (n = ftell(f)) < 0 || fseek(f, 0, SEEK_SET) < 0) {
		perror(path);
		return 1;
	}
	bytes = malloc(n ? (size_t)n : 1);
	if (!bytes || fread(bytes, 1, (size_t)n, f) != (size_t)n) {
		perror(path);
		return 1;
	}
	(void)printf("%s\n", path);
	(void)fflush(stdout); /* names the culprit when the target dies */
	(void)LLVMFuzzerTestOneInput(bytes, (size_t)n);
	return 0;
}

int main(int argc, char **argv)
{
	int status = 0;
	for (int i = 1; i < argc; i++)
		status |= replay(argv[i]);
	return status;
}
