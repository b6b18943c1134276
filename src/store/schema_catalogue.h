/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of a catalogue: what we have read of an additional image store.  They are those of images,
 * lists and artifacts in our own store, with absolute paths as the names of layers, and one that
 * says where the documents are. */
#ifndef COVE_STORE_SCHEMA_CATALOGUE_H
#define COVE_STORE_SCHEMA_CATALOGUE_H

#include "src/store/schema_image.h"

#define SCHEMA_CATALOGUE                          \
	SCHEMA_IMAGE SCHEMA_SIGNATURE SCHEMA_LIST \
		"CREATE TABLE blob ("             \
		" digest TEXT PRIMARY KEY,"       \
		" path TEXT NOT NULL"             \
		") WITHOUT ROWID;"                \
		"CREATE TABLE source (stamp TEXT NOT NULL);" /* see image_stores.c */

#endif
