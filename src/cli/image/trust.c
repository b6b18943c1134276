/* SPDX-License-Identifier: Apache-2.0 */
/* image trust show, image trust set: one command, whose first argument is the verb. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/image/trust_edit.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct trust_options {
	int json, noheading, raw;
	const char *policy, *registries_dir, *type;
	char **keys;
};

#define AT(f) offsetof(struct trust_options, f)
static const struct opt options[] = {
	FLAG('j', "json", AT(json), "show: print JSON"),
	FLAG('n', "noheading", AT(noheading), "show: print no heading"),
	LIST('f', "pubkeysfile", "FILE", AT(keys), "set: a file of public keys",
	     .complete = "file"),
	FLAG(0, "raw", AT(raw), "show: print the file as it is"),
	STR(0, "registrypath", "DIR", AT(registries_dir),
	    "show: read this in place of registries.d", .complete = "dir"),
	STR(0, "signature-policy", "FILE", AT(policy), "Use this policy instead of policy.json",
	    .complete = "file", .spellings = "policypath"),
	STR('t', "type", "TYPE", AT(type), "set: what is needed of an image",
	    .man = "One of accept, insecureAcceptAnything, reject, signedBy, signBy and "
		   "sigstoreSigned."),
	EXCLUDES("json", "raw"),
	END,
};

static int keep(json_object *o, const char *scope)
{
	const char *name = json_get_str(o, "repo_name");

	return !scope || (name && (!strcmp(name, scope) || !strcmp(name, "default")));
}

static int show(struct engine *en, const struct trust_options *o, const char *scope, struct err *e)
{
	scoped(json) json_object *all = NULL;
	scoped(json) json_object *list = json_object_new_array();
	scoped(mem) char *text = NULL;
	static const struct report_header headers[] = {
		{ "transport", "TRANSPORT" }, { "repo_name", "NAME" }, { "type", "TYPE" },
		{ "gpg_id", "ID" },	      { "sigstore", "STORE" }, { NULL, NULL }
	};
	const struct report r = { .name = "trust",
				  .standard = "table {{.transport}}\\t{{.repo_name}}\\t{{.type}}\\t"
					      "{{.gpg_id}}\\t{{.sigstore}}",
				  .headers = headers,
				  .no_heading = o->noheading };

	if (o->raw) {
		if (trust_read(en, o->policy, &text, e) < 0)
			return e->code;
		(void)printf("%s\n", text);
		return 0;
	}
	if (trust_list(en, o->policy, o->registries_dir, &all, e) < 0)
		return e->code;
	for (size_t i = 0; i < json_len(all); i++) {
		json_object *t = json_object_array_get_idx(all, i);

		if (!keep(t, scope))
			continue;
		if (!o->json && !json_get(t, "gpg_id"))
			json_put_str(t, "gpg_id", "");
		if (!o->json && !json_get(t, "sigstore"))
			json_put_str(t, "sigstore", "");
		(void)json_object_array_add(list, json_object_get(t));
	}
	return o->json ? report_json(list, e) : report_print(&r, list, e);
}

static int set(struct engine *en, const struct trust_options *o, const char *scope, struct err *e)
{
	const struct trust_change c = { .path = o->policy,
					.scope = scope,
					.type = o->type ? o->type : "signedBy",
					.keys = o->keys };
	static const char types[] =
		"accept|insecureAcceptAnything|reject|signedBy|signBy|sigstoreSigned";
	int wants_keys = strstr(c.type, "ign") != NULL;

	if (!str_in_words(c.type, strlen(c.type), types))
		return err_set(e, -EINVAL, "invalid choice: %s, must be one of %s", c.type, types);
	if (!scope)
		return err_set(e, -EINVAL, "accepts 1 arg(s), received 0");
	if (wants_keys && !strv_len(o->keys))
		return err_set(e, -EINVAL, "at least one public key must be defined for type '%s'",
			       c.type);
	if (!wants_keys && strv_len(o->keys))
		return err_set(e, -EINVAL, "no public keys are needed for type '%s'", c.type);
	return trust_set(en, &c, e);
}

static int trust(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct trust_options *o = opts;

	if (!strcmp(args[0], "show")) {
		if (o->type || o->keys)
			return err_set(e, -EINVAL, "show has neither --type nor --pubkeysfile");
		return show(en, o, args[1], e);
	}
	if (strcmp(args[0], "set") != 0)
		return err_set(e, -EINVAL, "unrecognized command `cove image trust %s`", args[0]);
	if (o->json || o->raw || o->noheading)
		return err_set(e, -EINVAL, "set has neither --json nor --raw nor --noheading");
	return set(en, o, args[1], e);
}

const struct cmd cmd_image_trust = {
	.noun = "image",
	.verb = "trust",
	.args = "show|set [REGISTRY]",
	.help = "Show or change which images are trusted",
	.man = "show lists the entries of policy.json(5): for which registries and repositories "
	       "images are taken (accept), refused (reject) or must be signed, by whom, and where "
	       "their signatures are kept. set changes the entry of REGISTRY, which may be a "
	       "repository too, or of default. Root changes /etc/containers/policy.json, others "
	       "their own containers/policy.json, which then holds in its place and begins as a "
	       "copy of it.",
	.examples = "cove image trust show\ncove image trust set -t reject registry.example.org\n"
		    "cove image trust set -f /etc/pki/me.asc registry.example.org/me",
	.min_args = 1,
	.max_args = 2,
	.size = sizeof(struct trust_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = trust,
};
