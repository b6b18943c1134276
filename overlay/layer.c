/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of the role `layer`. */
#include "overlay/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "overlay/layer_role.h"
#include "src/util/fd.h"
#include "src/util/names.h"
#include "src/util/strbuf.h"

/* Start it with STREAM as its descriptor 0; ENTER NULL: in RUN_FD's user namespace, with DIR_FD. */
static int start_with(struct layer_writer *w, int run_fd, int dir_fd, userns_enter_fn *enter,
		      void *arg, int stream, char *const *argv, struct err *e)
{
	scoped(mem) char *path = proc_role_path("cove-layer");
	scoped(fd) int control = -EBADF;
	scoped(fd) int theirs = -EBADF;
	struct proc_fd fds[3];
	struct proc_options o = {
		.path = path, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds), .die_with_us = 1
	};
	int r;

	if (!path)
		return err_errno(e, ENOMEM, "start the layer role");
	r = fd_pair(SOCK_STREAM, &control, &theirs, e);
	if (r < 0)
		return r;
	fds[0] = (struct proc_fd){ stream, 0 };
	fds[1] = (struct proc_fd){ theirs, 3 };
	fds[2] = (struct proc_fd){ dir_fd, 4 };
	if (enter)
		r = userns_spawn_with(&o, enter, arg, &w->child, e);
	else
		r = run_fd >= 0 ? userns_spawn(run_fd, &o, &w->child, e)
				: proc_spawn(&o, &w->child, e);
	if (r < 0)
		return err_in(e, "start the layer role");
	w->control_fd = take_fd(&control);
	return 0;
}

static int start(struct layer_writer *w, int run_fd, int dir_fd, int stream, char *arg1, char *arg2,
		 struct err *e)
{
	char arg0[] = "cove-layer";
	char *argv[] = { arg0, arg1, arg2, NULL };

	return start_with(w, run_fd, dir_fd, NULL, NULL, stream, argv, e);
}

int layer_copy_start(struct layer_writer *w, userns_enter_fn *enter, void *arg, int source_fd,
		     const struct layer_copy *copy, struct err *e)
{
	scoped(strv) char **argv = NULL;
	char flags[8] = "", ids[4][12];
	const uint32_t values[] = { copy->uid, copy->gid, copy->self_uid, copy->self_gid };
	size_t n = 0;
	int r = strv_add(&argv, "cove-layer");

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		(void)snprintf(ids[i], sizeof(ids[i]), "%u", values[i]);
	if (copy->is_mount_ns)
		flags[n++] = 'n';
	if (copy->is_host)
		flags[n++] = 'h';
	if (copy->is_powerless)
		flags[n++] = 'p';
	if (copy->overwrite)
		flags[n++] = 'o';
	if (copy->chown)
		flags[n++] = 'c';
	flags[n] = '\0';
	if (r == 0)
		r = strv_add(&argv, "--copy");
	if (r == 0)
		r = strv_add(&argv, flags);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(ids); i++)
		r = strv_add(&argv, ids[i]);
	if (r == 0)
		r = strv_add(&argv, copy->base);
	if (r < 0)
		return err_errno(e, r, "start the layer role");
	return start_with(w, -EBADF, -EBADF, enter, arg, source_fd, argv, e);
}

int layer_writer_start(struct layer_writer *w, int run_fd, int dir_fd, int source_fd, struct err *e)
{
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	int p[2], r;

	if (source_fd >= 0)
		return start(w, run_fd, dir_fd, source_fd, NULL, NULL, e);
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	theirs = p[0];
	ours = p[1];
	/* Fewer switches between the two; refused beyond the user's limit, and 64 KiB work too. */
	(void)fcntl(ours, F_SETPIPE_SZ, 1 << 20);
	r = start(w, run_fd, dir_fd, theirs, NULL, NULL, e);
	if (r < 0)
		return r;
	w->stream_fd = take_fd(&ours);
	return 0;
}

int layer_writer_start_range(struct layer_writer *w, int run_fd, int dir_fd, int source_fd,
			     int64_t offset, int64_t length, struct err *e)
{
	char proc[32], option[] = "--length", text[24];
	scoped(fd) int fd = open(fd_proc_path(source_fd, proc), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || lseek(fd, offset, SEEK_SET) < 0)
		return err_sys(e, "open a part of a file");
	(void)snprintf(text, sizeof(text), "%lld", (long long)length);
	return start(w, run_fd, dir_fd, fd, option, text, e);
}

int layer_writer_start_kept(struct layer_writer *w, int run_fd, int dir_fd, int source_fd,
			    uint32_t uid, uint32_t gid, struct err *e)
{
	char arg0[] = "cove-layer", option[] = "--keep", ids[2][12];
	char *argv[] = { arg0, option, ids[0], ids[1], NULL };

	(void)snprintf(ids[0], sizeof(ids[0]), "%u", uid);
	(void)snprintf(ids[1], sizeof(ids[1]), "%u", gid);
	return start_with(w, run_fd, dir_fd, NULL, NULL, source_fd, argv, e);
}

int layer_writer_finish(struct layer_writer *w, struct layer_result *ret, struct err *e)
{
	struct layer_report report;
	ssize_t n;
	int status;

	fd_close(take_fd(&w->stream_fd));
	n = fd_read_full(w->control_fd, &report, sizeof(report));
	fd_close(take_fd(&w->control_fd));
	status = proc_wait(&w->child);
	if (n < 0)
		return err_errno(e, (int)n, "wait for the layer role");
	if ((size_t)n != sizeof(report))
		return err_set(e, -EIO, "the layer role ended without an answer (status %d)",
			       status);
	/* It parsed bytes from strangers: believe the shape of nothing it says. */
	report.e.text[sizeof(report.e.text) - 1] = '\0';
	report.e.hint[sizeof(report.e.hint) - 1] = '\0';
	report.result.digest[sizeof(report.result.digest) - 1] = '\0';
	report.result.diff_id[sizeof(report.result.diff_id) - 1] = '\0';
	report.result.compression[sizeof(report.result.compression) - 1] = '\0';
	if (report.e.code < 0) {
		*e = report.e;
		return report.e.code;
	}
	if (report.e.code > 0 || report.result.size < 0 || report.result.diff_size < 0 ||
	    report.result.tree_size < 0)
		return err_set(e, -EPROTO, "the layer role gave a wrong answer");
	*ret = report.result;
	return 0;
}

void layer_writer_end(struct layer_writer *w)
{
	proc_end(&w->child);
	fd_close(take_fd(&w->stream_fd));
	fd_close(take_fd(&w->control_fd));
}

void layer_new_id(char id[LAYER_ID_LEN + 1])
{
	/* Random bytes cannot be missing after boot (getrandom(2)); a clash is found by mkdir or
	 * rename. */
	if (id_random(id, LAYER_ID_LEN) < 0)
		memset(id, '0', LAYER_ID_LEN);
	id[LAYER_ID_LEN] = '\0';
}

int layer_tar_start(struct layer_writer *w, int run_fd, int layer_dir_fd, int out_fd, struct err *e)
{
	char tar[] = "--tar";

	return start(w, run_fd, layer_dir_fd, out_fd, tar, NULL, e);
}

int layer_write_tar(int run_fd, int layer_dir_fd, int out_fd, struct layer_result *ret,
		    struct err *e)
{
	struct layer_writer w = LAYER_WRITER_NONE;
	int r = layer_tar_start(&w, run_fd, layer_dir_fd, out_fd, e);

	if (r == 0)
		r = layer_writer_finish(&w, ret, e);
	layer_writer_end(&w);
	return r;
}
