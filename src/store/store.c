/* SPDX-License-Identifier: Apache-2.0 */
#include "src/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "src/store/reserve.h"
#include "src/store/schema_catalogue.h"
#include "src/store/schema_container.h"
#include "src/store/schema_image.h"
#include "src/store/schema_network.h"
#include "src/util/lock.h"
#include "src/util/strbuf.h"

/* CIFS and others whose magic numbers linux/magic.h does not have (statfs(2)). */
#define MAGIC_CIFS   0xff534d42
#define MAGIC_LUSTRE 0x0bd00bd0
#define MAGIC_GPFS   0x47504653
#define MAGIC_FUSE   0x65735546
#define MAGIC_BEEGFS 0x19830326

/* A process's connection is the only one as a rule, and the first one reads the whole log to find
 * out what is in it: so the log is kept short.  Emptying it costs an fsync or two, hence not at
 * every close. */
#define WAL_SHORT (96 << 10)
#define WAL_LONG  (512 << 10)

#define BUSY_MS                                                                         \
	60000 /* writers wait for each other; 50 parallel runs each hold the lock for a \
		 millisecond */

#define STRANGERS_LENGTH_MAX (1 << 20) /* bytes of one value */

struct store {
	sqlite3 *db;
	int in_transaction, wrote;
	int graph_fd; /* borrowed */
};

/* Each row lifts the schema by one version.  Never edit a row that was released: add one. */
static const char *const migrations[] = {
	SCHEMA_IMAGE SCHEMA_CONTAINER,
	SCHEMA_SIGNATURE,
	SCHEMA_SOURCE,
	SCHEMA_NETWORK,
	SCHEMA_LIST,
	SCHEMA_PIN,
	SCHEMA_PAST,
	SCHEMA_PAST_ORDER,
};

static int sql_err(struct store *s, struct err *e, int rc, const char *what)
{
	int code = -EIO;
	switch (rc & 0xff) {
	case SQLITE_FULL:
		(void)err_set(e, -ENOSPC, "database: no space is left where the store lies");
		return err_hint(e, "remove containers and images: that works without any space");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		code = -EBUSY;
		break;
	case SQLITE_CONSTRAINT:
		code = -EEXIST;
		break;
	case SQLITE_READONLY:
		return err_set(e, -EROFS, "the store cannot be written: %s",
			       s && s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
	case SQLITE_NOMEM:
		code = -ENOMEM;
		break;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = -EBADMSG;
		break;
	case SQLITE_CANTOPEN:
		code = -EACCES;
		break;
	default:
		break;
	}
	return err_set(e, code, "database: %s: %s", what,
		       s && s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc));
}

static int is_network_fs(int dir_fd)
{
	struct statfs fs;
	if (fstatfs(dir_fd, &fs) < 0)
		return 1; /* the careful choice */
	switch ((unsigned long)fs.f_type & 0xffffffffUL) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case MAGIC_CIFS:
	case MAGIC_LUSTRE:
	case MAGIC_GPFS:
	case MAGIC_FUSE:
	case MAGIC_BEEGFS:
	case AFS_SUPER_MAGIC:
	case CEPH_SUPER_MAGIC:
		return 1;
	default:
		return 0;
	}
}

static int simple(struct store *s, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : sql_err(s, e, rc, sql);
}

static int user_version(struct store *s, int64_t *ret, struct err *e)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int r = store_query(s, &q, e, "PRAGMA user_version", "");
	if (r < 0)
		return r;
	r = store_step(q, e);
	if (r < 0)
		return r;
	*ret = r ? store_int(q, 0) : 0;
	return 0;
}

static int migrate(struct store *s, struct err *e)
{
	int64_t v = 0;
	int r = user_version(s, &v, e);

	if (r < 0)
		return r;
	if (v == (int64_t)ARRAY_LEN(migrations))
		return 0;
	if (v > (int64_t)ARRAY_LEN(migrations)) {
		(void)err_set(
			e, -EPROTO,
			"the store was written by a newer cove (schema %lld, this one knows %zu)",
			(long long)v, ARRAY_LEN(migrations));
		return err_hint(e, "use that version, or another --root");
	}
	r = store_begin(s, 1, e);
	if (r < 0)
		return r;
	r = user_version(s, &v, e); /* somebody else may have been faster */
	for (; r == 0 && v < (int64_t)ARRAY_LEN(migrations); v++) {
		scoped(mem) char *set = str_printf("PRAGMA user_version = %lld", (long long)v + 1);
		r = simple(s, migrations[v], e);
		if (r == 0)
			r = set ? simple(s, set, e) : err_errno(e, ENOMEM, "database");
	}
	if (r == 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

/* The journal mode is set once, by whoever makes the file, under a lock of its own: a change of
 * mode wants the database for itself. */
static int make(struct store *s, int graph_fd, int network, struct err *e)
{
	scoped(fd) int lock = lock_file(graph_fd, "db.lock", LOCK_EXCLUSIVE, 1, e);
	if (lock < 0)
		return lock;
	/* Small pages: a transaction writes a few rows, and every page of it goes to the log whole.
	 */
	return simple(s,
		      network ? "PRAGMA page_size=1024; PRAGMA journal_mode=TRUNCATE"
			      : "PRAGMA page_size=1024; PRAGMA journal_mode=WAL",
		      e);
}

int store_open(const char *graphroot, int graph_fd, struct store **ret, struct err *e)
{
	scoped(store) struct store *s = calloc(1, sizeof(*s));
	scoped(mem) char *path = str_printf("%s/db.sqlite", graphroot);
	int network = is_network_fs(graph_fd), fresh, rc, r;
	struct stat st;

	if (!s || !path)
		return err_errno(e, ENOMEM, "open the database");
	s->graph_fd = graph_fd;
	/* Our programs have one thread: no mutexes, no counting (a tenth of what a short query
	 * costs).  Misuse when it is the second store of the process: nothing to change then. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	fresh = fstatat(graph_fd, "db.sqlite", &st, 0) < 0 || st.st_size == 0;
	rc = sqlite3_open_v2(path, &s->db,
			     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				     SQLITE_OPEN_EXRESCODE,
			     NULL);
	if (rc != SQLITE_OK) {
		(void)sql_err(s, e, rc, "open");
		return err_in(e, "%s", path);
	}
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	if (fresh) {
		r = make(s, graph_fd, network, e);
		if (r < 0)
			return err_in(e, "%s", path);
	}
	r = simple(s,
		   network ? "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON"
			   : "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0; PRAGMA "
			     "foreign_keys=ON",
		   e);
	if (r == 0)
		r = migrate(s, e);
	if (r < 0) {
		(void)err_in(e, "%s", path);
		if (r == -EBADMSG)
			return err_hint(
				e, "the file is damaged; move it away and pull the images again");
		return r;
	}
	*ret = take_ptr(&s);
	return 0;
}

/* ---- other files ----------------------------------------------------------------------------- */

/* What sqlite.org/security.html asks of who opens a stranger's file, and it is not even mapped. */
static int harden(struct store *s, struct err *e)
{
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	(void)sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, STRANGERS_LENGTH_MAX);
	return simple(s, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0; PRAGMA query_only=ON", e);
}

int store_open_file(const char *path, enum store_kind kind, struct store **ret, struct err *e)
{
	static const int flags[] = {
		[STORE_CATALOGUE_NEW] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[STORE_CATALOGUE] = SQLITE_OPEN_READONLY,
		[STORE_STRANGERS] = SQLITE_OPEN_READWRITE, /* its log is played back */
	};
	scoped(store) struct store *s = calloc(1, sizeof(*s));
	int rc, r = 0;

	if (!s)
		return err_errno(e, ENOMEM, "open %s", path);
	s->graph_fd = -EBADF;
	rc = sqlite3_open_v2(path, &s->db,
			     flags[kind] | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK) {
		(void)sql_err(s, e, rc, "open");
		return err_in(e, "%s", path);
	}
	if (kind == STORE_CATALOGUE_NEW)
		r = simple(s, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" SCHEMA_CATALOGUE,
			   e);
	else if (kind == STORE_STRANGERS)
		r = harden(s, e);
	else /* the lock for reading is taken once, not for each query */
		r = simple(s, "PRAGMA locking_mode=EXCLUSIVE", e);
	if (r < 0)
		return err_in(e, "%s", path);
	*ret = take_ptr(&s);
	return 0;
}

static void empty_log(struct store *s, int64_t limit)
{
	struct stat st;

	if (s->graph_fd < 0 ||
	    fstatat(s->graph_fd, "db.sqlite-wal", &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    st.st_size <= limit)
		return;
	/* Others that read or write just now have their turn; whoever closes after them empties it.
	 */
	(void)sqlite3_busy_timeout(s->db, 0);
	(void)sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	(void)sqlite3_busy_timeout(s->db, BUSY_MS);
}

void store_tidy(struct store *s)
{
	if (s && !s->in_transaction)
		empty_log(s, WAL_SHORT);
}

struct store *store_close(struct store *s)
{
	if (!s)
		return NULL;
	store_rollback(s);
	empty_log(s, WAL_LONG);
	if (s->wrote && s->graph_fd >= 0)
		reserve_keep(s->graph_fd);
	(void)sqlite3_close(s->db); /* statements are scoped and gone */
	free(s);
	return NULL;
}

int store_begin(struct store *s, int flags, struct err *e)
{
	int r;

	/* Before the first page is written: what fails later is rolled back by SQLite and cannot be
	 * tried again. */
	if ((flags & STORE_REMOVES) && reserve_spend(s->graph_fd))
		dbg("the disk is full: the store's reserve is used");
	/* A durable commit waits for the disk; the mode belongs to the connection, so each
	 * transaction says. */
	r = simple(s,
		   (flags & STORE_DURABLE) ? "PRAGMA synchronous=FULL"
					   : "PRAGMA synchronous=NORMAL",
		   e);
	if (r == 0)
		r = simple(s, "BEGIN IMMEDIATE", e);
	if (r == 0)
		s->in_transaction = 1;
	return r;
}

int store_commit(struct store *s, struct err *e)
{
	int r = simple(s, "COMMIT", e);
	if (r < 0)
		store_rollback(s);
	else
		s->wrote = 1;
	s->in_transaction = 0;
	return r;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction)
		(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL,
				   NULL); /* SQLite may have done it already */
	s->in_transaction = 0;
}

static int query(struct store *s, struct sqlite3_stmt **ret, struct err *e, const char *sql,
		 const char *args, va_list ap)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

	if (rc != SQLITE_OK)
		return sql_err(s, e, rc, sql);
	for (int i = 1; *args; args++, i++) {
		const char *text;
		if (*args == 'i') {
			rc = sqlite3_bind_int64(q, i, va_arg(ap, int64_t));
		} else {
			text = va_arg(ap, const char *);
			rc = text ? sqlite3_bind_text(q, i, text, -1, SQLITE_TRANSIENT)
				  : sqlite3_bind_null(q, i);
		}
		if (rc != SQLITE_OK)
			return sql_err(s, e, rc, sql);
	}
	*ret = take_ptr(&q);
	return 0;
}

int store_query(struct store *s, struct sqlite3_stmt **ret, struct err *e, const char *sql,
		const char *args, ...)
{
	va_list ap;
	int r;
	va_start(ap, args);
	r = query(s, ret, e, sql, args, ap);
	va_end(ap);
	return r;
}

int store_step(struct sqlite3_stmt *q, struct err *e)
{
	struct store tmp = { .db = sqlite3_db_handle(q) };
	int rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return sql_err(&tmp, e, rc, sqlite3_sql(q));
}

const char *store_text(struct sqlite3_stmt *q, int column)
{
	return (const char *)sqlite3_column_text(q, column);
}

int64_t store_int(struct sqlite3_stmt *q, int column)
{
	return sqlite3_column_int64(q, column);
}

void store_finish(struct sqlite3_stmt *q)
{
	if (q)
		(void)sqlite3_finalize(q); /* repeats the error of the last step */
}

int store_exec(struct store *s, struct err *e, const char *sql, const char *args, ...)
{
	scoped(stmt) struct sqlite3_stmt *q = NULL;
	va_list ap;
	int r;

	va_start(ap, args);
	r = query(s, &q, e, sql, args, ap);
	va_end(ap);
	while (r >= 0 && (r = store_step(q, e)) > 0)
		;
	return r < 0 ? r : sqlite3_changes(s->db);
}
