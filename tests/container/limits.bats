#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Limits of memory, CPUs, processes and block IO: what is parsed, what holds, and what is said where nothing is delegated.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

none=(run --rm --network none)

# The controllers that a container's cgroup could have here.
controllers() {
	local own
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	cat "/sys/fs/cgroup$own/cgroup.controllers" 2>/dev/null || true
}

need_undelegated() {
	case " $(controllers) " in
	*" memory "* | *" pids "*) skip "controllers are delegated here" ;;
	esac
	[ ! -S "${XDG_RUNTIME_DIR-}/systemd/private" ] && [ ! -S "/run/user/$(id -u)/systemd/private" ] ||
		skip "systemd's user manager can be asked here"
}

need_freezer() {
	local own
	own=$(sed -n 's/^0:://p' /proc/self/cgroup)
	[ -w "/sys/fs/cgroup$own" ] && [ -e "/sys/fs/cgroup$own/cgroup.freeze" ] || skip "no cgroup v2 is delegated here"
}

@test "what makes no sense is refused in known words" {
	refused() {
		local want=$1
		shift
		run_cove 125 create "$@" busybox true
		like "${lines[0]}" "$want"
	}
	refused "invalid value for memory: invalid size: '1x'" --memory 1x
	refused 'invalid argument "abc" for "--cpus" flag' --cpus abc
	refused 'CPU cfs quota cannot be less than 1ms \(i.e. 1000\)' --cpus 0.0001
	refused 'CPU cfs period cannot be less than 1ms \(i.e. 1000\) or larger than 1s' --cpu-period 1
	refused '\-\-cpu-quota and --cpus cannot be set together' --cpus 1 --cpu-quota 5000
	refused 'minimum memoryswap limit should be larger than memory limit, see usage' --memory 10m --memory-swap 5m
	refused 'you should always set a memory limit when using a memoryswap limit, see usage' --memory-swap 5m
	refused 'minimum memory limit cannot be less than memory reservation limit, see usage' \
		--memory 10m --memory-reservation 20m
	refused 'invalid value for blkio-weight' --blkio-weight 5
	refused 'bad format: /dev/null' --blkio-weight-device /dev/null
	refused 'bad format for device path: foo:100' --blkio-weight-device foo:100
	refused '/dev/null is no block device' --device-read-bps /dev/null:1mb
	refused 'stat /dev/nosuch: No such file or directory' --device-write-iops /dev/nosuch:10
	refused 'invalid argument "abc" for "--pids-limit" flag' --pids-limit abc
	refused 'invalid value 2-1 for cpuset cpus' --cpuset-cpus 2-1
	refused 'invalid value x for cpuset mems' --cpuset-mems x
	refused 'invalid value: 101, valid memory swappiness range is 0-100' --memory-swappiness 101
	refused '\-\-cgroup-conf must be formatted KEY=VALUE' --cgroup-conf memory.high
	refused 'invalid device cgroup rule requires type, major:Minor, and access rules: "foo"' --device-cgroup-rule foo
	refused 'cannot set resource limits when cgroups are disabled' --cgroups disabled --memory 10m
	refused 'invalid cgroup parent' --cgroup-parent a/../../b
	run_cove ps -aq
	is "$output" "" "containers left"
}

@test "inspect tells the limits" {
	run_cove create --name c --memory 64m --memory-reservation 32m --cpus 1.5 --cpu-shares 512 --cpuset-cpus 0 \
		--pids-limit 20 --blkio-weight 100 busybox true
	run_cove inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}}' c
	is "$output" "67108864 134217728 33554432"
	run_cove inspect --format '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.CpuPeriod}}' c
	is "$output" "1500000000 150000 100000"
	run_cove inspect --format '{{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}} {{.HostConfig.PidsLimit}}' c
	is "$output" "512 0 20"
	run_cove inspect --format '{{.HostConfig.BlkioWeight}} {{.HostConfig.Cgroups}}' c
	is "$output" "100 enabled"
	run_cove update --memory 80m c
	run_cove inspect --format '{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}' c
	is "$output" "83886080 20"
	run_cove 125 update --memory-swap 10m c
	like "$output" "minimum memoryswap limit"
	run_cove inspect --format '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' c
	is "$output" "83886080 167772160" "after a refused update"
	run_cove 125 update nosuch --memory 1g
}

@test "without a controller: one line says who keeps a limit" {
	need_undelegated
	run_cove "${none[@]}" --memory 64m --cpus 1 --cpuset-cpus 0 --pids-limit 30 --blkio-weight 100 busybox true
	is "${#lines[@]}" 1 "lines"
	like "$output" "kept by the monitor: memory"
	like "$output" "kept by CPU affinity: cpus, cpuset-cpus"
	like "$output" "kept by I/O priority: blkio-weight"
	like "$output" "pids-limit"
	run_cove 125 "${none[@]}" --cpuset-mems 0 busybox true
	like "$output" "--cpuset-mems cannot be kept"
	like "$output" "Delegate="
	run_cove 125 "${none[@]}" --cgroup-conf memory.high=1 busybox true
	like "$output" "--cgroup-conf cannot be kept"
	run_cove ps -aq
	is "$output" "" "containers left"
}

@test "more memory than the limit: killed, 137, OOMKilled" {
	run_cove 137 run --name hog --network none --memory 40m busybox \
		sh -c 'exec dd if=/dev/zero of=/dev/null bs=300M count=10000'
	run_cove inspect --format '{{.State.OOMKilled}} {{.State.ExitCode}}' hog
	is "$output" "true 137"
	run_cove run -d --name idle --network none --memory 40m busybox \
		sh -c 'exec dd if=/dev/zero of=/dev/null bs=300M count=10000'
	run_cove wait idle
	like "$output" "137$"
	run_cove inspect --format '{{.State.OOMKilled}}' idle
	is "$output" "true"
	run_cove run --rm --network none --memory 200m busybox sh -c 'dd if=/dev/zero of=/dev/null bs=20M count=10 2>/dev/null; echo fine'
	like "$output" "fine$"
}

@test "a fork bomb stops at the limit of processes" {
	run_cove '?' run --name bomb --network none --pids-limit 12 busybox \
		sh -c 'i=0; while [ $i -lt 40 ]; do sleep 5 & i=$((i + 1)); done; wait'
	like "$output" "can't fork"
	run_cove run --rm --network none --pids-limit 12 busybox sh -c 'sleep 0 & sleep 0 & wait; echo fine'
	like "$output" "fine$"
	run_cove run --rm --network none --pids-limit -1 busybox sh -c 'i=0; while [ $i -lt 40 ]; do sleep 0 & i=$((i+1)); done; wait; echo fine'
	is "$output" "fine"
}

@test "the CPUs of cpuset-cpus, in exec as well" {
	first=$(sed -n 's/^Cpus_allowed_list:[[:space:]]*\([0-9]*\).*/\1/p' /proc/self/status)
	run_cove run -d --name c --network none --cpuset-cpus "$first" busybox sleep 1000
	run_cove exec c grep Cpus_allowed_list /proc/1/status
	is "${output##*[[:space:]]}" "$first"
	run_cove exec c grep Cpus_allowed_list /proc/self/status
	is "${output##*[[:space:]]}" "$first"
	run_cove 125 "${none[@]}" --cpuset-cpus 4000 busybox true
}

@test "the limits are out of the container's own reach" {
	run_cove run -d --name c --network none --memory 64m --pids-limit 50 busybox sleep 1000
	run_cove '?' exec c sh -c 'echo max >/sys/fs/cgroup/pids.max || mkdir /sys/fs/cgroup/x || echo 0 >/sys/fs/cgroup/cgroup.procs'
	[ "$status" != 0 ] || die "the cgroup files can be written"
	like "$output" "Read-only file system|can't create|not permitted|nonexistent"
	run_cove '?' exec c sh -c 'mount -o remount,rw /sys/fs/cgroup && echo remounted'
	[[ $output != *remounted* ]] || die "the cgroup mount could be made writable"
	run_cove '?' exec c sh -c 'ulimit -u 100000 && echo raised'
	like "$output" "raised|not permitted|error setting limit|can't"
	# Its view ends at its own cgroup: no sibling, no parent.
	run_cove exec c cat /proc/self/cgroup
	[[ $output != *../* ]] || die "the cgroup namespace shows what lies above"
	run_cove exec c sh -c 'cat /sys/fs/cgroup/cgroup.procs 2>/dev/null || true'
	[[ " ${lines[*]} " != *" $$ "* ]] || die "the caller's processes are in sight"
}

@test "pause and unpause" {
	need_freezer
	run_cove run -d --name c --network none busybox sleep 1000
	run_cove pause c
	is "$output" "c"
	run_cove ps --format '{{.Status}} {{.State}}'
	is "$output" "Paused paused"
	run_cove inspect --format '{{.State.Status}} {{.State.Paused}} {{.State.Running}}' c
	is "$output" "paused true false"
	run_cove 125 pause c
	like "$output" "is already paused: container state improper"
	run_cove 125 exec c true
	like "$output" "can only create exec sessions on running containers: container state improper"
	run_cove 125 stop c
	like "$output" "is in state paused: container state improper"
	run_cove 2 rm c
	run_cove unpause --all
	like "$output" "^[0-9a-f]{64}$"
	run_cove 125 unpause c
	like "$output" "is not paused, can't unpause: container state improper"
	run_cove exec c echo awake
	is "$output" "awake"
	run_cove pause --filter name=nosuch
	is "$output" ""
	run_cove pause --filter name=c --filter status=running
	like "$output" "^[0-9a-f]{64}$"
	cove inspect --format '{{.Id}}' c >"$T/cid"
	run_cove unpause --cidfile "$T/cid"
	run_cove 125 unpause --cidfile "$T/nosuch"
	run_cove pause -a
	run_cove rm -f c
	run_cove ps -aq
	is "$output" ""
}

@test "pause where it cannot be" {
	run_cove create --name c busybox true
	run_cove 125 pause c
	like "$output" "is not running, can't pause: container state improper"
	run_cove 125 pause nosuch
	run_cove 125 pause
}

@test "stats" {
	run_cove run -d --name c --network none busybox sleep 1000
	run_cove stats --no-stream
	like "${lines[0]}" "^ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET IO +BLOCK IO +PIDS +CPU TIME +AVG CPU %$"
	like "${lines[1]}" "^[0-9a-f]{12}  c  .* 1 +[0-9.]+"
	run_cove stats --no-stream --format '{{.Name}} {{.PIDS}}' c
	is "$output" "c 1"
	run_cove stats --no-stream --format json c
	like "$output" '"name": "c"'
	like "$output" '"pids": "1"'
	like "$output" '"mem_usage": "[0-9.]+[kM]B / '
	run_cove 125 stats --no-stream nosuch
	run_cove 125 stats --all c
}

@test "ulimits: a list, and the caller's own" {
	run_cove "${none[@]}" --ulimit nofile=300:400,core=0 busybox sh -c 'echo $(ulimit -Sn) $(ulimit -Hn) $(ulimit -c)'
	is "$output" "300 400 0"
	ulimit -Sn 555
	run_cove "${none[@]}" --ulimit host busybox sh -c 'ulimit -Sn; ulimit -Ss'
	is "$output" "$(ulimit -Sn; ulimit -Ss)"
	run_cove 125 "${none[@]}" --ulimit nosuch=1 busybox true
	like "$output" "invalid ulimit type: nosuch"
}

@test "cgroups disabled: the caller's own" {
	run_cove "${none[@]}" --cgroups disabled busybox true
	run_cove 125 "${none[@]}" --cgroups sometimes busybox true
}
