#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# system df, prune, reset, migrate, renumber; container prune.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	S=$XDG_DATA_HOME/cove
}

@test "df counts each thing once" {
	run_cove system df
	is "$(tr -s ' ' <<<"${lines[0]}")" "TYPE TOTAL ACTIVE SIZE RECLAIMABLE"
	like "${lines[1]}" "^Images +1 +0 +.*\(100%\)"
	like "${lines[2]}" '^Containers +0 +0 +0B +0B \(0%\)$'
	like "${lines[3]}" '^Local Volumes +0 +0 +0B +0B \(0%\)$'
	cove run --network none --name c -v vol:/data busybox sh -c 'head -c 5000 /dev/zero >/x; ln /x /y; head -c 7000 /dev/zero >/data/z' >/dev/null
	cove run -d --network none --name r busybox sh -c 'head -c 1000 /dev/zero >/x; echo x >/dev/shm/ready; sleep 1000' >/dev/null
	wait_for 10 cove exec r test -s /dev/shm/ready
	cove commit -q c other >/dev/null
	run_cove system df --format '{{.Type}}|{{.Total}}|{{.Active}}|{{.RawSize}}|{{.RawReclaimable}}'
	like "${lines[0]}" '^Images\|2\|1\|[0-9]+\|5000$'
	is "${lines[1]}" 'Containers|2|1|6000|5000'
	is "${lines[2]}" 'Local Volumes|1|1|7000|0'
	is "$(cove system df --format json | python3 -c 'import json, sys; print([r["Type"] for r in json.load(sys.stdin)])')" \
		"['Images', 'Containers', 'Local Volumes']"
	like "$(cove system df --format '{{json .}}' | head -n1)" '^\{"Type":"Images",.*"TotalCount":2'
	run_cove system df -v
	like "$output" "Images space usage:"
	like "$output" 'localhost/busybox +latest +[0-9a-f]{12} .* 0B +2'
	like "$output" 'localhost/other +latest +[0-9a-f]{12} .* 5kB +0'
	like "$output" 'sh -c head .* 1 +5kB .* exited +c'
	like "$output" 'vol +1 +7kB'
	cove rm c >/dev/null
	run_cove system df --format '{{.RawReclaimable}}'
	is "${lines[2]}" 7000
	run_cove 125 system df -v --format json
}

@test "prune takes what nobody uses, and no more" {
	cove run -d --network none --name r -v used:/data busybox sleep 1000 >/dev/null
	cove create --network none --name c --label a=b -v unused:/data busybox true >/dev/null
	cove create --network none --name keep --label keep=1 busybox true >/dev/null
	cove run --rm --network none -v unused:/data busybox sh -c 'head -c 7000 /dev/zero >/data/z'
	cove commit -q r named >/dev/null
	cove commit -q r nameless >/dev/null
	cove untag nameless
	output=$(echo n | cove system prune --volumes)
	like "$output" "WARNING! This command removes:.*all stopped containers.*all volumes.*continue"
	[ "$(cove ps -aq | wc -l)" = 3 ] || die "it did not ask"
	run_cove 125 system prune -f --filter bad=1
	is "$output" "Error: bad is an invalid filter"
	run_cove container prune -f --filter label=a=b
	[ "$(cove ps -aq | wc -l)" = 2 ] || die "$output"
	run_cove system prune -f --filter label!=keep
	like "$output" "Deleted Images"
	[ "$(cove ps -aq | wc -l)" = 2 ]
	cove image exists named
	[ -d "$S/volumes/unused" ]
	run_cove system prune -f --volumes
	like "$output" "Deleted Containers
[0-9a-f]{64}
Deleted Volumes
unused
Total reclaimed space: 7kB"
	[ -d "$S/volumes/used" ] && [ ! -d "$S/volumes/unused" ]
	cove network create --label a=b unusednet >/dev/null
	run_cove system prune -f --filter label=other
	cove network exists unusednet
	run_cove system prune -af
	like "$output" "Deleted Images.*Deleted Networks
unusednet"
	run_cove 1 network exists unusednet
	run_cove 1 image exists named
	cove exec r true
	run_cove system check
	is "$output" ""
	run_cove system prune -f
	is "$output" "Total reclaimed space: 0B"
	run_cove 125 system prune -f x
	run_cove 125 system prune -f --external --all
}

@test "volumes are not pruned under a container that is just made" {
	local i
	for i in {1..12}; do
		cove system prune -f --volumes >/dev/null &
		cove run --rm --network none -v "v$i:/data" busybox sh -c 'echo x >/data/x; cat /data/x' >"$T/out" || die "lost"
		is "$(cat "$T/out")" x
		wait
	done
}

@test "migrate stops containers and lets go of the holder; renumber has nothing to do" {
	local holder
	cove run -d --network none --name r busybox sleep 1000 >/dev/null
	run_cove system renumber
	is "$output" ""
	holder=$(cat "$R/cove/userns/pid")
	kill -0 "$holder"
	run_cove system migrate
	like "$output" "stopped [0-9a-f]{64}"
	is "$(cove ps -q)" ""
	wait_for 5 eval '! kill -0 $holder'
	cove start r >/dev/null
	is "$(cove exec r echo again)" again
	run_cove 125 system migrate --new-runtime nosuch
	is "$output" 'Error: change to runtime "nosuch" requested but no such runtime is defined: invalid argument'
	[ "$(cove ps -q | wc -l)" = 1 ]
	if has_runtime crun; then
		run_cove system migrate --new-runtime crun
		is "$(cove inspect --format '{{.OCIRuntime}}' r)" "$(command -v crun)"
	fi
}

@test "reset leaves nothing, and nothing of others" {
	local pid
	cove run -d --network none --name r -v vol:/data busybox sh -c 'touch /data/x; sleep 1000' >/dev/null
	pid=$(cove inspect --format '{{.State.Pid}}' r)
	output=$(echo n | cove system reset)
	like "$output" "the graphRoot directory: \"$S\""
	cove image exists busybox
	echo mine >"$S/somebody-elses"
	run_cove system reset -f
	is "$(ls -A "$S")" somebody-elses
	wait_for 5 eval '! kill -0 $pid'
	[ ! -e "$R/cove/c" ]
	run_cove images -q
	is "$output" ""
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	is "$(cove run --rm --network none busybox echo ok)" ok
	run_cove system reset -f
	rm "$S/somebody-elses"
	run_cove system reset -f
	[ ! -e "$S" ]
}
