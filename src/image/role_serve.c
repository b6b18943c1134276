/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/role_serve.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "overlay/sandbox.h"
#include "src/image/pull_protocol.h"
#include "src/util/scoped.h"

/* Secrets pass through this process: no core, no debugger, nothing set-uid below. */
static int harden(struct err *e)
{
	struct rlimit none = { 0, 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* cannot fail */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);     /* cannot fail */
	(void)setrlimit(RLIMIT_CORE, &none);	      /* lowering is always allowed */
	return sandbox_deny(e);
}

static int dispatch(const struct role_verb *verbs, size_t n, json_object *message, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (pull_is(message, verbs[i].type))
			return verbs[i].serve(message, e);
	return err_set(e, -EBADMSG, "unexpected message");
}

int role_serve(const struct role_verb *verbs, size_t n)
{
	scoped(json) json_object *message = NULL;
	struct err e = { 0 };
	json_object *o;
	int rc = harden(&e);

	if (rc == 0) {
		rc = pull_receive(PULL_SOCKET_FD, &message, &e);
		if (rc == 0)
			return 1;
	}
	if (rc > 0)
		rc = dispatch(verbs, n, message, &e);
	if (rc >= 0)
		return 0;
	o = pull_message("error");
	if (o) {
		json_put_int(o, "code", e.code);
		json_put_str(o, "text", e.text);
		json_put_str(o, "hint", e.hint);
	}
	(void)pull_send(PULL_SOCKET_FD, o, &(struct err){ 0 }); /* the engine may be gone */
	return 1;
}
