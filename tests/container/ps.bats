#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ps, logs, wait and the formats.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

@test "ps shows what runs, ps -a what is there" {
	run_cove ps
	is "$output" "CONTAINER ID  IMAGE       COMMAND     CREATED     STATUS      PORTS       NAMES"
	id=$(cove run -d --network none --name up -l k=v busybox sleep 100)
	cove run --network none --name down busybox sh -c 'exit 3' || true
	cove create --network none --name new busybox true >/dev/null
	run_cove ps -q
	is "$output" "${id:0:12}"
	run_cove ps --no-trunc -q
	is "$output" "$id"
	upper=${id:0:13}
	run_cove ps -q --filter id="${upper^^}"
	is "$output" "${id:0:12}" "digits of any case are a prefix"
	run_cove ps -q --filter id="^[^${id:0:1}]"
	is "$output" "" "anything else is an expression"
	run_cove ps -a --sort names --format '{{.Names}} {{.State}} {{.Image}}'
	is "$output" "down exited $IMAGE
new created $IMAGE
up running $IMAGE"
	run_cove ps -a --format '{{.Names}}' --filter status=exited
	is "$output" down
	run_cove ps -a --format '{{.Names}}' --filter exited=3
	is "$output" down
	run_cove ps -a --format '{{.Names}}' --filter label=k=v --filter name=up
	is "$output" up
	run_cove ps -a --format '{{.Names}}' --filter name='^ne' --filter name=dow --sort names
	is "$output" $'down\nnew'
	run_cove ps -a -n 1 --format '{{.Names}}'
	is "$output" new
	run_cove ps --format 'table {{.ID}} {{.Names}}'
	like "${lines[0]}" '^CONTAINER ID +NAMES$'
	run_cove ps --format '{{.Label "k"}} {{.Labels}}'
	is "$output" "v map[k:v org.example.kind:test]"
	run_cove 125 ps --filter nosuch=x
	is "$output" "Error: nosuch is an invalid filter"
	need jq
	is "$(cove ps --format json | jq -r '.[0].Names[0]')" up
}

@test "logs" {
	cove run --network none --name l busybox sh -c 'echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three'
	is "$(cove logs l 2>/dev/null)" $'one\nthree'
	is "$(cove logs l 2>&1 >/dev/null)" two
	run_cove logs --tail 1 l
	is "$output" three
	run_cove logs -t l
	like "${lines[0]}" '^[0-9]{4}-[0-9]{2}-[0-9]{2}T.* one$'
	run_cove 125 logs nosuch
	cove run -d --network none --name f busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done' >/dev/null
	run_cove logs -f f
	is "$output" $'1\n2\n3'
}

@test "ps lists in the order in which containers were made" {
	cove create --name zz --network none busybox true
	cove create --name aa --network none busybox true
	is "$(cove ps -a --format '{{.Names}}' --filter name=zz --filter name=aa | tr '\n' ' ')" "zz aa "
	is "$(cove ps -a -n 1 --format '{{.Names}}')" aa
	is "$(cove ps -a --filter 'name=^/aa$' --format '{{.Names}}')" aa
	is "$(cove ps -a --filter "id=^$(cove inspect aa --format '{{.Id}}' | cut -c1-9)" --format '{{.Names}}')" aa
	run_cove 0 inspect /aa --format '{{.Name}}'
	is "$output" aa
}

@test "ps and inspect show sizes, ps namespaces, and again and again" {
	cove tag "$IMAGE" other.example/second:1
	cove run -d --network none --name up other.example/second:1 sleep 100 >/dev/null
	cove run --network none --name down busybox sh -c 'head -c 5000 /dev/zero >/x'
	run_cove ps -a --sort names --format '{{.Names}} {{.Image}}'
	is "$output" "down $IMAGE"$'\n'"up other.example/second:1" "the name that was asked for"
	image=$(cove image inspect --format '{{.Size}}' busybox)
	run_cove ps -as --sort names
	like "${lines[0]}" "NAMES +SIZE$"
	like "${lines[1]}" " down +5kB \(virtual [0-9.]+MB\)$"
	like "${lines[2]}" " up +0B \(virtual [0-9.]+MB\)$"
	run_cove ps -a --sort size --format '{{.Names}} {{.Size}}'
	like "${lines[0]}" "^up 0B "
	like "${lines[1]}" "^down 5kB "
	like "$(cove ps -a --size --format json | tr -d ' \n')" "\"rootFsSize\":$image,\"rwSize\":0"
	is "$(cove ps -a --format json | grep -c Size)" 0 "sizes nobody asked for"
	for noun in "" container; do
		run_cove $noun inspect --size --format '{{.SizeRw}} {{.SizeRootFs}}' down
		is "$output" "5000 $((image + 5000))"
	done
	pid=$(cove inspect --format '{{.State.Pid}}' up)
	run_cove ps -a --ns --sort names
	is "$(tr -s ' ' <<<"${lines[0]}")" "CONTAINER ID NAMES PID CGROUPNS IPC MNT NET PIDNS USERNS UTS"
	like "${lines[1]}" "^[0-9a-f]{12} +down +0 *$"
	run_cove ps --namespace --format '{{.PIDNS}} {{.Namespaces.MNT}}'
	is "$output" "$(readlink "/proc/$pid/ns/pid" "/proc/$pid/ns/mnt" | tr -dc '0-9\n' | paste -sd ' ')"
	run_cove 125 ps --ns --size
	is "$output" "Error: size and namespace options conflict"
	run_cove ps -p
	like "${lines[0]}" "NAMES +POD ID +PODNAME *$"
	run_cove ps --sync --notruncate -q
	is "${#output}" 64
	COVE_CONTAINERS=1 timeout 10 "$COVE" ps -w 1 -q >"$T/watched" 3>&- &
	PIDS+=($!)
	wait_for 10 eval '[ "$(wc -l <"$T/watched")" -ge 2 ]'
}
