/* SPDX-License-Identifier: Apache-2.0 */
/* The limits that run, create and update take, as the user types them, and runtime-spec's
 * linux.resources that they become. */
#ifndef COVE_CONTAINER_RESOURCES_H
#define COVE_CONTAINER_RESOURCES_H

#include <json-c/json_object.h>

#include "src/util/err.h"

struct resource_options {
	const char *memory, *memory_swap, *memory_reservation;
	int memory_swappiness; /* -1: not said */
	double cpus;
	int cpu_shares, cpu_quota, cpu_period, cpu_rt_runtime, cpu_rt_period;
	const char *cpuset_cpus, *cpuset_mems;
	int pids_limit, pids_limit_given;
	const char *blkio_weight;
	char **blkio_weight_device; /* DEVICE:WEIGHT */
	char **device_read_bps, **device_write_bps, **device_read_iops, **device_write_iops;
};

/* What was said of O, checked, as members of linux.resources; empty when nothing was.  OLD (or
 * NULL) are the limits that hold already: an update is checked together with them.  *RET owned.
 * -EINVAL in the words that users of other engines know; devices are looked up: -ENOENT... */
int resources_parse(const struct resource_options *o, json_object *old, json_object **ret,
		    struct err *e);
/* --cgroup-conf KEY=VALUE into resources.unified, --device-cgroup-rule "TYPE MAJ:MIN ACCESS" into
 * resources.devices. */
int resources_add_conf(json_object *resources, const char *s, struct err *e);
int resources_add_device_rule(json_object *resources, const char *s, struct err *e);
/* Members of HostConfig that tell of RESOURCES (may be NULL). */
void resources_inspect(json_object *resources, json_object *host_config);
/* CPUs of a list ("0-2,5"): how many; -EINVAL for what is none. */
int resources_count_cpus(const char *list);

#endif
