/* SPDX-License-Identifier: Apache-2.0 */
/* Option rows that run and create share; they fill struct container_create_options. */
#ifndef COVE_CLI_CONTAINER_OPTIONS_H
#define COVE_CLI_CONTAINER_OPTIONS_H

#include "src/cli/opt.h"
#include "src/container/container.h"

extern const struct opt container_process_rows[]; /* what runs, as whom, with what environment */
extern const struct opt container_network_rows[];
extern const struct opt container_storage_rows[];  /* mounts, volumes, devices */
extern const struct opt container_security_rows[]; /* capabilities, namespaces, limits */
extern const struct opt container_resource_rows[]; /* limits, shared with update */
extern const struct opt container_image_rows[];	   /* where the image comes from */

/* Print a warning of container_create(). */
void container_warn(const char *text);
/* Work on each of NAMES (or every container when ALL, or the newest when LATEST) with FN; prints
 * what it worked on when PRINT and FN returns 0 (1: there is nothing to tell); failures are told
 * and the worst status returned.  FN gets ARG. */
struct engine;
int container_each(struct engine *en, char *const *names, int all, int latest, int print, int rule,
		   int (*fn)(struct engine *en, const char *ref, void *arg, struct err *e),
		   void *arg, struct err *e);
/* Completion of names. */
void complete_containers(struct engine *en, const char *prefix);
#endif
