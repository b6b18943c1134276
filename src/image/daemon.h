/* SPDX-License-Identifier: Apache-2.0 */
/* docker-daemon: images of a Docker daemon, by way of the role `pull`.  $DOCKER_HOST says where it
 * is (unix://PATH, tcp://HOST:PORT); without it, /var/run/docker.sock. */
#ifndef COVE_IMAGE_DAEMON_H
#define COVE_IMAGE_DAEMON_H

#include "src/image/archive.h"
#include "src/image/push.h"

/* The image NAME ("repository:tag", or "sha256:..." for an ID) as an archive.  *RET owned. */
int daemon_get(struct engine *en, const char *name, struct image_archive **ret, struct err *e);
/* The image of P under NAME to the daemon. *RET: NULL, as of archives. */
int push_to_daemon(struct push *p, const char *name, char **ret, struct err *e);
/* NAME as docker-daemon: takes it: *RET is owned.  -EINVAL without tag and digest. */
int daemon_name(const char *name, char **ret, struct err *e);

#endif
