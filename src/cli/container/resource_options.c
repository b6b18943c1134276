/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of limits; create, run and update share them: struct resource_options is the first member
 * of what they fill. */
#include <limits.h>
#include <stddef.h>

#include "src/cli/container/options.h"
#include "src/container/resources.h"

#define AT(f) offsetof(struct resource_options, f)

const struct opt container_resource_rows[] = {
	STR(0, "blkio-weight", "WEIGHT", AT(blkio_weight), "Block IO weight, 10 to 1000"),
	LIST(0, "blkio-weight-device", "DEVICE:WEIGHT", AT(blkio_weight_device),
	     "Block IO weight for a device"),
	INT(0, "cpu-period", "MICROSECONDS", AT(cpu_period), 0, INT_MAX,
	    "Period in which --cpu-quota is counted"),
	INT(0, "cpu-quota", "MICROSECONDS", AT(cpu_quota), -1, INT_MAX, "CPU time in each period"),
	INT(0, "cpu-rt-period", "MICROSECONDS", AT(cpu_rt_period), 0, INT_MAX,
	    "Period of realtime scheduling (cgroup v1)"),
	INT(0, "cpu-rt-runtime", "MICROSECONDS", AT(cpu_rt_runtime), 0, INT_MAX,
	    "Realtime CPU time in each period (cgroup v1)"),
	INT('c', "cpu-shares", "SHARES", AT(cpu_shares), 0, INT_MAX,
	    "Share of the CPUs when they are busy; 1024 is the usual one"),
	REAL(0, "cpus", "NUMBER", AT(cpus), "Number of CPUs' worth of time",
	     .man = "The same as --cpu-period 100000 with a quota of NUMBER times 100000."),
	STR(0, "cpuset-cpus", "LIST", AT(cpuset_cpus), "CPUs to run on, as 0-2,5",
	    .man = "Without a cpuset controller within reach it is the CPU affinity, which "
		   "programs may change for themselves."),
	STR(0, "cpuset-mems", "LIST", AT(cpuset_mems), "Memory nodes to use, as 0,1"),
	LIST(0, "device-read-bps", "DEVICE:RATE", AT(device_read_bps),
	     "Limit reading from a device, in bytes a second"),
	LIST(0, "device-read-iops", "DEVICE:RATE", AT(device_read_iops),
	     "Limit reading from a device, in operations a second"),
	LIST(0, "device-write-bps", "DEVICE:RATE", AT(device_write_bps),
	     "Limit writing to a device, in bytes a second"),
	LIST(0, "device-write-iops", "DEVICE:RATE", AT(device_write_iops),
	     "Limit writing to a device, in operations a second"),
	STR('m', "memory", "SIZE", AT(memory), "Limit of memory",
	    .man = "Without --memory-swap as much swap again may be used. Where no memory "
		   "controller is within reach the monitor looks five times a second at what the "
		   "container's processes hold, and kills the largest; what lies in a tmpfs is not "
		   "counted then."),
	STR(0, "memory-reservation", "SIZE", AT(memory_reservation),
	    "Memory that is kept for the container when it gets scarce"),
	STR(0, "memory-swap", "SIZE", AT(memory_swap), "Limit of memory and swap together",
	    .man = "-1 means no limit of swap."),
	INT(0, "memory-swappiness", "NUMBER", AT(memory_swappiness), -1, INT_MAX,
	    "How readily memory is swapped out, 0 to 100 (cgroup v1)", .init = -1),
	INT(0, "pids-limit", "NUMBER", AT(pids_limit), -1, INT_MAX,
	    "Limit of processes and threads; -1 and 0: none",
	    .man = "2048 where it is not said and a pids controller is at hand. Without a pids "
		   "controller within reach it holds for each user in the "
		   "container, and a container whose users have more together is killed.",
	    .given = OPT_GIVEN(struct resource_options, pids_limit_given)),
	END,
};
