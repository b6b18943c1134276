/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts in a store of Podman's (since version 5.4): artifacts/ is an OCI image layout, in whose
 * index they have their names. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "src/image/artifact_store.h"
#include "src/image/catalogue.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

#define REF_NAME "org.opencontainers.image.ref.name"

static int no_memory(struct err *e)
{
	return err_errno(e, ENOMEM, "read artifacts");
}

static char *blob_path(const char *root, const char *digest)
{
	return str_printf("%s/artifacts/blobs/sha256/%s", root, digest_hex(digest));
}

/* The manifest DIGEST: *RET owned, NULL when it is not there or no manifest. */
static int read_manifest(const char *path, const char *digest, json_object **ret, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	char got[SHA256_TEXT_LEN];
	struct err ignored;
	size_t n = 0;
	int r = path_read(AT_FDCWD, path, MANIFEST_MAX, &bytes, &n, &ignored);

	if (r == -ENOMEM)
		return no_memory(e);
	if (r < 0)
		return 0;
	sha256_text(bytes, n, got);
	if (strcmp(got, digest) == 0)
		(void)json_parse(bytes, n, ret, &ignored); /* else it stays NULL */
	return 0;
}

static int add_blobs(const char *root, json_object *manifest, struct store *db, struct err *e)
{
	for (size_t i = 0; i <= LAYERS_MAX && artifact_blob(manifest, i); i++) {
		const char *digest = json_get_str(artifact_blob(manifest, i), "digest");
		scoped(mem) char *path = NULL;

		if (!digest || !digest_is_valid(digest))
			continue;
		path = blob_path(root, digest);
		if (!path)
			return no_memory(e);
		if (catalogue_add_blob(db, digest, path, e) < 0)
			return e->code;
	}
	return 0;
}

/* One entry of the index. */
static int add_artifact(const char *root, json_object *entry, struct store *db, struct err *e)
{
	const char *digest = json_get_str(entry, "digest"),
		   *text = json_get_str(json_get(entry, "annotations"), REF_NAME);
	scoped(json) json_object *manifest = NULL;
	scoped(mem) char *path = NULL;
	scoped(mem) char *name = NULL;
	struct catalogue_artifact a = { .digest = digest };
	struct err ignored;
	int r;

	if (!digest || !digest_is_valid(digest) || !text ||
	    artifact_name(text, &name, &ignored) < 0)
		return 0;
	path = blob_path(root, digest);
	if (!path)
		return no_memory(e);
	if (read_manifest(path, digest, &manifest, e) < 0)
		return e->code;
	if (!manifest)
		return 0;
	a.id = digest_hex(digest);
	a.name = name;
	r = catalogue_add_artifact(db, &a, e);
	if (r <= 0)
		return r;
	r = catalogue_add_blob(db, digest, path, e);
	return r < 0 ? r : add_blobs(root, manifest, db, e);
}

int catalogue_read_podman_artifacts(const char *root, const char *index, size_t n, struct store *db,
				    struct err *e)
{
	scoped(json) json_object *o = NULL;
	json_object *list;
	struct err why = { 0 };
	int r = 0;

	if (n && json_parse(index, n, &o, &why) < 0)
		dbg("%s/artifacts/index.json: %s", root, why.text);
	list = json_get(o, "manifests");
	for (size_t i = 0; r >= 0 && i < json_len(list); i++)
		r = add_artifact(root, json_object_array_get_idx(list, i), db, e);
	return r < 0 ? r : 0;
}
