/* SPDX-License-Identifier: Apache-2.0 */
/* The list of secrets, secrets.json: its text, and finding one in it. */
#ifndef COVE_SECRET_INDEX_H
#define COVE_SECRET_INDEX_H

#include "src/secret/secret.h"

/* The secrets that TEXT has, in its order.  -EBADMSG for anything that is no such list: an ID or a
 * name that cannot be, a name twice. */
int index_parse(const char *text, size_t n, struct secret_list *ret, struct err *e);
/* The text of L; owned, NULL when out of memory. */
char *index_text(const struct secret_list *l);

/* *RET (borrowed from L): see secret_find(). */
int index_find(const struct secret_list *l, const char *ref, struct secret **ret, struct err *e);
/* The one with this very name or ID; NULL when there is none. */
struct secret *index_exact(const struct secret_list *l, const char *ref);
/* Put a copy of S behind the others. */
int index_add(struct secret_list *l, const struct secret *s);
/* S, which is one of L, goes. */
void index_drop(struct secret_list *l, struct secret *s);
int secret_copy(const struct secret *s, struct secret *ret);

/* Object O has strings only, or is null.  What is no such object is -EBADMSG, "WHERE: ..."*/
int index_check_strings(json_object *o, const char *where, struct err *e);

#endif
