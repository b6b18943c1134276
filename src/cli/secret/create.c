/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/secret/secret.h"

struct create_options {
	struct secret_options secret; /* first: its rows are below */
	int env;
};

#define AT(f) offsetof(struct create_options, f)
static const struct opt options[] = {
	STR('d', "driver", "DRIVER", AT(secret.driver), "Where the data is kept",
	    .complete = "file|pass|shell",
	    .man = "file (a file that only the user can read; when neither this nor "
		   "containers.conf(5) says anything), pass (encrypted by gpg(1), in a directory "
		   "of pass(1)), shell (wherever commands put it)."),
	CSV(0, "driver-opts", "KEY=VALUE", AT(secret.driver_opts), "Options of the driver",
	    .man = "Of file: path, a directory. Of pass: root (a directory, ~/.password-store by "
		   "default), key (of gpg; by default what .gpg-id says), gpghomedir. Of shell, "
		   "all "
		   "of them needed: list, lookup, store, delete, which are commands that find the "
		   "secret's ID in the variable SECRET_ID; store reads the data from standard "
		   "input, lookup writes it to standard output. Without options those of "
		   "containers.conf(5) are taken, if they are of this driver."),
	FLAG(0, "env", AT(env), "The data is the value of a variable, which FILE names"),
	FLAG(0, "ignore", AT(secret.ignore), "Do not fail if there is one of that name",
	     .man = "Its ID is printed, its data stays."),
	LIST('l', "label", "KEY[=VALUE]", AT(secret.label), "Set a label"),
	FLAG(0, "replace", AT(secret.replace), "Take the place of the one of that name",
	     .man = "Containers that exist keep the files that they were given."),
	END,
};

static int read_variable(const char *name, struct secret_data *ret, struct err *e)
{
	const char *value = getenv(name);
	scoped(secret_data) struct secret_data d = { 0 };

	if (!value || !*value)
		return err_set(
			e, -EINVAL,
			"cannot create store secret data: environment variable %s is not set",
			name);
	d.s = strdup(value);
	if (!d.s)
		return err_errno(e, ENOMEM, "read %s", name);
	d.n = strlen(d.s);
	if (d.n >= SECRET_DATA_MAX)
		return err_set(e, -EINVAL,
			       "secret data must be larger than 0 and less than %d bytes",
			       SECRET_DATA_MAX);
	*ret = secret_data_take(&d);
	return 0;
}

static int read_data(const struct create_options *o, const char *from, struct secret_data *ret,
		     struct err *e)
{
	scoped(fd) int fd = -EBADF;

	if (o->env)
		return read_variable(from, ret, e);
	if (strcmp(from, "-") == 0 || strcmp(from, "/dev/stdin") == 0)
		return secret_read(STDIN_FILENO, "standard input", ret, e);
	fd = open(from, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open %s", from) : secret_read(fd, from, ret, e);
}

static int create(struct engine *en, void *opts, char **args, struct err *e)
{
	struct create_options *o = opts;
	scoped(secret_data) struct secret_data data = { 0 };
	scoped(mem) char *id = NULL;
	int r;

	if (o->secret.ignore && o->secret.replace)
		return err_set(e, -EINVAL, "cannot use --ignore and --replace flags together");
	o->secret.name = args[0];
	r = read_data(o, args[1], &data, e);
	if (r == 0)
		r = secret_create(en, &o->secret, &data, &id, e);
	if (r == 0)
		(void)printf("%s\n", id);
	return r;
}

const struct cmd cmd_secret_create = {
	.noun = "secret",
	.verb = "create",
	.args = "NAME FILE|-",
	.help = "Make a secret",
	.man = "Its data is what FILE has, or standard input (-): 1 to 511999 bytes. Containers "
	       "get it by --secret of `cove run`; it is never part of an image. The ID is printed.",
	.examples = "printf %s \"$TOKEN\" | cove secret create token -\n"
		    "cove secret create --replace --label team=web key ~/key.pem",
	.complete = "file",
	.min_args = 2,
	.max_args = 2,
	.size = sizeof(struct create_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = create,
};
