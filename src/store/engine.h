/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: where this user's state lives, opened once per command and handed to every operation.
 */
#ifndef COVE_STORE_ENGINE_H
#define COVE_STORE_ENGINE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/scoped.h"

struct store; /* src/store/store.h */

struct engine_options {
	const char *graphroot; /* --root; NULL: storage.conf, else $XDG_DATA_HOME/cove */
	const char *runroot;   /* --runroot; NULL: storage.conf, else $XDG_RUNTIME_DIR/cove, else
				  /tmp/cove-run-UID */
	char *const *storage_opts; /* --storage-opt; NULL: $STORAGE_OPTS, else storage.conf.  All
				      three: no file is read */
};

/* What is known of an additional image store, once somebody has asked. */
struct engine_catalogue {
	struct store *db; /* NULL: it cannot be read */
	int is_tried;
};

struct engine {
	char *graphroot, *runroot; /* absolute paths */
	int graph_fd, run_fd;	   /* O_PATH-free directory descriptors of both */
	uid_t uid;		   /* caller's effective ids on the host */
	gid_t gid;
	mode_t umask;	     /* the caller's; see ENGINE_USERS_UMASK */
	struct store *store; /* the database, opened on first use: engine_store() */
	char *config_dir;    /* $XDG_CONFIG_HOME/containers, else ~/.config/containers */
	char *home;
	char **stores;			     /* additional image stores: absolute paths */
	struct engine_catalogue *catalogues; /* of each, or NULL; see image_stores.h */
	int copy_layers;	 /* no layer of theirs is used where it lies: images are copied */
	const char *runtime;	 /* --runtime, borrowed; NULL: our own */
	char *const *hooks_dirs; /* --hooks-dir, borrowed; NULL: the system's, for real root */
	char *const *runtime_flags; /* --runtime-flag, borrowed */
	struct {
		const char *backend; /* --events-backend, borrowed; NULL: containers.conf */
		int known, off;	     /* src/store/events.c */
		char *path;
		int64_t max_size;
	} events;
	const char *cgroup_manager;	/* --cgroup-manager, borrowed; NULL: what fits best */
	void (*warn)(const char *text); /* lines for the user; NULL: nobody wants them */
	/* Ask a person which of the N CHOICES it shall be: its index, or an error.  NULL: there is
	 * nobody at a terminal. */
	int (*choose)(const char *question, char *const *choices, size_t n, struct err *e);
};

/* What lies in our directories is nobody else's business (umask 077); a file or directory that the
 * user asked for elsewhere gets the mode that his own umask gives it, when it is made where this
 * stands in scope. */
static inline void scoped_umask(mode_t *ours)
{
	(void)umask(*ours);
}
#define ENGINE_USERS_UMASK(en) \
	scoped(umask) mode_t engine_umask_ __attribute__((unused)) = umask((en)->umask)

/* Make what is missing (directories 0700, checked to be ours: owner and type) and open it.
 * -EACCES, -EROFS, ... with the path in the text. */
int engine_open(const struct engine_options *o, struct engine **ret, struct err *e);
struct engine *engine_free(struct engine *en);
DEFINE_SCOPED(engine, struct engine *, engine_free);

/* The database of EN, opened (and made or migrated) on first use; NULL with *E filled on failure.
 */
struct store *engine_store(struct engine *en, struct err *e);
/* Close the database, e.g. before a fork whose child goes on (a connection must not cross fork). */
void engine_store_close(struct engine *en);

/* An empty file without a name in graphroot/tmp; the caller's, or the error. */
int engine_spool(struct engine *en, struct err *e);
/* A private directory for something half made: graphroot/tmp/NAME, 0700, with a lease (a lock file
 * held by *RET_LEASE): when the maker is gone, the next writing command removes it.  *RET_NAME
 * owned; *RET_FD the directory. */
int engine_tmpdir(struct engine *en, char **ret_name, int *ret_fd, int *ret_lease, struct err *e);
/* Remove graphroot/tmp/NAME and its lease (in the user namespace where needed). */
void engine_tmpdir_remove(struct engine *en, const char *name);
/* Collect what dead makers left in graphroot/tmp.  Called by writing commands; never fails loudly.
 */
void engine_collect(struct engine *en);

#endif
