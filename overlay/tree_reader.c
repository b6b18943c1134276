/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of the role `tree`. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "overlay/tree_role.h"
#include "src/util/fd.h"

/* ENTER NULL: in RUN_FD's user namespace, with DIR_FD. */
static int start(struct tree_reader *t, int run_fd, int dir_fd, userns_enter_fn *enter, void *arg,
		 int out_fd, char *const *args, struct err *e)
{
	char name[] = "cove-tree";
	scoped(strv) char **argv = NULL;
	scoped(mem) char *path = proc_role_path(name);
	scoped(fd) int theirs = -EBADF;
	scoped(fd) int ours = -EBADF;
	struct proc_fd fds[3];
	struct proc_options o = { .path = path, .fds = fds, .n_fds = 3, .die_with_us = 1 };
	int r = path && strv_add(&argv, name) == 0 ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && args[i]; i++)
		r = strv_add(&argv, args[i]);
	if (r < 0)
		return err_errno(e, r, "start the tree role");
	r = fd_pair(SOCK_STREAM, &ours, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ out_fd, 0 };
	fds[1] = (struct proc_fd){ theirs, 3 };
	fds[2] = (struct proc_fd){ dir_fd, 4 };
	o.argv = argv;
	if (enter)
		r = userns_spawn_with(&o, enter, arg, &t->child, e);
	else
		r = run_fd >= 0 ? userns_spawn(run_fd, &o, &t->child, e)
				: proc_spawn(&o, &t->child, e);
	if (r < 0)
		return err_in(e, "start the tree role");
	t->control_fd = take_fd(&ours);
	return 0;
}

int tree_reader_start(struct tree_reader *t, int run_fd, int dir_fd, int out_fd, char *const *args,
		      struct err *e)
{
	return start(t, run_fd, dir_fd, NULL, NULL, out_fd, args, e);
}

int tree_reader_start_with(struct tree_reader *t, userns_enter_fn *enter, void *arg, int out_fd,
			   char *const *args, struct err *e)
{
	return start(t, -EBADF, -EBADF, enter, arg, out_fd, args, e);
}

int tree_reader_finish(struct tree_reader *t, struct err *e)
{
	struct err said;
	ssize_t n = fd_read_full(t->control_fd, &said, sizeof(said));
	int status;

	fd_close(take_fd(&t->control_fd));
	status = proc_wait(&t->child);
	if (n < 0)
		return err_errno(e, (int)n, "wait for the tree role");
	if ((size_t)n != sizeof(said))
		return err_set(e, -EIO, "the tree role ended without an answer (status %d)",
			       status);
	said.text[sizeof(said.text) - 1] = '\0';
	said.hint[sizeof(said.hint) - 1] = '\0';
	if (said.code > 0)
		return err_set(e, -EPROTO, "the tree role gave a wrong answer");
	if (said.code < 0)
		*e = said;
	return said.code;
}

void tree_reader_end(struct tree_reader *t)
{
	proc_end(&t->child);
	fd_close(take_fd(&t->control_fd));
}
