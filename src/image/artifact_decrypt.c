/* SPDX-License-Identifier: Apache-2.0 */
/* Encrypted files of artifacts: the role `crypt` writes into the role `compress`, which hashes what
 * comes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/image/artifact_store.h"
#include "src/image/compress.h"
#include "src/image/layer_crypt.h"
#include "src/image/pull_protocol.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define PLAIN "plain" /* a file, until its digest is known */

int artifact_is_encrypted(json_object *descriptor)
{
	const char *type = json_get_str(descriptor, "mediaType");
	size_t n = type ? strlen(type) : 0, k = strlen(MEDIA_ENCRYPTED);

	return n > k && !strcmp(type + n - k, MEDIA_ENCRYPTED);
}

int artifact_check_keys(json_object *keys, json_object *manifest, const char *bytes, size_t n,
			int dir_fd, struct err *e)
{
	const struct manifest none = { 0 };
	int found = 0;

	for (size_t i = 1; artifact_blob(manifest, i); i++)
		found = found || artifact_is_encrypted(artifact_blob(manifest, i));
	if (!found)
		return 0;
	if (path_replace(dir_fd, PULL_MANIFEST, bytes, n, 0600, 0, e) < 0 ||
	    layer_crypt_check(keys, &none, dir_fd, e) < 0)
		return e->code;
	return 1;
}

/* Layer I of the file FROM into the file TO (both borrowed). */
static int pass(json_object *keys, int dir_fd, size_t i, int from, int to,
		struct compress_result *ret, struct err *e)
{
	scoped(pull_call) struct pull_call crypt = PULL_CALL_NONE;
	scoped(compress_job) struct compress_job job = COMPRESS_JOB_NONE;
	struct err reading = { 0 };
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;
	int read;

	if (fd_pipe(&r, &w, e) < 0 ||
	    layer_decrypt_start(&crypt, keys, dir_fd, i, from, 0, w, e) < 0 ||
	    compress_stream_start(&job, COMPRESS_NONE, -1, r, to, e) < 0)
		return e->code;
	fd_close(take_fd(&r));
	fd_close(take_fd(&w));
	read = compress_stream_finish(&job, ret, &reading);
	return err_of_pipe(layer_decrypt_finish(&crypt, e), read, &reading, e);
}

static int decrypt_one(json_object *keys, json_object *descriptor, size_t i, int dir_fd,
		       struct err *e)
{
	const char *digest = json_get_str(descriptor, "digest");
	json_object *notes = json_get(descriptor, "annotations");
	const char *type = json_get_str(descriptor, "mediaType");
	scoped(mem) char *plain = strndup(type, strlen(type) - strlen(MEDIA_ENCRYPTED));
	struct compress_result got = { 0 };
	char name[80];
	scoped(fd) int from =
		openat(dir_fd, artifact_blob_file(digest, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	scoped(fd) int to = openat(dir_fd, PLAIN, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (!plain || from < 0 || to < 0)
		return err_sys(e, "decrypt %s", digest);
	if (pass(keys, dir_fd, i, from, to, &got, e) < 0)
		return e->code;
	if (renameat(dir_fd, PLAIN, dir_fd, artifact_blob_file(got.digest, name)) < 0)
		return err_sys(e, "decrypt %s", digest);
	notes = layer_crypt_annotations(notes);
	json_object_object_del(descriptor, "annotations");
	if (notes)
		json_put(descriptor, "annotations", notes);
	json_put_str(descriptor, "mediaType", plain);
	json_put_str(descriptor, "digest", got.digest);
	json_put_int(descriptor, "size", got.size);
	return 0;
}

int artifact_decrypt(json_object *keys, json_object *manifest, int dir_fd, char **ret,
		     struct err *e)
{
	for (size_t i = 1; artifact_blob(manifest, i); i++)
		if (artifact_is_encrypted(artifact_blob(manifest, i)) &&
		    decrypt_one(keys, artifact_blob(manifest, i), i - 1, dir_fd, e) < 0)
			return e->code;
	*ret = json_text(manifest);
	return *ret ? 0 : err_errno(e, ENOMEM, "write a manifest");
}
