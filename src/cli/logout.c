/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/image/auth_store.h"
#include "src/image/login.h"
#include "src/util/scoped.h"

struct logout_options {
	int all;
	const char *authfile, *compat_authfile;
};

#define AT(f) offsetof(struct logout_options, f)
static const struct opt options[] = {
	FLAG('a', "all", AT(all), "Forget the credentials of all registries"),
	STR(0, "authfile", "FILE", AT(authfile), "File that the credentials are kept in",
	    .complete = "file",
	    .man = "Without it: $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json."),
	STR(0, "compat-auth-file", "FILE", AT(compat_authfile),
	    "File of Docker's format (config.json) that they are kept in", .complete = "file"),
	END,
};

static int logout_one(struct engine *en, const struct auth_place *place, const char *registry,
		      struct err *e)
{
	scoped(mem) char *fallback = NULL;
	scoped(login_key) struct login_key k = { 0 };
	scoped(credentials) struct credentials other = { 0 };
	int rc;

	if ((!registry && login_default_registry(en, &fallback, e) < 0) ||
	    login_key_parse(registry ? registry : fallback, &k, e) < 0)
		return e->code;
	rc = auth_store_remove(place, k.key, e);
	if (rc < 0)
		return rc;
	if (rc) {
		(void)printf("Removed login credentials for %s\n", k.key);
		return 0;
	}
	/* Docker's own file is not ours to change. */
	if (auth_lookup(NULL, k.registry, k.namespace, &other, e) > 0 && !k.namespace[0]) {
		(void)printf("Not logged into %s with current tool. Existing credentials were "
			     "established via docker login. Please use docker logout instead.\n",
			     k.key);
		return 0;
	}
	err_clear(e);
	return err_set(e, -ENOENT, "not logged into %s", k.key);
}

static int logout(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct logout_options *o = opts;
	scoped(auth_place) struct auth_place place = { 0 };

	if (auth_file_check(o->authfile, e) < 0 || auth_file_check(o->compat_authfile, e) < 0 ||
	    auth_place_choose(o->authfile, o->compat_authfile, &place, e) < 0)
		return e->code;
	if (!o->all)
		return logout_one(en, &place, args[0], e);
	if (args[0])
		return err_set(e, -EINVAL, "--all takes no arguments");
	if (auth_store_remove_all(&place, e) < 0)
		return e->code;
	(void)puts("Removed login credentials for all registries");
	return 0;
}

const struct cmd cmd_logout = {
	.verb = "logout",
	.args = "[REGISTRY[/NAMESPACE]]",
	.help = "Forget the credentials of a registry",
	.man = "Without a registry it is the first of unqualified-search-registries in "
	       "registries.conf(5).",
	.examples = "cove logout registry.example.org\ncove logout --all",
	.max_args = 1,
	.size = sizeof(struct logout_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = logout,
};
