/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/network/network.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct network_create_options, f)
static const struct opt options[] = {
	FLAG(0, "disable-dns", AT(disable_dns), "Do not resolve names of containers"),
	CSV(0, "dns", "ADDRESS", AT(dns), "Name server for all other names"),
	STR('d', "driver", "DRIVER", AT(driver), "Driver of the network", .def = "bridge",
	    .man = "bridge is the only one: others need a device of the host, and so root."),
	CSV(0, "gateway", "ADDRESS", AT(gateway), "Gateway of a subnet",
	    .man = "By default the first address. Gateways belong to subnets in the order in which "
		   "both are given."),
	FLAG(0, "ignore", AT(ignore), "Do not fail if the network is there"),
	STR(0, "interface-name", "NAME", AT(interface_name), "Name of the bridge, for inspect",
	    .man = "The bridge lies in a namespace of its own, where its name does not matter."),
	FLAG(0, "internal", AT(internal), "No way out of the network"),
	LIST(0, "ip-range", "RANGE", AT(ip_range), "What containers get of a subnet",
	     .man = "A subnet, 10.89.1.128/25, or two addresses, 10.89.1.10-10.89.1.20. Ranges "
		    "belong to subnets in the order in which both are given."),
	STR(0, "ipam-driver", "DRIVER", AT(ipam_driver), "Who gives addresses",
	    .def = "host-local"),
	FLAG(0, "ipv6", AT(ipv6), "Give the network an IPv6 subnet, too"),
	LIST(0, "label", "KEY[=VALUE]", AT(label), "Set a label"),
	LIST('o', "opt", "KEY[=VALUE]", AT(opt), "Set an option of the driver",
	     .man = "mtu=BYTES (65520 by default), no_default_route=1. Each network has a "
		    "namespace of its own, and nothing leads from one to another: isolate=true and "
		    "isolate=strict are accepted, isolate=false is refused. A container that is to "
		    "reach two networks is connected to both."),
	LIST(0, "route", "ROUTE", AT(route), "Static routes, which networks here have not",
	     .hidden = 1),
	LIST(0, "subnet", "SUBNET", AT(subnet), "Subnet of the network",
	     .man = "By default a free one of 10.89.0.0/24, 10.89.1.0/24 and so on."),
	END,
};

static int create(struct engine *en, void *opts, char **args, struct err *e)
{
	struct network_create_options *o = opts;
	scoped(mem) char *name = NULL;
	int r;

	o->name = args[0];
	r = network_create(en, o, &name, e);
	if (r == 0)
		(void)printf("%s\n", name);
	return r;
}

const struct cmd cmd_network_create = {
	.noun = "network",
	.verb = "create",
	.args = "[NAME]",
	.help = "Make a network that containers share",
	.man = "The network exists as a record until the first container is on it. Containers on "
	       "it "
	       "reach each other by address and, unless told otherwise, by name; the outside is "
	       "reached as from a private network. No packet filter and no privilege is needed.",
	.examples = "cove network create front\n"
		    "cove network create --subnet 10.90.0.0/24 --ipv6 --internal back",
	.max_args = 1,
	.size = sizeof(struct network_create_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = create,
};
