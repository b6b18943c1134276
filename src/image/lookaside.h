/* SPDX-License-Identifier: Apache-2.0 */
/* registries.d (containers-registries.d(5)): where signatures are kept that no registry has. */
#ifndef COVE_IMAGE_LOOKASIDE_H
#define COVE_IMAGE_LOOKASIDE_H

#include <json-c/json_object.h>

#include "src/image/reference.h"
#include "src/util/err.h"

/* All owned. */
struct lookaside {
	char *read, *write; /* URLs, or NULL; the name of the image is to be added */
	int attachments;    /* sigstore's signatures lie in the registry, and go there */
};
void lookaside_done(struct lookaside *l);
static inline __attribute__((unused)) void scoped_lookaside(struct lookaside *l)
{
	lookaside_done(l);
}

/* A YAML document of maps of maps of scalars, which become strings.  Owned; NULL: *E says why. */
json_object *lookaside_yaml(const char *bytes, size_t n, struct err *e);
/* Take the YAML document of one file into INTO ({"default-docker": {}, "docker": {NAME: {}}}).
 * -EBADMSG for what breaks the format, also a second entry for one name. */
int lookaside_merge(json_object *into, const char *bytes, size_t n, struct err *e);
/* The files *.yaml of DIR, in the order of their names: 1, or 0 when there is no such directory. */
int lookaside_read_dir(json_object *into, const char *dir, struct err *e);
/* What CONFIG says of REF; HOME is for the place where nothing is said. */
int lookaside_find(json_object *config, const struct reference *ref, const char *home,
		   struct lookaside *ret, struct err *e);

#endif
