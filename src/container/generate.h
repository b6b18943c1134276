/* SPDX-License-Identifier: Apache-2.0 */
/* A container's spec into the runtime's config.json, and the files that go with it. */
#ifndef COVE_CONTAINER_GENERATE_H
#define COVE_CONTAINER_GENERATE_H

#include <json-c/json_object.h>
#include <linux/filter.h>

#include "src/container/container.h"
#include "src/container/spec.h"
#include "userns/idmap.h"

#define GENERATE_INIT "/run/cove-init" /* where --init's process 1 is bound */

/* The file of time zone NAME ("Europe/Berlin", or "local" for the host's), owned.  -EINVAL "unknown
 * time zone NAME". */
int generate_read_zone(const char *name, char **ret, size_t *ret_len, struct err *e);
/* Write hosts, resolv.conf and hostname into containers/ID.  NETWORKS: its addresses on bridge
 * networks (networks_status()), or NULL. */
int generate_files(struct engine *en, const struct container_spec *s, const char *id,
		   const char *name, json_object *networks, struct err *e);
/* The config.json document.  IDS says what the surrounding user namespace maps (for the container's
 * own, which is nested in it); NULL as real root: no user namespace.  Owned. */
int generate_config(struct engine *en, const struct container_spec *s, const char *id,
		    const struct idmap *uids, const struct idmap *gids, json_object **ret,
		    struct err *e);
/* The profile of S's processes as linux.seccomp, for another runtime (owned; NULL where they have
 * none). */
int generate_seccomp(const struct container_spec *s, json_object **ret, struct err *e);
/* The seccomp program of S's processes (owned; NULL where it has none), from the store's cache
 * where possible. */
int generate_filter(struct engine *en, const struct container_spec *s, struct sock_filter **ret,
		    size_t *ret_n, struct err *e);
/* The process object of an exec. */
json_object *generate_exec_process(const struct container_spec *s, const struct exec_options *o,
				   char *const *env);

#endif
