/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a seccomp profile, for those that make something of it: a BPF program (seccomp.c), or the
 * linux.seccomp of a config.json (seccomp_config.c). */
#ifndef COVE_RUNTIME_SECCOMP_PROFILE_H
#define COVE_RUNTIME_SECCOMP_PROFILE_H

#include <json-c/json_object.h>

#include "src/util/err.h"
#include "userns/caps.h"

/* Is RULE of the form that the dialect has?  -EINVAL with the member named. */
int seccomp_rule_check(json_object *rule, struct err *e);
/* Do its conditions hold for this machine, this kernel and a bounding set of CAPS? */
int seccomp_rule_applies(json_object *rule, caps_set caps);
/* "SCMP_ARCH_..." (or NULL): is it what programs of this machine are made for? */
int seccomp_arch_is_native(const char *s);
/* The text of the built-in profile: the caller's, NULL when out of memory. */
char *seccomp_builtin(void);

#endif
