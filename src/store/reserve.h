/* SPDX-License-Identifier: Apache-2.0 */
/* Space put aside in the store's file system, so that what makes room still works on a full one:
 * the database needs some pages to remove a row.  The file graphroot/reserve is given up before
 * something is removed, if nothing else is left, and made again once there is room. */
#ifndef COVE_STORE_RESERVE_H
#define COVE_STORE_RESERVE_H

/* Make the reserve, unless it is there or the file system is nearly full; never fails loudly. */
void reserve_keep(int graph_fd);
/* Something will be removed: give the reserve up if the file system, or the user's quota of it, is
 * full.  1: it was. */
int reserve_spend(int graph_fd);

#endif
