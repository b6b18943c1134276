/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/catalogue.h"

#include <errno.h>
#include <string.h>

#include "src/store/store.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define D(c)                                                                                      \
	"sha256:" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c \
		c c c c c c c c c c c c c c c c c c c c c c c c
#define ID(c) (&D(c)[7])

static struct store *new_catalogue(void)
{
	struct store *db = NULL;
	struct err e;

	CHECK_INT(store_open_file(":memory:", STORE_CATALOGUE_NEW, &db, &e), 0);
	return db;
}

/* The rows of SQL, columns joined by ' ' and rows by ','. */
static char *rows(struct store *db, const char *sql)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct err e;
	int r = store_query(db, &q, &e, sql, "");

	while (r == 0 && (r = store_step(q, &e)) > 0) {
		const char *text = store_text(q, 0);
		r = strbuf_printf(&b, "%s%s", b.len ? "," : "", text ? text : "NULL");
	}
	CHECK_INT(r, 0);
	return strbuf_take(&b);
}

#define CHECK_ROWS(db, sql, want)                          \
	do {                                               \
		scoped(mem) char *got = rows((db), (sql)); \
		CHECK_STR(got, (want));                    \
	} while (0)

static int read_lists(struct store *db, const char *images, const char *layers)
{
	struct err e = { 0 };
	int r = catalogue_read_podman("/s", images, strlen(images), layers, strlen(layers), db, &e);

	CHECK_INT(r, e.code);
	return r;
}

#define LAYERS                                                                                     \
	"[{\"id\":\"aa\",\"diff-digest\":\"" D(                                                    \
		"1") "\",\"diff-size\":10},"                                                       \
		     "{\"id\":\"bb\",\"parent\":\"aa\",\"diff-digest\":\"" D(                      \
			     "2") "\",\"diff-size\":20,"                                           \
				  "\"compressed-diff-digest\":\"" D(                               \
					  "3") "\",\"compressed-size\":7},"                        \
					       "{\"id\":\"cc\",\"parent\":\"bb\",\"diff-digest\":" \
					       "\"" D("4") "\","                                   \
							   "\"flags\":{\"incomplete\":true}},"     \
							   "{\"id\":\"dd\",\"parent\":\"ee\","     \
							   "\"diff-digest\":\"" D(                 \
								   "5") "\"},"                     \
									"{\"id\":\"ee\","          \
									"\"parent\":\"dd\","       \
									"\"diff-digest\":\"" D(    \
										"6") "\"}]"

/* An image of the layers from TOP down. */
static char *image(const char *digit, const char *top, const char *names)
{
	char id[65];

	memset(id, *digit, 64);
	id[64] = '\0';
	return str_printf("{\"id\":\"%s\",\"layer\":\"%s\",\"names\":%s,"
			  "\"created\":\"2020-01-02T03:04:05Z\",\"big-data-digests\":"
			  "{\"manifest\":\"" D("9") "\",\"manifest-" D("8") "\":\"" D(
				  "8") "\","
				       "\"sha256:%s\":\"sha256:%s\"}}",
			  id, top, names, id, id);
}

TEST(lists_of_podman_become_a_catalogue)
{
	scoped(store) struct store *db = new_catalogue();
	scoped(mem) char *one = image("a", "bb",
				      "[\"localhost/x:1\",\"docker.io/library/y@" D(
					      "9") "\","
						   "\"short\",\"no name at all!\"]");
	scoped(mem) char *list = str_printf("[%s]", one);

	CHECK_INT(read_lists(db, list, LAYERS), 0);
	CHECK_ROWS(db, "SELECT name || ' ' || tree_size FROM layer WHERE diff_id = '" D("2") "'",
		   "/s/overlay/bb 20");
	CHECK_ROWS(db, "SELECT blob_digest FROM layer WHERE name = '/s/overlay/bb'", D("3"));
	CHECK_ROWS(db, "SELECT id FROM image", ID("a"));
	CHECK_ROWS(db, "SELECT manifest_digest || index_digest || created FROM image",
		   D("9") D("8") "1577934245");
	CHECK_ROWS(db, "SELECT name FROM image_name", "localhost/x:1");
	CHECK_ROWS(db, "SELECT digest_name FROM image_digest", "docker.io/library/y@" D("9"));
	CHECK_ROWS(db, "SELECT layer FROM image_layer ORDER BY position",
		   "/s/overlay/aa,/s/overlay/bb");
	CHECK_ROWS(db, "SELECT path FROM blob WHERE digest = '" D("9") "'",
		   "/s/overlay-images/"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		   "/manifest");
	CHECK_ROWS(db, "SELECT path FROM blob WHERE digest = '" D("a") "'",
		   "/s/overlay-images/"
		   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		   "/=c2hhMjU2OmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"
		   "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=");
}

TEST(images_whose_layers_are_not_all_there_are_left_out)
{
	static const char *const tops[] = { "cc", "dd", "ff", "" };

	for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
		scoped(store) struct store *db = new_catalogue();
		scoped(mem) char *bad = image("b", tops[i], "[]");
		scoped(mem) char *good = image("a", "aa", "[]");
		scoped(mem) char *list = str_printf("[%s,%s]", bad, good);

		CHECK_INT(read_lists(db, list, LAYERS), 0);
		if (*tops[i])
			CHECK_ROWS(db, "SELECT id FROM image", ID("a"));
		else /* which has no layers at all */
			CHECK_ROWS(db, "SELECT COUNT(*) FROM image", "2");
		CHECK_ROWS(db, "SELECT COUNT(*) FROM image_layer", "1");
	}
}

TEST(nonsense_in_lists_is_left_out_or_told)
{
	static const struct {
		const char *images, *layers;
		int want;
	} lists[] = { { "", "", 0 },
		      { "[]", "[]", 0 },
		      { "[", "[]", -EBADMSG },
		      { "[]", "{}", -EBADMSG },
		      { "3", "[]", -EBADMSG },
		      { "[1,null,{},[],{\"id\":\"../x\"}]", "[{\"id\":\"../x\"},\"x\",null]", 0 } };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		scoped(store) struct store *db = new_catalogue();
		CHECK_INT(read_lists(db, lists[i].images, lists[i].layers), lists[i].want);
		CHECK_ROWS(db, "SELECT (SELECT COUNT(*) FROM image) + (SELECT COUNT(*) FROM layer)",
			   "0");
	}
}
