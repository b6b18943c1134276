/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of images and layers, as of schema version 1.
 *
 * An image is what its config says: its id is the digest of the config blob, which lies, as the
 * manifest does, in graphroot/blobs/sha256/HEX.  A layer is known by the digest of its plain tar
 * and lies in graphroot/layers/NAME; what is there without a row is rubbish, see image_collect().
 */
#ifndef COVE_STORE_SCHEMA_IMAGE_H
#define COVE_STORE_SCHEMA_IMAGE_H

#define SCHEMA_IMAGE                                                                 \
	"CREATE TABLE IF NOT EXISTS image ("                                         \
	" id TEXT PRIMARY KEY,"                                                      \
	" manifest_digest TEXT NOT NULL,"                                            \
	" manifest_type TEXT NOT NULL,"                                              \
	" index_digest TEXT,"                                                        \
	" created INTEGER NOT NULL," /* seconds, from the config */                  \
	" added INTEGER NOT NULL"    /* nanoseconds: when it came here */            \
	") WITHOUT ROWID;"                                                           \
	"CREATE TABLE IF NOT EXISTS image_name ("                                    \
	" name TEXT PRIMARY KEY," /* registry/repository:tag */                      \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE"             \
	") WITHOUT ROWID;"                                                           \
	"CREATE INDEX IF NOT EXISTS image_name_image ON image_name(image_id);"       \
	"CREATE TABLE IF NOT EXISTS image_digest ("                                  \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"            \
	" digest_name TEXT NOT NULL," /* registry/repository@sha256:... */           \
	" PRIMARY KEY (image_id, digest_name)"                                       \
	") WITHOUT ROWID;"                                                           \
	"CREATE INDEX IF NOT EXISTS image_digest_name ON image_digest(digest_name);" \
	"CREATE TABLE IF NOT EXISTS layer ("                                         \
	" name TEXT PRIMARY KEY,"                                                    \
	" diff_id TEXT NOT NULL UNIQUE,"                                             \
	" blob_digest TEXT,"                                                         \
	" blob_size INTEGER NOT NULL,"                                               \
	" diff_size INTEGER NOT NULL,"                                               \
	" tree_size INTEGER NOT NULL"                                                \
	") WITHOUT ROWID;"                                                           \
	"CREATE INDEX IF NOT EXISTS layer_blob ON layer(blob_digest);"               \
	"CREATE TABLE IF NOT EXISTS image_layer ("                                   \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"            \
	" position INTEGER NOT NULL," /* 0 is the lowest */                          \
	" layer TEXT NOT NULL REFERENCES layer(name),"                               \
	" PRIMARY KEY (image_id, position)"                                          \
	") WITHOUT ROWID;"                                                           \
	"CREATE INDEX IF NOT EXISTS image_layer_layer ON image_layer(layer);"

/* Version 2: signatures that came with a manifest, or were made here. */
#define SCHEMA_SIGNATURE                                                  \
	"CREATE TABLE IF NOT EXISTS image_signature ("                    \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE," \
	" digest TEXT NOT NULL," /* of the manifest */                    \
	" position INTEGER NOT NULL,"                                     \
	" bytes TEXT NOT NULL," /* base64 */                              \
	" PRIMARY KEY (image_id, digest, position)"                       \
	") WITHOUT ROWID;"

/* Version 3: the archive or directory that an image was loaded from, which may have its compressed
 * blobs when they are wanted again. */
#define SCHEMA_SOURCE                                                               \
	"CREATE TABLE IF NOT EXISTS image_source ("                                 \
	" image_id TEXT PRIMARY KEY REFERENCES image(id) ON DELETE CASCADE,"        \
	" source TEXT NOT NULL" /* "dir:/PATH", "oci:/PATH", "oci-archive:/PATH" */ \
	") WITHOUT ROWID;"

/* Version 5: lists of images (an index in blobs/, of which the store has some images, all or none)
 * and artifacts (a manifest and its blobs, all in blobs/).  A name belongs to an image or to a
 * list: who gets it takes it from the other. */
#define SCHEMA_LIST                                                                 \
	"CREATE TABLE manifest_list ("                                              \
	" id TEXT PRIMARY KEY," /* of its own: the index changes */                 \
	" digest TEXT NOT NULL,"                                                    \
	" added INTEGER NOT NULL" /* nanoseconds */                                 \
	") WITHOUT ROWID;"                                                          \
	"CREATE TABLE manifest_list_name ("                                         \
	" name TEXT PRIMARY KEY,"                                                   \
	" list_id TEXT NOT NULL REFERENCES manifest_list(id) ON DELETE CASCADE"     \
	") WITHOUT ROWID;"                                                          \
	"CREATE INDEX manifest_list_name_list ON manifest_list_name(list_id);"      \
	"CREATE TABLE manifest_list_source ("                                       \
	" list_id TEXT NOT NULL REFERENCES manifest_list(id) ON DELETE CASCADE,"    \
	" digest TEXT NOT NULL," /* of an entry */                                  \
	" source TEXT NOT NULL," /* registry/repository, "image:ID", "artifact:" */ \
	" PRIMARY KEY (list_id, digest)"                                            \
	") WITHOUT ROWID;"                                                          \
	"CREATE TRIGGER image_takes_name AFTER INSERT ON image_name BEGIN"          \
	" DELETE FROM manifest_list_name WHERE name = NEW.name; END;"               \
	"CREATE TRIGGER list_takes_name AFTER INSERT ON manifest_list_name BEGIN"   \
	" DELETE FROM image_name WHERE name = NEW.name; END;"                       \
	"CREATE TABLE artifact ("                                                   \
	" id TEXT PRIMARY KEY,"                                                     \
	" name TEXT UNIQUE," /* NULL: one that a list has */                        \
	" digest TEXT NOT NULL,"                                                    \
	" added INTEGER NOT NULL"                                                   \
	") WITHOUT ROWID;"                                                          \
	"CREATE TABLE artifact_blob ("                                              \
	" artifact_id TEXT NOT NULL REFERENCES artifact(id) ON DELETE CASCADE,"     \
	" digest TEXT NOT NULL,"                                                    \
	" PRIMARY KEY (artifact_id, digest)"                                        \
	") WITHOUT ROWID;"

/* Version 6: images that were asked for by digest: that keeps them, as a name does. */
#define SCHEMA_PIN                                                         \
	"CREATE TABLE image_pin ("                                         \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"  \
	" digest_name TEXT NOT NULL," /* registry/repository@sha256:... */ \
	" PRIMARY KEY (image_id, digest_name)"                             \
	") WITHOUT ROWID;"

/* Version 7: the names that an image has had, those that it has among them. */
#define SCHEMA_PAST                                                              \
	"CREATE TABLE image_past ("                                              \
	" image_id TEXT NOT NULL REFERENCES image(id) ON DELETE CASCADE,"        \
	" name TEXT NOT NULL,"                                                   \
	" number INTEGER NOT NULL," /* grows with time */                        \
	" PRIMARY KEY (image_id, name)"                                          \
	") WITHOUT ROWID;"                                                       \
	"INSERT INTO image_past SELECT image_id, name, 0 FROM image_name;"       \
	"INSERT INTO image_past SELECT image_id, digest_name, 0 FROM image_pin;" \
	"CREATE TRIGGER image_had_name AFTER INSERT ON image_name BEGIN"         \
	" INSERT OR REPLACE INTO image_past (image_id, name, number)"            \
	" SELECT NEW.image_id, NEW.name, coalesce(max(number), 0) + 1"           \
	" FROM image_past WHERE image_id = NEW.image_id; END;"                   \
	"CREATE TRIGGER image_had_pin AFTER INSERT ON image_pin BEGIN"           \
	" INSERT OR REPLACE INTO image_past (image_id, name, number)"            \
	" SELECT NEW.image_id, NEW.digest_name, coalesce(max(number), 0) + 1"    \
	" FROM image_past WHERE image_id = NEW.image_id; END;"

/* Version 8: when a name goes, those that stay are the newest, in their order, as Podman has it. */
#define SCHEMA_PAST_ORDER                                                                         \
	"CREATE TRIGGER image_lost_name AFTER DELETE ON image_name BEGIN"                         \
	" INSERT OR REPLACE INTO image_past (image_id, name, number)"                             \
	" SELECT n.image_id, n.name,"                                                             \
	"  (SELECT max(number) FROM image_past WHERE image_id = OLD.image_id) +"                  \
	"  (SELECT count(*) FROM image_past o WHERE o.image_id = OLD.image_id AND o.number <="    \
	"   (SELECT number FROM image_past p WHERE p.image_id = n.image_id AND p.name = n.name))" \
	" FROM image_name n WHERE n.image_id = OLD.image_id"                                      \
	" AND EXISTS (SELECT 1 FROM image WHERE id = OLD.image_id); END;" /* it may go itself */

#endif
