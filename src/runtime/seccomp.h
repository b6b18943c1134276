/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles (the JSON dialect of seccomp.json) to BPF programs, and the cache of the
 * programs.
 *
 * Compiling takes libseccomp 12-16 ms, loading a ready program 0.2 ms: so a program is kept in the
 * store's cache directory under the hash of all that went into it. */
#ifndef COVE_RUNTIME_SECCOMP_H
#define COVE_RUNTIME_SECCOMP_H

#include <json-c/json_object.h>
#include <linux/filter.h>
#include <stddef.h>

#include "src/util/err.h"
#include "userns/caps.h"

#define SECCOMP_PROFILE_MAX (4U << 20)

/* The built-in profile; its quotes are single ones. */
extern const char seccomp_default_profile[];

/* The program for profile text PROFILE (NULL: the built-in one) and a container whose bounding set
 * is CAPS.  CACHE_FD is the directory of the cache, or -EBADF for none.  *RET (owned) has *RET_N
 * instructions. -EINVAL, -EBADMSG for a profile that is not understood: no container starts with
 * it. */
int seccomp_program(const char *profile, caps_set caps, int cache_fd, struct sock_filter **ret,
		    size_t *ret_n, struct err *e);
/* The administrator's profile (/etc/containers/seccomp.json), which takes the place of the built-in
 * one; *RET NULL when there is none.  The distribution's copy under /usr/share is not taken: it
 * lets AF_ALG through. */
int seccomp_host_profile(char **ret, struct err *e);
/* Is NAME a system call of any architecture, as libseccomp knows them? */
int seccomp_knows(const char *name);
/* The I-th action and comparison that profiles may name, NULL behind the last: for `features`. */
const char *seccomp_action(size_t i);
const char *seccomp_operator(size_t i);
/* Compile without any cache; for the fuzz target and tests. */
int seccomp_compile(const char *profile, size_t n, caps_set caps, struct sock_filter **ret,
		    size_t *ret_n, struct err *e);
/* The profile as linux.seccomp of a config.json, for another runtime: the conditions of its rules
 * are decided here.  *RET is owned. */
int seccomp_to_config(const char *profile, caps_set caps, json_object **ret, struct err *e);
/* Load the program into the calling process (seccomp(2)) with SECCOMP_FILTER_FLAG_* FLAGS.  Needs
 * no_new_privs or CAP_SYS_ADMIN.  With SECCOMP_FILTER_FLAG_NEW_LISTENER the listener, the caller's;
 * else 0. */
int seccomp_load_program(const struct sock_filter *filter, size_t n, unsigned flags, struct err *e);

#endif
