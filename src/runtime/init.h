/* SPDX-License-Identifier: Apache-2.0 */
/* What happens between clone and execve; see runtime.h for the sequence. */
#ifndef COVE_RUNTIME_INIT_H
#define COVE_RUNTIME_INIT_H

#include "src/runtime/runtime.h"

struct init {
	struct plan *plan;
	const struct runtime_options *o;
	int sync;	/* our end of the pair */
	int root_fd;	/* O_PATH of the container's root */
	int dev_fd;	/* of the tmpfs on /dev when we mounted one */
	int null_fd;	/* the host's /dev/null */
	int *source_fd; /* of each bind mount, opened before anything of the container is in the way
			 */
	int console_fd; /* pty slave */
	int stage_fd;	/* cove-stage, or negative: the program is executed directly */
	int state_fd;	/* for startContainer hooks, or negative */
	int empty_fd;	/* an empty read-only tmpfs that masks directories */
};

#define INIT_NONE(options)                                                                       \
	{                                                                                        \
		.o = (options), .root_fd = -EBADF, .dev_fd = -EBADF, .null_fd = -EBADF,          \
		.console_fd = -EBADF, .stage_fd = -EBADF, .state_fd = -EBADF, .empty_fd = -EBADF \
	}

/* The child of runtime_create(): never returns. */
void init_main(struct init *in) __attribute__((noreturn));
/* The child of runtime_exec(), already in the container's namespaces: never returns. */
void init_exec(struct init *in) __attribute__((noreturn));

/* Stages, each in a file of its own. */
int init_mount_root(struct init *in, struct err *e); /* init_mounts.c */
int init_open_sources(struct init *in, struct err *e);
int init_mount_all(struct init *in, struct err *e);
int init_make_dev(struct init *in, struct err *e); /* init_dev.c */
int init_open_console(struct init *in, struct err *e);
int init_hide_paths(struct init *in, struct err *e);	  /* init_mounts.c */
int init_drop_privileges(struct init *in, struct err *e); /* init_become.c */
int init_execute(struct init *in, struct err *e);
int init_enter_cwd(struct init *in, struct err *e);
int init_resolve_user(struct init *in, struct err *e);
/* Copy the tree in SRC_FD (a directory) into DST_FD, owners, modes, times and links kept. */
int copy_tree(int src_fd, int dst_fd, struct err *e); /* copy_tree.c */

/* Say why NAME could not be executed (CODE: negative errno).  Returns CODE; -ENOENT is told as
 * shells tell it. */
int runtime_exec_error(struct err *e, int code, const char *name);

/* Sync messages. */
int sync_send(int sock, char type, int fd);
/* Receive one: its type (> 0), 0 at end of file, or a negative errno.  *RET_FD (unless NULL) gets a
 * descriptor that came with it.  An 'e' fills E and returns its code; a 'p' (stage.h) does with
 * PROGRAM's name. */
int sync_recv(int sock, int *ret_fd, const char *program, struct err *e);
int sync_send_err(int sock, const struct err *e);

#endif
