/* SPDX-License-Identifier: Apache-2.0 */
/* The tap device, by ioctl and rtnetlink(7). */
#include "netns/tap.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/rtnl.h"
#include "src/util/scoped.h"

static int add_address(int sock, unsigned index, int family, const char *text, int prefix)
{
	struct rtnl q;
	struct ifaddrmsg *m = rtnl_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	struct in6_addr addr;
	size_t n = family == AF_INET ? 4 : 16;

	if (inet_pton(family, text, &addr) != 1)
		return -EINVAL;
	m->ifa_family = (unsigned char)family;
	m->ifa_prefixlen = (unsigned char)prefix;
	m->ifa_index = index;
	/* Nobody else is on this wire: duplicate address detection would only cost a second. */
	m->ifa_flags = family == AF_INET6 ? IFA_F_NODAD : 0;
	rtnl_attr(&q, IFA_LOCAL, &addr, n);
	rtnl_attr(&q, IFA_ADDRESS, &addr, n);
	return rtnl_talk(sock, &q);
}

static int add_default_route(int sock, unsigned index, int family, const char *gateway)
{
	struct rtnl q;
	struct rtmsg *m = rtnl_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	struct {
		unsigned short rta_len, rta_type;
		unsigned value;
	} metric = { RTA_LENGTH(sizeof(unsigned)), RTAX_QUICKACK, 1 };
	struct in6_addr addr;

	if (inet_pton(family, gateway, &addr) != 1)
		return -EINVAL;
	m->rtm_family = (unsigned char)family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	rtnl_attr(&q, RTA_GATEWAY, &addr, family == AF_INET ? 4 : 16);
	rtnl_attr(&q, RTA_OIF, &index, sizeof(index));
	/* libslirp does not send on before its window is acknowledged: never late then. */
	rtnl_attr(&q, RTA_METRICS, &metric, sizeof(metric));
	return rtnl_talk(sock, &q);
}

static int bring_up(int sock, unsigned index, int mtu)
{
	struct rtnl q;
	struct ifinfomsg *m = rtnl_begin(&q, RTM_NEWLINK, 0, sizeof(*m));

	m->ifi_index = (int)index;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	rtnl_attr(&q, IFLA_MTU, &mtu, sizeof(mtu));
	return rtnl_talk(sock, &q);
}

static int open_tun(struct err *e)
{
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	(void)err_sys(e, "open /dev/net/tun");
	if (e->code == -EACCES || e->code == -EPERM)
		return err_hint(e, "ask your administrator for: chmod 0666 /dev/net/tun; until "
				   "then use --network host or "
				   "--network none");
	return err_hint(e, "ask your administrator for: modprobe tun; until then use --network "
			   "host or --network none");
}

int tap_open(const struct tap_config *c, struct err *e)
{
	scoped(fd) int fd = open_tun(e);
	scoped(fd) int sock = -EBADF;
	struct ifreq ifr;
	unsigned index;
	int r;

	if (fd < 0)
		return fd;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	strncpy(ifr.ifr_name, c->name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_sys(e, "make tap device %s", c->name);
	index = if_nametoindex(c->name);
	sock = rtnl_open();
	if (!index || sock < 0)
		return err_sys(e, "set up tap device %s", c->name);
	r = bring_up(sock, index, c->mtu);
	if (r == 0)
		r = add_address(sock, index, AF_INET, c->address, c->prefix);
	if (r == 0)
		r = add_default_route(sock, index, AF_INET, c->gateway);
	if (r < 0)
		return err_errno(e, r, "set up tap device %s", c->name);
	/* A kernel without IPv6, or with it switched off, has an IPv4 network. */
	if (c->address6 && add_address(sock, index, AF_INET6, c->address6, c->prefix6) == 0 &&
	    add_default_route(sock, index, AF_INET6, c->gateway6) < 0)
		dbg("no IPv6 default route on %s", c->name);
	return take_fd(&fd);
}
