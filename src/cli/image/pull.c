/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/image/pull.h"
#include "src/image/image.h"
#include "src/image/layer_crypt.h"
#include "src/image/platform.h"
#include "src/image/retry.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define AT(f) offsetof(struct pull_settings, f)
const struct opt pull_platform_options[] = {
	STR(0, "arch", "ARCH", AT(arch), "Choose images for this architecture"),
	STR(0, "os", "OS", AT(os), "Choose images for this operating system"),
	STR(0, "platform", "OS/ARCH[/VARIANT]", AT(platform), "Choose images for this platform"),
	STR(0, "variant", "VARIANT", AT(variant),
	    "Choose images for this variant of the architecture"),
	EXCLUDES("platform", "arch"),
	EXCLUDES("platform", "os"),
	EXCLUDES("platform", "variant"),
	END,
};

const struct opt pull_registry_options[] = {
	STR(0, "authfile", "FILE", AT(authfile), "File with the credentials of registries",
	    .complete = "file",
	    .man = "Without it: $REGISTRY_AUTH_FILE, $XDG_RUNTIME_DIR/containers/auth.json, "
		   "~/.docker/config.json."),
	STR(0, "cert-dir", "DIR", AT(cert_dir), "Certificates and keys for the registry",
	    .complete = "dir"),
	STR(0, "creds", "USER[:PASSWORD]", AT(creds), "Credentials for the registry"),
	TRI(0, "tls-verify", AT(tls_verify), "Require HTTPS and verified certificates",
	    .man = "Without it: true, unless registries.conf(5) calls the registry insecure."),
	END,
};

const struct opt pull_retry_options[] = {
	PULL_RETRY_ROWS,
	END,
};

int pull_settings_platform(const struct pull_settings *s, char buf[PULL_PLATFORM_MAX],
			   const char **ret, struct err *e)
{
	int r = platform_compose(s->os, s->arch, s->variant, buf, ret, e);

	if (r == 0 && !*ret && s->platform && *s->platform)
		*ret = s->platform;
	return r;
}

int pull_policy(const char *word, int *ret, struct err *e)
{
	static const struct {
		const char *word;
		int policy;
	} rows[] = {
		{ "missing", PULL_MISSING },	  { "always", PULL_ALWAYS },
		{ "never", PULL_NEVER },	  { "newer", PULL_NEWER },
		{ "true", PULL_MISSING },	  { "false", PULL_NEVER },
		{ "ifnotpresent", PULL_MISSING },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcmp(rows[i].word, word) == 0) {
			*ret = rows[i].policy;
			return 0;
		}
	return err_set(e, -EINVAL, "unsupported pull policy \"%s\"", word);
}

struct pull_options {
	struct pull_settings s;
	int all_tags, quiet, trust;
	const char *policy, *signature_policy;
	char **decryption_keys;
};

#undef AT
#define AT(f) offsetof(struct pull_options, f)
static const struct opt options[] = {
	FLAG('a', "all-tags", AT(all_tags), "Pull every tag of the repository"),
	LIST(0, "decryption-key", "FILE[:PASSWORD]", AT(decryption_keys), DECRYPTION_KEY_HELP,
	     .complete = "file", .man = DECRYPTION_KEY_MAN),
	FLAG(0, "disable-content-trust", AT(trust), "Pull without Docker's content trust",
	     .man = "cove has none; the option is there for scripts that give it."),
	STR(0, "policy", "POLICY", AT(policy), "When to ask the registry", .def = "always",
	    .complete = PULL_POLICY_WORDS),
	FLAG('q', "quiet", AT(quiet), "Print the image's ID only"),
	STR(0, "signature-policy", "FILE", AT(signature_policy),
	    "Use this policy instead of policy.json", .complete = "file", .hidden = 1),
	END,
};
_Static_assert(offsetof(struct pull_options, s) == 0, "the shared rows fill struct pull_settings");

static int pull_one(struct engine *en, const struct pull_options *o, int policy, const char *ref,
		    const char *platform, json_object *keys, struct err *e)
{
	struct image_pull_options p = {
		.reference = ref,
		.policy = policy,
		.platform = platform,
		.tls_verify = o->s.tls_verify,
		.authfile = o->s.authfile,
		.creds = o->s.creds,
		.cert_dir = o->s.cert_dir,
		.quiet = o->quiet,
		.retry = o->s.retry,
		.retry_delay_ms = o->s.retry_delay_ms,
		.all_tags = o->all_tags,
		.signature_policy = o->signature_policy,
		.decryption_keys = keys,
	};
	scoped(strv) char **ids = NULL;
	int r = retry_default(en, &p.retry, &p.retry_delay_ms, e);

	if (r == 0)
		r = image_pull_all(en, &p, &ids, e);
	for (char **id = r < 0 ? NULL : ids; id && *id; id++)
		(void)printf("%s\n", *id);
	return r;
}

static int pull(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct pull_options *o = opts;
	scoped(json) json_object *keys = NULL;
	char buf[PULL_PLATFORM_MAX];
	const char *platform = NULL;
	int status = 0, policy = PULL_MISSING, r = pull_policy(o->policy, &policy, e);

	if (r == 0)
		r = pull_settings_platform(&o->s, buf, &platform, e);
	if (r == 0)
		r = layer_crypt_keys(o->decryption_keys, &keys, e);
	if (r < 0)
		return r;
	for (; *args; args++)
		if (pull_one(en, o, policy, *args, platform, keys, e) < 0)
			status = exit_failed(EXIT_ENGINE, status, e);
	return status;
}

const struct cmd cmd_image_pull = {
	.noun = "image",
	.verb = "pull",
	.alias = "pull",
	.args = "IMAGE [IMAGE...]",
	.help = "Fetch an image from a registry or from elsewhere",
	.man = "Prints the ID of the image that was pulled. Layers that are here already are not "
	       "fetched again, and one whose pull was cut short goes on where it was: what had "
	       "come of it is kept for a day, or until image prune.\n\n"
	       "Of a layer in the formats zstd:chunked and eStargz, whose annotations name a table "
	       "of contents, files that any layer of the store has, under the same name or, large "
	       "ones, under another, are not "
	       "fetched either; the registry can tell from what it is asked for which ones these "
	       "are. Each file is compared with its digest in the table, and the layer that comes "
	       "out with its diff ID in the configuration, as one that was fetched as a whole. "
	       "Where "
	       "that fails, where little would be saved and where the registry knows no ranges, "
	       "the "
	       "whole layer is fetched.\n\n"
	       "A name without a registry is looked up as registries.conf(5) says: among its "
	       "aliases, then in its "
	       "list of unqualified-search-registries. Of several search registries a person at a "
	       "terminal is asked for one, and the answer is remembered in "
	       "short-name-aliases.conf of the cache directory, unless short-name-mode is "
	       "disabled.\n\n"
	       "docker:// before a name means the same as the name. Other places to pull from are "
	       "containers-storage:NAME (what is in the store), "
	       "containers-storage:[overlay@ROOT+RUNROOT]NAME (another store of cove or Podman, "
	       "copied), dir:DIR, oci:DIR[:NAME], "
	       "oci-archive:FILE[:NAME], docker-archive:FILE[:NAME|:@NUMBER] and "
	       "docker-daemon:NAME:TAG, where $DOCKER_HOST (unix:// or tcp://) says where the "
	       "daemon is, else /var/run/docker.sock. An image of oci:DIR is called "
	       "localhost/DIR, one of dir:DIR has no name; archives say what their images are "
	       "called.\n\n"
	       "policy.json(5) says which images may be taken, and by whom they must be signed; "
	       "registries.d(5) where signatures are kept. Images that are in the store are held "
	       "against it again when a container is made of them.",
	.examples = "cove pull registry.example.org/debian:12\ncove pull --tls-verify=false "
		    "127.0.0.1:5000/busybox\ncove pull --all-tags registry.example.org/me/app\n"
		    "cove pull oci-archive:app.tar",
	.complete = "image",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct pull_options),
	.groups = (const struct opt *const[]){ pull_platform_options, pull_registry_options,
					       pull_retry_options, options, NULL },
	.run = pull,
};
