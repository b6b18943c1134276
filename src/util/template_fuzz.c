/* SPDX-License-Identifier: Apache-2.0 */
/* Template text up to the first NUL, JSON behind it (or a sample when there is none). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char sample[] =
		"{\"ID\":\"abc\",\"N\":3,\"F\":1.5,\"L\":[\"a\",{\"b\":null}],"
		"\"Labels\":{\"x\":\"y\"},\"Created\":\"2020-01-02T03:04:05Z\",\"T\":true}";
	static const struct template_schema schema = { .maps = "Labels", .times = "Created" };
	scoped(mem) char *text = calloc(1, n + 1);
	scoped(json) json_object *data = NULL;
	scoped(template) struct template *t = NULL;
	scoped(strbuf) struct strbuf out = STRBUF_INIT;
	struct err e = { 0 };
	size_t len;

	if (!text)
		return 0;
	memcpy(text, bytes, n);
	len = strlen(text);
	if (len < n && json_parse(text + len + 1, n - len - 1, &data, &e) < 0)
		return 0;
	if (!data && json_parse(sample, sizeof(sample) - 1, &data, &e) < 0)
		abort();
	strbuf_init(&out, 1 << 20);
	err_clear(&e);
	if (template_parse("fuzz", text, &t, &e) == 0)
		(void)template_run(t, data, &schema, &out, &e);
	return 0;
}
