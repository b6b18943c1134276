/* SPDX-License-Identifier: Apache-2.0 */
/* Free host ports for mappings that name none. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "src/container/create.h"
#include "src/util/scoped.h"

#define TRIES 1000 /* for one that is not among the container's others */

/* The kernel picks: bind to port 0 and look.  Somebody may take the port until the container
 * starts; then the start says so. */
static int free_port(const char *ip, int udp)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	int v6 = strchr(ip, ':') != NULL;
	socklen_t len = v6 ? sizeof(a6) : sizeof(a4);
	scoped(fd) int s =
		socket(v6 ? AF_INET6 : AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	struct sockaddr *a = v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4;

	if (*ip && inet_pton(v6 ? AF_INET6 : AF_INET, ip,
			     v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr) != 1)
		return -EINVAL;
	if (s < 0 || bind(s, a, len) < 0 || getsockname(s, a, &len) < 0)
		return -errno;
	return ntohs(v6 ? a6.sin6_port : a4.sin_port);
}

/* Is PORT one of PORTS, of whatever address? */
static int is_taken(json_object *ports, int port)
{
	for (size_t i = 0; i < json_len(ports); i++)
		if (json_get_int(json_object_array_get_idx(ports, i), "host_port", 0) == port)
			return 1;
	return 0;
}

int create_pick_ports(json_object *ports, struct err *e)
{
	for (size_t i = 0; i < json_len(ports); i++) {
		json_object *p = json_object_array_get_idx(ports, i);
		int port, tries = 0;
		if (json_get_int(p, "host_port", 0) != 0)
			continue;
		do
			port = free_port(json_get_str(p, "host_ip"),
					 strcmp(json_get_str(p, "protocol"), "udp") == 0);
		while (is_taken(ports, port) && ++tries < TRIES);
		if (port < 0)
			return err_errno(e, port, "find a free port on %s",
					 json_get_str(p, "host_ip"));
		json_put_int(p, "host_port", port);
	}
	return 0;
}
