/* SPDX-License-Identifier: Apache-2.0 */
/* The tap device, by ioctl and rtnetlink(7). */
#include "netns/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netns/link.h"
#include "netns/rtnl.h"
#include "src/util/scoped.h"

static int set_address(int sock, const char *name, const char *text, int prefix,
		       const char *gateway)
{
	struct addr a, via;
	int r = addr_parse(text, &a);

	if (r == 0)
		r = addr_parse(gateway, &via);
	if (r == 0)
		r = link_add_address(sock, name, &a, prefix);
	return r < 0 ? r : link_add_default(sock, name, &via, 0);
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

int tap_netns(int fd)
{
	int netns = ioctl(fd, TUNGETDEVNETNS); /* Linux 5.2 */

	if (netns < 0)
		netns = ioctl(fd, SIOCGSKNS); /* Linux 4.17 */
	return netns < 0 ? -errno : netns;
}

int tap_open(const struct tap_config *c, struct err *e)
{
	scoped(fd) int fd = open_tun(e);
	scoped(fd) int sock = -EBADF;
	struct ifreq ifr;
	int r;

	if (fd < 0)
		return fd;
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	strncpy(ifr.ifr_name, c->name, IFNAMSIZ - 1);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return err_sys(e, "make tap device %s", c->name);
	sock = rtnl_open();
	if (sock < 0)
		return err_errno(e, sock, "set up tap device %s", c->name);
	r = link_set_mtu(sock, c->name, c->mtu);
	if (r == 0)
		r = link_up(sock, c->name);
	if (r == 0 && c->address)
		r = set_address(sock, c->name, c->address, c->prefix, c->gateway);
	if (r == 0 && c->address)
		r = link_shut_link_local(sock);
	if (r == -EEXIST) /* the tap is another one in the same namespace */
		r = 0;
	if (r < 0)
		return err_errno(e, r, "set up tap device %s", c->name);
	/* A kernel without IPv6, or with it switched off, has an IPv4 network. */
	if (c->address6 && set_address(sock, c->name, c->address6, c->prefix6, c->gateway6) < 0)
		dbg("no IPv6 on %s", c->name);
	return take_fd(&fd);
}
