/* SPDX-License-Identifier: Apache-2.0 */
/* criu's other door, for what its command line has no word for: the master of a terminal whose
 * slave comes back.  `criu swrk FD` takes one request from a SOCK_SEQPACKET socket, sends
 * notifications that have to be answered, and then one response (criu's images/rpc.proto, protocol
 * buffers). */
#ifndef COVE_RUNTIME_CRIU_RPC_H
#define COVE_RUNTIME_CRIU_RPC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/util/err.h"
#include "src/util/strbuf.h"

/* ---- protocol buffers ------------------------------------------------------------------------ */

enum criu_wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct criu_bytes {
	const unsigned char *p;
	size_t n;
};
struct criu_member {
	uint64_t number, value; /* of a varint */
	enum criu_wire wire;
	struct criu_bytes bytes;
};
/* Cut one member off B.  0 or -EBADMSG. */
int criu_take_member(struct criu_bytes *b, struct criu_member *ret);

/* ---- requests -------------------------------------------------------------------------------- */

struct criu_rpc {
	struct strbuf request;
	int sock;    /* ours */
	int theirs;  /* for criu, as argv says */
	int dirs[2]; /* of images and work; criu reaches them by our /proc/PID/fd */
};
#define CRIU_RPC_NONE                                                               \
	{                                                                           \
		.request = STRBUF_INIT, .sock = -EBADF, .theirs = -EBADF, .dirs = { \
			-EBADF,                                                     \
			-EBADF                                                      \
		}                                                                   \
	}
void criu_rpc_done(struct criu_rpc *c);
static inline __attribute__((unused)) void scoped_criu_rpc(struct criu_rpc *c)
{
	criu_rpc_done(c);
}

/* Make a request of a command line of criu's, "criu dump|pre-dump|restore --OPTION...", and the
 * sockets.  -ENOTSUP: an option that requests do not have. */
int criu_rpc_prepare(struct criu_rpc *c, char *const *argv, struct err *e);
/* The request alone, for tests; directories are members of C. */
int criu_rpc_encode(struct criu_rpc *c, char *const *argv, struct err *e);

struct criu_answer {
	int ok;
	pid_t pid;  /* of a restore */
	int master; /* of the terminal, the caller's; -EBADF: none came */
};
/* Send it and listen to the end.  The error is one of talking; what criu failed in is in its log.
 */
int criu_rpc_call(struct criu_rpc *c, struct criu_answer *ret, struct err *e);

#endif
