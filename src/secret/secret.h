/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets: small pieces of data that containers are given and images never have.
 *
 * graphroot/secrets/secrets.json says which there are, in the form that Podman keeps them in; where
 * the data is, a secret's driver knows (driver.h).  Both files are replaced as a whole, under
 * graphroot/secrets/secrets.lock; who only reads takes no lock.  Data comes before the entry that
 * names it, and goes before it: whatever moment a command is killed at, a secret that is listed can
 * be removed, and data that no entry names is dropped by the next secret that is made. */
#ifndef COVE_SECRET_SECRET_H
#define COVE_SECRET_SECRET_H

#include <json-c/json_object.h>
#include <stddef.h>

#include "src/store/engine.h"
#include "src/util/err.h"
#include "src/util/scoped.h"

#define SECRET_DATA_MAX 512000 /* bytes of one secret, less one */
#define SECRET_NAME_MAX 253
#define SECRET_ID_LEN	25
#define SECRET_DRIVER	"file" /* where nothing else is said */

/* All owned. */
struct secret {
	char *id, *name, *driver;
	char *created, *updated;	      /* RFC 3339 */
	json_object *driver_options, *labels; /* objects of strings */
	json_object *metadata;		      /* kept as it is, or NULL */
};
void secret_done(struct secret *s);

struct secret_list {
	struct secret *secret;
	size_t n;
};
void secret_list_done(struct secret_list *l);

/* Data, wiped when it goes; a NUL stands behind its N bytes. */
struct secret_data {
	char *s;
	size_t n;
};
void secret_data_done(struct secret_data *d);
/* Give it away: *D is empty afterwards. */
static inline struct secret_data secret_data_take(struct secret_data *d)
{
	struct secret_data taken = *d;

	*d = (struct secret_data){ .n = 0 };
	return taken;
}

static inline __attribute__((unused)) void scoped_secret(struct secret *s)
{
	secret_done(s);
}
static inline __attribute__((unused)) void scoped_secret_list(struct secret_list *l)
{
	secret_list_done(l);
}
static inline __attribute__((unused)) void scoped_secret_data(struct secret_data *d)
{
	secret_data_done(d);
}

/* Read FD, called NAME in errors, to its end.  -EINVAL "secret data must be larger than 0 and less
 * than 512000 bytes". */
int secret_read(int fd, const char *name, struct secret_data *ret, struct err *e);

struct secret_options {
	const char *name;
	const char *driver;  /* NULL: containers.conf's, else SECRET_DRIVER */
	char **driver_opts;  /* KEY=VALUE; NULL: containers.conf's, if they are of that driver */
	char **label;	     /* KEY[=VALUE] */
	int replace, ignore; /* what shall be when there is one of that name */
};
/* Make a secret.  *RET_ID (owned) is its ID, or with ignore that of the one which is there.
 * -EEXIST "NAME: secret name in use"; -EINVAL for a name, a label, a driver or options of one that
 * cannot be. */
int secret_create(struct engine *en, const struct secret_options *o, const struct secret_data *data,
		  char **ret_id, struct err *e);
/* All of them, by name. */
int secret_list(struct engine *en, struct secret_list *ret, struct err *e);
/* The one of REF, a name, an ID or the unique beginning of one.  -ENOENT "no secret with name or id
 * "REF": no such secret", -EINVAL for a beginning of several. */
int secret_find(struct engine *en, const char *ref, struct secret *ret, struct err *e);
/* The same with its data; RET may be NULL.  -ENOENT also when the driver has none. */
int secret_load(struct engine *en, const char *ref, struct secret *ret, struct secret_data *data,
		struct err *e);
/* Remove it, data and all.  *RET_ID owned. */
int secret_remove(struct engine *en, const char *ref, char **ret_id, struct err *e);

/* Are the files what they should be?  FN is called for each secret that cannot be had, and for the
 * list itself when it cannot be read ("secrets.json"); a negative errno of its ends it.  Only data
 * in files is looked at: other drivers may have to ask somebody. */
typedef int secret_damage_fn(void *arg, const char *name, const char *text);
int secret_check(struct engine *en, secret_damage_fn *fn, void *arg, struct err *e);

#endif
