/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/prompt.h"
#include "src/image/auth_store.h"
#include "src/image/login.h"
#include "src/secret/secret.h"
#include "src/util/fd.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct login_settings {
	const char *authfile, *compat_authfile, *cert_dir, *username, *password, *secret;
	int get_login, password_stdin, tls_verify, verbose;
};

#define AT(f) offsetof(struct login_settings, f)
static const struct opt options[] = {
	STR(0, "authfile", "FILE", AT(authfile), "File to keep the credentials in",
	    .complete = "file",
	    .man = "Without it: $REGISTRY_AUTH_FILE, else $XDG_RUNTIME_DIR/containers/auth.json."),
	STR(0, "cert-dir", "DIR", AT(cert_dir), "Certificates and keys for the registry",
	    .complete = "dir"),
	STR(0, "compat-auth-file", "FILE", AT(compat_authfile),
	    "File of Docker's format (config.json) to keep the credentials in", .complete = "file"),
	FLAG(0, "get-login", AT(get_login), "Print the user name that is kept for the registry"),
	STR('p', "password", "PASSWORD", AT(password), "Password for the registry",
	    .man = "Other users of the machine can see it in the list of processes, and it may "
		   "stay "
		   "in the "
		   "shell's history: --password-stdin and the prompt are better."),
	FLAG(0, "password-stdin", AT(password_stdin), "Read the password from standard input"),
	STR(0, "secret", "SECRET", AT(secret), "Take the data of a secret as the password",
	    .complete = "secret",
	    .man = "All of it: a newline at its end, too. Without --username the user is called "
		   "like the secret."),
	TRI(0, "tls-verify", AT(tls_verify), "Require HTTPS and verified certificates",
	    .man = "Without it: true, unless registries.conf(5) calls the registry insecure."),
	STR('u', "username", "USER", AT(username), "User name for the registry"),
	FLAG('v', "verbose", AT(verbose), "Print which file is used"),
	END,
};

static int check_options(const struct login_settings *o, struct err *e)
{
	if (o->secret && o->password)
		return err_set(e, -EINVAL, "--secret can not be used with --password options");
	if (o->password_stdin && (o->password || o->secret))
		return err_set(e, -EINVAL, "Can't specify both --password-stdin and --password");
	if (o->password_stdin && !o->username)
		return err_set(e, -EINVAL, "Must provide --username with --password-stdin");
	return 0;
}

/* All of standard input without the newline at its end. */
static int read_password(char **ret, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int rc;

	strbuf_init(&b, PROMPT_MAX);
	rc = fd_read_all(STDIN_FILENO, &b);
	if (rc < 0)
		return err_errno(e, rc, "read the password");
	while (b.len && (b.s[b.len - 1] == '\n' || b.s[b.len - 1] == '\r'))
		b.s[--b.len] = '\0';
	if (b.s && strlen(b.s) != b.len)
		rc = err_set(e, -EINVAL, "the password holds a NUL byte");
	else if (!b.len) /* whatever was to give it failed */
		rc = err_set(e, -EINVAL, "there is no password on standard input");
	else
		*ret = strdup(b.s);
	if (b.s)
		explicit_bzero(b.s, b.len);
	return rc < 0 ? rc : *ret ? 0 : err_errno(e, ENOMEM, "read the password");
}

static int ask(const struct login_settings *o, const struct credentials *kept,
	       struct credentials *c, struct err *e)
{
	scoped(mem) char *question = kept->username ? str_printf("Username (%s): ", kept->username)
						    : strdup("Username: ");

	if (!question)
		return err_errno(e, ENOMEM, "login");
	if (o->username && *o->username)
		c->username = strdup(o->username);
	else if (prompt_line(question, &c->username, e) < 0)
		return err_in(e, "getting username and password: reading username");
	if (c->username && !*c->username && kept->username) {
		free(c->username);
		c->username = strdup(kept->username);
	}
	if (!c->username)
		return err_errno(e, ENOMEM, "login");
	if (o->password_stdin)
		return read_password(&c->password, e);
	if (!o->password)
		return prompt_secret("Password: ", &c->password, e) < 0
			       ? err_in(e, "getting username and password: reading password")
			       : 0;
	c->password = strdup(o->password);
	return c->password ? 0 : err_errno(e, ENOMEM, "login");
}

/* 1: what is kept is good, nothing else is to be done. */
static int try_kept(struct engine *en, const struct login_options *l, const struct login_key *k,
		    const struct credentials *kept, struct err *e)
{
	(void)printf("Authenticating with existing credentials for %s\n", k->key);
	(void)fflush(stdout);
	if (login_check(en, l, k, kept, e) >= 0) {
		(void)printf("Existing credentials are valid. Already logged in to %s\n", k->key);
		return 1;
	}
	if (e->code != -EACCES)
		return err_in(e, "authenticating creds for \"%s\"", k->key);
	err_clear(e);
	(void)puts("Existing credentials are invalid, please enter valid username and password");
	return 0;
}

static int login_with(struct engine *en, const struct login_settings *o,
		      const struct login_options *l, const struct login_key *k,
		      const struct auth_place *place, const struct credentials *kept, struct err *e)
{
	scoped(credentials) struct credentials c = { 0 };
	int rc = ask(o, kept, &c, e);

	if (rc < 0)
		return rc;
	rc = login_check(en, l, k, &c, e);
	if (rc == -EACCES)
		return err_in(e, "logging into \"%s\"", k->key);
	if (rc < 0)
		return err_in(e, "authenticating creds for \"%s\"", k->key);
	if (auth_store_set(place, k->key, &c, e) < 0)
		return e->code;
	if (o->verbose)
		(void)printf("Used:  %s\n", place->path);
	(void)puts("Login Succeeded!");
	return 0;
}

static int use_secret(struct engine *en, struct login_settings *o, struct secret_data *data,
		      struct err *e)
{
	int r = secret_load(en, o->secret, NULL, data, e);

	if (r < 0)
		return r;
	if (strlen(data->s) != data->n)
		return err_set(e, -EINVAL, "secret %s has a NUL byte: it cannot be a password",
			       o->secret);
	o->password = data->s;
	if (!o->username || !*o->username)
		o->username = o->secret;
	return 0;
}

static int login(struct engine *en, void *opts, char **args, struct err *e)
{
	struct login_settings *o = opts;
	scoped(secret_data) struct secret_data secret = { 0 };
	const struct login_options l = { .cert_dir = o->cert_dir, .tls_verify = o->tls_verify };
	const char *file = o->compat_authfile ? o->compat_authfile : o->authfile;
	scoped(credentials) struct credentials kept = { 0 };
	scoped(auth_place) struct auth_place place = { 0 };
	scoped(login_key) struct login_key k = { 0 };
	scoped(mem) char *fallback = NULL;
	int found;

	if (check_options(o, e) < 0 ||
	    auth_place_choose(o->authfile, o->compat_authfile, &place, e) < 0 ||
	    (o->secret && use_secret(en, o, &secret, e) < 0) ||
	    (!args[0] && login_default_registry(en, &fallback, e) < 0) ||
	    login_key_parse(args[0] ? args[0] : fallback, &k, e) < 0)
		return e->code;
	found = auth_lookup(file, k.registry, k.namespace, &kept, e);
	if (found == -ENOENT) { /* the file will be made */
		err_clear(e);
		found = 0;
	}
	if (found < 0)
		return found;
	if (o->get_login) {
		if (!found)
			return err_set(e, -ENOENT, "not logged into %s", k.key);
		(void)puts(kept.username ? kept.username : "<token>");
		return 0;
	}
	if (found && !o->username && !o->password) {
		int rc = try_kept(en, &l, &k, &kept, e);
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	return login_with(en, o, &l, &k, &place, &kept, e);
}

const struct cmd cmd_login = {
	.verb = "login",
	.args = "[REGISTRY[/NAMESPACE]]",
	.help = "Log in to a registry",
	.man = "The registry is asked whether it takes the credentials before they are kept. "
	       "Without a registry it is the first of unqualified-search-registries in "
	       "registries.conf(5). Credentials for a namespace are used for the repositories "
	       "below it.\n\n"
	       "They are kept in a file that only the user can read. Where that file names "
	       "credential "
	       "helpers (credHelpers, credsStore), the program docker-credential-NAME keeps them.",
	.examples = "cove login registry.example.org\n"
		    "pass registry | cove login -u me --password-stdin registry.example.org/team",
	.max_args = 1,
	.size = sizeof(struct login_settings),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = login,
};
