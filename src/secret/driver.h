/* SPDX-License-Identifier: Apache-2.0 */
/* Where the data of secrets is.
 *
 *	file	a file of the store, or of the directory that option path names, that only its owner
 *		reads
 *	pass	files of pass(1)'s kind, encrypted by gpg(1): options root, key, gpghomedir
 *	shell	whatever the commands in the options list, lookup, store and delete do, which get
 *		the ID as $SECRET_ID, and data by standard input and output
 *
 * Those that run programs take as long as those do, and may ask the user at his terminal. */
#ifndef COVE_SECRET_DRIVER_H
#define COVE_SECRET_DRIVER_H

#include "src/secret/secret.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"

struct secret_driver {
	const char *name;
	/* OPTIONS (an object of strings) are all right.  -EINVAL otherwise. */
	int (*check)(json_object *options, struct err *e);
	/* All of them: -ENOENT "ID: no such secret" when it has no such data. */
	int (*load)(json_object *options, const char *id, struct secret_data *ret, struct err *e);
	int (*store)(json_object *options, const char *id, const struct secret_data *data,
		     struct err *e);
	int (*remove)(json_object *options, const char *id, struct err *e);
};
extern const struct secret_driver secret_driver_file, secret_driver_pass, secret_driver_shell;

/* The driver NAME; -EINVAL "invalid driver". */
int secret_driver_find(const char *name, const struct secret_driver **ret, struct err *e);

/* Data that a secret of which no ID is in KEPT has gets lost: of driver file alone. */
int file_driver_prune(json_object *options, const struct secret_list *kept, struct err *e);
/* The data of ID in the text of secretsdata.json. */
int file_driver_parse(const char *text, size_t n, const char *id, struct secret_data *ret,
		      struct err *e);

/* Run O (path, argv, env, null_stdio) with DATA as its standard input (NULL: /dev/null), its
 * standard output to OUT (NULL: ours, or what O says).  Its exit status, or an error. */
int driver_run(struct proc_options *o, const struct secret_data *data, struct secret_data *out,
	       struct err *e);
/* "ID: no such secret" */
int driver_has_none(const char *id, struct err *e);

#endif
