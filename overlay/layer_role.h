/* SPDX-License-Identifier: Apache-2.0 */
/* The role `layer`, program cove-layer.  It gets
 *	0  the stream: read (a layer blob) or, with --tar, written (the plain tar)
 *	   (--length N: only so much of a file is read)
 *	3  the control socket: one struct layer_report at the end
 *	4  the directory layers/ID, which becomes its root; with --copy the root of what is copied
 *	   into (or the mount namespace that has it)
 * and runs as root of the user namespace in which the layer's ids are mapped. */
#ifndef COVE_OVERLAY_LAYER_ROLE_H
#define COVE_OVERLAY_LAYER_ROLE_H

#include "overlay/layer.h"

/* In one write; e.code 0 means that result holds. */
struct layer_report {
	struct err e;
	struct layer_result result;
};
_Static_assert(sizeof(struct layer_report) <= PIPE_BUF, "struct layer_report must fit PIPE_BUF");

int role_layer_main(int argc, char **argv);

#endif
