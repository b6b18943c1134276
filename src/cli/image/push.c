/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/image/push.h"
#include "src/image/manifest_list.h"
#include "src/image/retry.h"
#include "src/store/config.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct push_settings, f)
const struct opt push_shared_options[] = {
	STR(0, "compression-format", "FORMAT", AT(compression), "How to compress layers",
	    .values = PUSH_COMPRESSIONS,
	    .man = "Without it: compression_format of containers.conf(5), else gzip, or what the "
		   "layer was before. zstd and zstd:chunked make it an "
		   "OCI image. Of zstd:chunked each file can be fetched alone, so that a pull "
		   "takes "
		   "only what is not there already; other readers of zstd read it as well. A layer "
		   "whose archive has what the table of contents cannot tell (a name twice, sparse "
		   "files) goes without a table, as zstd."),
	INT(0, "compression-level", "LEVEL", AT(level), 1, 20,
	    "How much time to spend on compression", .init = -1,
	    .man = "gzip has levels from 1 to 9 (6 without it), zstd and zstd:chunked from 1 to 20 "
		   "(3)."),
	STR(0, "digestfile", "FILE", AT(digestfile),
	    "Write the digest of the manifest to this file", .complete = "file"),
	TRI(0, "force-compression", AT(force_compression),
	    "Do not use layers that the registry has in another compression",
	    .man = "That is so when --compression-format is given, unless "
		   "--force-compression=false is."),
	FLAG('q', "quiet", AT(quiet), "Print no progress"),
	FLAG(0, "remove-signatures", AT(remove_signatures), "Leave signatures behind",
	     .man = "Those that came with the image; without it they go where the image goes, and "
		    "it is an error where they cannot."),
	STR(0, "sign-by", "KEY", AT(sign_by), "Sign with this key of gpg's",
	    .man = "The signature goes to the lookaside store that registries.d(5) names, "
		   "$HOME/.local/share/containers/sigstore where it names none."),
	STR(0, "sign-by-sigstore", "FILE", AT(sign_params),
	    "Sign for sigstore as this file of parameters says", .complete = "file",
	    .man = "containers-sigstore-signing-params.yaml(5), of which privateKeyFile and "
		   "privateKeyPassphraseFile are known."),
	STR(0, "sign-by-sigstore-private-key", "FILE", AT(sign_key),
	    "Sign with this private key for sigstore", .complete = "file",
	    .man = "A key as cosign makes it. The signature is pushed beside the image; "
		   "registries.d(5) must say use-sigstore-attachments: true for the registry."),
	EXCLUDES("sign-by-sigstore", "sign-by-sigstore-private-key"),
	STR(0, "sign-by-sq-fingerprint", "FINGERPRINT", AT(sign_sq),
	    "Sign with this key of Sequoia's",
	    .man = "The key is one of Sequoia's key store, as `sq key list` shows them; sq(1) 1.0 "
		   "or newer makes the signature, and asks for the passphrase of a locked key "
		   "unless --sign-passphrase-file is given. It is checked and kept as one by gpg."),
	STR(0, "sign-passphrase-file", "FILE", AT(passphrase),
	    "Read the passphrase of the key from this file", .complete = "file"),
	END,
};
_Static_assert(offsetof(struct push_settings, s) == 0, "the shared rows fill struct pull_settings");

struct push_options {
	struct push_settings p;
	int compress, trust;
	const char *policy;
	char **encryption_keys, **encrypt_layers;
};

#undef AT
#define AT(f) offsetof(struct push_options, f)
static const struct opt options[] = {
	FLAG(0, "compress", AT(compress), "Compress layers that are written into a directory",
	     .man = "For dir: only; to registries and OCI layouts layers go compressed anyway."),
	FLAG(0, "disable-content-trust", AT(trust), "Push without Docker's content trust",
	     .man = "cove has none; the option is there for scripts that give it."),
	CSV(0, "encrypt-layer", "NUMBER", AT(encrypt_layers), "Encrypt this layer only",
	    .man = "The lowest layer is 0, and the highest is -1. Without it --encryption-key "
		   "encrypts all layers."),
	LIST(0, "encryption-key", "SCHEME:KEY", AT(encryption_keys),
	     "Encrypt layers for the owner of this key", .complete = "jwe:|pkcs7:|pgp:",
	     .man = "jwe:FILE is a public key of RSA, or of the curves P-256, P-384 and P-521, "
		    "pkcs7:FILE a certificate with a key of RSA, in PEM or DER; pgp:WHO the name "
		    "or the "
		    "address of a key in gpg's keyring. Of several keys any one opens the layers. "
		    "They "
		    "go in the format of the OCI image encryption draft, which containers/ocicrypt "
		    "and "
		    "so Podman, skopeo and containerd read; the image's configuration is not "
		    "encrypted. "
		    "It becomes an OCI image, of zstd:chunked layers plain zstd. pkcs11:FILE and "
		    "provider:NAME are refused."),
	STR('f', "format", "FORMAT", AT(p.format), "Format of the manifest",
	    .values = "oci|v2s1|v2s2|docker",
	    .man = "Without it: the one that the image has. v2s1 is Docker's first format of "
		   "manifests, for old registries and programs; its layers are plain or "
		   "compressed with gzip, and it only goes to registries and dir:."),
	STR(0, "signature-policy", "FILE", AT(policy), "Accepted; what is in the store is trusted",
	    .hidden = 1),
	END,
};
_Static_assert(offsetof(struct push_options, p) == 0, "the shared rows fill struct push_settings");

int push_write_digest(struct engine *en, const char *path, const char *digest, struct err *e)
{
	ENGINE_USERS_UMASK(en);
	scoped(fd) int fd =
		*path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644) : -EBADF;
	int rc = !*path ? 0 : fd < 0 ? -errno : fd_write_all(fd, digest, strlen(digest));

	return rc < 0 ? err_errno(e, rc, "write %s", path) : 0;
}

/* An option that a script gives without a value is none. */
static const char *given(const char *value)
{
	return value && *value ? value : NULL;
}

void push_settings_take(const struct push_settings *o, struct image_push_options *ret)
{
	*ret = (struct image_push_options){
		.format = o->format && !strcmp(o->format, "docker") ? "v2s2" : o->format,
		.compression = o->compression,
		.level = o->level,
		.force_compression =
			o->force_compression < 0 ? o->compression != NULL : o->force_compression,
		.authfile = o->s.authfile,
		.creds = o->s.creds,
		.cert_dir = o->s.cert_dir,
		.tls_verify = o->s.tls_verify,
		.quiet = o->quiet,
		.retry = -1,
		.sign_by = given(o->sign_by),
		.sign_sq = given(o->sign_sq),
		.sign_key = given(o->sign_params) ? o->sign_params : given(o->sign_key),
		.sign_params = given(o->sign_params) != NULL,
		.sign_passphrase = given(o->passphrase),
		.remove_signatures = o->remove_signatures,
	};
}

int push_settings_default(struct engine *en, json_object **ret_config, struct image_push_options *o,
			  struct err *e)
{
	static const struct {
		const char *key;
		enum json_type type;
	} rows[] = { { "compression_format", json_type_string },
		     { "compression_level", json_type_int } };
	json_object *engine;
	int64_t level;

	if (config_read(en, ret_config, e) < 0)
		return e->code;
	engine = json_get(*ret_config, "engine");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_object *value = json_get(engine, rows[i].key);
		if (value && !json_object_is_type(value, rows[i].type))
			return err_set(e, -EINVAL, "containers.conf: %s is not as it should be",
				       rows[i].key);
	}
	level = json_get_int(engine, "compression_level", -1);
	if (!o->compression)
		o->compression = json_get_str(engine, "compression_format");
	if (o->compression && !*o->compression)
		o->compression = NULL;
	if (o->level < 0 && level > 0 && level <= 20)
		o->level = (int)level;
	return retry_from(*ret_config, &o->retry, &o->retry_delay_ms, e);
}

/* Not an image: a list of them. */
static int push_list(struct engine *en, const struct image_push_options *p, char **ret,
		     struct err *e)
{
	if (p->encryption_keys || p->encrypt_layers)
		return err_set(e, -EINVAL, "%s is a list: its images are encrypted one by one",
			       p->reference);
	const struct manifest_push_options m = {
		.list = p->reference, .destination = p->destination, .push = *p, .all = 1
	};

	return manifest_list_push(en, &m, ret, e);
}

static int push(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct push_options *o = opts;
	struct image_push_options p;
	scoped(json) json_object *config = NULL;
	scoped(mem) char *digest = NULL;

	push_settings_take(&o->p, &p);
	p.retry = o->p.s.retry;
	p.retry_delay_ms = o->p.s.retry_delay_ms;
	if (push_settings_default(en, &config, &p, e) < 0)
		return e->code;
	p.reference = args[0];
	p.destination = args[1];
	p.compress = o->compress;
	p.encryption_keys = o->encryption_keys;
	p.encrypt_layers = o->encrypt_layers;
	if ((manifest_list_is(en, args[0]) ? push_list : image_push)(en, &p, &digest, e) < 0)
		return e->code;
	if (!given(o->p.digestfile))
		return 0;
	if (!digest)
		return err_set(e, -EINVAL, "--digestfile: an archive's manifest has no digest yet");
	return push_write_digest(en, o->p.digestfile, digest, e);
}

const struct cmd cmd_image_push = {
	.noun = "image",
	.verb = "push",
	.alias = "push",
	.args = "IMAGE [DESTINATION]",
	.help = "Copy an image to a registry, a directory or an archive",
	.man = "DESTINATION is a name in a registry, which docker:// may precede, or one of "
	       "dir:DIR, oci:DIR[:NAME], oci-archive:FILE[:NAME], docker-archive:FILE[:NAME], "
	       "docker-daemon:NAME:TAG, containers-storage:NAME and "
	       "containers-storage:[overlay@ROOT+RUNROOT]NAME, another store of cove, made where "
	       "there is none. Without it the image goes to where its own name leads.\n\n"
	       "A layer that the registry has, or can take over from another of its repositories "
	       "that the image was pulled from, is not sent. Layers are stored unpacked, without "
	       "the compressed bytes that came; so what is missing there is fetched once more, "
	       "byte for byte, from where the image came from (the registry, or the directory of "
	       "oci: or dir:, or the OCI archive), and the manifest stays the one that came, "
	       "digest "
	       "and all, also in dir: and oci:. Where that place cannot be reached any more, or "
	       "where another compression is asked for, layers are compressed anew, the same way "
	       "each time, and when the result is not what the manifest names, a manifest with the "
	       "new digests is written.",
	.examples = "cove push registry.example.org/me/app:1\n"
		    "cove push app docker://registry.example.org/me/app:1\n"
		    "cove push app oci:/tmp/layout:app",
	.complete = "image",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct push_options),
	.groups = (const struct opt *const[]){ pull_registry_options, pull_retry_options,
					       push_shared_options, options, NULL },
	.run = push,
};
