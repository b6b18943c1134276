/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/cli/cmd.h"
#include "src/cli/container/options.h"
#include "src/cli/container/run.h"
#include "src/image/image.h"
#include "src/util/scoped.h"

#define AT(f) offsetof(struct container_create_options, f)
static const struct opt options[] = {
	FLAG('d', "detach", AT(detach), "Run in the background and print the container's ID"),
	INT(0, "preserve-fds", "N", AT(preserve_fds), 0, 1024,
	    "Pass on the descriptors 3 to N+2 as well"),
	FLAG(0, "rmi", AT(rmi),
	     "Remove the container, and the image unless others use it, at its end",
	     .man = "Not with --detach."),
	FLAG(0, "sig-proxy", AT(sig_proxy), "Pass signals on to the container", .def = "true"),
	EXCLUDES("detach", "attach"),
	EXCLUDES("detach", "rmi"),
	EXCLUDES("rm", "restart"),
	END,
};

int run_arguments(struct container_create_options *o, char **args, const char *verb, struct err *e)
{
	if (o->rootfs) {
		o->command = args;
		return 0;
	}
	if (!args[0])
		return err_set(e, -EINVAL, "%s requires at least 1 arg(s), only received 0", verb);
	o->image = args[0];
	o->command = args + 1;
	return 0;
}

int run_attach(const struct container_create_options *o, struct attach_options *a, struct err *e)
{
	*a = (struct attach_options){ .with_stdin = o->interactive,
				      .with_stdout = 1,
				      .with_stderr = 1,
				      .tty = o->tty,
				      .sig_proxy = o->sig_proxy && !o->tty,
				      .detach_keys = o->detach_keys };
	if (o->attach && o->attach[0]) {
		a->with_stdin = a->with_stdout = a->with_stderr = 0;
		for (size_t i = 0; o->attach[i]; i++) {
			if (strcasecmp(o->attach[i], "stdin") == 0)
				a->with_stdin = o->interactive;
			else if (strcasecmp(o->attach[i], "stdout") == 0)
				a->with_stdout = 1;
			else if (strcasecmp(o->attach[i], "stderr") == 0)
				a->with_stderr = 1;
			else
				return err_set(e, -EINVAL,
					       "invalid stream \"%s\" for --attach - must be one "
					       "of stdin, stdout, or stderr",
					       o->attach[i]);
		}
	}
	return 0;
}

int run_check_fds(int n, struct err *e)
{
	for (int fd = 3; fd < 3 + n; fd++)
		if (fcntl(fd, F_GETFD) != 0) /* ours are made with CLOEXEC */
			return err_set(e, -EBADF,
				       "file descriptor %d is not available - the preserve-fds "
				       "option requires that file descriptors must be passed",
				       fd);
	return 0;
}

/* The program itself did not start: 127 and 126; everything before is 125.  Scripts know these two
 * failures by Podman's words for them. */
int run_status(int r, int stage, struct err *e)
{
	const struct err why = *e;

	if (r >= 0 || !stage)
		return r;
	if (r == -ENOENT)
		(void)err_set(e, r,
			      "%s: OCI runtime attempted to invoke a command that was not found",
			      why.text);
	else if ((r == -EACCES || r == -EPERM) && !why.hint[0]) /* no port that is root's */
		(void)err_set(e, r, "%s: OCI permission denied", why.text);
	r = exit_status(EXIT_EXEC, r);
	exit_complain(e);
	err_clear(e);
	return r;
}

/* Its container has ended; the status stays that of the command. */
static void remove_image(struct engine *en, const char *image)
{
	struct image_remove_result removed = { 0 };
	struct err e;

	err_clear(&e);
	if (image_remove(en, image, 0, &removed, &e) < 0)
		container_warn(e.text);
	image_remove_result_done(&removed);
}

static int run(struct engine *en, void *opts, char **args, struct err *e)
{
	struct container_create_options *o = opts;
	struct attach_options a;
	scoped(mem) char *id = NULL;
	int stage = 0, r = run_arguments(o, args, "run", e);

	o->rm |= o->rmi;
	if (r == 0)
		r = run_check_fds(o->preserve_fds, e);
	if (r == 0)
		r = run_attach(o, &a, e);
	if (r < 0)
		return r;
	if (o->tty && o->interactive && !o->detach && !isatty(STDIN_FILENO))
		container_warn("the input device is not a TTY. The --tty and --interactive flags "
			       "might not work properly");
	r = container_run(en, o, o->detach ? NULL : &a, &id, &stage, container_warn, e);
	if (r >= 0 && o->detach)
		(void)printf("%s\n", id);
	if (o->rmi && o->image)
		remove_image(en, o->image);
	return run_status(r, stage, e);
}

const struct cmd cmd_container_run = {
	.noun = "container",
	.verb = "run",
	.alias = "run",
	.args = "IMAGE [COMMAND [ARG...]]",
	.help = "Run a command in a new container",
	.man = "The image is pulled when it is not there. The exit status is that of the command; "
	       "125 when the container "
	       "could not be made, 126 when the command cannot be executed, 127 when it is not "
	       "found, 128 and the signal's "
	       "number when it was killed.",
	.examples = "cove run --rm debian cat /etc/os-release\n"
		    "cove run -it --name work -v \"$PWD:/src\" -w /src debian bash\n"
		    "cove run -d -p 8080:80 nginx",
	.complete = "image",
	.max_args = -1,
	.flags = CMD_STOP_AT_ARG,
	.size = sizeof(struct container_create_options),
	.groups = (const struct opt *const[]){ options, container_process_rows,
					       container_network_rows, container_storage_rows,
					       container_security_rows, container_resource_rows,
					       container_image_rows, NULL },
	.run = run,
};
