/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of an OCI runtime (runtime-spec, runtime.md): bundles and containers that are
 * known by their state directories (state.h).  cove-runtime is a command line over these. */
#ifndef COVE_RUNTIME_OCI_H
#define COVE_RUNTIME_OCI_H

#include <json-c/json_object.h>
#include <sys/types.h>

#include "src/runtime/cgroup.h"
#include "src/runtime/runtime.h"
#include "src/runtime/state.h"
#include "src/util/err.h"

struct oci {
	int root_fd; /* where the state directories are */
	enum cgroup_manager manager;
	const char *criu;		/* the program, NULL: "criu" */
	void (*warn)(const char *text); /* something failed that stops nothing */
};

struct oci_create_options {
	const char *id, *bundle;
	const char *config;	    /* file name, from the bundle; NULL: config.json */
	const char *console_socket; /* NULL: none */
	const char *pid_file;	    /* NULL: none */
	int keeps_terminal;	    /* the caller relays a terminal itself */
	int wait;		    /* leave it waiting for oci_start() */
	int no_pivot, no_new_keyring, preserve_fds;
	int listen_fds; /* so many of them are announced by LISTEN_FDS (sd_listen_fds(3)) */
};

/* A container that oci_create() made and this process still holds. */
struct oci_container {
	struct state state; /* locked */
	json_object *config;
	char *bundle;
	struct runtime_subject subject;
	struct runtime_process process; /* without options.wait */
};
#define OCI_CONTAINER_NONE                                           \
	{                                                            \
		.state = STATE_NONE, .process = RUNTIME_PROCESS_NONE \
	}
/* Kill what is still held, and let go; the state directory stays. */
void oci_container_done(struct oci_container *c);
static inline __attribute__((unused)) void scoped_oci_container(struct oci_container *c)
{
	oci_container_done(c);
}

/* Open (making it) the directory ROOT, NULL: the default place of this user.  Fills RET_FD. */
int oci_open_root(const char *root, int *ret_fd, struct err *e);
/* The default place, owned; NULL when out of memory. */
char *oci_default_root(void);

/* Read FILE of BUNDLE (which becomes the working directory).  *RET_BUNDLE is its absolute path.
 * Both owned.  -ENOENT, -EBADMSG, -EINVAL. */
int oci_load_bundle(const char *bundle, const char *file, json_object **ret, char **ret_bundle,
		    struct err *e);
/* Everything up to the program.  C is filled in place.  On failure nothing stays behind.
 * -EEXIST: the id is in use. */
int oci_create(const struct oci *oci, const struct oci_create_options *o, struct oci_container *c,
	       struct err *e);
/* The state directory of a new container ID, for C's bundle and config; state.json is not written
 * yet. */
int oci_make_state(const struct oci *oci, const char *id, struct oci_container *c, struct err *e);
/* Let the program of a created container start.  -EBUSY: it is not in that state. */
int oci_start(const struct oci *oci, const char *id, struct err *e);
/* The same for one that this process holds, and its poststart hooks. */
int oci_start_held(const struct oci *oci, struct oci_container *c, struct err *e);
/* Send SIG to the first process, or with ALL to every process of the container.  -ESRCH when it
 * does not run. */
int oci_kill(const struct oci *oci, const char *id, int sig, int all, struct err *e);
/* Remove a stopped (or not yet started) container, with FORCE any, and run its poststop hooks.
 * With FORCE one that does not exist is no error.  -EBUSY: it runs. */
int oci_delete(const struct oci *oci, const char *id, int force, struct err *e);
/* Make the cgroup of S as CONFIG has it, LIMITED or not. */
int oci_make_cgroup(const struct oci *oci, struct state *s, json_object *config, int limited,
		    struct err *e);
/* What oci_delete() does, for a container that is held. */
int oci_destroy(const struct oci *oci, struct state *s, json_object *config, struct err *e);
int oci_pause(const struct oci *oci, const char *id, int on, struct err *e);
/* Change the limits: RESOURCES is a linux.resources object. */
int oci_update(const struct oci *oci, const char *id, json_object *resources, struct err *e);

/* The state as `state` prints it, with the owner's id; owned. */
json_object *oci_state_json(const struct state *s);
/* All containers: an array of what oci_state_json() gives, with the owners' names, by id; owned. */
int oci_list(const struct oci *oci, json_object **ret, struct err *e);
/* Every process of the container, by its cgroup or its pid namespace; *RET owned.  -ENOTSUP: it has
 * neither of its own. */
int oci_pids(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e);
/* Send SIG to all of them. */
int oci_signal_all(struct state *s, int sig, struct err *e);
/* Open and check: -EBUSY with "container ID is not running" unless it runs (or, with PAUSED_TOO, is
 * paused). */
int oci_open_running(const struct oci *oci, const char *id, int paused_too, struct state *ret,
		     struct err *e);

struct oci_exec_options {
	json_object *process;	   /* runtime-spec process, or NULL */
	char *const *args;	   /* instead of process.args */
	const char *cwd, *user;	   /* "UID[:GID]" */
	char *const *env;	   /* added */
	char *const *caps;	   /* added to all sets but the ambient one */
	char *const *extra_groups; /* gids, added */
	const char *apparmor, *label;
	const char *cgroup;    /* path below the container's, or NULL */
	int tty, no_new_privs; /* set when 1 */
	int ignore_paused;
	const char *console_socket, *pid_file;
	int keeps_terminal, preserve_fds;
};
/* Run another process in a running container.  RET is a child of the caller. */
int oci_exec(const struct oci *oci, const char *id, const struct oci_exec_options *o,
	     struct runtime_process *ret, struct err *e);

struct criu_options;
/* Write the processes of a running container to disk (criu.h; O's config is filled in here, its
 * directories are made).  Unless they run on the container is deleted.  -EPERM, -ENOENT:
 * criu_check(); -EBUSY: it does not run; -ENOTSUP: it has a terminal. */
int oci_checkpoint(const struct oci *oci, const char *id, const struct criu_options *o,
		   struct err *e);
/* Make a container like oci_create() does, with the processes of O's images, whose parent the
 * nearest subreaper becomes.  O's standard streams are the caller's. */
int oci_restore(const struct oci *oci, const struct oci_create_options *co,
		const struct criu_options *o, struct oci_container *c, struct err *e);

/* Check that descriptors 3..3+N-1 are the caller's, and close all others behind them but ours. */
int oci_keep_fds(const struct oci *oci, int n, struct err *e);
/* The directory of compiled seccomp profiles beside the containers' (seccomp.h), or -EBADF: the
 * config needs none, or none can be had. */
int oci_open_cache(const struct oci *oci, json_object *config);
/* Is there somebody for the terminal of CONFIG, if it has one, and nobody else?  -EINVAL. */
int oci_check_terminal(const struct oci_create_options *o, json_object *config, struct err *e);
/* Send the terminal MASTER over the stream socket PATH. */
int oci_send_console(const char *path, int master, struct err *e);
/* Write PID into FILE, which appears whole. */
int oci_write_pid_file(const char *file, pid_t pid, struct err *e);

#endif
