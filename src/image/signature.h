/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures of images: what they say (containers' "atomic container signature" and cosign's
 * payload are one JSON form), and how they are kept.
 *
 * A signature is a blob: an OpenPGP message whose contents are the payload (simple signing); or
 * "\0sigstore-json\n" and a JSON object of payload (base64) and annotations.  dir: and lookaside
 * stores keep them as files signature-1, signature-2... */
#ifndef COVE_IMAGE_SIGNATURE_H
#define COVE_IMAGE_SIGNATURE_H

#include <stddef.h>

#include "src/image/reference.h"
#include "src/util/err.h"

#define SIGNATURE_MAX	    (1 << 20) /* bytes of one */
#define SIGNATURES_MAX	    128	      /* of one image */
#define SIGNATURE_FILE	    "signature-%zu"
#define SIGSTORE_MAGIC	    "\0sigstore-json\n" /* with the NUL in front */
#define SIGSTORE_MAGIC_LEN  15
#define SIGSTORE_MEDIA_TYPE "application/vnd.dev.cosign.simplesigning.v1+json"
#define SIGSTORE_ANNOTATION "dev.cosignproject.cosign/signature"

enum payload_type { PAYLOAD_GPG, PAYLOAD_SIGSTORE };
/* What is signed.  All owned. */
struct payload {
	char digest[DIGEST_LEN + 1]; /* of the manifest */
	char *name;		     /* docker-reference */
};
/* -EBADMSG: known members must be there and of their type, unknown ones must not (but in
 * "optional"). */
int payload_parse(const char *bytes, size_t n, enum payload_type type, struct payload *ret,
		  struct err *e);
void payload_done(struct payload *p);
static inline __attribute__((unused)) void scoped_payload(struct payload *p)
{
	payload_done(p);
}
/* The payload that says DIGEST of NAME, at the time NOW (seconds).  Owned; NULL: out of memory. */
char *payload_make(const char *digest, const char *name, enum payload_type type, long long now);

int signature_is_sigstore(const char *bytes, size_t n);
/* A signature of sigstore's. All owned. */
struct sigstore {
	char *payload;
	size_t payload_len;
	unsigned char *signature; /* what the annotation is the base64 of */
	size_t signature_len;
};
int sigstore_parse(const char *bytes, size_t n, struct sigstore *ret, struct err *e);
void sigstore_done(struct sigstore *s);
static inline __attribute__((unused)) void scoped_sigstore(struct sigstore *s)
{
	sigstore_done(s);
}
/* The blob for PAYLOAD and SIGNATURE (base64).  Owned, *RET_LEN bytes; NULL: out of memory. */
char *sigstore_make(const char *payload, const char *signature, size_t *ret_len);

/* OpenPGP keys, armoured or not, as the bytes of a keyring.  *RET owned. */
int keys_dearmor(const char *bytes, size_t n, unsigned char **ret, size_t *ret_len, struct err *e);

#endif
