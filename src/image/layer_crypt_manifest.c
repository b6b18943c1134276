/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored of an image whose layers were decrypted.  Not in layer_crypt.c, because the role
 * `pull` has no store. */
#include <stdlib.h>
#include <string.h>

#include "src/image/image_store.h"
#include "src/image/layer_crypt.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define ENC_PREFIX  "org.opencontainers.image.enc."
#define PLAIN_LAYER "application/vnd.oci.image.layer.v1.tar"

json_object *layer_crypt_annotations(json_object *old)
{
	json_object *o = NULL;

	if (!json_object_is_type(old, json_type_object))
		return NULL;
	json_object_object_foreach(old, name, value)
	{
		if (str_starts(name, ENC_PREFIX))
			continue;
		if (!o)
			o = json_object_new_object();
		json_put(o, name, json_object_get(value));
	}
	return o;
}

/* That of layer I, whose media type is TYPE and "+encrypted". */
static int decrypted(struct engine *en, json_object *old, const char *type,
		     const struct image_new_layer *layers, size_t i, json_object **ret,
		     struct err *e)
{
	const struct image_new_layer *l = &layers[i];
	json_object *notes = layer_crypt_annotations(json_get(old, "annotations"));
	int64_t size = 0, ignored;

	for (size_t k = 0; k < i && !l->tmp_path; k++)
		if (layers[k].tmp_path && *layers[k].blob_digest &&
		    !strcmp(layers[k].diff_id, l->diff_id))
			l = &layers[k];
	if (l->tmp_path && *l->blob_digest) {
		*ret = manifest_descriptor(type, l->blob_digest, l->blob_size);
	} else if (image_layer_sizes(en, l->diff_id, &size, &ignored, e) < 0) {
		json_free(notes);
		return e->code == -ENOENT ? err_set(e, -EAGAIN,
						    "layer %s was removed by somebody else "
						    "meanwhile",
						    l->diff_id)
					  : e->code;
	} else {
		*ret = manifest_descriptor(PLAIN_LAYER, l->diff_id, size);
	}
	if (notes)
		json_put(*ret, "annotations", notes);
	return 0;
}

int layer_crypt_manifest(struct engine *en, const char *bytes, size_t n,
			 const struct image_new_layer *layers, size_t n_layers, char **ret,
			 struct err *e)
{
	scoped(json) json_object *doc = NULL;
	json_object *list;

	if (json_parse(bytes, n, &doc, e) < 0)
		return e->code;
	list = json_get(doc, "layers");
	for (size_t i = 0; i < n_layers && i < json_len(list); i++) {
		json_object *old = json_object_array_get_idx(list, i), *new = NULL;
		const char *type = json_get_str(old, "mediaType");
		const char *end = type ? strstr(type, MEDIA_ENCRYPTED) : NULL;
		scoped(mem) char *plain = end ? strndup(type, (size_t)(end - type)) : NULL;

		if (!plain)
			continue;
		if (decrypted(en, old, plain, layers, i, &new, e) < 0)
			return e->code;
		(void)json_object_array_put_idx(list, i, new);
	}
	*ret = json_text(doc);
	return *ret ? 0 : err_errno(e, ENOMEM, "write a manifest");
}
