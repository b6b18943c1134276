/* SPDX-License-Identifier: Apache-2.0 */
/* storage.conf, as containers-storage.conf(5) says: $CONTAINERS_STORAGE_CONF, else the user's file,
 * else the administrator's, else the distribution's; then the drop-in directories storage.conf.d in
 * the reverse order, and $CONTAINERS_STORAGE_CONF_OVERRIDE on top.
 *
 * It is written for another engine: a place in it that is that engine's own default says nothing
 * about ours, and where that engine already lives we take a directory of our own inside. */
#ifndef COVE_STORE_STORAGE_CONF_H
#define COVE_STORE_STORAGE_CONF_H

#include "src/store/engine.h"

struct storage_conf {
	char *graphroot, *runroot; /* absolute; NULL: nothing is said */
	char **stores;		   /* additional image stores, in their order */
};
void storage_conf_done(struct storage_conf *c);
static inline __attribute__((unused)) void scoped_storage_conf(struct storage_conf *c)
{
	storage_conf_done(c);
}

/* Read it for EN, of which home, config_dir and uid are known; FILES 0: none of the files.  OPTS:
 * what --storage-opt said
 * ("additionalimagestore=PATH", in place of the file's list and $STORAGE_OPTS), or NULL.
 * -EBADMSG "FILE: line 3: ...", -EINVAL for a value or an option that is not as it should be. */
int storage_conf_read(const struct engine *en, char *const *opts, int files,
		      struct storage_conf *ret, struct err *e);

/* TEXT with $NAME and ${NAME} replaced by the environment's values; $UID is UID.  Owned, NULL when
 * out of memory. */
char *storage_conf_expand(const char *text, uid_t uid, const char *home);

#endif
