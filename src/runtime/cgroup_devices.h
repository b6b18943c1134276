/* SPDX-License-Identifier: Apache-2.0 */
/* Device rules of a cgroup: linux.resources.devices as a list, and as v2's program. */
#ifndef COVE_RUNTIME_CGROUP_DEVICES_H
#define COVE_RUNTIME_CGROUP_DEVICES_H

#include <json-c/json_object.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "src/util/err.h"

struct device_rule {
	int allow;
	char type;	      /* 'a' (all), 'b', 'c' */
	int64_t major, minor; /* -1: any */
	unsigned access;      /* BPF_DEVCG_ACC_* */
};
struct device_rules {
	struct device_rule *r;
	size_t n;
};
void device_rules_done(struct device_rules *l);
static inline __attribute__((unused)) void scoped_device_rules(struct device_rules *l)
{
	device_rules_done(l);
}

/* The rules of a JSON list, later ones win; the devices that every container has follow at the
 * end.  An empty list stays empty: no rules.  -EINVAL. */
int device_rules_parse(json_object *list, struct device_rules *l, struct err *e);
/* "c 1:3 rwm" as v1's devices.allow and devices.deny read it ("a" for all).  In BUF. */
const char *device_rule_text(const struct device_rule *r, char *buf, size_t n);
/* The program of type BPF_PROG_TYPE_CGROUP_DEVICE that keeps L.  *RET owned. */
int device_rules_program(const struct device_rules *l, struct bpf_insn **ret, size_t *ret_n,
			 struct err *e);

#endif
