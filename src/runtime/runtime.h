/* SPDX-License-Identifier: Apache-2.0 */
/* The OCI runtime: config.json in, container process out.
 *
 * How a container starts.  Parent is the monitor (or cove-runtime), a member of the user's
 *namespace; the child is cloned into all its namespaces at once.  They talk over one SOCK_SEQPACKET
 *pair, first byte first:
 *
 *	parent                                   child (src/runtime/init.c)
 *	clone3, write uid_map/gid_map
 *	'm'ap is written  ------------------->   mounts the root and everything in it
 *	                  <-------------------   't'ap: descriptor of the tap device, when one is
 *wanted
 *	                  <-------------------   'c'onsole: descriptor of the pty master
 *	                  <-------------------   'h'ooks: only where config.json has some; all is
 *	                                         mounted, pivot_root comes next
 *	'h', 'H'          ------------------->   the state as a hook reads it, "creating" and (when
 *	                                         there are startContainer hooks) "created"
 *	                  <-------------------   'r'eady
 *	(hooks, network, state)
 *	'w'ait            ------------------->   only for a `start` by another process: the child
 *takes one connection of options.listen_fd in place of the pair 's'tart ------------------->
 *privileges dropped, execve
 *	                  <-------------------   'x': execve comes next (with options.subject)
 *	                  <-------------------   'n'otify: descriptor of the seccomp listener
 *	                  <-------------------   end of file: the program runs
 *	                  <-------------------   'e'rror, at any time, with a struct err
 */
#ifndef COVE_RUNTIME_RUNTIME_H
#define COVE_RUNTIME_RUNTIME_H

#include <json-c/json_object.h>
#include <sys/types.h>

#include "netns/tap.h"
#include "src/runtime/plan.h"
#include "src/util/err.h"

/* An overlay root, mounted by the child in its own mount namespace. */
struct runtime_overlay {
	const char *base;   /* directory that the names in lower are relative to; it becomes the cwd
			       for mount(2) */
	char *const *lower; /* lowest layer first; relative to base or absolute */
	const char *upper, *work; /* NULL: it is only read, and has two layers or more */
	const char *target;	  /* an existing empty directory to mount on */
};

/* Mount O in the caller's mount namespace; the working directory becomes O's base.  USERXATTR: we
 * are in a user namespace (Linux 5.11).  *RET_ROOT is an O_PATH descriptor of the root, the
 * caller's. */
int runtime_mount_overlay(const struct runtime_overlay *o, int userxattr, int *ret_root,
			  struct err *e);

/* The version of the runtime-spec that states and features name. */
#define RUNTIME_SPEC_VERSION "1.2.0"

struct cgroup;

/* The container as hooks and the seccomp agent are told of it. */
struct runtime_subject {
	const char *id;
	const char *bundle; /* absolute */
	json_object *config;
	json_object *annotations; /* of the config */
};

struct runtime_options {
	json_object *config;		       /* borrowed */
	const struct runtime_overlay *overlay; /* NULL: config.root.path */
	const char *user; /* "name[:group]" looked up in the container; NULL: process.user */
	char *const *extra_groups;	  /* --group-add, names or numbers */
	int make_cwd;			  /* the working directory is made when missing */
	const struct sock_filter *filter; /* seccomp program; NULL: none */
	size_t n_filter;
	const struct sock_filter *notify; /* one more, whose listener the caller gets; NULL: none */
	size_t n_notify;
	int stdio[3];		      /* without a terminal: becomes 0, 1, 2 */
	const struct tap_config *tap; /* NULL: no tap device wanted */
	int want_netns;		      /* instead: the network namespace, for whoever fills it */
	int cgroup_fd;		      /* directory to be cloned into, or -EBADF */
	int keep_groups;	      /* do not drop the caller's supplementary groups */
	int preserve_fds;	      /* 3..3+N-1 stay open */
	struct cgroup *cgroup;	      /* entered after the clone; NULL: none but cgroup_fd */
	const struct runtime_subject *subject; /* NULL: the config has no hooks and no agent */
	int listen_fd;	    /* SOCK_SEQPACKET listener for runtime_wait(); 0: none */
	int no_pivot;	    /* MS_MOVE and chroot(2) in place of pivot_root(2) */
	int no_new_keyring; /* the caller's session keyring stays */
	int seccomp_cache;  /* directory for compiled linux.seccomp (seccomp.h); 0: none */
	void (*warn)(const char *text); /* what the config asks for in vain; NULL: not told */
};

struct runtime_process {
	pid_t pid;
	int pidfd;
	int sync;     /* parent's end of the pair */
	int console;  /* pty master or -EBADF */
	int tap;      /* or the network namespace, as was wanted; or -EBADF */
	int listener; /* of options.notify, once it has started; or -EBADF */
	int wants_listener;
	char *program; /* owned: what it was asked to execute, for messages */
	const struct runtime_subject *subject; /* that of the options, borrowed */
};
#define RUNTIME_PROCESS_NONE                                                                 \
	{                                                                                    \
		.pid = 0, .pidfd = -EBADF, .sync = -EBADF, .console = -EBADF, .tap = -EBADF, \
		.listener = -EBADF                                                           \
	}
/* Kill (when still there), reap and close. */
void runtime_process_done(struct runtime_process *p);
static inline __attribute__((unused)) void scoped_runtime_process(struct runtime_process *p)
{
	runtime_process_done(p);
}

/* Fill RET's pid and pidfd from FILE in DIR_FD, which program WHO wrote when it had made the
 * process. -EPROTO when that is no pid. */
int runtime_read_pid(int dir_fd, const char *file, const char *who, struct runtime_process *ret,
		     struct err *e);

/* Everything up to 'r'eady.  The process must have one thread and, without root, be in the user
 * namespace of the ids.  The error names the step that failed; nothing stays behind. */
int runtime_create(const struct runtime_options *o, struct runtime_process *ret, struct err *e);
/* Let it execute its program; returns when it has.  -ENOENT: no such program (exit 127), -EACCES,
 * -ENOEXEC... : it cannot be executed (exit 126). */
int runtime_start(struct runtime_process *p, struct err *e);

/* Leave the process waiting on options.listen_fd and let go of it: P is empty afterwards.  On
 * failure it is killed by runtime_process_done() as before. */
int runtime_wait(struct runtime_process *p, struct err *e);
/* Connect to the listener NAME in DIR_FD, of a process that runtime_wait() left: gives P.sync, for
 * runtime_start(); P's other members stay as they are. NAME is removed, so that this happens once.
 * -ESRCH: nobody waits there any more. */
int runtime_connect(int dir_fd, const char *name, struct runtime_process *p, struct err *e);
/* The listener NAME in DIR_FD, however long the path of that is (unix(7) has 108 bytes). */
int runtime_listen(int dir_fd, const char *name, int *ret_fd, struct err *e);

/* Run PROCESS (runtime-spec process object) inside the container whose first process is PID; stdio,
 * filter, user, extra_groups, cgroup_fd of O count.  As runtime_create() followed by
 * runtime_start(): RET is a child of the caller. */
int runtime_exec(json_object *process, pid_t pid, int pidfd, const struct runtime_options *o,
		 struct runtime_process *ret, struct err *e);

#endif
