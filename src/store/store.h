/* SPDX-License-Identifier: Apache-2.0 */
/* The SQLite database: graphroot/db.sqlite.  One connection per process, single-threaded.
 *
 * Rules (measured): BEGIN IMMEDIATE for every transaction that may write; WAL set
 * once when the store is made; TRUNCATE and FULL on network file systems; synchronous=FULL for the
 * durable points (image published, exit record).  The schema is versioned (PRAGMA user_version) and
 * migrated by the table in store.c. */
#ifndef COVE_STORE_STORE_H
#define COVE_STORE_STORE_H

#include <stdint.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

struct store;
struct sqlite3_stmt;

int store_open(const char *graphroot, int graph_fd, struct store **ret, struct err *e);
struct store *store_close(struct store *s);
DEFINE_SCOPED(store, struct store *, store_close);

/* Databases beside it, of which several may be open.  PATH is a file of nobody else's:
 *	STORE_CATALOGUE_NEW	made empty with the tables of schema_catalogue.h; nothing in it
 *survives a crash, so that it gets its name when it is closed STORE_CATALOGUE		such a one,
 *finished: only read, and nobody writes it
 *	STORE_STRANGERS		a private copy of a db.sqlite that somebody else made, as hostile as
 *may be: only plain tables of it are to be asked */
enum store_kind { STORE_CATALOGUE_NEW, STORE_CATALOGUE, STORE_STRANGERS };
int store_open_file(const char *path, enum store_kind kind, struct store **ret, struct err *e);

/* Empty the write-ahead log if it has grown: for a moment when nobody waits for this process.  S
 * may be NULL. */
void store_tidy(struct store *s);

/* A write transaction (BEGIN IMMEDIATE).  store_rollback() is fine when none is open. */
enum {
	STORE_DURABLE = 1, /* the commit is on disk when store_commit() returns */
	STORE_REMOVES = 2, /* makes room, or says what ended: may use the reserve of a full disk
			      (reserve.h) */
};
int store_begin(struct store *s, int flags, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* Prepared statements.  ARGS says the types of the arguments that follow, in order: 's' const char
 ** (NULL is SQL NULL), 'i' int64_t. store_query(s, &q, e, "SELECT id FROM image_name WHERE name =
 *?", "s", name) while ((r = store_step(q, e)) > 0) ... store_text(q, 0) ... */
int store_query(struct store *s, struct sqlite3_stmt **ret, struct err *e, const char *sql,
		const char *args, ...);
/* 1: a row, 0: no more rows, or the error. */
int store_step(struct sqlite3_stmt *q, struct err *e);
const char *store_text(struct sqlite3_stmt *q,
		       int column); /* borrowed until the next step; NULL for NULL */
int64_t store_int(struct sqlite3_stmt *q, int column);
void store_finish(struct sqlite3_stmt *q);
DEFINE_SCOPED(stmt, struct sqlite3_stmt *, store_finish);

/* Run one statement to its end.  Rows changed, -EEXIST for a uniqueness violation, or the error. */
int store_exec(struct store *s, struct err *e, const char *sql, const char *args, ...);

#endif
