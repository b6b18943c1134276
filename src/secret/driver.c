/* SPDX-License-Identifier: Apache-2.0 */
#include "src/secret/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "src/util/fd.h"

int secret_driver_find(const char *name, const struct secret_driver **ret, struct err *e)
{
	static const struct secret_driver *const drivers[] = { &secret_driver_file,
							       &secret_driver_pass,
							       &secret_driver_shell };

	for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
		if (strcmp(name, drivers[i]->name) == 0) {
			*ret = drivers[i];
			return 0;
		}
	return err_set(e, -EINVAL, "invalid driver");
}

int driver_has_none(const char *id, struct err *e)
{
	return err_set(e, -ENOENT, "%s: no such secret", id);
}

void secret_data_done(struct secret_data *d)
{
	if (d->s)
		explicit_bzero(d->s, d->n);
	free(d->s);
	*d = (struct secret_data){ .n = 0 };
}

/* Up to MAX bytes of FD.  1: there are more. */
static int read_bytes(int fd, size_t max, struct secret_data *ret)
{
	scoped(secret_data) struct secret_data d = { .s = malloc(max + 1) };
	ssize_t n = d.s ? fd_read_full(fd, d.s, max + 1) : -ENOMEM;

	if (n < 0)
		return (int)n;
	d.n = (size_t)n; /* all that is to be wiped */
	if (d.n > max)
		return 1;
	d.s[d.n] = '\0';
	*ret = secret_data_take(&d);
	return 0;
}

int secret_read(int fd, const char *name, struct secret_data *ret, struct err *e)
{
	scoped(secret_data) struct secret_data d = { 0 };
	int r = read_bytes(fd, SECRET_DATA_MAX - 1, &d);

	if (r < 0)
		return err_errno(e, r, "read %s", name);
	if (r > 0 || !d.n)
		return err_set(e, -EINVAL,
			       "secret data must be larger than 0 and less than %d bytes",
			       SECRET_DATA_MAX);
	*ret = secret_data_take(&d);
	return 0;
}

/* A file without a name: whoever does not read it all breaks no pipe. */
static int input_of(const struct secret_data *data, struct err *e)
{
	scoped(fd) int fd = data ? memfd_create("secret", MFD_CLOEXEC)
				 : open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, "prepare a secret");
	r = data ? fd_write_all(fd, data->s, data->n) : 0;
	if (r < 0 || (data && lseek(fd, 0, SEEK_SET) < 0))
		return err_errno(e, r < 0 ? r : errno, "prepare a secret");
	return take_fd(&fd);
}

int driver_run(struct proc_options *o, const struct secret_data *data, struct secret_data *out,
	       struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int in = input_of(data, e);
	scoped(fd) int from = -EBADF;
	scoped(fd) int to = -EBADF;
	struct proc_fd fds[2] = { { in, 0 } };
	int r = in < 0 ? in : out ? fd_pipe(&from, &to, e) : 0;

	if (r < 0)
		return r;
	fds[1] = (struct proc_fd){ to, 1 };
	o->fds = fds;
	o->n_fds = out ? 2 : 1;
	o->die_with_us = 1;
	r = proc_spawn(o, &c, e);
	fd_close(take_fd(&to));
	if (r == 0 && out) {
		r = read_bytes(from, SECRET_DATA_MAX - 1, out);
		if (r > 0)
			return err_set(e, -E2BIG, "%s: the secret is larger than %d bytes", o->path,
				       SECRET_DATA_MAX - 1);
		if (r < 0)
			return err_errno(e, r, "read from %s", o->path);
	}
	if (r < 0)
		return r;
	r = proc_wait(&c);
	return r < 0 ? err_errno(e, r, "wait for %s", o->path) : r;
}
