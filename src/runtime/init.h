/* SPDX-License-Identifier: Apache-2.0 */
/* What happens between clone and execve; see runtime.h for the sequence. */
#ifndef COVE_RUNTIME_INIT_H
#define COVE_RUNTIME_INIT_H

#include "src/runtime/hooks.h"
#include "src/runtime/runtime.h"

struct init {
	struct plan *plan;
	const struct runtime_options *o;
	int sync;      /* our end of the pair */
	int root_fd;   /* O_PATH of the container's root */
	int dev_fd;    /* of the tmpfs on /dev when we mounted one */
	int null_fd;   /* the host's /dev/null */
	int root_tree; /* the root as the parent sees it, for a child who cannot reach it */
	int *tree_fd; /* of each mount that the parent had to make (init_prepare_mounts); or NULL */
	int *source_fd; /* of each bind mount, opened before anything of the container is in the way
			 */
	int peer;	/* the parent's end of sync: while we had it, its end of file would not come
			 */
	int console_fd; /* pty slave */
	int stage_fd;	/* cove-stage, or negative: the program is executed directly */
	int state_fd;	/* for startContainer hooks, or negative */
	struct hooks_streams streams; /* theirs, opened while the host's files are there */
	int empty_fd;		      /* an empty read-only tmpfs that masks directories */
};

#define INIT_NONE(options)                                                                         \
	{                                                                                          \
		.o = (options), .root_fd = -EBADF, .dev_fd = -EBADF, .null_fd = -EBADF,            \
		.console_fd = -EBADF, .stage_fd = -EBADF, .root_tree = -EBADF, .state_fd = -EBADF, \
		.streams = HOOKS_STREAMS_NONE, .empty_fd = -EBADF, .peer = -EBADF                  \
	}

/* The child of runtime_create(): never returns. */
void init_main(struct init *in) __attribute__((noreturn));
/* The child of runtime_exec(), already in the container's namespaces: never returns. */
void init_exec(struct init *in) __attribute__((noreturn));

/* Before the clone, for a caller who is not root and whose config has no user namespace: one with
 * the caller as root and all his subordinate ids (or none), as he could do nothing without. */
int init_prepare_user(struct plan *p, struct err *e); /* prepare.c */
/* Before the clone: mounts that need the parent's rights (idmapped ones; sources that only root can
 * reach).  The array is the caller's, its descriptors (or -EBADF) too. */
int init_prepare_mounts(struct init *in, const struct plan *p, struct err *e); /* prepare.c */
void init_prepare_done(struct init *in, const struct plan *p);

/* Stages, each in a file of its own. */
int init_open_null(struct init *in, struct err *e);	  /* init_hide.c */
int init_set_propagation(struct init *in, struct err *e); /* init_root.c */
int init_mount_root(struct init *in, struct err *e);
int init_finish_root(struct init *in, struct err *e);
int init_enter_root(struct init *in, struct err *e); /* without a mount namespace */
void init_leave_root(struct init *in);
int init_open_sources(struct init *in, struct err *e); /* init_mounts.c */
int init_mount_all(struct init *in, struct err *e);
int init_make_dev(struct init *in, struct err *e);	  /* init_dev.c */
int init_close_dev(struct init *in, struct err *e);	  /* read-only, when all is in it */
int init_open_console(struct init *in, struct err *e);	  /* init_console.c */
int init_hide_paths(struct init *in, struct err *e);	  /* init_hide.c */
int init_set_time(const struct plan *p, struct err *e);	  /* init_time.c */
int init_drop_privileges(struct init *in, struct err *e); /* init_become.c */
int init_execute(struct init *in, struct err *e);
int init_enter_cwd(struct init *in, struct err *e);
int init_resolve_user(struct init *in, struct err *e);
int init_set_labels(const struct plan *p, struct err *e);   /* init_lsm.c */
int init_set_schedule(const struct plan *p, struct err *e); /* init_schedule.c */
/* Run on the CPUs of LIST ("0-3,7"; NULL: as we are). */
int init_set_affinity(const char *list, struct err *e);
/* Load the plan's or the options' filter; a listener goes to the parent as 'n'. */
int init_load_filter(struct init *in, struct err *e); /* init_filter.c */

/* Parts of the stages. */
/* PATH of the host with open(2) FLAGS; a relative one is the bundle's.  A descriptor or a negative
 * errno. */
int init_open_host(const struct init *in, const char *path, int flags);
/* Mount FSTYPE as M says; what cannot be mounted (with the host's network, on an odd host) is bound
 * from HOST with FLAGS added. */
int init_mount_or_bind(const char *fstype, int target, const struct plan_mount *m, const char *host,
		       unsigned long flags, struct err *e);
int init_mount_cgroup(struct init *in, const struct plan_mount *m, int target,
		      struct err *e); /* init_cgroup.c */
/* Is this the file system on /dev? */
int init_is_dev(const struct plan_mount *m);
/* Open NAME below /proc with FLAGS, when /proc is procfs and nothing is mounted over NAME: a
 * descriptor or a negative errno (-EXDEV: it is not). */
int init_open_proc(const char *name, int flags);
/* An empty SOURCE (a volume's directory) gets what TARGET (the image's) has, and its owner and
 * mode.
 */
int init_fill_volume(int source, int target, int keep_owner, struct err *e);
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
