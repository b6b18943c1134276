/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of containers, as of schema version 1.
 *
 * state is 'created', 'running' or 'exited'.  'running' is only believed while somebody holds the
 * lock runroot/c/ID/lock: the starter takes it before the row says 'running' and hands it to the
 * monitor. */
#ifndef COVE_STORE_SCHEMA_CONTAINER_H
#define COVE_STORE_SCHEMA_CONTAINER_H

#define SCHEMA_CONTAINER                                                                  \
	"CREATE TABLE container ("                                                        \
	" id TEXT PRIMARY KEY,"                                                           \
	" name TEXT NOT NULL UNIQUE,"                                                     \
	" image_id TEXT," /* NULL with --rootfs */                                        \
	" image_name TEXT NOT NULL,"                                                      \
	" created INTEGER NOT NULL," /* nanoseconds since the epoch, as all times here */ \
	" command TEXT NOT NULL,"    /* JSON list, for ps */                              \
	" labels TEXT NOT NULL,"     /* JSON object, for filters */                       \
	" ports TEXT NOT NULL,"	     /* JSON list, for ps */                              \
	" spec TEXT NOT NULL,"	     /* struct container_spec */                          \
	" state TEXT NOT NULL,"                                                           \
	" boot TEXT,"                                                                     \
	" started INTEGER NOT NULL DEFAULT 0,"                                            \
	" finished INTEGER NOT NULL DEFAULT 0,"                                           \
	" exit_code INTEGER NOT NULL DEFAULT 0,"                                          \
	" oom INTEGER NOT NULL DEFAULT 0,"                                                \
	" restarts INTEGER NOT NULL DEFAULT 0,"                                           \
	" error TEXT NOT NULL DEFAULT ''"                                                 \
	") WITHOUT ROWID;"                                                                \
	"CREATE INDEX container_image ON container(image_id);"

#endif
