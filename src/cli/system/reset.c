/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/prompt.h"
#include "src/container/container.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "userns/holder.h"
#include "userns/join.h"

struct reset_options {
	int force;
};

#define AT(f) offsetof(struct reset_options, f)
static const struct opt options[] = {
	FLAG('f', "force", AT(force), "Do not ask"),
	END,
};

static int remove_containers(struct engine *en, struct err *e)
{
	const struct rm_options o = { .force = 1, .volumes = 1, .timeout = 0 };
	struct container **list = NULL;
	size_t n = 0;
	int r = container_list(en, 1, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++) {
		r = container_rm(en, list[i]->id, &o, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = 0;
		}
	}
	container_list_free(list, n);
	return r;
}

/* What is ours, and no more: somebody may have given a directory with other things in it. */
static int remove_files(struct engine *en, int dir, const char *const *names, struct err *e)
{
	int r = 0;

	for (; *names && r == 0; names++)
		r = userns_rmtree(en->run_fd, dir, *names, e);
	return r;
}

static int reset_all(struct engine *en, struct err *e)
{
	/* The database last: with it everything else has a name. */
	static const char *const store[] = {
		"containers",	     "volumes",	     "layers",	      "blobs",
		"secrets",	     "mounts",	     "tmp",	      "cache",
		"reserve",	     "publish.lock", "db.sqlite-wal", "db.sqlite-shm",
		"db.sqlite-journal", "db.sqlite",    "db.lock",	      NULL
	};
	static const char *const run[] = { "c", "n", "blobs", "stores", "userns", NULL };
	int holder, r = remove_containers(en, e);

	engine_store_close(en);
	if (r == 0)
		r = remove_files(en, en->graph_fd, store, e);
	if (r < 0)
		return r;
	holder = holder_pid(en->run_fd);
	if (holder > 0)
		(void)kill(holder, SIGTERM); /* it may have left by itself */
	r = remove_files(en, en->run_fd, run, e);
	/* Directories that have more in them stay. */
	(void)rmdir(en->graphroot);
	(void)rmdir(en->runroot);
	return r;
}

static int reset(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct reset_options *o = opts;
	scoped(mem) char *text = str_printf("WARNING! This will remove:\n"
					    "        - all containers\n"
					    "        - all images\n"
					    "        - all networks\n"
					    "        - all secrets\n"
					    "        - all volumes\n"
					    "        - the graphRoot directory: \"%s\"\n"
					    "        - the runRoot directory: \"%s\"\n",
					    en->graphroot, en->runroot);
	int r = text ? 1 : err_errno(e, ENOMEM, "reset");

	(void)args;
	if (r == 1 && !o->force)
		r = prompt_continue(text, e);
	return r <= 0 ? r : reset_all(en, e);
}

const struct cmd cmd_system_reset = {
	.noun = "system",
	.verb = "reset",
	.help = "Remove everything",
	.man = "All containers, running or not, all images, secrets and volumes; the store is as if "
	       "there had never been one. Configuration and stored logins stay.",
	.examples = "cove system reset --force",
	.max_args = 0,
	.size = sizeof(struct reset_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = reset,
};
