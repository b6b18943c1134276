/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts of a container: a file to begin with (spec->hosts_file), the entries of --add-host,
 * the host's name inside, its own name. */
#ifndef COVE_CONTAINER_HOSTS_H
#define COVE_CONTAINER_HOSTS_H

#include <json-c/json_object.h>

#include "src/container/private_network.h"
#include "src/container/spec.h"
#include "src/store/engine.h"
#include "src/util/strbuf.h"

/* Append it to B.  NETWORKS: what the member process says of its bridge networks, or NULL; P: the
 * addresses of a private network.  -ENOENT and others when the file to begin with cannot be read,
 * -ENOMEM. */
int hosts_make(struct engine *en, const struct container_spec *s, const char *name,
	       json_object *networks, const struct private_network *p, struct strbuf *b,
	       struct err *e);

#endif
