/* SPDX-License-Identifier: Apache-2.0 */
/* What ps shows only when it is asked for. */
#ifndef COVE_CLI_CONTAINER_LS_COLUMNS_H
#define COVE_CLI_CONTAINER_LS_COLUMNS_H

#include "src/container/container.h"

/* ROW gets "Size" of C, which was measured: for templates as "5.01kB (virtual 1.98MB)", in the JSON
 * document as an object. */
void ls_put_size(const struct container *c, json_object *row, int json);
/* The inode numbers of the namespaces (namespaces(7)) of ROW's first process, by its member Pid; ""
 * for one that does not run.  Owned. */
json_object *ls_namespaces(json_object *row);

#endif
