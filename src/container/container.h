/* SPDX-License-Identifier: Apache-2.0 */
/* Containers: the operations, one file each (src/container/VERB.c), and the record they work on.
 *
 * REF is a name, an ID or a unique prefix of one.  Every operation returns 0 or a negative errno
 * with E filled: -ENOENT "no container with name or ID \"REF\" found: no such container", -EEXIST
 * for an ambiguous prefix. */
#ifndef COVE_CONTAINER_CONTAINER_H
#define COVE_CONTAINER_CONTAINER_H

#include <json-c/json_object.h>
#include <stdint.h>
#include <sys/types.h>

#include "src/container/resources.h"
#include "src/store/engine.h"
#include "src/util/err.h"

/* What run and create were asked for, as the user typed it; NULL, 0 and -1 mean "not said"; for
 * init, privileged, no_hosts, env_host, read_only and http_proxy -1 alone, and 0 is a no.
 * container_create() parses and checks every string before anything is made. */
struct container_create_options {
	struct resource_options limits; /* first: its option rows are shared with update */
	char **cgroup_conf;		/* KEY=VALUE: files of cgroup v2 */
	const char *cgroup_parent;
	const char *cgroups; /* "enabled" (NULL), "disabled", "no-conmon", "split" */
	int oom_kill_disable;
	char **device_cgroup_rule;
	const char *image;    /* reference; or NULL with rootfs */
	const char *rootfs;   /* --rootfs PATH[:O] */
	char *const *command; /* arguments after the image, NULL-terminated */
	const char *name;
	const char *id; /* 64 hex digits, of a container that is restored; NULL: a new one */
	const char *entrypoint; /* a string, or a JSON list; "" takes the image's away; NULL: not
				   said */
	char **env;		/* -e K=V, K (from the caller), K* */
	char **env_file;
	int env_host;
	char **env_merge; /* K=V, where V may have ${K} */
	char **unsetenv;  /* names */
	int unsetenv_all;
	char **label; /* K=V or K */
	char **label_file;
	char **annotation;
	const char *workdir;
	const char *user; /* USER[:GROUP] */
	char **group_add; /* names, numbers, or "keep-groups" */
	const char *hostname;
	int interactive, tty, detach, rm, init;
	const char *init_path;
	const char *detach_keys;
	int read_only, read_only_tmpfs; /* -1: not said; 1 is the default of read_only_tmpfs */
	int privileged;
	char **cap_add, **cap_drop;
	char **security_opt;
	char **volume; /* -v */
	char **volumes_from;
	const char *image_volume; /* NULL: "anonymous" */
	char **mount;		  /* --mount */
	char **tmpfs;
	char **secret; /* NAME[,KEY=VALUE...] */
	/* From containers.conf: where nothing else is mounted. */
	char **default_volume, **default_mount;
	const char *shm_size;
	char **publish; /* -p */
	int publish_all;
	char **expose;
	char **pasta_options; /* from containers.conf: before those of --network pasta:... */
	char **network;	      /* --network: one mode, or networks NAME[:KEY=VALUE,...] */
	const char *ip, *ip6, *mac_address;
	char **network_alias;
	char **dns, **dns_search, **dns_option, **add_host;
	int no_hosts, no_hostname, no_healthcheck;
	const char *hosts_file; /* a path, "none", "image" */
	const char *host_ip;	/* of host.containers.internal, or "none"; from containers.conf */
	const char *pid, *ipc, *uts, *cgroupns, *userns; /* modes */
	char **ulimit, **sysctl, **device;
	char **default_sysctl; /* from containers.conf: those that fit */
	const char *stop_signal;
	int stop_timeout;  /* seconds, -1: 10 */
	int timeout;	   /* seconds that it may run; 0: for ever */
	const char *umask; /* octal */
	const char *log_driver;
	char **log_opt;
	int64_t log_size_max; /* bytes, from containers.conf */
	int oom_score_adj, oom_score_adj_given;
	const char *cidfile, *pidfile, *monitor_pidfile;
	const char *pull; /* "missing" (NULL), "always", "never", "newer" */
	const char *platform, *authfile, *signature_policy;
	char **decryption_keys;
	const char *os, *arch, *variant; /* in place of platform */
	const char *creds, *cert_dir;
	int tls_verify; /* -1 */
	int retry;	/* -1: the usual number */
	int64_t retry_delay_ms;
	int content_trust; /* accepted, for scripts that give it */
	int quiet;	   /* pull quietly */
	int preserve_fds;
	int sig_proxy;		   /* 1 is the default */
	int rmi;		   /* its image goes when it has ended */
	const char *kernel_memory; /* accepted, for scripts that give it */
	char **attach;		   /* -a stdin|stdout|stderr */
	const char *restart;	   /* "no" or "" only, until a later issue */
	int replace;
	const char *tz;
	int http_proxy; /* -1: not said; 1 is the default */
};

/* States as users see them. */
enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_EXITED,
	CONTAINER_STATE_COUNT
};
extern const char
	*const container_state_names[CONTAINER_STATE_COUNT]; /* "created", "running", "exited" */

/* "paused" or the state's own name. */
struct container;
const char *container_state_text(const struct container *c);

struct container_spec; /* src/container/spec.h */

/* A record.  All owned. */
struct container {
	char *id, *name, *image_id, *image_name;
	int64_t created, started, finished; /* nanoseconds since the epoch, 0: never */
	int state;			    /* enum container_state, checked against what lives */
	int exit_code;
	int oom;
	int is_paused;	/* running, and its processes are frozen */
	int is_cut_off; /* running, and the process that connected it has died */
	char *error;	/* why it could not be started, or "" */
	pid_t pid;	/* of the first process while running */
	struct {
		int64_t changed, all; /* bytes; by container_measure(), 0 before */
	} size;
	char **command;	     /* as ps shows it */
	json_object *labels; /* object of strings */
	json_object *ports;  /* [{host_ip, host_port, container_port, protocol}] */
	json_object *spec;   /* struct container_spec's JSON; NULL in lists made without it */
};
struct container *container_free(struct container *c);
DEFINE_SCOPED(container, struct container *, container_free);
void container_list_free(struct container **list, size_t n);

int container_find(struct engine *en, const char *ref, struct container **ret, struct err *e);
/* All records, newest first; with ALL 0 only running ones. */
int container_list(struct engine *en, int all, struct container ***ret, size_t *ret_n,
		   struct err *e);
/* The newest record (--latest); -ENOENT when there is none. */
int container_latest(struct engine *en, struct container **ret, struct err *e);

/* Make a container (pulling the image by o->pull).  *RET_ID owned. Lines for the user (a warning)
 * go through WARN, which may be NULL. */
int container_create(struct engine *en, const struct container_create_options *o, char **ret_id,
		     void (*warn)(const char *text), struct err *e);

/* Write the state of a running container's processes to disk, and end them unless told otherwise
 * (criu(8); real root only: -EPERM with a hint). With KEEP criu's log and statistics stay there
 * afterwards. STATS (or NULL) is an array to which what criu measured is added. -EINVAL: it does
 * not run. */
struct checkpoint_options {
	int leave_running, pre_checkpoint, with_previous, keep;
	int tcp_established, file_locks;
	const char *export_file;	   /* write all of it there, too; NULL: not */
	const char *compress;		   /* "gzip", "none", "zstd" */
	int ignore_rootfs, ignore_volumes; /* leave them out of export_file */
	json_object *stats;
};
int container_checkpoint(struct engine *en, const char *ref, const struct checkpoint_options *o,
			 struct err *e);
/* Bring them back. With KEEP the files of the checkpoint stay. -EINVAL: it runs, or has no
 * checkpoint. */
struct restore_options {
	int keep;
	int tcp_established, tcp_close, file_locks;
	const char *import, *import_previous; /* archives, for container_import() */
	const char *name;
	char **publish; /* in place of the archive's */
	char **volume;	/* -v: for the host's directories that it had */
	int ignore_rootfs, ignore_volumes;
	json_object *stats;
};
int container_restore(struct engine *en, const char *ref, const struct restore_options *o,
		      struct err *e);
/* Make a container of the archive O->import (see checkpoint's export_file) and bring its processes
 * back.  Unless O->name is given it has the name and ID of the one that was exported: -EEXIST.
 * *RET_ID owned.  Nothing of it stays when that fails. */
int container_import(struct engine *en, const struct restore_options *o, char **ret_id,
		     struct err *e);
int container_is_checkpointed(struct engine *en, const char *id);

/* How this process is connected to a container: descriptors 0, 1, 2 are the user's.  Blocks until
 * the container ends or the user detaches. */
struct attach_options {
	int with_stdin, with_stdout, with_stderr;
	int tty;       /* the container has a terminal: put ours into raw mode, pass resizes on */
	int sig_proxy; /* pass signals on */
	const char *detach_keys; /* "ctrl-p,ctrl-q" form; NULL: that default; "": none */
};
#define ATTACH_DETACHED \
	(-1000) /* result of an attached operation: the user pressed the detach keys */

/* create + start; the fast path.  Attached unless o->detach: then returns the container's exit code
 * (or 0 after detach); with o->detach prints nothing and gives *RET_ID (owned; also given attached,
 * may be NULL). E's code -ENOENT from the program start means exit 127, -EACCES 126: see *RET_STAGE
 * (1: the program could not be executed). */
int container_run(struct engine *en, const struct container_create_options *o,
		  const struct attach_options *a, char **ret_id, int *ret_stage,
		  void (*warn)(const char *text), struct err *e);

/* Start a created or exited container.  A NULL: detached, returns 0.  Else attached: returns its
 * exit code. Running already: 0 (attached: attaches). */
int container_start(struct engine *en, const char *ref, const struct attach_options *a,
		    int *ret_stage, struct err *e);
/* Attach to a running container; returns its exit code or 0 after detach.  -EINVAL "you can only
 * attach to running containers" otherwise. */
int container_attach(struct engine *en, const char *ref, const struct attach_options *a,
		     struct err *e);

struct stop_options {
	int timeout; /* seconds, -1: the container's own */
};
int container_stop(struct engine *en, const char *ref, const struct stop_options *o,
		   struct err *e); /* not running: 0 */
/* Stop it where it runs, and start it. */
int container_restart(struct engine *en, const char *ref, const struct stop_options *o,
		      struct err *e);
/* Freeze every process of a running container; let them go on.  -EINVAL when the state is not
 * right, -ENOTSUP where there is no freezer for it. */
int container_pause(struct engine *en, const char *ref, struct err *e);
int container_unpause(struct engine *en, const char *ref, struct err *e);
/* Change limits, of a running container at once.  *RET_ID (may be NULL) owned. */
int container_update(struct engine *en, const char *ref, const struct resource_options *o,
		     char **ret_id, struct err *e);

/* What a running container uses. */
struct container_usage {
	int64_t taken_ns;	      /* when, nanoseconds since the epoch */
	int64_t cpu_ns;		      /* CPU time so far */
	int64_t memory, memory_limit; /* bytes; the limit is the host's without one */
	int64_t net_in, net_out, block_in, block_out; /* bytes so far */
	int64_t pids;
};
/* From its cgroup, and where that does not tell from its processes.  -EINVAL: it does not run. */
int container_stats(struct engine *en, const struct container *c, struct container_usage *ret,
		    struct err *e);
/* SIG as "TERM", "SIGTERM", "15".  -EINVAL "can only kill running containers. ID is in state
 * exited: container state improper". */
int container_kill(struct engine *en, const char *ref, const char *sig, struct err *e);
int container_signal_parse(const char *s); /* number or -EINVAL */
struct rm_options {
	int force, volumes, timeout; /* timeout: -1 default 10 for force */
};
/* The IDs of containers that share a namespace of REF, newest first; owned, NULL for none. */
int container_dependents(struct engine *en, const char *ref, char ***ret, struct err *e);
/* -EBUSY when running without force; -EEXIST while others depend on it. */
int container_rm(struct engine *en, const char *ref, const struct rm_options *o, struct err *e);
/* Remove each of IDS (NULL-terminated, may be NULL), running or not, that is still there. */
int container_rm_each(struct engine *en, char *const *ids, int timeout, struct err *e);
/* Block until it is not running; its exit code in *RET_CODE.  */
int container_wait(struct engine *en, const char *ref, int *ret_code, struct err *e);
/* The inspect document, as Podman prints it.  Owned. */
int container_inspect(struct engine *en, const char *ref, json_object **ret, struct err *e);

struct logs_options {
	int follow, timestamps;
	long long tail;	      /* -1: all */
	int64_t since, until; /* nanoseconds since the epoch, 0: none */
};
/* Write the log to descriptors OUT and ERR (what the container wrote to stdout and stderr). */
int container_logs(struct engine *en, const char *ref, const struct logs_options *o, int out,
		   int err_fd, struct err *e);

struct exec_options {
	char *const *command;
	int interactive, tty, detach, privileged;
	const char *user, *workdir, *detach_keys;
	char **env, **env_file;
	int preserve_fds;
};
/* Returns the exit code; *RET_STAGE as container_run(). -EINVAL "can only create exec sessions on
 * running containers: container state improper". */
int container_exec(struct engine *en, const char *ref, const struct exec_options *o,
		   const struct attach_options *a, int *ret_stage, struct err *e);

/* Rows of processes: *RET is a JSON list of lists of strings, the first the header.  FORMAT:
 * descriptors of podman-top ("user", "pid", ...), NULL for the default USER PID PPID %CPU ELAPSED
 * TTY TIME COMMAND. */
int container_top(struct engine *en, const char *ref, char *const *format, json_object **ret,
		  struct err *e);
/* Change the name (checked, unique). */
int container_rename(struct engine *en, const char *ref, const char *name, struct err *e);

#endif
