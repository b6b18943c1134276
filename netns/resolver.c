/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/resolver.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/dns.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"

static int serve(int netns, int control, json_object *servers)
{
	int udp = -EBADF, tcp = -EBADF;
	struct addr loopback;
	struct dns_config c = { .udp = &udp,
				.tcp = &tcp,
				.n_sockets = 1,
				.control = control,
				.servers = servers,
				.ask_all = 1 };

	if (setns(netns, CLONE_NEWNET) < 0 || addr_parse(RESOLVER_ADDRESS, &loopback) < 0)
		return 1;
	udp = dns_listen(&loopback, SOCK_DGRAM);
	tcp = dns_listen(&loopback, SOCK_STREAM);
	return udp < 0 || tcp < 0 ? 1 : dns_main(&c);
}

int resolver_start(struct resolver *r, int netns, json_object *servers, struct err *e)
{
	scoped(fd) int theirs = -EBADF;
	int bad = fd_pair(SOCK_SEQPACKET, &r->control, &theirs, e);

	if (bad == 0)
		bad = proc_fork(&r->child, e);
	if (bad < 0)
		return err_in(e, "answer for names");
	if (bad == 0) {
		const int keep[] = { netns < theirs ? netns : theirs,
				     netns < theirs ? theirs : netns };
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		(void)prctl(PR_SET_NAME, "cove-member-dns", 0, 0, 0);
		(void)fd_close_from(STDERR_FILENO + 1, keep, ARRAY_LEN(keep));
		_exit(serve(netns, theirs, servers));
	}
	return 0;
}

void resolver_end(struct resolver *r)
{
	fd_close(take_fd(&r->control));
	proc_end(&r->child);
}
