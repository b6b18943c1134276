/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/image/pull.h"
#include "src/cli/report.h"
#include "src/image/remote_list.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define DESCRIPTION_MAX 44

struct search_options {
	struct pull_settings s;
	int compatible, list_tags, no_trunc, limit;
	char **filters;
	const char *format;
};

#define AT(f) offsetof(struct search_options, f)
static const struct opt options[] = {
	FLAG(0, "compatible", AT(compatible), "Show stars and officials too"),
	LIST('f', "filter", "KEY=VALUE", AT(filters), "Show only results with this",
	     .man = "stars=NUMBER (at least so many), is-official[=BOOL], is-automated[=BOOL]."),
	STR(0, "format", "FORMAT", AT(format), "Print with this Go template, or json",
	    .man = "Fields: .Index .Name .Description .Stars .Official .Automated .Tag"),
	INT(0, "limit", "N", AT(limit), 0, 1000000, "Show at most so many of each registry",
	    .man = "Without it: 25."),
	FLAG(0, "list-tags", AT(list_tags), "List the tags of a repository instead"),
	FLAG(0, "no-trunc", AT(no_trunc), "Do not cut descriptions"),
	EXCLUDES("list-tags", "filter"),
	END,
};
_Static_assert(offsetof(struct search_options, s) == 0, "the shared rows fill pull_settings");

/* On one line, and short. */
static void trim_descriptions(json_object *list, int no_trunc)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json_object *o = json_object_array_get_idx(list, i);
		const char *text = json_get_str(o, "Description");
		scoped(mem) char *copy = text ? strdup(text) : NULL;

		if (!copy)
			continue;
		for (char *p = copy; *p; p++)
			if (*p == '\n' || *p == '\r')
				*p = ' ';
		if (!no_trunc && strlen(copy) > DESCRIPTION_MAX) {
			scoped(mem) char *cut = NULL;
			size_t n = DESCRIPTION_MAX;

			while (n && ((unsigned char)copy[n] & 0xc0) == 0x80)
				n--; /* not within a character */
			cut = str_printf("%.*s...", (int)n, copy);
			json_put_str(o, "Description", cut);
			continue;
		}
		json_put_str(o, "Description", copy);
	}
}

/* [{"Name", "Tags": [...]}], as --format json of --list-tags has it. */
static int print_tags(json_object *list, struct err *e)
{
	scoped(json) json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_len(list); i++) {
		json_object *from = json_object_array_get_idx(list, i), *to = NULL;
		const char *name = json_get_str(from, "Name");

		for (size_t k = 0; k < json_len(out) && !to; k++) {
			json_object *o = json_object_array_get_idx(out, k);
			if (!strcmp(json_get_str(o, "Name"), name))
				to = o;
		}
		if (!to) {
			to = json_object_new_object();
			json_put_str(to, "Name", name);
			json_put(to, "Tags", json_object_new_array());
			(void)json_object_array_add(out, to);
		}
		(void)json_object_array_add(json_get(to, "Tags"),
					    json_object_new_string(json_get_str(from, "Tag")));
	}
	return report_json(out, e);
}

static int search(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct search_options *o = opts;
	const struct image_search_options s = {
		.remote = { .authfile = o->s.authfile,
			    .creds = o->s.creds,
			    .cert_dir = o->s.cert_dir,
			    .tls_verify = o->s.tls_verify,
			    .retry = -1 },
		.term = args[0],
		.limit = o->limit,
		.filters = o->filters,
		.list_tags = o->list_tags,
	};
	scoped(json) json_object *list = NULL;
	struct report r = { .name = "search", .format = o->format };

	if (image_search(en, &s, &list, e) < 0)
		return e->code;
	if (!json_len(list)) /* nothing at all, whatever the format */
		return 0;
	if (report_is_json(o->format) && o->list_tags)
		return print_tags(list, e);
	if (report_is_json(o->format))
		return report_json(list, e);
	trim_descriptions(list, o->no_trunc);
	r.standard = o->list_tags    ? "table {{.Name}}\\t{{.Tag}}"
		     : o->compatible ? "table {{.Name}}\\t{{.Description}}\\t{{.Stars}}\\t"
				       "{{.Official}}\\t{{.Automated}}"
				     : "table {{.Name}}\\t{{.Description}}";
	return report_print(&r, list, e);
}

const struct cmd cmd_image_search = {
	.noun = "image",
	.verb = "search",
	.alias = "search",
	.args = "[REGISTRY/]TERM",
	.help = "Search registries for images",
	.man = "Asks the registry in the term, or else all of unqualified-search-registries in "
	       "registries.conf(5), for repositories that have TERM in their names. Registries "
	       "that know no search are asked for their catalogue. One registry that does not "
	       "answer is told of, and is an error only when no other one answers.",
	.examples = "cove search busybox\ncove search --limit 5 quay.io/podman\n"
		    "cove search --list-tags registry.example.org/debian",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct search_options),
	.groups = (const struct opt *const[]){ pull_registry_options, options, NULL },
	.run = search,
};
