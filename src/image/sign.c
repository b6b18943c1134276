/* SPDX-License-Identifier: Apache-2.0 */
/* OpenPGP signatures are gpg's work, or sq's (sign_sq.c): their agents, their keys, their
 * questions. */
#include "src/image/sign.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/sign_sq.h"
#include "src/image/signature.h"
#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define FILE_URL "file://"

static void file_name(size_t k, char name[32])
{
	(void)snprintf(name, 32, SIGNATURE_FILE, k + 1);
}

static int add_file(int dir_fd, size_t *n, const void *bytes, size_t len, struct err *e)
{
	char name[32];

	file_name(*n, name);
	if (path_replace(dir_fd, name, bytes, len, 0600, 0, e) < 0)
		return e->code;
	(*n)++;
	return 0;
}

static int in_memory(const char *bytes, size_t n, struct err *e)
{
	scoped(fd) int fd = memfd_create("cove-sign", MFD_CLOEXEC);
	int rc = fd < 0 ? -errno : fd_write_all(fd, bytes, n);

	if (rc >= 0 && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	return rc < 0 ? err_errno(e, rc, "keep a signature in memory") : take_fd(&fd);
}

static int run_gpg(const struct sign_options *o, int in, int out, struct err *e)
{
	const char *argv[] = { "gpg",	 "--quiet", "--local-user", o->by, "--output", "-",
			       "--sign", NULL,	    NULL,	    NULL,  NULL,       NULL };
	const struct proc_fd fds[] = { { in, 0 }, { out, 1 } };
	const struct proc_options spawn = { .path = "gpg",
					    .argv = (char *const *)argv,
					    .fds = fds,
					    .n_fds = ARRAY_LEN(fds),
					    .die_with_us = 1 };
	struct child c = CHILD_NONE;
	int rc;

	if (o->passphrase) {
		argv[7] = "--batch";
		argv[8] = "--pinentry-mode=loopback";
		argv[9] = "--passphrase-file";
		argv[10] = o->passphrase;
	}
	rc = proc_spawn(&spawn, &c, e);
	if (rc < 0) {
		(void)err_in(e, "start gpg");
		return err_hint(e, "install gpg: it makes the signatures of --sign-by");
	}
	rc = proc_wait(&c);
	return rc == 0 ? 0
		       : err_set(e, -EACCES, "gpg could not sign with key %s (status %d)", o->by,
				 rc);
}

typedef int sign_run(const struct sign_options *o, int in, int out, struct err *e);

/* RUN makes a signed message. */
static int sign_openpgp(const struct sign_options *o, sign_run *run, const char *payload,
			int dir_fd, size_t *n, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(fd) int in = in_memory(payload, strlen(payload), e);
	scoped(fd) int out = in < 0 ? -EBADF : in_memory("", 0, e);
	int rc;

	if (out < 0)
		return e->code;
	if (run(o, in, out, e) < 0)
		return e->code;
	strbuf_init(&b, SIGNATURE_MAX);
	rc = lseek(out, 0, SEEK_SET) < 0 ? -errno : fd_read_all(out, &b);
	if (rc < 0 || !b.len)
		return err_errno(e, rc < 0 ? rc : -EIO, "read the signature");
	return add_file(dir_fd, n, b.s, b.len, e);
}

static int sign_sigstore(const struct sign_options *o, const char *payload, int dir_fd, size_t *n,
			 struct err *e)
{
	__attribute__((cleanup(scoped_pull_call))) struct pull_call c = PULL_CALL_NONE;
	scoped(json) json_object *answer = NULL;
	scoped(mem) char *blob = NULL;
	const char *signature;
	size_t len = 0;
	json_object *m = pull_message("sign");

	json_put_str(m, "key", o->key);
	json_put_bool(m, "params", o->key_is_params);
	json_put_str(m, "passphrase_file", o->passphrase);
	json_put_str(m, "payload", payload);
	if (pull_call_start_role(&c, "cove-trust", -EBADF, -EBADF, e) < 0) {
		json_free(m);
		return e->code;
	}
	if (pull_send(c.socket_fd, m, e) < 0 || pull_call_receive(&c, &answer, e) < 0)
		return e->code;
	signature = json_get_str(answer, "signature");
	blob = signature ? sigstore_make(payload, signature, &len) : NULL;
	return blob ? add_file(dir_fd, n, blob, len, e)
		    : err_set(e, -EBADMSG, "trust: unexpected message");
}

struct sign_options sign_options_of(const struct image_push_options *o)
{
	return (struct sign_options){ .by = o->sign_by,
				      .sq = o->sign_sq,
				      .key = o->sign_key,
				      .key_is_params = o->sign_params,
				      .passphrase = o->sign_passphrase };
}

int sign_is_asked(const struct image_push_options *o)
{
	return o->sign_by || o->sign_sq || o->sign_key;
}

int sign_check(const struct image_push_options *o, struct err *e)
{
	int keys = (o->sign_by != NULL) + (o->sign_sq != NULL) + (o->sign_key != NULL);

	if (o->sign_passphrase && keys > 1)
		return err_set(e, -EINVAL,
			       "only one of --sign-by, --sign-by-sq-fingerprint and "
			       "--sign-by-sigstore-private-key can be used with "
			       "--sign-passphrase-file");
	return o->sign_sq ? sign_sq_check(o->sign_sq, e) : 0;
}

int sign_manifest(const struct sign_options *o, const struct reference *name, const char *digest,
		  int dir_fd, size_t *n, struct err *e)
{
	scoped(mem) char *full = name->digest ? reference_format(name) : reference_name(name);
	scoped(mem) char *gpg = NULL;
	scoped(mem) char *sigstore = NULL;
	long long now = (long long)time(NULL);

	if (!full)
		return err_errno(e, ENOMEM, "sign");
	gpg = payload_make(digest, full, PAYLOAD_GPG, now);
	sigstore = payload_make(digest, full, PAYLOAD_SIGSTORE, now);
	if (!gpg || !sigstore)
		return err_errno(e, ENOMEM, "sign");
	if ((o->by && sign_openpgp(o, run_gpg, gpg, dir_fd, n, e) < 0) ||
	    (o->sq && sign_openpgp(o, sign_sq, gpg, dir_fd, n, e) < 0))
		return err_in(e, "creating a signature");
	if (o->key && sign_sigstore(o, sigstore, dir_fd, n, e) < 0)
		return err_in(e, "creating a signature for sigstore");
	return 0;
}

/* ---- lookaside stores ------------------------------------------------------------------------ */

static int same_file(int dir, const char *name, const char *bytes, size_t n)
{
	scoped(mem) char *text = NULL;
	struct err ignored = { 0 };
	size_t len = 0;

	return path_read(dir, name, SIGNATURE_MAX, &text, &len, &ignored) >= 0 && len == n &&
	       !memcmp(text, bytes, n);
}

/* As the next file, unless it is there. */
static int add_to(int dir, const char *bytes, size_t n, struct err *e)
{
	for (size_t k = 0; k < SIGNATURES_MAX; k++) {
		struct stat st;
		char name[32];

		file_name(k, name);
		if (fstatat(dir, name, &st, 0) < 0)
			return path_replace(dir, name, bytes, n, 0644, 0, e);
		if (same_file(dir, name, bytes, n))
			return 0;
	}
	return err_set(e, -E2BIG, "there are %d signatures already", SIGNATURES_MAX);
}

int signatures_to_lookaside(const char *url, const char *repository, const char *digest, int dir_fd,
			    size_t n, struct err *e)
{
	scoped(mem) char *path = NULL;
	scoped(fd) int dir = -EBADF;

	if (!str_starts(url, FILE_URL))
		return err_set(e, -ENOTSUP,
			       "writing signatures to %s: only file: URLs can be written to", url);
	path = str_printf("%s/%s@sha256=%s", url + strlen(FILE_URL), repository,
			  digest_hex(digest));
	if (!path)
		return err_errno(e, ENOMEM, "write signatures");
	if (path_mkdirs(path, 0755, e) < 0)
		return err_in(e, "writing signatures");
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open %s", path);
	for (size_t k = 0; k < n; k++) {
		scoped(mem) char *bytes = NULL;
		char name[32];
		size_t len = 0;

		file_name(k, name);
		if (path_read(dir_fd, name, SIGNATURE_MAX, &bytes, &len, e) < 0 ||
		    (!signature_is_sigstore(bytes, len) && add_to(dir, bytes, len, e) < 0))
			return err_in(e, "writing signatures");
	}
	return 0;
}
