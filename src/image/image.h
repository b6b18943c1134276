/* SPDX-License-Identifier: Apache-2.0 */
/* Images: what is stored of them, and the operations on them. */
#ifndef COVE_IMAGE_IMAGE_H
#define COVE_IMAGE_IMAGE_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/store/engine.h"
#include "src/util/err.h"

/* An image as the store has it.  All owned. */
struct image {
	char *id;	       /* 64 hex digits: digest of the config blob */
	char *manifest_digest; /* "sha256:..." of the manifest as stored */
	char *index_digest;    /* of the index it was chosen from, or NULL */
	char **names;	       /* "registry/repo:tag", sorted */
	char **pinned;	       /* "registry/repo@sha256:..." that it was asked for as: names, too */
	char **past;	       /* names that it has or has had, the newest first */
	char **digests;	       /* "registry/repo@sha256:..." it was pulled as */
	json_object *config;   /* the OCI image config document (architecture, config{Env,Cmd,...},
				  rootfs, history) */
	json_object *manifest; /* the manifest document as stored */
	char **layers;	       /* layer directory names, lowest first: graphroot/layers/NAME, or
				  absolute paths in an additional store (image_stores.h) */
	char *store;	       /* the additional image store that has it, and only reading is
				  possible; NULL: our own */
	int64_t size;	       /* bytes of all layers unpacked */
	int64_t created;       /* seconds since the epoch, from the config (0 when absent) */
	/* In lists (image_list()), see image_parent.h: */
	char *parent; /* ID of the image that it was made from, or NULL */
	int children; /* how many were made from it */
};
struct image *image_free(struct image *i);
DEFINE_SCOPED(image, struct image *, image_free);

/* Find by exact ID, unique ID prefix (>= 3 digits), name with or without registry and tag, or
 * name@digest, in the order of Podman: full name, localhost/NAME, any image whose repository path
 * ends with the short name. -ENOENT "REF: image not known", -EEXIST when a prefix is ambiguous. */
int image_find(struct engine *en, const char *ref, struct image **ret, struct err *e);

enum image_pull_policy { PULL_MISSING, PULL_ALWAYS, PULL_NEVER, PULL_NEWER };
struct image_pull_options {
	const char *reference;
	int policy;		/* enum image_pull_policy */
	const char *platform;	/* "os/arch[/variant]" or NULL for the host's */
	int tls_verify;		/* -1: by registries.conf, 0, 1 */
	const char *authfile;	/* NULL: REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json,
				   ~/.docker/config.json */
	const char *creds;	/* "user:password" or NULL */
	const char *cert_dir;	/* NULL: certs.d */
	int quiet;		/* no progress */
	int retry;		/* -1: default 3 */
	int64_t retry_delay_ms; /* 0: a short while that grows */
	int in_passing;		/* a digest does not keep it as a name would */
	int all_tags;		/* image_pull_all(): every tag of the repository */
	const char *signature_policy; /* NULL: see trust.h */
	json_object *decryption_keys; /* of layer_crypt_keys(), or NULL */
};
/* Have the image locally, by policy.  *RET_ID owned. */
int image_pull(struct engine *en, const struct image_pull_options *o, char **ret_id, struct err *e);
/* The same for what may be several: all tags, or all of an archive.  *RET_IDS: owned list. */
int image_pull_all(struct engine *en, const struct image_pull_options *o, char ***ret_ids,
		   struct err *e);

/* Record an image whose blobs are in hand: layers were unpacked by layer_writer into
 * graphroot/tmp/... */
struct image_new_layer {
	char diff_id[72];
	char blob_digest[72]; /* compressed, "" when unknown */
	int64_t blob_size, diff_size, tree_size;
	const char *tmp_path; /* path below graphroot of the finished layer directory; NULL: already
				 stored (by diff_id) */
};
struct image_publish {
	const char *manifest; /* bytes as received, and their number */
	size_t manifest_len;
	const char *manifest_type;
	const char *config;
	size_t config_len;
	const char *index_digest;
	const struct image_new_layer *layers;
	size_t n_layers;
	const char *name;	 /* fully qualified "registry/repo:tag" to point here, or NULL */
	const char *digest_name; /* "registry/repo@sha256:..." or NULL */
	int by_digest;		 /* that is what was asked for: it keeps the image as a name does */
};
/* Verify (config diff_ids against the layers, digests), rename the layers in, sync, and commit in
 * one durable transaction.  A layer another process published meanwhile is used instead of ours.
 * *RET_ID owned. */
int image_publish(struct engine *en, const struct image_publish *p, char **ret_id, struct err *e);
/* Name of the stored layer directory with DIFF_ID, or of the layer last seen as compressed
 * BLOB_DIGEST (for skipping downloads); -ENOENT. *RET_* owned. */
int image_layer_by_diff_id(struct engine *en, const char *diff_id, char **ret_name, struct err *e);
int image_layer_by_blob(struct engine *en, const char *blob_digest, char **ret_diff_id,
			struct err *e);

/* Those of our own store, newest first, then those of each additional one. */
int image_list(struct engine *en, struct image ***ret, size_t *ret_n, struct err *e);
void image_list_free(struct image **list, size_t n);
/* How many containers were made from image ID. */
int64_t image_containers(struct engine *en, const char *id);
/* TARGET is a name ("repo", "repo:tag"); localhost/ and :latest are filled in. */
int image_tag(struct engine *en, const char *ref, const char *target, struct err *e);
/* NAME may be what it was asked for by digest; NULL: all of them. */
int image_untag(struct engine *en, const char *ref, const char *name, struct err *e);
/* Image ID was asked for as DIGEST_NAME. */
int image_pin(struct engine *en, const char *id, const char *digest_name, struct err *e);
/* All names: .names, then .pinned.  Owned; NULL also when out of memory. */
char **image_all_names(const struct image *i);

#define IMAGE_REMOVE_FORCE	  1
#define IMAGE_REMOVE_KEEP_PARENTS 2
struct image_remove_result {
	char **untagged; /* names taken away */
	char **deleted;	 /* image IDs removed */
	int64_t freed;	 /* bytes of the layers that nothing else had */
};
/* Untag REF when it is one of several names, else delete the image and the layers nobody else uses.
 * With it go the images that it was made from, if they have no name and nothing else needs them,
 * unless FLAGS say IMAGE_REMOVE_KEEP_PARENTS.  -EBUSY "image used by ID: image is in use by a
 * container: ...", also with IMAGE_REMOVE_FORCE; -EEXIST when REF is an ID, and there are several
 * names, without it; -ENOENT. */
int image_remove(struct engine *en, const char *ref, int flags, struct image_remove_result *ret,
		 struct err *e);
/* Remove image ID whatever names it has, unless a container uses it (-EBUSY); DANGLING: unless it
 * has a name (-EEXIST), by now. */
int image_remove_unused(struct engine *en, const char *id, int dangling,
			struct image_remove_result *ret, struct err *e);
void image_remove_result_done(struct image_remove_result *r);
/* Delete layer directories and blobs that no record names, unless somebody is publishing just now.
 * Never fails loudly; called by commands that write. */
void image_collect(struct engine *en);

/* inspect document, as Podman prints it. Owned. */
json_object *image_inspect_json(struct engine *en, const struct image *i);

struct image_load_options {
	const char *path; /* NULL or "-": stdin (spooled); or an http(s):// URL */
	const char *signature_policy;
};
/* Load a docker-archive or oci-archive (plain or compressed, detected), or a directory that is an
 * OCI layout or what dir: writes.  *RET_NAMES: "Loaded image" names or IDs, owned list. */
int image_load(struct engine *en, const struct image_load_options *o, char ***ret_names,
	       struct err *e);
struct image_save_options {
	char *const *references;
	const char *format; /* "docker-archive" (default), "oci-archive", "docker-dir", "oci-dir" */
	const char *output; /* path; NULL: stdout */
	int multi;	    /* -m */
	int compress;	    /* docker-dir: the layers */
	const char *oci_name; /* one more name of the first image, as it stands, or NULL */
};
int image_save(struct engine *en, const struct image_save_options *o, struct err *e);
/* A manifest as it was written. */
struct image_pushed {
	char digest[72];
	char media_type[128];
	int64_t size;
};
struct image_push_options {
	const char *reference;
	const char *destination; /* [TRANSPORT:]NAME, or NULL: where the image's name leads */
	const char *format;	 /* "oci", "v2s1", "v2s2", or NULL: as it is stored */
	const char *compression; /* "gzip", "zstd", or NULL */
	int level;		 /* -1: the default of the compression */
	int force_compression;	 /* also where the registry has the layer in another one */
	int compress;		 /* dir: too */
	const char *authfile, *creds, *cert_dir; /* as of image_pull_options */
	int tls_verify, quiet, retry;
	int64_t retry_delay_ms;	      /* 0: a short while that grows */
	const char *sign_by;	      /* key of gpg's */
	const char *sign_sq;	      /* fingerprint of a key of Sequoia's */
	const char *sign_key;	      /* file with a private key for sigstore */
	int sign_params;	      /* SIGN_KEY is a file of parameters that says where it is */
	const char *sign_passphrase;  /* file */
	char *const *encryption_keys; /* "SCHEME:WHO", or NULL: layers are encrypted for them */
	char *const *encrypt_layers;  /* numbers, negative ones from the end; NULL: all */
	int remove_signatures;	      /* leave behind those that the image has */
	int by_digest;		      /* registries: the manifest gets no tag */
	struct image_pushed *pushed;  /* registries: filled when not NULL */
};
/* Copy an image to a registry, a directory or an archive.  *RET_DIGEST: of the manifest there
 * (owned; NULL for archives). */
int image_push(struct engine *en, const struct image_push_options *o, char **ret_digest,
	       struct err *e);
struct image_import_options {
	const char *path;      /* or "-", or an http(s):// URL */
	const char *reference; /* or NULL */
	const char *message;
	const char *platform; /* "os/arch[/variant]" or NULL for the host's */
	char *const *changes; /* "CMD [...]", "ENV A=B", ... as Containerfile instructions */
};
int image_import(struct engine *en, const struct image_import_options *o, char **ret_id,
		 struct err *e);

#endif
