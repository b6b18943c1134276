/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/registries.h"
#include "src/util/toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void resolve(const struct registries *r, const char *text)
{
	scoped(reference) struct reference name = { 0 };
	struct reference *list = NULL;
	struct err e = { 0 };
	size_t n = 0;

	if (reference_parse(text, &name, &e) < 0 ||
	    registries_candidates(r, &name, &list, &n, &e) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		struct registry_source *places = NULL;
		size_t k = 0;

		assert(list[i].registry);
		err_clear(&e);
		if (registries_sources(r, &list[i], &places, &k, &e) < 0)
			continue;
		for (size_t j = 0; j < k; j++)
			assert(places[j].ref.registry && places[j].ref.repository);
		registry_sources_free(places, k);
	}
	reference_list_free(list, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(registries) struct registries *r = calloc(1, sizeof(*r));
	scoped(json) json_object *o = NULL;
	struct err e = { 0 };

	r->path = strdup("registries.conf");
	r->aliases = json_object_new_object();
	r->origins = json_object_new_object();
	if (!r->path || toml_parse((const char *)bytes, n, "registries.conf", &o, &e) < 0 ||
	    registries_merge(r, o, "registries.conf", &e) < 0)
		return 0;
	resolve(r, "busybox");
	resolve(r, "one.example/team/app:1");
	resolve(r, "a.wild.example:5000/x");
	return 0;
}
