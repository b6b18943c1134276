/* SPDX-License-Identifier: Apache-2.0 */
/* One blob after the other into files, from the first place that has it.  A transfer that breaks
 * goes on where it was; a server that then begins at the front again is heard from the front. */
#include "src/image/blobs_role.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/image/registry.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define RETRIES 1
#define PIECE	(256 << 10)

struct download {
	struct fetch f;
	EVP_MD_CTX *md;
	int fd;
	int64_t size;
};

static int begin_answer(struct download *d, struct http_transfer *t, struct err *e)
{
	t->sink_began = 1;
	if (!d->f.offset || (t->status == 206 && t->range_start == d->f.offset))
		return 0;
	if (t->status != 200)
		return err_set(e, -EPROTO, "the server answers with the wrong range");
	d->f.offset = 0;
	if (ftruncate(d->fd, 0) < 0 || lseek(d->fd, 0, SEEK_SET) < 0)
		return err_sys(e, "write a blob");
	return EVP_DigestInit_ex(d->md, EVP_sha256(), NULL)
		       ? 0
		       : err_set(e, -EIO, "cannot compute SHA-256");
}

static int to_file(void *arg, const char *bytes, size_t n, struct err *e)
{
	struct download *d = arg;
	int rc;

	if (!d->f.t->sink_began && begin_answer(d, d->f.t, e) < 0)
		return e->code;
	if ((int64_t)n > d->size - d->f.offset)
		return err_set(e, -EBADMSG, "the blob is longer than %lld bytes",
			       (long long)d->size);
	rc = fd_write_all(d->fd, bytes, n);
	if (rc < 0)
		return err_errno(e, rc, "write a blob");
	if (!EVP_DigestUpdate(d->md, bytes, n))
		return err_set(e, -EIO, "cannot compute SHA-256");
	d->f.offset += (int64_t)n;
	return 0;
}

static int check(struct download *d, const char *digest, struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	char text[DIGEST_LEN + 1], *p = stpcpy(text, "sha256:");
	unsigned n = 0;

	if (!EVP_DigestFinal_ex(d->md, md, &n) || n * 2 != DIGEST_HEX_LEN)
		return err_set(e, -EIO, "cannot compute SHA-256");
	for (unsigned i = 0; i < n; i++)
		p += snprintf(p, 3, "%02x", md[i]);
	if (d->f.offset != d->size || strcmp(text, digest) != 0)
		return err_set(e, -EBADMSG, "Digest did not match, expected %s, got %s", digest,
			       text);
	return 0;
}

/* From one place into the open file. */
static int download(struct http *h, const struct registry_options *o, const char *digest,
		    struct download *d, struct err *e)
{
	scoped(registry_session) struct registry_session s = { 0 };
	scoped(mem) char *path = str_printf("/v2/%s/blobs/%s", o->repository, digest);
	int rc;

	if (!path || !EVP_DigestInit_ex(d->md, EVP_sha256(), NULL))
		return err_errno(e, ENOMEM, "fetch a blob");
	if (registry_open(&s, h, o, e) < 0)
		return e->code;
	d->f = (struct fetch){ .path = path, .sink = to_file, .sink_arg = d };
	rc = fetch_run(&s, &d->f, e);
	fetch_done(&s, &d->f);
	return rc < 0 ? rc : check(d, digest, e);
}

/* The same from OFFSET of the file PATH. */
static int copy_local(const char *path, int64_t offset, const char *digest, struct download *d,
		      struct err *e)
{
	scoped(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	scoped(mem) char *buf = malloc(PIECE);

	if (fd < 0 || !buf)
		return err_sys(e, "open %s", path);
	if (!EVP_DigestInit_ex(d->md, EVP_sha256(), NULL))
		return err_set(e, -EIO, "cannot compute SHA-256");
	d->f.offset = 0;
	while (d->f.offset < d->size) {
		int64_t left = d->size - d->f.offset;
		ssize_t n = pread(fd, buf, left < PIECE ? (size_t)left : PIECE,
				  (off_t)(offset + d->f.offset));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_sys(e, "read %s", path)
				     : err_set(e, -EBADMSG, "%s is cut short", path);
		if (fd_write_all(d->fd, buf, (size_t)n) < 0 ||
		    !EVP_DigestUpdate(d->md, buf, (size_t)n))
			return err_set(e, -EIO, "write a blob");
		d->f.offset += n;
	}
	return check(d, digest, e);
}

static const char *given(json_object *o, const char *name)
{
	const char *s = json_get_str(o, name);

	return s && *s ? s : NULL;
}

/* "get": 1 when the file is made; 0 when it cannot be had, WHY is said; or the error. */
static int get(struct http *h, json_object *first, json_object *m, struct err *why, struct err *e)
{
	const char *digest = json_get_str(m, "digest"), *name = json_get_str(m, "file");
	json_object *sources = json_get(first, "sources");
	struct download d = { .size = json_get_int(m, "size", -1) };
	int rc = -ENOENT;

	if (!digest || !digest_is_valid(digest) || !name || strchr(name, '/') || d.size < 0)
		return err_set(e, -EBADMSG, "push: unexpected message");
	scoped(fd) int fd = openat(PULL_DIR_FD, name,
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(e, "create %s", name);
	d.fd = fd;
	d.md = EVP_MD_CTX_new();
	if (d.md && json_get_str(m, "path"))
		rc = copy_local(json_get_str(m, "path"), json_get_int(m, "offset", 0), digest, &d,
				e);
	for (size_t i = 0; d.md && i < json_len(sources) && rc < 0; i++) {
		json_object *s = json_object_array_get_idx(sources, i);
		const struct registry_options o = {
			.host = json_get_str(s, "registry"),
			.repository = json_get_str(s, "repository"),
			.insecure = json_get_bool(s, "insecure", 0),
			.creds = given(first, "creds"),
			.authfile = given(first, "authfile"),
			.cert_dir = given(first, "cert_dir"),
			.config_dir = given(first, "config_dir"),
			.retries = (int)json_get_int(first, "retries", RETRIES),
			.retry_delay_ms = json_get_int(first, "retry_delay_ms", 0)
		};

		err_clear(e);
		if (!o.host || !o.repository)
			continue;
		if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
			break;
		rc = download(h, &o, digest, &d, e);
	}
	EVP_MD_CTX_free(d.md);
	if (rc >= 0)
		return 1;
	dbg("%s: %s", digest, e->text);
	*why = *e;
	err_clear(e);
	(void)unlinkat(PULL_DIR_FD, name, 0); /* the engine makes one of its own */
	return 0;
}

int blobs_role(json_object *first, struct err *e)
{
	scoped(http) struct http *h = NULL;

	if (http_new(&h, e) < 0)
		return e->code;
	for (;;) {
		scoped(json) json_object *m = NULL;
		struct err why = { 0 };
		json_object *o;
		int rc = pull_receive(PULL_SOCKET_FD, &m, e);

		if (rc <= 0) /* that was all */
			return rc;
		rc = pull_is(m, "get") ? get(h, first, m, &why, e)
				       : err_set(e, -EBADMSG, "push: unexpected message");
		if (rc < 0)
			return rc;
		o = pull_message(rc ? "got" : "absent");
		if (!rc && o)
			json_put_str(o, "text", why.text);
		if (pull_send(PULL_SOCKET_FD, o, e) < 0)
			return e->code;
	}
}
