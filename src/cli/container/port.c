/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/exit.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct port_cli {
	int all, latest;
	/* what was asked for: "80" or "80/udp" */
	const char *wanted;
	int number;
	char protocol[8];
};

#define AT(f) offsetof(struct port_cli, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Show the ports of all containers"),
	FLAG('l', "latest", AT(latest), "Show the ports of the newest container"),
	END,
};

static int parse_wanted(struct port_cli *o, const char *s, struct err *e)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end == s || n < 1 || n > 65535 || (*end && *end != '/') ||
	    strlen(*end ? end + 1 : "tcp") >= sizeof(o->protocol))
		return err_set(e, -EINVAL,
			       "port \"%s\" is not a number from 1 to 65535, with "
			       "/PROTOCOL or without",
			       s);
	o->wanted = s;
	o->number = (int)n;
	(void)snprintf(o->protocol, sizeof(o->protocol), "%s", *end ? end + 1 : "tcp");
	return 0;
}

/* 1: it is shown. */
static int show(const struct port_cli *o, const struct container *c, json_object *p)
{
	const char *ip = json_get_str(p, "host_ip"), *proto = json_get_str(p, "protocol");
	int inside = (int)json_get_int(p, "container_port", 0),
	    outside = (int)json_get_int(p, "host_port", 0), v6;

	if (!ip || !*ip)
		ip = "0.0.0.0";
	v6 = strchr(ip, ':') != NULL;
	if (o->wanted && (inside != o->number || !proto || strcmp(proto, o->protocol) != 0))
		return 0;
	if (o->all)
		(void)printf("%.12s\t", c->id);
	if (!o->wanted)
		(void)printf("%d/%s -> ", inside, proto ? proto : "tcp");
	(void)printf("%s%s%s:%d\n", v6 ? "[" : "", ip, v6 ? "]" : "", outside);
	return 1;
}

static int port_one(struct engine *en, const char *ref, void *arg, struct err *e)
{
	const struct port_cli *o = arg;
	scoped(container) struct container *c = NULL;
	int shown = 0, r = container_find(en, ref, &c, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < json_len(c->ports); i++)
		shown |= show(o, c, json_object_array_get_idx(c->ports, i));
	return o->wanted && !shown
		       ? err_set(e, -ENOENT, "failed to find published port \"%s\"", o->wanted)
		       : 0;
}

static int port(struct engine *en, void *opts, char **args, struct err *e)
{
	struct port_cli *o = opts;
	char *one[] = { args[0], NULL };
	const char *wanted = !args[0] ? NULL : o->latest ? args[0] : args[1];
	int r = 0;

	if ((o->all || o->latest) && args[0] && (o->all || args[1]))
		return err_set(e, -EINVAL, "--all and --latest take no container's name");
	if (!o->all && !o->latest && !args[0])
		return err_set(e, -EINVAL, "you must supply a running container name or id");
	if (wanted)
		r = parse_wanted(o, wanted, e);
	if (o->latest)
		one[0] = NULL;
	return r < 0 ? r
		     : container_each(en, one, o->all, o->latest, 0, EXIT_ENGINE, port_one, o, e);
}

const struct cmd cmd_container_port = {
	.noun = "container",
	.verb = "port",
	.alias = "port",
	.args = "CONTAINER [PORT[/PROTOCOL]]",
	.help = "Show where ports of a container are published",
	.examples = "cove port web\ncove port web 80\ncove port --all",
	.complete = "container",
	.max_args = 2,
	.size = sizeof(struct port_cli),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = port,
};
