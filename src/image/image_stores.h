/* SPDX-License-Identifier: Apache-2.0 */
/* Additional image stores (en->stores): of other coves, or of Podman.  We only read them.
 *
 * What such a store has is read once into a catalogue of our own, runroot/stores/HASH.db, and read
 * anew when the files it was made from have changed; its database may lie where we cannot write,
 * on a network, or be in use by its owner, and its bytes are a stranger's.  Layers and documents
 * stay where they are. */
#ifndef COVE_IMAGE_IMAGE_STORES_H
#define COVE_IMAGE_IMAGE_STORES_H

#include <stddef.h>

#include "src/store/engine.h"

struct store;

/* 1 + the number of additional stores. */
size_t image_stores_n(const struct engine *en);
/* The database that answers for images in store K: 0 is our own, then the additional ones in their
 * order.  NULL with *E filled for our own alone; an additional one that cannot be read is NULL, and
 * the user was told in one line (en->warn). */
struct store *image_store_db(struct engine *en, size_t k, struct err *e);
/* The same, but what is in the way of an additional store is an error. */
struct store *image_store_need(struct engine *en, size_t k, struct err *e);
struct image;
/* The same for the store that has image I. */
struct store *image_store_db_of(struct engine *en, const struct image *i, struct err *e);
/* Is the directory ROOT our own store? */
int image_store_is_ours(const struct engine *en, const char *root);
/* The additional store that has the layer or document PATH, for messages; "" when none has. */
const char *image_store_of(const struct engine *en, const char *path);

/* Layers are named as struct image does it: a layer of ours lies in layers/NAME, one of an
 * additional store is an absolute path.  Does NAME lie elsewhere? */
int image_layer_is_elsewhere(const char *name);
/* Open the directory of layer NAME: a descriptor, or the error, which says where it was looked for.
 */
int image_layer_dir(const struct engine *en, const char *name, struct err *e);
/* The tree of layer NAME as a path, absolute or below graphroot: owned.  NULL with *E filled when
 * out of memory, or when it lies elsewhere and is not there (any more). */
char *image_layer_tree(const struct engine *en, const char *name, struct err *e);
/* The same as an absolute path that is only shown: owned, or NULL when out of memory. */
char *image_layer_path(const struct engine *en, const char *name);
/* Are its files something else than the file system says (image_adopt.h)?  And are they another
 * user's, so that their owners are not what they should be in containers of ours?  Both only of a
 * layer of an additional store. */
int image_layer_is_masked(const char *name);
int image_layer_is_foreign(const char *name);
/* One of the two, or en->copy_layers: the layer is not to be used where it lies, unless there is no
 * other way. */
int image_layer_is_unfit(const struct engine *en, const char *name);
/* Is it, or does it lie in our own store? */
int image_layer_is_there(const char *name);

#endif
