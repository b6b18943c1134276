/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint as a file, of the form that Podman gives it: a tar archive with
 *	config.dump, spec.dump	the container (archived.h)
 *	checkpoint/, pre-checkpoint/	criu's images
 *	rootfs-diff.tar, deleted.files	what differs from the image: a tar; a JSON list of paths
 *	volumes/NAME.tar	the named volumes
 *	network.status, stats-dump, dump.log */
#ifndef COVE_CONTAINER_CHECKPOINT_ARCHIVE_H
#define COVE_CONTAINER_CHECKPOINT_ARCHIVE_H

#include "src/container/container.h"
#include "src/container/spec.h"

#define CHECKPOINT_IMAGES   "checkpoint"
#define CHECKPOINT_PREVIOUS "pre-checkpoint"

/* What can be known to be wrong before the processes are stopped. */
int checkpoint_export_check(const struct container_spec *s, const struct checkpoint_options *o,
			    struct err *e);
/* Write the checkpoint of C, whose directory is DIR and whose config.json is CONFIG (which gets its
 * seccomp profile), to O->export_file. */
int checkpoint_export(struct engine *en, const struct container *c, const struct container_spec *s,
		      json_object *config, int dir, const struct checkpoint_options *o,
		      struct err *e);

#endif
