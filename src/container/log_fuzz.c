/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a log file. */
#include <assert.h>
#include <stdint.h>

#include "src/container/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct log_line l;
	const char *line = (const char *)bytes;

	if (log_parse(line, n, &l) == 0) {
		assert(l.text >= line && l.text + l.n == line + n);
		assert(l.stamp == line && l.stamp_len < n);
	}
	return 0;
}
