/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest of schema 1, or the config of an image that becomes one. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/schema1.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define D "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* What was put together is JSON. */
static void check(const char *text)
{
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	assert(json_parse(text, strlen(text), &o, &e) == 0);
}

static void read_manifest(const char *bytes, size_t n)
{
	char *diff_ids[] = { D, D, NULL };
	const char *digests[LAYERS_MAX];
	scoped(schema1) struct schema1 s = { 0 };
	scoped(mem) char *config = NULL;
	scoped(mem) char *again = NULL;
	struct schema1_make m = { .old = &s, .digests = digests, .name = "a", .tag = "" };
	struct err e = { 0 };

	if (schema1_parse(bytes, n, &s, &e) < 0)
		return;
	if (schema1_config(bytes, n, diff_ids, &config, &e) == 0)
		check(config);
	for (size_t i = 0; i < s.n; i++)
		if (!s.steps[i].is_empty)
			digests[m.n++] = s.steps[i].blob;
	assert(schema1_make(&m, &again, &e) == 0);
	check(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const char *digests[] = { D };
	scoped(mem) char *text = n ? malloc(n + 1) : NULL; /* callers have a string */
	scoped(mem) char *payload = NULL;
	scoped(mem) char *made = NULL;
	struct schema1_make m = {
		.config_len = n, .digests = digests, .n = 1, .name = "a", .tag = "1"
	};
	struct err e = { 0 };
	size_t len = 0;

	if (!text)
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	if (schema1_payload(text, n, &payload, &len, &e) == 0 && payload)
		read_manifest(payload, len);
	read_manifest(text, n);
	m.config = text;
	if (schema1_make(&m, &made, &e) == 0)
		read_manifest(made, strlen(made));
	return 0;
}
