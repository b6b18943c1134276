/* SPDX-License-Identifier: Apache-2.0 */
/* Calls with a directory of the store's.  Not in pull_call.c, because the role `pull`, which calls
 * another role itself, has no store. */
#include <stdlib.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

int dir_call_open(struct dir_call *c, struct engine *en, struct err *e)
{
	c->en = en;
	return engine_tmpdir(en, &c->tmp_name, &c->tmp_fd, &c->lease_fd, e);
}

int dir_call_run(struct dir_call *c, json_object *take_m, struct err *e)
{
	scoped(json) json_object *m = take_m;
	scoped(json) json_object *got = NULL;

	if (pull_call_start(&c->call, -EBADF, c->tmp_fd, e) < 0 ||
	    pull_send(c->call.socket_fd, take_ptr(&m), e) < 0 ||
	    pull_call_receive(&c->call, &got, e) < 0)
		return e->code;
	return pull_is(got, "done") ? 0 : err_set(e, -EBADMSG, "pull: unexpected message");
}

void dir_call_end(struct dir_call *c)
{
	if (!c->call.ended) /* it may still write there */
		pull_call_end(&c->call);
	if (c->tmp_name)
		engine_tmpdir_remove(c->en, c->tmp_name);
	pull_call_end(&c->call); /* a role that has said its last word has ended meanwhile */
	free(c->tmp_name);
	c->tmp_name = NULL;
	fd_close(take_fd(&c->tmp_fd));
	fd_close(take_fd(&c->lease_fd));
}
