#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# create, start, stop, kill, restart, wait, rename, rm, inspect.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

state() {
	cove inspect --format '{{.State.Status}} {{.State.ExitCode}}' "$1"
}

@test "created, running, exited, gone" {
	run_cove create --network none --name c busybox sh -c 'echo once; exit 5'
	like "$output" '^[0-9a-f]{64}$'
	is "$(state c)" "created 0"
	run_cove 5 start -a c
	is "$output" "once"
	is "$(state c)" "exited 5"
	run_cove start c
	is "$output" "c"
	run_cove wait c
	is "$output" "5"
	run_cove logs c
	is "$output" $'once\nonce'
	run_cove rm c
	is "$output" "c"
	run_cove 1 container exists c
	run_cove 125 start c
	like "$output" "no such container"
}

@test "stop asks first, then kills" {
	run_cove run -d --network none --name polite busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'
	run_cove run -d --network none --name deaf busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
	run_cove stop -t 10 polite
	is "$output" "polite"
	is "$(state polite)" "exited 3"
	run_cove stop -t 1 deaf
	is "$(state deaf)" "exited 137"
	run_cove stop deaf
	run_cove 125 stop nosuch
}

@test "kill sends any signal" {
	run_cove run -d --network none --name k busybox sh -c 'trap "echo usr1" USR1; echo ready; while :; do sleep 0.1; done'
	wait_for 10 eval 'cove logs k | grep -q ready'
	run_cove kill -s USR1 k
	wait_for 10 eval 'cove logs k | grep -q usr1'
	run_cove kill k
	run_cove wait k
	is "$output" 137
	run_cove 125 kill k
	run_cove 125 kill -s NOSUCH k
}

@test "rm refuses a running container, by its status" {
	run_cove run -d --network none --name r busybox sleep 100
	run_cove 2 rm r
	run_cove 1 rm nosuch
	like "$output" "no such container|no container with name or ID"
	run_cove rm -f r
	run_cove ps -aq
	is "$output" ""
	run_cove rm -f nosuch
	is "$output" ""
	run_cove rm -i nosuch
	is "$output" ""
	run_cove stop -i nosuch
	is "$output" ""
}

@test "restart keeps what was written" {
	run_cove run -d --network none --name w busybox sh -c 'echo x >>/count; sleep 100'
	wait_for 10 cove exec w test -s /count
	run_cove restart -t 0 w
	wait_for 10 eval '[ "$(cove exec w wc -l /count)" = "2 /count" ]'
}

@test "names, IDs and prefixes find a container" {
	id=$(cove run -d --network none --name name busybox sleep 100)
	for ref in name "$id" "${id:0:12}" "${id:0:3}"; do
		is "$(cove inspect --format '{{.Id}}' "$ref")" "$id" "$ref"
	done
	run_cove rename name other
	is "$(cove inspect --format '{{.Name}}' "$id")" "other"
	run_cove 125 inspect name
	run_cove 125 rename other 'b a d'
}

@test "a monitor that was killed leaves no riddle" {
	id=$(cove run -d --network none --name m busybox sleep 100)
	pid=$(cove inspect --format '{{.State.Pid}}' m)
	kill -9 "$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")"
	wait_for 10 eval '! cove ps -q | grep -q .'
	run_cove rm -f m
	run_cove run --rm --network none --name m busybox true
}

@test "inspect tells what was asked for" {
	need jq
	run_cove run -d --network none --name i -e A=b -l k=v -w /www -u 5:6 --hostname h busybox sleep 100
	cove inspect i >"$T/doc"
	is "$(jq -r '.[0].Config.Hostname' "$T/doc")" h
	is "$(jq -r '.[0].Config.User' "$T/doc")" 5:6
	is "$(jq -r '.[0].Config.WorkingDir' "$T/doc")" /www
	is "$(jq -r '.[0].Config.Labels.k' "$T/doc")" v
	is "$(jq -r '.[0].State.Running' "$T/doc")" true
	is "$(jq -r '.[0].ImageName' "$T/doc")" "$IMAGE"
	is "$(jq -c '.[0].Config.Cmd' "$T/doc")" '["sleep","100"]'
	run_cove inspect --format '{{range .Config.Env}}{{println .}}{{end}}' i
	like "$output" "A=b"
	run_cove inspect --type image busybox
	run_cove 125 inspect nosuch
}

@test "start, stop, restart, kill and rm by --filter and --cidfile" {
	load_busybox
	for i in 1 2 3; do
		cove create --name "c$i" --network none --label "n=$i" --stop-timeout 0 --cidfile "$T/id$i" busybox sleep 1000
	done
	run_cove 0 start --filter label=n=1 --filter label=n=2
	run_cove 0 start --filter name=c3
	is "$output" "$(cat "$T/id3")"
	run_cove 125 start --all c1
	is "$output" "Error: either start all containers or the container(s) provided in the arguments"
	run_cove 0 stop --filter label=n=none
	is "$output" ""
	run_cove 0 stop --cidfile "$T/id1" c2
	is "$(cove ps --format '{{.Names}}')" c3
	pid=$(cove inspect --format '{{.State.Pid}}' c3)
	run_cove 0 restart --running
	is "$output" "$(cat "$T/id3")"
	[ "$(cove inspect --format '{{.State.Pid}}' c3)" != "$pid" ] || die "not restarted"
	run_cove 0 kill --cidfile "$T/id3"
	run_cove 125 stop --cidfile "$T/nosuch"
	like "$output" "reading CIDFile: open $T/nosuch"
	run_cove 0 stop --ignore --cidfile "$T/nosuch"
	run_cove 0 rm --filter label=n=2 --cidfile "$T/id1"
	run_cove 0 rm --force --cidfile "$T/nosuch" --cidfile "$T/id3"
	is "$(cove ps -aq)" ""
}

@test "a container whose namespaces others share is not removed without them" {
	load_busybox
	cove create --name base --network none busybox sleep 1000
	cove create --name user --network container:base busybox true
	cove create --name second --pid container:user --label "x=container:$(cove inspect base --format '{{.Id}}')" busybox true
	base=$(cove inspect base --format '{{.Id}}') user=$(cove inspect user --format '{{.Id}}') second=$(cove inspect second --format '{{.Id}}')
	run_cove 125 rm base
	is "$output" "Error: container $base has dependent containers which must be removed before it: $user: container already exists"
	run_cove 125 rm -f base
	cove rename base other
	is "$(cove inspect user --format '{{.HostConfig.NetworkMode}}')" "container:$base"
	cove start other
	run_cove 0 start -a user
	run_cove 125 create --network container:nosuch busybox true
	like "$output" 'no container with name or ID "nosuch" found'
	cove stop -t 0 other
	run_cove 0 container prune -f
	is "$(cove ps -aq)" ""
	cove create --name base --network none busybox true
	cove create --name user --network container:base busybox true
	cove create --name second --pid container:user busybox true
	run_cove 0 rm --depend base
	is "${#lines[@]}" 3
	is "${lines[2]}" base
	is "$(cove ps -aq)" ""
}

@test "--timeout ends what runs too long, attached and detached" {
	run_cove 255 run --timeout 1 --network none --name c busybox sleep 100
	is "$(cove inspect --format '{{.State.ExitCode}} {{.Config.Timeout}}' c)" "255 1"
	cove start c >/dev/null
	run_cove wait c
	is "$output" 255 "by a slim monitor, and at each start"
	run_cove 3 run --rm --timeout 100 --network none busybox sh -c 'exit 3'
}
