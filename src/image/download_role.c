/* SPDX-License-Identifier: Apache-2.0 */
/* One GET into a file, through redirects; from https they lead to https only.  What a URL says of a
 * user goes to its own host (libcurl does that) and nowhere else. */
#include "src/image/download_role.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/pull_protocol.h"
#include "src/image/registry_http.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

#define REDIRECTS_MAX 10

static int to_file(void *arg, const char *bytes, size_t n, struct err *e)
{
	const int *fd = arg;
	int rc = fd_write_all(*fd, bytes, n);

	return rc < 0 ? err_errno(e, rc, "write the file") : 0;
}

DEFINE_SCOPED(curlu, CURLU *, curl_url_cleanup);
DEFINE_SCOPED(curl_text, char *, curl_free);

/* Where LOCATION, of the answer from URL, leads.  *RET owned. */
static int redirect(const char *url, const char *location, char **ret, struct err *e)
{
	scoped(curlu) CURLU *u = curl_url();
	scoped(curl_text) char *to = NULL;

	if (!location)
		return err_set(e, -EPROTO, "redirect without a Location");
	if (!u || curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
	    curl_url_set(u, CURLUPART_URL, location, 0) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_URL, &to, 0) != CURLUE_OK)
		return err_set(e, -EPROTO, "redirect to something that is no URL");
	if (!str_starts(to, "https://") && (!str_starts(to, "http://") || str_starts(url, "https")))
		return err_set(e, -EPROTO, "redirect to %.300s is refused", to);
	*ret = strdup(to);
	return *ret ? 0 : err_errno(e, ENOMEM, "follow a redirect");
}

/* 0, or 1 and the next URL in *RET. */
static int get(struct http *h, const char *url, int *fd, char **ret, struct err *e)
{
	const struct http_request r = {
		.url = url, .body_max = HTTP_SMALL_MAX, .sink = to_file, .sink_arg = fd
	};
	struct http_transfer *t = NULL;
	int rc = http_start(h, &r, &t, e);

	if (rc >= 0)
		rc = http_wait(h, t, e);
	if (rc < 0) {
		http_end(h, t);
		return rc;
	}
	if (t->err.code) {
		*e = t->err;
		rc = e->code;
	} else if (t->result != CURLE_OK) {
		rc = err_set(e, -EIO, "%s", http_failure(t));
	} else if (t->status >= 301 && t->status <= 308 && t->status != 304) {
		rc = redirect(url, t->location, ret, e);
		rc = rc < 0 ? rc : 1;
	} else if (t->status != 200) {
		rc = err_set(e, t->status == 404 ? -ENOENT : -EIO, "HTTP status %ld", t->status);
	}
	http_end(h, t);
	return rc < 0 ? rc : rc == 1;
}

int download_role(json_object *m, struct err *e)
{
	scoped(http) struct http *h = NULL;
	scoped(fd) int fd =
		openat(PULL_DIR_FD, PULL_ARCHIVE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const char *url = json_get_str(m, "url");
	scoped(mem) char *at = url ? strdup(url) : NULL;
	int rc = 1;

	if (!at)
		return err_set(e, -EBADMSG, "download: unexpected message");
	if (fd < 0)
		return err_sys(e, "make a file");
	if (http_new(&h, e) < 0)
		return e->code;
	for (int n = 0; rc == 1; n++) {
		char *next = NULL;

		if (n > REDIRECTS_MAX)
			return err_set(e, -ELOOP, "stopped after %d redirects", REDIRECTS_MAX);
		rc = get(h, at, &fd, &next, e);
		if (rc < 0)
			return rc;
		if (rc == 1) {
			free(at);
			at = next;
		}
	}
	return pull_send(PULL_SOCKET_FD, pull_message("done"), e);
}
