/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "netns/rtnl.h"

static void put_name(struct rtnl *q, unsigned short type, const char *name)
{
	rtnl_attr(q, type, name, strlen(name) + 1);
}

static void put_mtu(struct rtnl *q, int mtu)
{
	uint32_t v = (uint32_t)mtu;
	rtnl_attr(q, IFLA_MTU, &v, sizeof(v));
}

int link_random_mac(unsigned char mac[LINK_MAC])
{
	if (getrandom(mac, LINK_MAC, 0) != LINK_MAC)
		return -errno;
	mac[0] = (unsigned char)((mac[0] & 0xfc) | 2); /* local, of one host */
	return 0;
}

int link_add_bridge(int sock, const char *name, int mtu)
{
	unsigned char mac[LINK_MAC];
	struct rtnl q;
	size_t info;
	int r = link_random_mac(mac);

	if (r < 0)
		return r;
	(void)rtnl_begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	put_name(&q, IFLA_IFNAME, name);
	put_mtu(&q, mtu);
	rtnl_attr(&q, IFLA_ADDRESS, mac, sizeof(mac));
	info = rtnl_nest(&q, IFLA_LINKINFO);
	put_name(&q, IFLA_INFO_KIND, "bridge");
	rtnl_end(&q, info);
	return rtnl_talk(sock, &q);
}

/* The peer is described by a whole message header inside the first one (veth.c of the kernel). */
int link_add_veth(int sock, const char *name, int mtu, const char *peer,
		  const unsigned char mac[LINK_MAC], int peer_netns)
{
	static const struct ifinfomsg none;
	uint32_t netns = (uint32_t)peer_netns;
	size_t info, data, other;
	struct rtnl q;

	(void)rtnl_begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(struct ifinfomsg));
	put_name(&q, IFLA_IFNAME, name);
	put_mtu(&q, mtu);
	info = rtnl_nest(&q, IFLA_LINKINFO);
	put_name(&q, IFLA_INFO_KIND, "veth");
	data = rtnl_nest(&q, IFLA_INFO_DATA);
	other = rtnl_nest(&q, VETH_INFO_PEER);
	rtnl_raw(&q, &none, sizeof(none));
	put_name(&q, IFLA_IFNAME, peer);
	put_mtu(&q, mtu);
	rtnl_attr(&q, IFLA_ADDRESS, mac, LINK_MAC);
	rtnl_attr(&q, IFLA_NET_NS_FD, &netns, sizeof(netns));
	rtnl_end(&q, other);
	rtnl_end(&q, data);
	rtnl_end(&q, info);
	return rtnl_talk(sock, &q);
}

/* Any socket's ioctl(2) does: it is about the socket's namespace (netdevice(7)). */
int link_index(int sock, const char *name)
{
	struct ifreq r;

	memset(&r, 0, sizeof(r));
	strncpy(r.ifr_name, name, IFNAMSIZ - 1);
	return ioctl(sock, SIOCGIFINDEX, &r) < 0 ? -errno : r.ifr_ifindex;
}

int link_set_mtu(int sock, const char *name, int mtu)
{
	struct rtnl q;

	(void)rtnl_begin(&q, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	put_name(&q, IFLA_IFNAME, name);
	put_mtu(&q, mtu);
	return rtnl_talk(sock, &q);
}

int link_up(int sock, const char *name)
{
	struct rtnl q;
	struct ifinfomsg *m = rtnl_begin(&q, RTM_NEWLINK, 0, sizeof(*m));

	m->ifi_flags = m->ifi_change = IFF_UP;
	put_name(&q, IFLA_IFNAME, name);
	return rtnl_talk(sock, &q);
}

int link_set_master(int sock, const char *name, const char *master)
{
	int r = link_index(sock, master);
	uint32_t index = (uint32_t)r;
	struct rtnl q;

	if (r < 0)
		return r;
	(void)rtnl_begin(&q, RTM_NEWLINK, 0, sizeof(struct ifinfomsg));
	put_name(&q, IFLA_IFNAME, name);
	rtnl_attr(&q, IFLA_MASTER, &index, sizeof(index));
	return rtnl_talk(sock, &q);
}

int link_delete(int sock, const char *name)
{
	struct rtnl q;

	(void)rtnl_begin(&q, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	put_name(&q, IFLA_IFNAME, name);
	return rtnl_talk(sock, &q);
}

int link_add_address(int sock, const char *name, const struct addr *a, int prefix)
{
	int index = link_index(sock, name);
	struct rtnl q;
	struct ifaddrmsg *m;
	uint32_t broadcast;

	if (index < 0)
		return index;
	m = rtnl_begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	m->ifa_family = (unsigned char)a->family;
	m->ifa_prefixlen = (unsigned char)prefix;
	m->ifa_index = (unsigned)index;
	/* Who has which address is known: duplicate address detection would only cost a second. */
	m->ifa_flags = a->family == AF_INET6 ? IFA_F_NODAD : 0;
	rtnl_attr(&q, IFA_LOCAL, a->b, addr_size(a));
	rtnl_attr(&q, IFA_ADDRESS, a->b, addr_size(a));
	if (a->family == AF_INET && prefix < 31) { /* RFC 3021: longer ones have none */
		memcpy(&broadcast, a->b, sizeof(broadcast));
		broadcast |= htonl(UINT32_MAX >> prefix);
		rtnl_attr(&q, IFA_BROADCAST, &broadcast, sizeof(broadcast));
	}
	return rtnl_talk(sock, &q);
}

int link_shut_link_local(int sock)
{
	static const unsigned char block[4] = { 169, 254 };
	struct rtnl q;
	struct rtmsg *m = rtnl_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));

	m->rtm_family = AF_INET;
	m->rtm_dst_len = 16;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNREACHABLE;
	rtnl_attr(&q, RTA_DST, block, sizeof(block));
	return rtnl_talk(sock, &q);
}

int link_add_default(int sock, const char *name, const struct addr *gateway, unsigned metric)
{
	static const struct {
		unsigned short len, type;
		uint32_t value;
	} quick = { RTA_LENGTH(sizeof(uint32_t)), RTAX_QUICKACK, 1 };
	int r = link_index(sock, name);
	uint32_t index = (uint32_t)r, priority = metric;
	struct rtnl q;
	struct rtmsg *m;

	if (r < 0)
		return r;
	m = rtnl_begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	m->rtm_family = (unsigned char)gateway->family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	rtnl_attr(&q, RTA_GATEWAY, gateway->b, addr_size(gateway));
	rtnl_attr(&q, RTA_OIF, &index, sizeof(index));
	if (metric)
		rtnl_attr(&q, RTA_PRIORITY, &priority, sizeof(priority));
	/* libslirp, which is behind it, does not send on before its window is acknowledged. */
	rtnl_attr(&q, RTA_METRICS, &quick, sizeof(quick));
	return rtnl_talk(sock, &q);
}
