/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/ip.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
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
#define SERVED_MS 100			      /* loopback answers at once */
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
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
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

int accel_socket_is_on_device(int sock)
{
	char device[16];
	socklen_t n = sizeof(device);

	return getsockopt(sock, SOL_SOCKET, SO_BINDTODEVICE, device, &n) < 0 || n > 0;
}

int accel_socket_is_listening(int sock)
{
	int on = 0;

	return get_int(sock, SOL_SOCKET, SO_ACCEPTCONN, &on) == 0 && on;
}

int accel_socket_is_bound(int sock, int family)
{
	union address here;
	socklen_t n = sizeof(here);

	memset(&here, 0, sizeof(here));
	if (getsockname(sock, &here.any, &n) < 0 || accel_socket_is_on_device(sock))
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
		      int waits, int *ret_code)
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
	/* Who is near has answered by now, and so can we. */
	if (*ret_code == -EINPROGRESS && waits) {
		*ret_code = connect(sock, &peer->any, address_size(peer)) < 0 ? -errno : 0;
		if (*ret_code == -EALREADY)
			*ret_code = -EINPROGRESS;
	}
	return *ret_code == 0 || *ret_code == -EINPROGRESS ? take_fd(&sock) : *ret_code;
}

int accel_socket_bind(const struct accel *a, int model, const union address *at, int v6only)
{
	int is_v6 = at->any.sa_family == AF_INET6, on = 1;
	scoped(fd) int sock =
		socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);

	if (sock < 0)
		return -errno;
	copy_options(&a->defaults[is_v6], model, sock);
	if (setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0 ||
	    (is_v6 && setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only)) < 0) ||
	    bind(sock, &at->any, address_size(at)) < 0)
		return -errno;
	return take_fd(&sock);
}

union address accel_socket_reach(const union address *at)
{
	static const struct in6_addr mapped_none = { { { [10] = 0xff, [11] = 0xff } } };
	union address a = *at;

	if (a.any.sa_family == AF_INET && a.in.sin_addr.s_addr == htonl(INADDR_ANY))
		a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (a.any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a.in6.sin6_addr))
		a.in6.sin6_addr = in6addr_loopback;
	else if (a.any.sa_family == AF_INET6 && IN6_ARE_ADDR_EQUAL(&a.in6.sin6_addr, &mapped_none))
		a.in6.sin6_addr.s6_addr[12] = 127, a.in6.sin6_addr.s6_addr[15] = 1;
	return a;
}

/* Who has a full queue does not answer, and is there. */
int accel_socket_is_served(const union address *at)
{
	static const struct linger now = { .l_onoff = 1, .l_linger = 0 };
	const union address to = accel_socket_reach(at);
	scoped(fd) int sock =
		socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
	struct pollfd p = { .fd = sock, .events = POLLOUT };

	if (sock < 0)
		return 0;
	(void)setsockopt(sock, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	if (connect(sock, &to.any, address_size(&to)) < 0 && errno != EINPROGRESS)
		return 0;
	(void)poll(&p, 1, SERVED_MS);
	return !accel_socket_is_closed(sock);
}
