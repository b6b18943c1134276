/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/ip.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "netns/accel_role.h"
#include "src/util/scoped.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef SO_BUF_LOCK
#define SO_BUF_LOCK 72 /* Linux 5.14 */
#endif
enum { SEND_LOCKED = 1, RECEIVE_LOCKED = 2 }; /* SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK */

/* Options that a program may set before it connects; those of IPv6 come last. */
static const struct {
	int level, option;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_ZEROCOPY },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IPV6, IPV6_V6ONLY },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_RECVERR },
};
_Static_assert(ARRAY_LEN(options) <= ACCEL_OPTIONS_MAX, "accel_defaults has room for all");

static int is_for(size_t i, int family)
{
	return options[i].level != IPPROTO_IPV6 || family == AF_INET6;
}

static int prepare_family(struct accel *a, int family)
{
	scoped(fd) int sock = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
	struct accel_defaults *d = &a->defaults[family == AF_INET6];
	socklen_t n = sizeof(a->host);

	if (sock < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		d->size[i] = sizeof(d->value[i]);
		if (!is_for(i, family) || getsockopt(sock, options[i].level, options[i].option,
						     d->value[i], &d->size[i]) < 0)
			d->size[i] = 0;
	}
	return getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, &a->host, &n) < 0 ? -errno : 0;
}

int accel_socket_prepare(struct accel *a, struct err *e)
{
	int r = prepare_family(a, AF_INET);

	if (r == 0)
		r = prepare_family(a, AF_INET6);
	if (r == -EAFNOSUPPORT)
		r = 0; /* a host without IPv6: its sockets cannot be made then */
	return r < 0 ? err_errno(e, r, "look at the host's sockets") : 0;
}

static int get_int(int sock, int level, int option, int *ret)
{
	socklen_t n = sizeof(*ret);

	return getsockopt(sock, level, option, ret, &n) < 0 ? -errno : 0;
}

int accel_socket_look(int sock, uint64_t *ret_netns, int *ret_family)
{
	socklen_t n = sizeof(*ret_netns);
	int protocol, r = get_int(sock, SOL_SOCKET, SO_PROTOCOL, &protocol);

	if (r == 0)
		r = get_int(sock, SOL_SOCKET, SO_DOMAIN, ret_family);
	if (r == 0 &&
	    (protocol != IPPROTO_TCP || (*ret_family != AF_INET && *ret_family != AF_INET6)))
		r = -EPROTONOSUPPORT;
	if (r == 0 && getsockopt(sock, SOL_SOCKET, SO_NETNS_COOKIE, ret_netns, &n) < 0)
		r = -errno;
	return r;
}

static int is_in_state(int sock, unsigned char want)
{
	unsigned char state = 0; /* tcpi_state is the first byte of struct tcp_info */
	socklen_t n = sizeof(state);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &state, &n) == 0 && state == want;
}

int accel_socket_is_closed(int sock)
{
	return is_in_state(sock, TCP_CLOSE);
}

int accel_socket_is_connecting(int sock)
{
	return is_in_state(sock, TCP_SYN_SENT);
}

int accel_socket_is_bound(int sock, int family)
{
	union address here;
	socklen_t n = sizeof(here);
	char device[16];

	memset(&here, 0, sizeof(here));
	if (getsockname(sock, &here.any, &n) < 0)
		return 1;
	n = sizeof(device);
	if (getsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, device, &n) < 0 || n > 0)
		return 1;
	return family == AF_INET6
		       ? here.in6.sin6_port != 0 || !IN6_IS_ADDR_UNSPECIFIED(&here.in6.sin6_addr)
		       : here.in.sin_port != 0 || here.in.sin_addr.s_addr != 0;
}

/* Sizes are told as twice what was asked for (socket(7)); setting one ends the kernel's own
 * adjusting, hence only where the program did. */
static void copy_buffers(int model, int sock)
{
	static const struct {
		int bit, option;
	} rows[] = { { SEND_LOCKED, SO_SNDBUF }, { RECEIVE_LOCKED, SO_RCVBUF } };
	int locked = 0, size;

	(void)get_int(model, SOL_SOCKET, SO_BUF_LOCK, &locked);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if ((locked & rows[i].bit) &&
		    get_int(model, SOL_SOCKET, rows[i].option, &size) == 0) {
			size /= 2;
			(void)setsockopt(sock, SOL_SOCKET, rows[i].option, &size, sizeof(size));
		}
}

/* What the host does not let its sockets have (a priority, a congestion control) stays. */
static void copy_options(const struct accel_defaults *d, int model, int sock)
{
	unsigned char value[16];

	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		socklen_t n = sizeof(value);
		if (!d->size[i] ||
		    getsockopt(model, options[i].level, options[i].option, value, &n) < 0 ||
		    (n == d->size[i] && memcmp(value, d->value[i], n) == 0))
			continue;
		(void)setsockopt(sock, options[i].level, options[i].option, value, n);
	}
	copy_buffers(model, sock);
}

static int bind_outbound(int sock, const union address *from)
{
	int on = 1;

	if (from->any.sa_family == 0)
		return 0;
	if (setsockopt(sock, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on)) < 0 ||
	    bind(sock, &from->any, address_size(from)) < 0)
		return -errno;
	return 0;
}

int accel_socket_make(const struct accel *a, int model, int family, const union address *peer,
		      int *ret_code)
{
	int is_v6 = family == AF_INET6, r = 0;
	scoped(fd) int sock =
		socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);

	*ret_code = 0;
	if (sock < 0)
		return -errno;
	copy_options(&a->defaults[is_v6], model, sock);
	if (!(is_v6 && IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr)))
		r = bind_outbound(sock, &a->outbound[is_v6]);
	if (r < 0)
		return r;
	if (connect(sock, &peer->any, address_size(peer)) < 0)
		*ret_code = -errno;
	return *ret_code == 0 || *ret_code == -EINPROGRESS ? take_fd(&sock) : *ret_code;
}
