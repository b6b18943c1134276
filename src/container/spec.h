/* SPDX-License-Identifier: Apache-2.0 */
/* What a container is, decided at creation: kept in the record, shown by inspect, turned into
 * config.json by generate.c.  Every front (CLI, and later API and kube) ends here. */
#ifndef COVE_CONTAINER_SPEC_H
#define COVE_CONTAINER_SPEC_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "src/util/err.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

struct container_spec {
	/* root file system */
	char *image_id, *image_name;
	char **layers;	    /* directory names below graphroot/layers, lowest first */
	char *rootfs;	    /* absolute path instead of an image */
	int is_i386;	    /* the image's programs are of 32-bit x86 */
	int rootfs_overlay; /* :O: changes go to the container's upper directory */

	/* process */
	char **entrypoint, **command; /* args is the one followed by the other */
	char **args, **env;
	char *workdir;
	int make_workdir; /* it is the image's own: made when missing */
	char *user;	  /* "" is root */
	char **group_add;
	int keep_groups;
	int tty, interactive, init;
	char *init_path; /* of the host; NULL: our own */
	int umask;
	int oom_score_adj, oom_score_adj_given;
	json_object *rlimits; /* runtime-spec's list */
	int preserve_fds;     /* for the first start alone: not stored */
	char *stop_signal;    /* "SIGTERM" */
	int stop_timeout;     /* seconds */
	int timeout;	      /* seconds that it may run; 0: for ever */

	/* what it sees */
	char *hostname;
	json_object *mounts; /* runtime-spec mounts in addition to the defaults, sources resolved */
	char **volumes;	     /* names of volumes in use; anonymous ones in anonymous_volumes too */
	char **anonymous_volumes;
	char **volumes_from; /* as they were asked for */
	int64_t shm_size;
	int read_only, read_only_tmpfs;
	char *network, *pid_mode, *ipc_mode, *uts_mode, *cgroup_mode, *userns_mode;
	char **network_options; /* with network "private": KEY=VALUE */
	json_object *networks;	/* with "bridge": [{name, interface, addresses, mac, aliases}] */
	json_object *ports;	/* [{host_ip, host_port, container_port, protocol}] */
	char **expose;
	char **dns, **dns_search, **dns_option, **add_host;
	int no_hosts, no_hostname;
	char *hosts_file; /* what /etc/hosts begins with: a path, "none", "image"; NULL: the host's
			   */
	char *host_ip;	  /* host.containers.internal, "none"; NULL: found out */
	json_object *sysctl; /* object */
	int kept_layers;     /* the trees of keep_id.h are used */
	char *tz;	     /* name of a time zone, "local", or NULL: the image's */

	/* what it is told in secret: secrets.h */
	json_object *secrets;	 /* [{Name, ID, Target, UID, GID, Mode}] */
	json_object *secret_env; /* [{Name, Variable}] */
	char **secret_values;	 /* KEY=VALUE, for this process alone: not stored */

	/* what it may */
	int privileged;
	char **cap_add, **cap_drop;
	char **caps; /* the bounding set that follows from them, "CAP_..." */
	int no_new_privs;
	char *seccomp; /* "unconfined", a profile's text, or NULL for the default */
	char *seccomp_path;
	char **mask, **unmask;
	char *apparmor;
	char **security_opt; /* as given, for inspect */

	json_object *resources; /* runtime-spec's linux.resources */
	char *cgroups, *cgroup_parent;

	/* another OCI runtime (a path) and its global options; NULL: our own */
	char *runtime, **runtime_flags;

	/* the rest */
	json_object *labels, *annotations; /* objects of strings */
	int rm;
	char *log_driver, *log_path;
	int64_t log_size_max;
	char *pidfile, *monitor_pidfile, *cidfile;
	char *detach_keys;
	char **create_command;
};

extern const struct field container_spec_fields[];

struct container_spec *container_spec_free(struct container_spec *s);
DEFINE_SCOPED(container_spec, struct container_spec *, container_spec_free);
int container_spec_decode(json_object *o, struct container_spec **ret, struct err *e);

/* Option strings of run and create; pure, for tests and fuzzing. */

/* Is O a word of mounts that goes to the runtime as it is? */
int spec_is_mount_option(const char *o);
/* -v [SRC:]DST[:OPTS] into a mount object {type, source, destination, options, volume?}: type
 * "bind" or "volume". -EINVAL with the user's text in the message. */
int spec_parse_volume(const char *s, json_object **ret, struct err *e);
/* --mount type=T,key=value,... the same; types bind, volume, tmpfs, ramfs, devpts. */
int spec_parse_mount(const char *s, json_object **ret, struct err *e);
/* --tmpfs DIR[:OPTS]. */
int spec_parse_tmpfs(const char *s, json_object **ret, struct err *e);
/* -p [[IP:][HOST]:]CTR[/PROTO] with ranges; appends to LIST. host_port 0: pick a free one. */
int spec_parse_publish(const char *s, json_object *list, struct err *e);
/* --ulimit host: every limit of this process, appended to LIST. */
int spec_host_ulimits(json_object *list, struct err *e);
/* --ulimit name=soft[:hard] into a runtime-spec rlimit. */
int spec_parse_ulimit(const char *s, json_object **ret, struct err *e);
/* One env file's text: K=V, K (value from the caller's environment), # comments; appends to *ENV.
 */
int spec_parse_env_file(const char *text, const char *path, char ***env, struct err *e);
/* Put K=V into *ENV, replacing an earlier K.  -EINVAL for an empty name or a NUL, newline in the
 * name. */
int spec_env_set(char ***env, const char *kv, struct err *e);
/* The value of NAME in ENV, borrowed, or NULL. */
const char *spec_env_get(char *const *env, const char *name);
/* Split a string as a shell's words (quotes and backslashes, nothing else). */
int spec_split_words(const char *s, char ***ret, struct err *e);

#endif
