/* SPDX-License-Identifier: Apache-2.0 */
/* The caller's side of the role `compress`. */
#include "src/image/compress.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "src/util/fd.h"
#include "src/util/scoped.h"

int compress_stream_start(struct compress_job *j, enum compression c, int level, int in_fd,
			  int out_fd, struct err *e)
{
	char arg0[] = "cove-compress", text[16];
	scoped(mem) char *path = proc_role_path(arg0);
	scoped(mem) char *word = strdup(compression_word(c));
	scoped(fd) int ours = -EBADF;
	scoped(fd) int theirs = -EBADF;
	char *argv[] = { arg0, word, text, NULL };
	struct proc_fd fds[] = { { in_fd, 0 }, { -EBADF, 3 }, { out_fd, 4 } };
	struct proc_options o = {
		.path = path, .argv = argv, .fds = fds, .n_fds = ARRAY_LEN(fds), .die_with_us = 1
	};

	if (!path || !word)
		return err_errno(e, ENOMEM, "start %s", arg0);
	(void)snprintf(text, sizeof(text), "%d", level);
	if (fd_pair(SOCK_STREAM, &ours, &theirs, e) < 0)
		return e->code;
	fds[1].from = theirs;
	if (proc_spawn(&o, &j->child, e) < 0)
		return err_in(e, "start %s", arg0);
	j->control_fd = take_fd(&ours);
	return 0;
}

int compress_start(struct compress_job *j, struct engine *en, const struct image_layer *l,
		   enum compression c, int level, int out_fd, struct err *e)
{
	scoped(fd) int dir = image_layer_open(en, l, e);
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;

	if (dir < 0)
		return dir;
	if (fd_pipe(&r, &w, e) < 0)
		return e->code;
	/* Fewer switches between the two; 64 KiB work too. */
	(void)fcntl(w, F_SETPIPE_SZ, 1 << 20);
	if (compress_stream_start(j, c, level, r, out_fd, e) < 0)
		return e->code;
	return layer_tar_start(&j->tar, en->run_fd, dir, w, e);
}

static int frames_are_valid(const struct chunked_frames *f)
{
	return !*f->toc.digest ||
	       (digest_is_valid(f->toc.digest) && digest_is_valid(f->split.digest));
}

int compress_stream_finish(struct compress_job *j, struct compress_result *ret, struct err *e)
{
	struct compress_report report;
	ssize_t n = fd_read_full(j->control_fd, &report, sizeof(report));
	int status;

	fd_close(take_fd(&j->control_fd));
	status = proc_wait(&j->child);
	if (n != (ssize_t)sizeof(report))
		return err_set(e, -EIO, "cove-compress ended without an answer (status %d)",
			       status);
	report.e.text[sizeof(report.e.text) - 1] = '\0';
	report.e.hint[sizeof(report.e.hint) - 1] = '\0';
	report.result.digest[DIGEST_LEN] = '\0';
	report.result.frames.toc.digest[DIGEST_LEN] = '\0';
	report.result.frames.split.digest[DIGEST_LEN] = '\0';
	if (report.e.code < 0) {
		*e = report.e;
		return e->code;
	}
	if (!digest_is_valid(report.result.digest) || report.result.size < 0 ||
	    !frames_are_valid(&report.result.frames))
		return err_set(e, -EPROTO, "cove-compress gave a wrong answer");
	*ret = report.result;
	return 0;
}

int compress_finish(struct compress_job *j, const struct image_layer *l,
		    struct compress_result *ret, struct err *e)
{
	struct layer_result tar;
	struct err why = { 0 };
	int rc = compress_stream_finish(j, ret, &why);

	if (layer_writer_finish(&j->tar, &tar, e) <
	    0) { /* what stopped the one stopped the other */
		if (rc < 0 && e->code == -EPIPE)
			*e = why;
		return err_in(e, "layer %s", l->diff_id);
	}
	if (rc < 0) {
		*e = why;
		return err_in(e, "layer %s", l->diff_id);
	}
	if (strcmp(tar.diff_id, l->diff_id) != 0 || tar.diff_size != l->size)
		return err_set(e, -EBADMSG, "layer %s is damaged in the store", l->diff_id);
	return 0;
}

void compress_end(struct compress_job *j)
{
	layer_writer_end(&j->tar);
	proc_end(&j->child);
	fd_close(take_fd(&j->control_fd));
}
