#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --runtime: containers that another OCI runtime starts, beside those that cove starts itself.
load ../setup

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	load_busybox
}

# The runtimes that are here; ours, driven as a stranger, is always.
runtimes() {
	local name
	for name in crun runc "$COVE_BUILD/cove-runtime"; do
		! has_runtime "$name" || echo "$name"
	done
}

# same ARG...: `cove run` gives with every runtime the output and status that it gives by itself.
same() {
	local name own_status own
	run_cove "?" run --rm --network none "$@"
	own_status=$status own=$output
	for name in $(runtimes); do
		run_cove "?" --runtime "$name" run --rm --network none "$@"
		[ "$status" = "$own_status" ] || die "$name: status $status, not $own_status: $output"
		[ "$own_status" = 125 ] || [ "$own_status" = 126 ] || [ "$own_status" = 127 ] ||
			[ "$output" = "$own" ] || die "$name: $output"$'\n'"not: $own"
	done
	run_cove ps -aq
	is "$output" ""
	is "$(ls "$XDG_RUNTIME_DIR/cove/c")" ""
}

@test "what a program finds is the same with every runtime" {
	same busybox sh -c 'id; pwd; echo "$HOME"; cat /proc/self/uid_map; hostname | wc -c; exit 7'
	same -u 1000:1000 -w /tmp busybox sh -c 'id; pwd; echo "$HOME"; grep -E "^(Cap|NoNew|Seccomp:)" /proc/self/status'
	same --cap-drop all --security-opt no-new-privileges busybox grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status
	same --cap-add net_raw -u 5 busybox grep -E '^Cap' /proc/self/status
	same --user 1 --group-add 7 busybox id
	same --read-only --tmpfs /t:size=1m busybox sh -c 'touch /x 2>/dev/null || touch /t/x && echo wrote'
	same -e A=b --hostname h busybox sh -c 'echo $A; hostname'
	same --security-opt seccomp=unconfined busybox grep Seccomp: /proc/self/status
	same busybox sh -c 'kill -9 $$'
}

@test "what cannot be executed, and where one cannot go" {
	same busybox nosuch
	same busybox /etc
	same -u nosuch busybox true
	same -w /nosuch busybox true
}

@test "a terminal, input, volumes that the image fills" {
	local name
	for name in $(runtimes); do
		run_cove --runtime "$name" run --rm -t --network none busybox sh -c 'tty; stty size >/dev/null && echo sized'
		like "$output" "/dev/pts/0"
		like "$output" sized
		is "$(echo fed | cove --runtime "$name" run --rm -i --network none busybox cat)" fed
		is "$(cove --runtime "$name" run --rm --network none -v "v-${name##*/}:/www" busybox cat /www/index.html)" "hello from busybox"
	done
}

@test "its whole life: start, exec, stop, start, inspect, remove" {
	local name
	for name in $(runtimes); do
		cove --runtime "$name" run -d --name c --network none busybox sleep 100 >/dev/null
		is "$(cove inspect c --format '{{.State.Status}}')" running
		like "$(cove inspect c --format '{{.OCIRuntime}}')" "${name##*/}"
		is "$(cove exec c sh -c 'echo in; readlink /proc/self/ns/pid' | tail -n 1)" \
			"$(cove unshare readlink "/proc/$(cove inspect c --format '{{.State.Pid}}')/ns/pid")"
		cove stop -t 0 c >/dev/null
		is "$(cove inspect c --format '{{.State.ExitCode}}')" 137
		cove start c >/dev/null
		is "$(cove inspect c --format '{{.State.Status}}')" running
		cove rm -f -t 0 c >/dev/null
	done
	is "$(ls "$XDG_RUNTIME_DIR/cove/c")" ""
}

@test "a private network with a published port" {
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	local name port
	for name in $(runtimes); do
		port=$(free_port)
		cove --runtime "$name" run -d --name c -p "127.0.0.1:$port:80" busybox httpd -f -p 80 -h /www >/dev/null
		wait_for 20 curl -fsS "http://127.0.0.1:$port/"
		cove rm -f -t 0 c >/dev/null
	done
}

@test "a runtime that is not there, or is none" {
	run_cove 125 --runtime nosuch run --rm --network none busybox true
	is "$output" 'Error: default OCI runtime "nosuch" not found: invalid argument'
	run_cove 125 --runtime /nosuch run --rm --network none busybox true
	is "$output" 'Error: OCI runtime /nosuch: No such file or directory'
	run_cove 125 --runtime false run --rm --network none busybox true
	like "$output" "false ended with status 1"
	run_cove ps -aq
	is "$output" ""
}

@test "options for the runtime itself" {
	has_runtime crun || skip "crun is not installed, or not for these cgroups"
	run_cove --runtime crun --runtime-flag debug run --rm --network none busybox echo fine
	like "$output" fine
	run_cove 125 --runtime crun --runtime-flag no-such-option run --rm --network none busybox true
}
