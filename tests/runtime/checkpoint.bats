#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore of cove-runtime, with a program in place of criu that notes how it was called: as root
# (COVE_TEST_AS_ROOT=1 bats tests/runtime/checkpoint.bats); else what is refused.

load runtime

setup() {
	cove_setup
	need python3
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	B=$T/bundle ROOT=$R/state
	make_bundle "$B"
	cat >"$T/criu" <<-EOF
		#!/bin/sh
		[ "\$1" != --version ] || exit 0
		printf '%s\n' "\$*" >>"$T/calls"
		while [ \$# -gt 0 ]; do
			case \$1 in
			--work-dir) work=\$2 ;;
			--log-file) log=\$2 ;;
			esac
			shift
		done
		printf '(0.1) pie: fine\n(0.2) Error (a.c:1): no such thing\n(0.3) Error (b.c:2): Dumping FAILED.\n' >"\$work/\$log"
		exit "\$(cat "$T/status")"
	EOF
	chmod +x "$T/criu"
	echo 1 >"$T/status"
}

is_root() {
	[ "$(id -u)" = 0 ] || skip "this is about root: COVE_TEST_AS_ROOT=1 bats tests/runtime/checkpoint.bats"
	args sleep 1000
	rt run -d c1 </dev/null >/dev/null 2>&1
}

@test "without root it is refused" {
	[ "$(id -u)" != 0 ] || skip "this is about an ordinary user"
	run_rt 1 --criu "$T/criu" checkpoint c1
	like "$output" "checkpoint and restore need root"
	run_rt 1 --criu "$T/criu" restore c1
	like "$output" "checkpoint and restore need root"
	if unshare --user --map-root-user true 2>/dev/null; then
		status=0
		output=$(timeout 60 unshare --user --map-root-user "$RUNTIME" --root "$ROOT" --criu "$T/criu" restore c1 2>&1) || status=$?
		is $status 1 "root of a user namespace only"
		like "$output" "checkpoint and restore need root"
	fi
	[ ! -e "$T/calls" ]
}

@test "help is there for callers that look for the verbs" {
	run_rt checkpoint --help
	like "$output" "--image-path"
	run_rt restore --help
	like "$output" "--image-path"
}

@test "what criu says is told, and the container runs on" {
	is_root
	run_rt 1 --criu "$T/criu" checkpoint --image-path "$T/images" --work-path "$T/work" c1
	like "$output" "criu dump: Error \(a.c:1\): no such thing"
	like "$output" "$T/work/dump.log"
	run_rt state c1
	like "$output" '"status": "running"'
}

@test "options become criu's" {
	local call
	is_root
	echo 0 >"$T/status"
	run_rt --criu "$T/criu" checkpoint --leave-running --tcp-established --ext-unix-sk --shell-job --file-locks --link-remap \
		--parent-path ../before --manage-cgroups-mode soft --image-path "$T/images" --work-path "$T/work" c1
	call=$(cat "$T/calls")
	like "$call" "^dump --images-dir $T/images --work-dir $T/work "
	for option in leave-running tcp-established ext-unix-sk shell-job file-locks link-remap "prev-images-dir ../before" \
		manage-cgroups=soft "tree $(rt state c1 | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')"; do
		like " $call " " --$option "
	done
	run_rt --criu "$T/criu" checkpoint --pre-dump --image-path "$T/images" c1
	like "$(tail -n 1 "$T/calls")" "^pre-dump --images-dir $T/images --work-dir $T/images .* --track-mem "
}

@test "a checkpoint deletes the container" {
	is_root
	echo 0 >"$T/status"
	run_rt --criu "$T/criu" checkpoint --image-path "$T/images" c1
	run_rt 1 state c1
	like "$output" "does not exist"
}

@test "a failed restore leaves nothing" {
	is_root
	rt delete -f c1
	run_rt 1 --criu "$T/criu" restore --image-path "$T/none" c1
	like "$output" "descriptors.json"
	mkdir "$T/images"
	echo '["/dev/null", "/dev/null", "/dev/null"]' >"$T/images/descriptors.json"
	run_rt 1 --criu "$T/criu" restore --image-path "$T/images" c1
	like "$output" "criu restore: Error \(a.c:1\): no such thing"
	like "$(cat "$T/calls")" "^restore .* --restore-detached "
	run_rt list -q
	is "$output" ""
	is "$(ls "$ROOT")" ""
}

@test "terminals are refused, and what does not run" {
	is_root
	run_rt 1 --criu "$T/criu" checkpoint nobody
	like "$output" "does not exist"
	rt kill c1 KILL
	wait_for 10 sh -c "'$RUNTIME' --root '$ROOT' state c1 | grep -q stopped"
	run_rt 1 --criu "$T/criu" checkpoint c1
	like "$output" "is not running: it is stopped"
	run_rt 1 --criu "$T/none" checkpoint c1
	like "$output" "need the program criu"
	rt delete c1
	config 'p["terminal"]=True'
	run_rt 1 --criu "$T/criu" restore --image-path "$T/images" c1
	like "$output" "has a terminal"
}
