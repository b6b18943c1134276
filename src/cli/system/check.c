/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/util/names.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define MS_PER_S 1000

struct check_options {
	int force, quick, repair;
	int64_t max_ms;
};

#define AT(f) offsetof(struct check_options, f)
static const struct opt options[] = {
	FLAG('f', "force", AT(force), "With --repair: remove damaged containers and secrets, too",
	     .man = "And those that use a damaged image, which is kept otherwise."),
	DURATION('m', "max", "DURATION", AT(max_ms),
		 "What no record names is damage when it is older than this", .def = "24h0m0s",
		 .man = "Commands that were killed leave something behind, which the next command "
			"that writes removes."),
	FLAG('q', "quick", AT(quick), "Do not read the contents of layers"),
	FLAG('r', "repair", AT(repair),
	     "Remove images that are damaged and not used, and what no record names"),
	END,
};

static int look(struct engine *en, struct check *c, struct err *e)
{
	int r = image_check(en, c, e);
	return r == 0 ? container_check(en, c, e) : r;
}

/* One paragraph for each thing, whatever number of faults it has. */
static void print(const struct check *c)
{
	static const char *const titles[CHECK_OF_COUNT] = { "Damaged database", "Damaged layer",
							    "Damaged image",	"Damaged container",
							    "Damaged secret",	"Damaged volume",
							    "Leftover" };

	for (size_t i = 0; i < c->n; i++) {
		const struct check_finding *f = &c->found[i];
		scoped(strbuf) struct strbuf text = STRBUF_INIT;
		scoped(strbuf) struct strbuf name = STRBUF_INIT;
		if (name_escape(&text, f->text) < 0 || name_escape(&name, f->name) < 0)
			continue;
		if (!i || c->found[i - 1].of != f->of || strcmp(c->found[i - 1].name, f->name) != 0)
			(void)printf("%s %s:\n", titles[f->of], name.s ? name.s : "");
		(void)printf("\t* %s\n", text.s ? text.s : "");
	}
}

static void print_ids(const char *what, char *const *ids)
{
	for (; ids && *ids; ids++)
		(void)printf("Deleted damaged %s: %s\n", what, *ids);
}

static int repair(struct engine *en, const struct check *c, int force, struct err *e)
{
	scoped(strv) char **images = NULL;
	scoped(strv) char **containers = NULL;
	int r = container_check_repair(en, c, force, &images, &containers, e);

	print_ids("image", images);
	print_ids("container", containers);
	return r;
}

static int check(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct check_options *o = opts;
	scoped(check) struct check c = { .quick = o->quick, .max_s = o->max_ms / MS_PER_S };
	scoped(check) struct check again = { .quick = o->quick, .max_s = c.max_s };
	int r = look(en, &c, e);

	(void)args;
	if (r < 0)
		return r;
	print(&c);
	if (!o->repair) {
		if (!c.n_damages)
			return 0;
		(void)err_set(e, -EBADMSG, "damage detected in local storage");
		return err_hint(e, "'cove system check --repair' removes what is damaged; images "
				   "can be pulled again");
	}
	r = repair(en, &c, o->force, e);
	if (r == 0)
		r = look(en, &again, e);
	if (r < 0 || !again.n_damages)
		return r;
	(void)err_set(e, -EBADMSG, "damage in local storage still present after attempted repair");
	return o->force ? e->code
			: err_hint(e, "what containers use is only removed with --force, together "
				      "with the containers");
}

const struct cmd cmd_system_check = {
	.noun = "system",
	.verb = "check",
	.help = "Prove that the store is whole",
	.man = "Every record is compared with its files, and every file with its record: the "
	       "database's own structure; layers, whose tar streams are made again, compared with "
	       "their digests and unpacked beside them (which needs room for the largest); images' "
	       "documents; what containers need; secrets whose data is in files; records of "
	       "volumes. Exits with 125 "
	       "when something is damaged.\n\n"
	       "What no record names is a leftover of a command that was killed: it is told, but "
	       "it is no damage until it is old (--max). With --repair leftovers are removed, a "
	       "wrong "
	       "size is corrected, and damaged images are removed, unless a container uses them. "
	       "With --force volumes lose records that cannot "
	       "be read, and keep their data.",
	.examples =
		"cove system check\ncove system check --quick\ncove system check --repair --force",
	.max_args = 0,
	.size = sizeof(struct check_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = check,
};
