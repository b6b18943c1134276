#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 of a container's network processes: the container and its published port go on.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	need nsenter curl
}

# network_processes: the children (of children) of the container's monitor that are not the container.  Processes that were
# replaced have been given to process 1 or a subreaper: they are found by the container's tap or its listening port.
processes_of_port() {
	local inode
	inode=$(awk -v p="$(printf ':%04X' "$1")" '$2 ~ p "$" && $4 == "0A" { print $10 }' /proc/net/tcp | head -n 1)
	[ -n "$inode" ] || return 0
	cove unshare find /proc -maxdepth 3 -path '/proc/[0-9]*/fd/*' -lname "socket:\[$inode\]" 2>/dev/null | cut -d/ -f3
}

answers() {
	[ "$(curl -fsS -m 2 "http://127.0.0.1:$port/" 2>/dev/null)" = from-c ]
}

killed_and_mended() {
	local i pid parent
	port=$(free_port)
	cove run -d --name c -p "127.0.0.1:$port:8080" "$@" busybox \
		sh -c 'mkdir -p /tmp/w && echo from-c >/tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w' >/dev/null
	wait_for 20 answers
	for i in 1 2 3 4; do
		pid=$(processes_of_port "$port" | head -n 1)
		[ -n "$pid" ] || die "nobody serves the port"
		# Its parent is the network's process: odd rounds kill that, even ones the relay.
		parent=$(awk '{ print $4 }' "/proc/$pid/stat")
		if [ $((i % 2)) = 1 ]; then kill -KILL "$parent"; else kill -KILL "$pid"; fi
		wait_for 20 answers
	done
	is "$(cove inspect c --format '{{.State.Status}} {{.RestartCount}}')" "running 0"
	run cove unshare nsenter -n -t "$(cove inspect c --format '{{.State.Pid}}')" ip -4 addr
	like "$output" "inet $(cove inspect c --format '{{.NetworkSettings.IPAddress}}')/"
	cove rm -f -t 0 c >/dev/null
	! curl -fsS -m 2 "http://127.0.0.1:$port/" 2>/dev/null || die "the port is still served"
}

@test "a private network's processes" {
	killed_and_mended
}

@test "the processes of a container on a bridge" {
	unshare --user --map-root-user --net sh -c 'PATH=$PATH:/usr/sbin:/sbin; ip link add br9 type bridge && ip link add ve9 type veth' 2>/dev/null ||
		skip "this kernel has no bridges or no veth devices"
	cove network create front >/dev/null
	killed_and_mended --network front
}
