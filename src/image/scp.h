/* SPDX-License-Identifier: Apache-2.0 */
/* Images between stores: of this user, of other users of this host (by sudo), and of users of other
 * hosts (by ssh).  An archive goes through a pipe, from `save` to `load`; nothing is kept in
 * between. */
#ifndef COVE_IMAGE_SCP_H
#define COVE_IMAGE_SCP_H

#include "src/image/image.h"

/* "[[USER@]HOST::]IMAGE", or "[USER@]HOST::" for where it goes; all owned. */
struct scp_place {
	char *user, *host; /* host NULL: this user's store */
	char *image;	   /* NULL: none */
};
/* -EINVAL. */
int scp_place_parse(const char *text, struct scp_place *ret, struct err *e);
void scp_place_done(struct scp_place *p);

/* FROM and TO (NULL: this user's store) as a user writes them.  FORMAT: "docker-archive" or
 * "oci-archive".  *RET_NAMES (owned): what was loaded here; what others load they say themselves,
 * on standard output, unless QUIET. */
int image_scp(struct engine *en, const char *from, const char *to, const char *format, int quiet,
	      char ***ret_names, struct err *e);

#endif
