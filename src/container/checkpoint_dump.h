/* SPDX-License-Identifier: Apache-2.0 */
/* config.dump of a checkpoint archive: Podman's description of a container, written from ours, and
 * read back.  What it says is made into options of create by archived.h. */
#ifndef COVE_CONTAINER_CHECKPOINT_DUMP_H
#define COVE_CONTAINER_CHECKPOINT_DUMP_H

#include <json-c/json_object.h>

#include "src/container/container.h"
#include "src/container/spec.h"

/* Its members, as far as they are written and read. */
struct config_dump {
	char *id, *name, *image_id, *image_name, *user, *network, *umask, *log_driver;
	char **entrypoint, **command, **create_command, **dns, **dns_search, **dns_option,
		**add_host, **user_volumes, **dependencies;
	json_object *labels, *volumes, *ports;
	int64_t shm_size;
	int privileged, has_network, is_interactive, stop_signal, stop_timeout;
};

/* config.dump of a container; NULL when out of memory. */
json_object *checkpoint_config_dump(const struct container *c, const struct container_spec *s);
/* Fill RET, owned by the caller (also after a failure), who set the members that have no zero for a
 * default.  -EBADMSG. */
int config_dump_parse(json_object *config, struct config_dump *ret, struct err *e);
void config_dump_done(struct config_dump *d);
static inline __attribute__((unused)) void scoped_config_dump(struct config_dump *d)
{
	config_dump_done(d);
}

#endif
