#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Containers whose commands, monitors and helpers are killed at many moments.
load ../setup
load faults

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

# usable NAME: the name can be had.
usable() {
	run_cove rm -f -t 0 -i "$1"
	run_cove run --rm --network none --name "$1" "$IMAGE" echo works
	is "$output" works
}

@test "run, with all its processes" {
	local ms
	for ms in 1 3 5 7 9 11 13 15 18 21 25 30 40 60 100; do
		kill_after "$ms" "$COVE" run --rm --network none --name c "$IMAGE" sleep 98765
		run_cove ps -a
		usable c
	done
	nothing_left
}

@test "run with a network, with all its processes" {
	local ms
	[ -w /dev/net/tun ] || skip "no /dev/net/tun"
	for ms in 2 5 8 12 16 20 25 30 40 60; do
		kill_after "$ms" "$COVE" run --name c "$IMAGE" sleep 98765
		run_cove ps -a
		usable c
	done
	nothing_left
}

@test "run, the command alone" {
	local ms
	for ms in 2 5 8 12 16 20 30 60; do
		kill_only_after "$ms" "$COVE" run --network none --name c "$IMAGE" sleep 98765
		run_cove ps -a
		usable c
	done
	nothing_left
}

@test "run -d, stop and rm, killed" {
	local ms
	for ms in 1 3 5 8 11 14 17 20 25 30; do
		kill_after "$ms" "$COVE" run -d --network none --name c "$IMAGE" sleep 98765
		run_cove ps -a
		usable c
	done
	for ms in 1 3 6 10 20 40; do
		cove run -d --network none --name c "$IMAGE" sh -c 'trap "exit 0" TERM; while :; do sleep 98765 & wait; done' >/dev/null
		kill_after "$ms" "$COVE" stop -t 1 c
		run_cove ps -a
		kill_after "$ms" "$COVE" rm -f -t 0 c
		run_cove ps -a
		usable c
	done
	nothing_left
}

@test "the monitor is killed" {
	local pid monitor i
	for i in 1 2 3; do
		cove run -d --network none --name c "$IMAGE" sleep 98765 >/dev/null
		pid=$(cove inspect --format '{{.State.Pid}}' c)
		monitor=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")
		kill -KILL "$monitor"
		wait_for 5 sh -c "! kill -0 $monitor"
		run_cove ps -a --format '{{.State}}'
		is "$output" exited
		run_cove inspect --format '{{.State.ExitCode}}' c
		is "$output" 137
		wait_for 5 sh -c "! kill -0 $pid"
		run_cove start c
		run_cove exec c true
		run_cove stop -t 0 c
		run_cove rm c
	done
	nothing_left
}

@test "the holder and the network process are killed" {
	local pid
	cove run -d --network none --name c "$IMAGE" sleep 98765 >/dev/null
	kill -KILL "$(cat "$R/cove/userns/pid")"
	run_cove ps --format '{{.State}}'
	is "$output" running
	run_cove exec c echo works
	is "$output" works
	run_cove run --rm --network none "$IMAGE" echo works
	is "$output" works
	run_cove stop -t 0 c
	run_cove start c
	run_cove rm -f -t 0 c
	nothing_left
	[ -w /dev/net/tun ] || return 0
	cove run -d --name n "$IMAGE" sleep 98765 >/dev/null
	pid=$(awk '/^PPid/ { print $2 }' "/proc/$(cove inspect --format '{{.State.Pid}}' n)/status")
	pkill -KILL -P "$pid" -x cove-net
	run_cove exec n echo works
	is "$output" works
	run_cove stop -t 0 n
	run_cove start n
	run_cove rm -f -t 0 n
	nothing_left
}

@test "the container's first process is stopped and killed" {
	local pid
	cove run -d --network none --name c "$IMAGE" sleep 98765 >/dev/null
	pid=$(cove inspect --format '{{.State.Pid}}' c)
	kill -STOP "$pid"
	COVE_TIMEOUT=20 run_cove stop -t 1 c
	run_cove inspect --format '{{.State.ExitCode}} {{.State.Status}}' c
	is "$output" "137 exited"
	run_cove start c
	kill -KILL "$(cove inspect --format '{{.State.Pid}}' c)"
	run_cove wait c
	is "$output" 137
	nothing_left
}

@test "fifty runs at once" {
	local i bad=0 pids=()
	for i in {1..50}; do
		(COVE_TIMEOUT=60 cove run --rm --network none "$IMAGE" echo "$i" >"$T/out.$i" 2>&1 3>&-) &
		pids+=($!)
	done
	for i in {1..10}; do
		run_cove ps -a
		run_cove images
	done
	for i in "${!pids[@]}"; do
		wait "${pids[$i]}" || { bad=$((bad + 1)) && cat "$T/out.$((i + 1))"; }
	done
	is "$bad" 0 "failed runs"
	for i in {1..50}; do
		is "$(cat "$T/out.$i")" "$i"
	done
	run_cove ps -aq
	is "$output" ""
	nothing_left
}

@test "ten creations of one name" {
	local i won=0 pids=()
	for i in {1..10}; do
		(cove create --network none --name same "$IMAGE" true >"$T/out.$i" 2>&1 3>&-) &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		if wait "${pids[$i]}"; then
			won=$((won + 1))
		else
			like "$(cat "$T/out.$((i + 1))")" "already in use"
		fi
	done
	is "$won" 1 "winners"
	is "$(find "$XDG_DATA_HOME/cove/containers" -mindepth 1 -maxdepth 1 | wc -l)" 1
	nothing_left
}

@test "starts, stops and removals of one container together" {
	local i pids=()
	cove create --network none --name c "$IMAGE" sleep 98765 >/dev/null
	for i in {1..4}; do
		(for _ in {1..5}; do cove start c; cove stop -t 0 c; cove ps -a; done) >"$T/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	(sleep 0.5; cove rm -f -t 0 c) >/dev/null 2>&1 3>&- &
	pids+=($!)
	for i in "${pids[@]}"; do
		wait "$i" || true
	done
	! grep -hiE 'segmentation|assert|database is locked|malformed' "$T"/out.* || die "$(cat "$T"/out.*)"
	usable c
	nothing_left
}

@test "after a reboot" {
	local pid
	cove run -d --network none --name c -v data:/d "$IMAGE" sh -c 'date >>/d/starts; exec sleep 98765' >/dev/null
	cove create --network none --name d "$IMAGE" true >/dev/null
	wait_for 5 cove exec c test -s /d/starts
	# All gone at once, the runtime directory empty.
	# shellcheck disable=SC2046 # several
	kill -KILL $(ours) "$(cat "$R/cove/userns/pid")" "$(cove inspect --format '{{.State.Pid}}' c)" 2>/dev/null || true
	wait_for 5 no_process
	rm -rf "${R:?}"/*
	run_cove ps -q
	is "$output" "" "running after a reboot"
	run_cove ps -a --format '{{.Names}} {{.State}}'
	like "$output" "c exited"
	like "$output" "d created"
	run_cove start c
	wait_for 5 sh -c "'$COVE' exec c cat /d/starts | wc -l | grep 2"
	run_cove exec c true
	run_cove start -a d
	nothing_left
}
