/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in a store of Podman's: document "signature-HEX" of an image has those of the manifest
 * with that digest one behind the other, and the image's "metadata" (JSON in a string) says how
 * long each is: {"signatures-sizes": {DIGEST: [N, ...]}}. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/image/catalogue.h"
#include "src/image/reference.h"
#include "src/image/signature.h"
#include "src/store/store.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/names.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

int catalogue_add_signature(struct store *db, const char *id, const char *digest, int64_t position,
			    const char *text, struct err *e)
{
	int r;

	if (!digest || !digest_is_valid(digest) || !text ||
	    strlen(text) > (size_t)SIGNATURE_MAX / 3 * 4 + 4 || position < 0 ||
	    position >= SIGNATURES_MAX)
		return 0;
	r = store_exec(db, e,
		       "INSERT OR IGNORE INTO image_signature (image_id, digest, position, bytes) "
		       "SELECT id, ?, ?, ? FROM image WHERE id = ?",
		       "siss", digest, position, text, id);
	return r < 0 ? r : 0;
}

/* BYTES cut into pieces as SIZES says. */
static int cut(struct store *db, const char *id, const char *digest, json_object *sizes,
	       const char *bytes, size_t n, struct err *e)
{
	for (size_t k = 0; k < json_len(sizes) && k < SIGNATURES_MAX; k++) {
		json_object *v = json_object_array_get_idx(sizes, k);
		int64_t size = json_object_is_type(v, json_type_int) ? json_object_get_int64(v) : 0;
		scoped(mem) char *text = NULL;

		if (size <= 0 || size > SIGNATURE_MAX || (size_t)size > n)
			return 0;
		text = base64_encode(bytes, (size_t)size);
		if (!text)
			return err_errno(e, ENOMEM, "read signatures");
		if (catalogue_add_signature(db, id, digest, (int64_t)k, text, e) < 0)
			return e->code;
		bytes += size;
		n -= (size_t)size;
	}
	return 0;
}

static int read_one(const char *root, struct store *db, const char *id, const char *digest,
		    json_object *sizes, struct err *e)
{
	scoped(mem) char *key = NULL;
	scoped(mem) char *path = NULL;
	scoped(mem) char *bytes = NULL;
	struct err ignored;
	size_t n = 0;

	if (!digest_is_valid(digest) || !json_len(sizes))
		return 0;
	key = str_printf("signature-%s", digest_hex(digest));
	path = key ? catalogue_podman_document(root, id, key) : NULL;
	if (!path)
		return err_errno(e, ENOMEM, "read signatures");
	/* What is missing here is missed by whoever asks for it. */
	if (path_read(AT_FDCWD, path, (size_t)SIGNATURE_MAX * 4, &bytes, &n, &ignored) < 0)
		return 0;
	return cut(db, id, digest, sizes, bytes, n, e);
}

static int read_image(const char *root, json_object *image, struct store *db, struct err *e)
{
	const char *id = json_get_str(image, "id"), *text = json_get_str(image, "metadata");
	scoped(json) json_object *metadata = NULL;
	json_object *all;
	struct err ignored;

	if (!id || !id_is_prefix(id) || !text ||
	    json_parse(text, strlen(text), &metadata, &ignored) < 0)
		return 0;
	all = json_get(metadata, "signatures-sizes");
	if (!json_object_is_type(all, json_type_object))
		return 0;
	json_object_object_foreach(all, digest, sizes)
	{
		if (read_one(root, db, id, digest, sizes, e) < 0)
			return e->code;
	}
	return 0;
}

int catalogue_read_podman_signatures(const char *root, const char *images, size_t n,
				     struct store *db, struct err *e)
{
	scoped(json) json_object *list = NULL;
	int r = n ? json_parse(images, n, &list, e) : 0;

	for (size_t i = 0; r == 0 && i < json_len(list); i++)
		r = read_image(root, json_object_array_get_idx(list, i), db, e);
	return r;
}
