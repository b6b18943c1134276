/* SPDX-License-Identifier: Apache-2.0 */
/* The messages between parent and child; the list of them is in runtime.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "src/runtime/init.h"
#include "src/runtime/stage.h"
#include "src/util/fd.h"

struct sync_error {
	char type;
	struct err err;
};

int sync_send(int sock, char type, int fd)
{
	return fd_send(sock, &type, 1, &fd, fd >= 0 ? 1 : 0);
}

int sync_send_err(int sock, const struct err *e)
{
	struct sync_error m;
	memset(&m, 0, sizeof(m));
	m.type = 'e';
	m.err = *e;
	return fd_send(sock, &m, sizeof(m), NULL, 0);
}

int runtime_exec_error(struct err *e, int code, const char *name)
{
	if (code == -ENOENT)
		return err_set(e, -ENOENT,
			       "executable file `%s` not found%s: No such file or directory", name,
			       strchr(name, '/') ? "" : " in $PATH");
	return err_errno(e, code, "execute `%s`", name);
}

int sync_recv(int sock, int *ret_fd, const char *program, struct err *e)
{
	struct sync_error m;
	int fd = -EBADF;
	size_t n_fds = 1;
	ssize_t n;

	memset(&m, 0, sizeof(m));
	n = fd_recv(sock, &m, sizeof(m), &fd, &n_fds);
	if (n == -ECONNRESET) /* the other side closed with something of ours unread */
		n = 0;
	if (n_fds == 0)
		fd = -EBADF;
	if (ret_fd)
		*ret_fd = fd;
	else
		fd_close(fd);
	if (n < 0)
		return err_errno(e, (int)n, "read from the container's first process");
	if (n == 0)
		return 0;
	if (m.type == 'p') {
		struct stage_failure f;
		memcpy(&f, &m, sizeof(f));
		return n == (ssize_t)sizeof(f) && f.code < 0
			       ? runtime_exec_error(e, f.code, program ? program : "the program")
			       : err_set(e, -EPROTO, "cove-stage sent rubbish");
	}
	if (m.type != 'e')
		return m.type;
	*e = m.err;
	if (n != (ssize_t)sizeof(m) || e->code >= 0)
		return err_set(e, -EPROTO, "the container's first process sent rubbish");
	e->text[sizeof(e->text) - 1] = e->hint[sizeof(e->hint) - 1] = '\0';
	return e->code;
}
