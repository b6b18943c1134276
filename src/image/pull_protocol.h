/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine and the role `pull` (program cove-pull) say to each other.
 *
 * The role is started in the user's namespace with
 *	fd 3	a SOCK_SEQPACKET socket: each message is one JSON object of at most PULL_MESSAGE_MAX
 *bytes fd 4	a private directory (engine_tmpdir()) for what it fetches and dies when the engine
 *does.  The conversation:
 *
 *	engine	{"type":"pull", ...}			struct pull_request below
 *	role	{"type":"unchanged","digest":D}		one of "have": the end
 *	role	{"type":"image","digest","media_type","index_digest","signatures":N}
 *		The files "manifest" and "config" in the directory hold the verified bytes, and
 *		signature-1 up to N what was found of signatures, where those were wanted.
 *	engine	{"type":"fetch","layers":[0,2]}		which layers of the manifest are wanted, and
 *		"keys" as crypt_role.h has them when some are encrypted
 *	role	{"type":"progress","layer":N,"bytes":N}	now and then, when asked for
 *	role	{"type":"note","layer":N,"text"}	for the log
 *	role	{"type":"layer","layer":N,"diff_size":N,"tree_size":N,"digest","size",
 *		"diff_id"}
 *		Layer N is unpacked in the subdirectory "layer-N" and synced; size, digest and diff
 *ID are those of manifest and config.  For a manifest of schema 1 there is no config: all layers
 *are fetched.  Digest and size in the message are of the plain layer, where it was encrypted.
 *	role	{"type":"done"}				the end
 *	role	{"type":"error","code":-N,"text","hint"} instead of any message of the role's: the
 *end
 *
 * Instead of a pull the engine may ask for
 *
 *	engine	{"type":"login","registry","insecure","username","password","identity_token",
 *		"cert_dir","config_dir"}		are these credentials good?  (no fd 4)
 *	role	{"type":"done"} or "error"
 *
 * or for a push:
 *
 *	engine	{"type":"push","registry","repository","mounts":[REPOSITORY...],"insecure","creds",
 *		"authfile","cert_dir","config_dir","retries","retry_delay_ms","progress"}
 *	engine	{"type":"check","blob":N,"digest":D}	is it there, or can it be mounted?
 *	role	{"type":"present","blob":N} or {"type":"absent","blob":N}
 *	engine	{"type":"upload","blob":N,"digest":D}	is it there, else send the file "blob-N" of
 *fd 4 role	{"type":"progress","blob":N,"bytes":N} role	{"type":"present","blob":N} or
 *{"type":"uploaded","blob":N}
 *	engine	{"type":"manifest","reference","media_type","digest"}	last: send the file
 *"manifest" role	{"type":"done"}
 *
 * or for blobs as they were pulled, on the way to elsewhere:
 *
 *	engine	{"type":"blobs","sources":[{"registry","repository","insecure"}...],"creds",
 *		"authfile","cert_dir","config_dir","retries","retry_delay_ms"}
 *	engine	{"type":"get","digest":D,"size":N,"file":NAME}	into a new file of fd 4; with "path"
 *		and "offset" first of all from there
 *	role	{"type":"got"} or {"type":"absent","text":WHY}
 *
 * or for a list, which comes as a JSON array in the file "list" of fd 4:
 *
 *	engine	{"type":"list","what":"tags"|"search","registry","repository","query","limit",
 *		"insecure","creds","authfile","cert_dir","config_dir","retries","retry_delay_ms"}
 *	role	{"type":"done"}
 *
 * or, to sign images, for their manifest (the file "manifest") or for what signatures are attached
 *to one (files signature-1..., their number in the file "list"); both with what "list" says of the
 * registry:
 *
 *	engine	{"type":"manifest","reference":TAG or D, ...}
 *	engine	{"type":"signatures","digest":D, ...}	and "lookaside":URL for those in a store,
 *		"attachments":false for those only
 *	role	{"type":"done"}
 *
 * or for Docker's daemon, whose archive is the file "archive" of fd 4:
 *
 *	engine	{"type":"daemon","socket":PATH or "","host","name"}	get it
 *	engine	{"type":"daemon","socket","host","name":""}		give it
 *	role	{"type":"done"}
 *
 * or for what lies on a web server, which comes as the file "archive" of fd 4:
 *
 *	engine	{"type":"download","url":URL}
 *	role	{"type":"done"}
 */
#ifndef COVE_IMAGE_PULL_PROTOCOL_H
#define COVE_IMAGE_PULL_PROTOCOL_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "src/util/json.h"

#define PULL_SOCKET_FD	 3
#define PULL_DIR_FD	 4
#define PULL_MESSAGE_MAX (64 << 10)
#define PULL_MANIFEST	 "manifest"
#define PULL_CONFIG	 "config"
#define PULL_LIST	 "list"
#define PULL_LIST_MAX	 (16 << 20)
#define PULL_ARCHIVE	 "archive"

/* Where to look, in this order; all strings owned. */
struct pull_source {
	char *registry, *repository;
	int insecure;
	int use_creds;	 /* the registry that --creds was given for */
	char *lookaside; /* with wants_signatures: the store of signatures, or NULL */
	int attachments; /* signatures lie in the registry too */
};

struct pull_request {
	struct pull_source *sources;
	size_t n_sources;
	char *tag, *digest; /* the digest wins */
	char *directory;    /* path of what fd 4 is */
	char *layers;	    /* path of the store's layers, NULL: do not look at them */
	char *kept;	    /* path of what earlier pulls have left (pull_kept.h) */
	char *platform;	    /* NULL: the host's */
	char **have;	    /* digests of manifest or index with which nothing is to be done */
	char *creds, *authfile, *cert_dir, *config_dir;
	int retries;
	int64_t retry_delay_ms;
	int progress; /* send "progress" */
	int wants_signatures;
};
json_object *pull_request_encode(const struct pull_request *r);
int pull_request_decode(json_object *o, struct pull_request *ret, struct err *e);
void pull_request_done(struct pull_request *r);

/* Send O (taken over; NULL: out of memory).  0 or the error. */
int pull_send(int sock, json_object *take_o, struct err *e);
/* Receive one message into *RET (owned).  1, 0 at the end of the conversation, or the error. */
int pull_receive(int sock, json_object **ret, struct err *e);
/* An object with its type. */
json_object *pull_message(const char *type);
int pull_is(json_object *o, const char *type);

#endif
