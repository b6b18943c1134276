/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures in the database, as base64: few, small, and gone with their image. */
#include <string.h>

#include "src/image/image_stores.h"
#include "src/image/signature.h"
#include "src/image/trust.h"
#include "src/store/store.h"
#include "src/util/base64.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

static int store_one(struct store *st, const char *image_id, const char *digest, int dir_fd,
		     size_t k, struct err *e)
{
	scoped(mem) char *bytes = NULL;
	scoped(mem) char *text = NULL;
	char name[32];
	size_t n = 0;

	(void)snprintf(name, sizeof(name), SIGNATURE_FILE, k + 1);
	if (path_read(dir_fd, name, SIGNATURE_MAX, &bytes, &n, e) < 0)
		return e->code;
	text = base64_encode(bytes, n);
	if (!text)
		return err_errno(e, ENOMEM, "store a signature");
	return store_exec(st, e,
			  "INSERT INTO image_signature (image_id, digest, position, bytes)"
			  " VALUES (?, ?, ?, ?)",
			  "ssis", image_id, digest, (int64_t)k, text);
}

int signatures_store(struct engine *en, const char *image_id, const char *digest, int dir_fd,
		     size_t n, struct err *e)
{
	struct store *st = engine_store(en, e);
	int rc;

	if (!st)
		return e->code;
	if (store_begin(st, STORE_DURABLE, e) < 0)
		return e->code;
	rc = store_exec(st, e, "DELETE FROM image_signature WHERE image_id = ? AND digest = ?",
			"ss", image_id, digest);
	for (size_t k = 0; k < n && rc >= 0; k++)
		rc = store_one(st, image_id, digest, dir_fd, k, e);
	if (rc >= 0)
		return store_commit(st, e) < 0 ? e->code : 0;
	store_rollback(st);
	return rc;
}

static int fetch(struct store *st, const char *digest, int dir_fd, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int n = 0, rc = store_query(st, &q, e,
				    "SELECT DISTINCT bytes FROM image_signature WHERE digest = ?"
				    " ORDER BY position, bytes",
				    "s", digest);

	while (rc >= 0 && (rc = store_step(q, e)) > 0) {
		const char *text = store_text(q, 0);
		unsigned char *bytes = NULL;
		size_t len = 0;
		char name[32];

		(void)snprintf(name, sizeof(name), SIGNATURE_FILE, (size_t)n + 1);
		if (base64_decode(text, strlen(text), &bytes, &len, e) < 0)
			return e->code;
		rc = path_replace(dir_fd, name, bytes, len, 0600, 0, e);
		free(bytes);
		n += rc >= 0;
	}
	return rc < 0 ? rc : n;
}

int signatures_fetch(struct engine *en, const char *digest, int dir_fd, struct err *e)
{
	int n = 0;

	for (size_t k = 0; n == 0 && k < image_stores_n(en); k++) {
		struct store *st = image_store_db(en, k, e);
		if (!st && k == 0)
			return e->code;
		if (st)
			n = fetch(st, digest, dir_fd, e);
	}
	return n;
}
