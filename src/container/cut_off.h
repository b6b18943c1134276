/* SPDX-License-Identifier: Apache-2.0 */
/* The note that a running container has no network just now, because the process that connected it
 * has died: runroot/c/ID/cut-off.  It goes when the network is there again, or with the run. */
#ifndef COVE_CONTAINER_CUT_OFF_H
#define COVE_CONTAINER_CUT_OFF_H

/* RUN_FD is runroot.  A note that cannot be written is no failure. */
void cut_off_note(int run_fd, const char *id, int on);
int cut_off_is(int run_fd, const char *id);

#endif
