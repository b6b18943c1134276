/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts to and from registries. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/artifact_store.h"
#include "src/image/blob_copy.h"
#include "src/image/image_store.h"
#include "src/image/manifest.h"
#include "src/image/policy.h"
#include "src/image/trust.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"

/* Every digest and size of the manifest holds water, and it is none of an image. */
static int check_manifest(json_object *doc, struct err *e)
{
	const char *type = json_get_str(json_get(doc, "config"), "mediaType");

	if (json_get_int(doc, "schemaVersion", 0) != 2 || json_get(doc, "manifests") || !type)
		return err_set(e, -EINVAL, "it is no artifact");
	if (!strcmp(type, MEDIA_DOCKER_CONFIG) ||
	    (!strcmp(type, MEDIA_OCI_CONFIG) && !json_get(doc, "artifactType")))
		return err_set(e, -EINVAL, "it is an image, no artifact");
	if (json_len(json_get(doc, "layers")) > LAYERS_MAX)
		return err_set(e, -E2BIG, "an artifact of more than %d files", LAYERS_MAX);
	for (size_t i = 0; artifact_blob(doc, i); i++) {
		json_object *d = artifact_blob(doc, i);
		const char *digest = json_get_str(d, "digest");

		if (!digest || !digest_is_valid(digest) || json_get_int(d, "size", -1) < 0)
			return err_set(e, -EBADMSG, "manifest: missing or invalid descriptor");
	}
	return 0;
}

static int has_blob(struct engine *en, const char *digest)
{
	scoped(mem) char *path = str_printf("blobs/sha256/%s", digest_hex(digest));

	return path && faccessat(en->graph_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int fetch(struct engine *en, const struct blob_place *p, json_object *doc, int dir_fd,
		 struct err *e)
{
	scoped(pull_call) struct pull_call c = PULL_CALL_NONE;

	if (blob_get_start(&c, en, &p->at, dir_fd, e) < 0)
		return e->code;
	for (size_t i = 0; artifact_blob(doc, i); i++) {
		json_object *d = artifact_blob(doc, i);
		const char *digest = json_get_str(d, "digest");
		char name[80];

		(void)artifact_blob_file(digest, name);
		if ((has_blob(en, digest) && !artifact_is_encrypted(d)) ||
		    faccessat(dir_fd, name, F_OK, 0) == 0)
			continue;
		if (blob_get(&c, digest, json_get_int(d, "size", -1), name, e) < 0)
			return e->code;
	}
	return 0;
}

/* Do the signatures of the manifest BYTES at P meet REQUIREMENTS (NULL: there are none)? */
static int check_signatures(struct engine *en, const struct blob_place *p,
			    const struct trust_subject *subject, json_object *requirements,
			    const char *bytes, size_t n, struct err *e)
{
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	char digest[SHA256_TEXT_LEN];
	size_t n_signatures = 0;

	if (!requirements)
		return 0;
	sha256_text(bytes, n, digest);
	if (blob_signatures(en, p, digest, &dir, &n_signatures, e) < 0)
		return e->code;
	return trust_check(en, subject, requirements, digest, dir.tmp_fd, n_signatures, e);
}

/* As policy.json says: the manifest, and its blobs as files of DIR_FD.  *RET_* owned. */
static int pull(struct engine *en, const struct blob_place *p, const char *shown, json_object *keys,
		int dir_fd, char **ret_bytes, size_t *ret_n, json_object **ret_doc, struct err *e)
{
	scoped(strv) char **scopes = policy_scopes(&p->name);
	scoped(json) json_object *requirements = NULL;
	const struct trust_subject subject = {
		.transport = "docker", .shown = shown, .name = &p->name, .scopes = scopes
	};

	int decrypts;

	if (!scopes)
		return err_errno(e, ENOMEM, "pull");
	if (trust_decide(en, NULL, &subject, &requirements, e) < 0)
		return e->code;
	if (blob_manifest(en, &p->at, blob_place_tag(p), ret_bytes, ret_n, e) < 0)
		return err_in(e, "%s", shown);
	if (check_signatures(en, p, &subject, requirements, *ret_bytes, *ret_n, e) < 0)
		return e->code;
	if (json_parse(*ret_bytes, *ret_n, ret_doc, e) < 0 || check_manifest(*ret_doc, e) < 0)
		return err_in(e, "%s", shown);
	decrypts = keys ? artifact_check_keys(keys, *ret_doc, *ret_bytes, *ret_n, dir_fd, e) : 0;
	if (decrypts > 0 && requirements)
		decrypts = err_set(e, -EACCES,
				   "layers should be decrypted, but we can't modify the manifest: "
				   "Would invalidate signatures");
	if (decrypts < 0 || fetch(en, p, *ret_doc, dir_fd, e) < 0)
		return err_in(e, "%s", shown);
	if (decrypts) {
		free(*ret_bytes);
		*ret_bytes = NULL;
		if (artifact_decrypt(keys, *ret_doc, dir_fd, ret_bytes, e) < 0)
			return err_in(e, "%s", shown);
		*ret_n = strlen(*ret_bytes);
	}
	return 0;
}

int artifact_pull(struct engine *en, const char *ref, const struct remote_options *o,
		  char **ret_digest, struct err *e)
{
	scoped(blob_place) struct blob_place p = { 0 };
	scoped(dir_call) struct dir_call dir = DIR_CALL_NONE;
	scoped(json) json_object *doc = NULL;
	scoped(mem) char *name = NULL;
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *shown = NULL;
	size_t n = 0;

	if (blob_place_find(en, ref, o, &p, e) < 0)
		return e->code;
	name = p.name.digest && !p.name.tag ? reference_format(&p.name) : reference_name(&p.name);
	shown = name ? str_printf("docker://%s", name) : NULL;
	if (!shown)
		return err_errno(e, ENOMEM, "pull");
	if (dir_call_open(&dir, en, e) < 0 ||
	    pull(en, &p, shown, o->decryption_keys, dir.tmp_fd, &bytes, &n, &doc, e) < 0)
		return e->code;
	if (artifact_publish(en, name, doc, bytes, n, dir.tmp_fd, ret_digest, e) < 0)
		return e->code;
	image_collect(en); /* what had the name before */
	return 0;
}

int artifact_copy_blob(void *arg, const char *digest, int dir_fd, const char *name, struct err *e)
{
	scoped(fd) int from = image_blob_open(arg, digest, e);
	scoped(fd) int to = -EBADF;
	struct stat st;
	int r;

	if (from < 0)
		return from;
	to = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (to < 0 || fstat(from, &st) < 0)
		return err_sys(e, "copy blob %s", digest);
	r = fd_copy(from, 0, st.st_size, to);
	return r < 0 ? err_errno(e, r, "copy blob %s", digest) : 0;
}

int artifact_link_blob(void *arg, const char *digest, int dir_fd, const char *name, struct err *e)
{
	struct engine *en = arg;
	scoped(mem) char *path = str_printf("blobs/sha256/%s", digest_hex(digest));

	if (!path)
		return err_errno(e, ENOMEM, "push");
	if (linkat(en->graph_fd, path, dir_fd, name, 0) == 0)
		return 0;
	return errno == ENOENT ? artifact_copy_blob(arg, digest, dir_fd, name, e)
			       : err_sys(e, "link %s", path);
}

int artifact_push(struct engine *en, const char *ref, const struct image_push_options *o,
		  char **ret_digest, struct err *e)
{
	const struct remote_options remote = remote_of_push(o);
	scoped(artifact) struct artifact *a = NULL;
	scoped(blob_place) struct blob_place p = { 0 };
	scoped(blob_push) struct blob_push b = BLOB_PUSH_NONE;
	scoped(mem) char *bytes = NULL;
	size_t n = 0;

	if (sign_check(o, e) < 0 ||
	    artifact_find(en, str_starts(ref, "docker://") ? ref + 9 : ref, &a, e) < 0 ||
	    blob_place_find(en, a->name, &remote, &p, e) < 0 ||
	    image_blob_read(en, a->digest, &bytes, &n, e) < 0 ||
	    blob_push_open(&b, en, &p.at, NULL, e) < 0)
		return e->code;
	for (size_t i = 0; artifact_blob(a->manifest, i); i++)
		if (blob_push_one(&b, json_get_str(artifact_blob(a->manifest, i), "digest"),
				  artifact_link_blob, en, e) < 0)
			return err_in(e, "pushing to docker://%s", a->name);
	if (blob_push_manifest(&b, blob_place_tag(&p), MEDIA_OCI_MANIFEST, bytes, n, e) < 0 ||
	    blob_sign(en, &p, o, a->digest, NULL, e) < 0)
		return err_in(e, "pushing to docker://%s", a->name);
	*ret_digest = take_ptr(&a->digest);
	return 0;
}
