/* SPDX-License-Identifier: Apache-2.0 */
/* containers.conf, as containers.conf(5) says: the distribution's file, the administrator's and the
 * user's with their drop-in directories, each over what was read before; $CONTAINERS_CONF in place
 * of all, and $CONTAINERS_CONF_OVERRIDE on top. */
#ifndef COVE_STORE_CONFIG_H
#define COVE_STORE_CONFIG_H

#include <json-c/json_object.h>

#include "src/store/engine.h"

/* All of it as one object (owned), empty where there is no file.  -EBADMSG "FILE: line 3: ...". */
int config_read(struct engine *en, json_object **ret, struct err *e);

/* The parts of it, for other files of the same kind.  Lay FROM over INTO: tables are merged, and so
 * are arrays that say {append=true}; everything else is replaced. */
void config_merge(json_object *into, json_object *from);
/* Lay the file PATH over ALL: 1, or 0 when there is none. */
int config_add_file(json_object *all, const char *path, struct err *e);
/* The files *.conf of directory DIR, in the order of their names: 1, or 0 when there is none. */
int config_add_drop_ins(json_object *all, const char *dir, struct err *e);

#endif
