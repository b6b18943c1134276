/* SPDX-License-Identifier: Apache-2.0 */
/* Is the store what its records say, and does it have nothing else?  The half about images; that
 * about containers is src/container/check.h. */
#ifndef COVE_IMAGE_IMAGE_CHECK_H
#define COVE_IMAGE_IMAGE_CHECK_H

#include <stdint.h>

#include "src/store/engine.h"
#include "src/util/err.h"

enum check_of {
	CHECK_DATABASE,
	CHECK_LAYER,
	CHECK_IMAGE,
	CHECK_CONTAINER,
	CHECK_SECRET,
	CHECK_VOLUME,
	CHECK_LEFTOVER, /* named by no record: no damage, the next writing command removes it */
	CHECK_OF_COUNT
};
struct check_finding {
	enum check_of of;
	char *name; /* of a layer its directory's, of a leftover its path below the store */
	char *text;
};
struct check {
	int quick;     /* records, names and sizes alone: contents are not read */
	int64_t max_s; /* leftovers that are older are damage */
	struct check_finding *found;
	size_t n, n_damages;
};
void check_done(struct check *c);
static inline __attribute__((unused)) void scoped_check(struct check *c)
{
	check_done(c);
}
/* Note a finding.  0, or -ENOMEM. */
int check_add(struct check *c, enum check_of of, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A leftover at PATH below the store, of whatever age. */
int check_add_leftover(struct engine *en, struct check *c, const char *path);
/* Is there a finding OF NAME? */
int check_has(const struct check *c, enum check_of of, const char *name);

/* Look at the database, at layers and images, and at what is half made.  Findings are no errors. */
int image_check(struct engine *en, struct check *c, struct err *e);

/* Mend what C found: sizes are written anew; images that are damaged, or stand on damaged layers,
 * are removed unless a container uses them (BUSY is called for each of those, and may remove the
 * containers: 1 then); leftovers are removed.  *RET_DELETED: IDs of images. */
typedef int check_busy_fn(void *arg, const char *image_id, struct err *e);
int image_check_repair(struct engine *en, const struct check *c, check_busy_fn *busy, void *arg,
		       char ***ret_deleted, struct err *e);

#endif
