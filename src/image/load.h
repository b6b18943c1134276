/* SPDX-License-Identifier: Apache-2.0 */
/* Images of archives and directories: docker-archive, oci-archive, oci and dir. */
#ifndef COVE_IMAGE_LOAD_H
#define COVE_IMAGE_LOAD_H

#include "src/image/archive.h"
#include "src/image/trust.h"
#include "src/store/engine.h"
#include "src/util/err.h"

enum load_naming {
	LOAD_NAMES_ARCHIVE, /* as the archive says */
	LOAD_NAMES_GIVEN,   /* load_source.name alone (NULL: none) */
};
struct load_source {
	const char *reference; /* which image: a name, "@N", or NULL: all of them */
	int needs_one;	       /* without a reference there must be one image */
	const char *platform;  /* of an index; NULL: the host's */
	enum load_naming naming;
	const char *name; /* "registry/repository[:tag]" */
	/* For the policy (trust.h). */
	const char *path;	      /* of archive or directory; NULL: standard input, a daemon */
	const char *signature_policy; /* NULL: the usual one */
	struct trust_subject subject; /* filled by load_format(); given: stays */
	json_object *decryption_keys; /* as of image_pull_options */
	const char *place;	      /* by load_format(): "oci:/PATH" to be noted, or NULL */
};
/* Owned lists. */
struct load_result {
	char **names; /* of what came; "sha256:ID" for images without */
	char **ids;   /* one for each image */
};
void load_result_done(struct load_result *r);
static inline __attribute__((unused)) void scoped_load_result(struct load_result *r)
{
	load_result_done(r);
}

/* Have what S says of A in the store. */
int load_archive(struct engine *en, const struct image_archive *a, const struct load_source *s,
		 struct load_result *ret, struct err *e);

enum load_format { LOAD_DOCKER_ARCHIVE, LOAD_OCI, LOAD_DIR };
/* The same when the format is known: another one is an error. */
int load_format(struct engine *en, const struct image_archive *a, enum load_format format,
		const struct load_source *s, struct load_result *ret, struct err *e);

#endif
