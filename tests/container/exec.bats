#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# exec, attach, top.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	cove run -d --network none --name c busybox sleep 1000 >/dev/null
}

@test "exec runs beside the first process" {
	run_cove 4 exec c sh -c 'echo hi; exit 4'
	is "$output" "hi"
	is "$(echo data | cove exec -i c cat)" data
	is "$(head -c 2000000 /dev/zero | cove exec -i c wc -c)" 2000000
	run_cove exec c cat /proc/1/comm
	is "$output" sleep
	run_cove 127 exec c nosuch
	run_cove 126 exec c /etc
	run_cove 125 exec nosuch true
	run_cove 137 exec c sh -c 'kill -9 $$'
}

@test "exec options" {
	run_cove exec -u user -w /www -e X=y c sh -c 'id -un; pwd; echo $X $GREETING'
	is "$output" $'user\n/www\ny hello'
	run_cove exec -d c sh -c 'sleep 0.2; echo late >/late'
	wait_for 10 eval '[ "$(cove exec c cat /late)" = late ]'
	run_cove 126 exec -u nosuch c true
}

@test "exec has the container's limits" {
	run_cove exec c grep -E 'CapEff|Seccomp:' /proc/self/status
	like "$output" "00000000800405fb"
	like "$output" "Seccomp:.2"
	run_cove exec c sh -c 'ls -l /proc/self/fd | grep -c " -> "'
	is "${lines[${#lines[@]}-1]}" 3
}

@test "exec in a container that does not run" {
	cove stop -t 0 c
	run_cove 125 exec c true
	like "$output" "not running|state improper"
}

@test "attach shows what comes, and ends with the container" {
	cove run -d --network none --name talk busybox sh -c 'i=0; while [ ! -e /stop ]; do echo tick; sleep 0.05; done; exit 6' >/dev/null
	cove attach talk >"$T/out" 2>&1 3>&- &
	local pid=$! rc=0
	wait_for 10 grep -q tick "$T/out"
	cove exec talk touch /stop
	wait "$pid" || rc=$?
	is "$rc" 6
}

@test "top lists the processes" {
	run_cove top c
	like "${lines[0]}" "PID"
	like "$output" "sleep 1000"
}

@test "exec --preserve-fds passes descriptors on" {
	echo three >"$T/three"
	run_cove 0 exec --preserve-fds 1 c sh -c 'cat <&3' 3<"$T/three"
	is "$output" three
	run_cove 125 exec --preserve-fds 1 c true 3<&-
	like "$output" "file descriptor 3 is not available"
}
