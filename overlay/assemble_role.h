/* SPDX-License-Identifier: Apache-2.0 */
/* The role `assemble`, program cove-assemble KIND SIZE DIGEST PLACE SPLIT.  It gets
 *	0  the bytes of the ranges that it asks for
 *	1  where the tar stream goes
 *	3  the control socket: messages (struct assemble_message) to its caller
 *	4  the directory of the store's layers, which becomes its root
 * and runs as root of the user namespace in which the layers' ids are mapped, with no more power
 * than to read there. */
#ifndef COVE_OVERLAY_ASSEMBLE_ROLE_H
#define COVE_OVERLAY_ASSEMBLE_ROLE_H

int role_assemble_main(int argc, char **argv);

#endif
