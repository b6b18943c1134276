/* SPDX-License-Identifier: Apache-2.0 */
/* config.dump as the first line, spec.dump as the rest. */
#include <stdint.h>
#include <string.h>

#include "src/container/archived.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static char given[] = "/tmp:/given";
	char *const volumes[] = { given, NULL };
	const char *text = (const char *)bytes;
	const char *line = n ? memchr(text, '\n', n) : NULL;
	scoped(json) json_object *config = NULL;
	scoped(json) json_object *spec = NULL;
	scoped(archived) struct archived a = { 0 };
	struct err e;

	if (line && json_parse(text, (size_t)(line - text), &config, &e) == 0 &&
	    json_parse(line + 1, n - (size_t)(line + 1 - text), &spec, &e) == 0)
		(void)archived_parse(config, spec, volumes, NULL, &a, &e);
	return 0;
}
