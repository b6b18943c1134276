/* SPDX-License-Identifier: Apache-2.0 */
/* Published ports as a container's record has them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netns/member.h"
#include "src/util/json.h"

struct net_forward *net_forwards(json_object *ports)
{
	struct net_forward *f = calloc(json_len(ports) + 1, sizeof(*f));

	for (size_t i = 0; f && i < json_len(ports); i++) {
		json_object *p = json_object_array_get_idx(ports, i);
		const char *ip = json_get_str(p, "host_ip"), *proto = json_get_str(p, "protocol");
		(void)snprintf(f[i].host_ip, sizeof(f[i].host_ip), "%s", ip ? ip : "");
		f[i].host_port = (int)json_get_int(p, "host_port", 0);
		f[i].container_port = (int)json_get_int(p, "container_port", 0);
		f[i].udp = proto && strcmp(proto, "udp") == 0;
	}
	return f;
}
