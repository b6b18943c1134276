/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts apart from any store: their names and what their manifests name. */
#include <errno.h>

#include "src/image/artifact_store.h"
#include "src/image/reference.h"
#include "src/util/json.h"

int artifact_name(const char *text, char **ret, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };

	if (reference_parse(text, &ref, e) < 0)
		return e->code;
	if (!ref.registry && reference_qualify(&ref, "localhost", e) < 0)
		return e->code;
	*ret = ref.digest && !ref.tag ? reference_format(&ref) : reference_name(&ref);
	return *ret ? 0 : err_errno(e, ENOMEM, "name an artifact");
}

json_object *artifact_blob(json_object *manifest, size_t i)
{
	json_object *layers = json_get(manifest, "layers");

	if (i == 0)
		return json_get(manifest, "config");
	return i <= json_len(layers) ? json_object_array_get_idx(layers, i - 1) : NULL;
}
