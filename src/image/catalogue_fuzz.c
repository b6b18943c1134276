/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of a store of Podman's: images, a NUL byte, layers.  Whatever they say, the catalogue
 * names nothing outside the store. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "src/image/catalogue.h"
#include "src/image/reference.h"
#include "src/store/store.h"
#include "src/util/path.h"
#include "src/util/scoped.h"

#define ROOT "/store"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_paths(struct store *db, const char *sql)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	struct err e;
	int r = store_query(db, &q, &e, sql, "");

	assert(r == 0);
	while ((r = store_step(q, &e)) > 0) {
		scoped(mem) char *clean = path_clean(store_text(q, 0));
		assert(clean && strcmp(clean, store_text(q, 0)) == 0);
		assert(path_is_below(clean, ROOT) && strcmp(clean, ROOT) != 0);
		assert(digest_is_valid(store_text(q, 1)));
	}
	assert(r == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	scoped(store) struct store *db = NULL;
	const char *images = (const char *)data, *layers = memchr(images, '\0', size);
	size_t n_images = layers ? (size_t)(layers - images) : size;
	struct err e = { 0 };
	int r = store_open_file(":memory:", STORE_CATALOGUE_NEW, &db, &e);

	assert(r == 0);
	r = catalogue_read_podman(ROOT, images, n_images, layers ? layers + 1 : "",
				  layers ? size - n_images - 1 : 0, db, &e);
	assert(r == 0 || (r == e.code && e.text[0]));
	if (r == 0)
		(void)catalogue_read_podman_signatures(ROOT, images, n_images, db, &e);
	r = catalogue_read_podman_artifacts(ROOT, images, n_images, db, &e);
	assert(r == 0);
	check_paths(db, "SELECT name, diff_id FROM layer");
	check_paths(db, "SELECT path, digest FROM blob");
	return 0;
}
