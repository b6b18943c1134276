/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/container/container.h"
#include "src/container/networks.h"
#include "src/network/network.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct rm_network_options {
	int force, timeout;
};

#define AT(f) offsetof(struct rm_network_options, f)
static const struct opt options[] = {
	FLAG('f', "force", AT(force), "Remove the containers that are on it, too"),
	INT('t', "time", "SECONDS", AT(timeout), -1, INT_MAX,
	    "With --force: time from the stop signal to SIGKILL", .init = 10),
	END,
};

static int rm_one(struct engine *en, const char *ref, const struct rm_network_options *o,
		  struct err *e)
{
	scoped(json) json_object *network = NULL;
	scoped(strv) char **ids = NULL;
	const char *name;
	int r = network_find(en, ref, &network, e);

	if (r < 0)
		return r;
	name = json_get_str(network, "name");
	if (strcmp(name, NETWORK_DEFAULT) == 0)
		return err_set(e, -EINVAL, "default network %s cannot be removed", NETWORK_DEFAULT);
	r = networks_users(en, name, &ids, e);
	if (r == 0 && strv_len(ids) && !o->force)
		return err_set(
			e, -EBUSY,
			"\"%s\" has associated containers with it. Use -f to forcefully delete "
			"containers and pods: network is being used",
			name);
	if (r == 0)
		r = container_rm_each(en, ids, o->timeout, e);
	if (r == 0)
		r = network_forget(en, network, e);
	if (r == 0)
		(void)printf("%s\n", ref);
	return r;
}

static int rm(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct rm_network_options *o = opts;
	int status = 0;

	for (; *args; args++) {
		int r = rm_one(en, *args, o, e);
		if (r == -ENOENT && o->force)
			err_clear(e);
		else if (r < 0)
			status = exit_failed(EXIT_OBJECT, status, e);
	}
	return status;
}

const struct cmd cmd_network_rm = {
	.noun = "network",
	.verb = "rm",
	.verbs = "remove",
	.args = "NETWORK [NETWORK...]",
	.help = "Remove networks",
	.examples = "cove network rm front\ncove network rm --force back",
	.complete = "network",
	.min_args = 1,
	.max_args = -1,
	.exit = EXIT_OBJECT,
	.size = sizeof(struct rm_network_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = rm,
};
