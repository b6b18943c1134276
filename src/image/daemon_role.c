/* SPDX-License-Identifier: Apache-2.0 */
/* The Docker Engine API over its socket: /images/NAME/get gives a docker-archive, /images/load
 * takes one.  No credentials are involved. */
#include "src/image/daemon_role.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/pull_protocol.h"
#include "src/image/registry_http.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

struct daemon {
	struct http *http;
	const char *socket, *host;
	int fd; /* the archive */
};

static int to_file(void *arg, const char *bytes, size_t n, struct err *e)
{
	const struct daemon *d = arg;
	int rc = fd_write_all(d->fd, bytes, n);

	return rc < 0 ? err_errno(e, rc, "write the archive") : 0;
}

/* The daemon's own words, {"message": "..."}. */
static int refused(const struct http_transfer *t, struct err *e)
{
	scoped(json) json_object *o = NULL;
	struct err ignored = { 0 };
	const char *text = NULL;

	if (json_parse(t->body.s ? t->body.s : "", t->body.len, &o, &ignored) == 0)
		text = json_get_str(o, "message");
	if (text)
		return err_set(e, t->status == 404 ? -ENOENT : -EIO, "%.500s", text);
	return err_set(e, -EIO, "HTTP status %ld", t->status);
}

static int talk(struct daemon *d, struct http_request *r, const char *path, struct strbuf *body,
		struct err *e)
{
	scoped(mem) char *url = str_printf("http://%s%s", *d->host ? d->host : "docker", path);
	struct http_transfer *t = NULL;
	int rc;

	if (!url)
		return err_errno(e, ENOMEM, "docker-daemon");
	r->url = url;
	r->unix_socket = *d->socket ? d->socket : NULL;
	rc = http_start(d->http, r, &t, e);
	if (rc >= 0)
		rc = http_wait(d->http, t, e);
	if (rc >= 0 && t->err.code) {
		*e = t->err;
		rc = e->code;
	} else if (rc >= 0 && t->result != CURLE_OK) {
		rc = err_set(e, -ECONNREFUSED, "Cannot connect to the Docker daemon at %s%s: %s",
			     *d->socket ? "unix://" : "tcp://", *d->socket ? d->socket : d->host,
			     http_failure(t));
	} else if (rc >= 0 && t->status != 200) {
		rc = refused(t, e);
	}
	if (rc >= 0 && body) {
		*body = t->body;
		t->body = (struct strbuf){ 0 };
	}
	http_end(d->http, t);
	return rc < 0 ? rc : 0;
}

static int get(struct daemon *d, const char *name, struct err *e)
{
	scoped(mem) char *quoted = curl_easy_escape(NULL, name, 0);
	scoped(mem) char *path = quoted ? str_printf("/images/%s/get", quoted) : NULL;
	struct http_request r = { .body_max = HTTP_SMALL_MAX, .sink = to_file, .sink_arg = d };

	if (!path)
		return err_errno(e, ENOMEM, "docker-daemon");
	d->fd = openat(PULL_DIR_FD, PULL_ARCHIVE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (d->fd < 0)
		return err_sys(e, "make a file");
	return talk(d, &r, path, NULL, e);
}

/* The answer is a sequence of JSON objects; {"errorDetail"} in one says that it failed. */
static int check_load(const struct strbuf *body, struct err *e)
{
	scoped(mem) char *text = body->s ? strndup(body->s, body->len) : NULL;
	char *rest = NULL;

	for (char *line = text ? strtok_r(text, "\r\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		scoped(json) json_object *o = NULL;
		struct err ignored = { 0 };

		if (json_parse(line, strlen(line), &o, &ignored) == 0 && json_get_str(o, "error"))
			return err_set(e, -EIO, "%.500s", json_get_str(o, "error"));
	}
	return 0;
}

static int give(struct daemon *d, struct err *e)
{
	scoped(strbuf) struct strbuf answer = STRBUF_INIT;
	struct http_body body = { .content_type = "application/x-tar" };
	struct http_request r = { .method = "POST", .body = &body, .body_max = HTTP_SMALL_MAX };
	struct stat st;

	d->fd = openat(PULL_DIR_FD, PULL_ARCHIVE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return err_sys(e, "open the archive");
	body.fd = d->fd;
	body.length = st.st_size;
	return talk(d, &r, "/images/load?quiet=1", &answer, e) < 0 ? e->code
								   : check_load(&answer, e);
}

int daemon_role(json_object *m, struct err *e)
{
	scoped(http) struct http *h = NULL;
	const char *name = json_get_str(m, "name");
	struct daemon d = { .socket = json_get_str(m, "socket"),
			    .host = json_get_str(m, "host"),
			    .fd = -EBADF };
	int rc;

	if (!name || !d.socket || !d.host)
		return err_set(e, -EBADMSG, "docker-daemon: unexpected message");
	if (http_new(&h, e) < 0)
		return e->code;
	d.http = h;
	rc = *name ? get(&d, name, e) : give(&d, e);
	fd_close(d.fd);
	if (rc < 0)
		return err_in(e, *name ? "loading image from docker engine"
				       : "writing image to docker engine");
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}
