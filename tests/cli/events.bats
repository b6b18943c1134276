#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cove events: what is noted, filters, following, rotation.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	LOG=$XDG_RUNTIME_DIR/cove/events/events.log
	rm -f "$LOG"
}

# what [OPTION...]: type, status and name of each event, in one line.
what() {
	cove events --since 1h --stream=false --format '{{.Type}} {{.Status}} {{.Name}}' "$@" | paste -sd ,
}

@test "the life of a container is noted, in order" {
	cove run --rm --network none --name one -l a=b busybox sh -c 'exit 3' || true
	is "$(what)" "container create one,container init one,container start one,container attach one,container died one,container remove one"
	run_cove events --since 1h --stream=false --filter event=died --format '{{.ContainerExitCode}} {{.Image}} {{index .Attributes "a"}}'
	is "$output" "3 localhost/busybox:latest b"
	run_cove events --since 1h --stream=false --filter event=died
	like "$output" "^[0-9]{4}-[0-9-]+ [0-9:.]+ \+[0-9]{4} [A-Z]+ container died [0-9a-f]{64} \(image=localhost/busybox:latest, name=one, .*a=b.*\)$"
	run_cove events --since 1h --stream=false --no-trunc=false --filter event=died
	like "$output" " container died [0-9a-f]{12} \("
	run_cove events --since 1h --stream=false --filter event=died --format json
	is "$(jq -c '[.Type, .Status, .ContainerExitCode, .Attributes.a, (.ID | length)]' <<<"$output")" '["container","died",3,"b",64]'
	rm "$LOG"
	cove run -d --network none --name two busybox sleep 1000 >/dev/null
	cove exec two true
	cove exec two false || true
	cove rename two three
	cove kill three
	cove wait three >/dev/null
	wait_for 10 grep -q cleanup "$LOG"
	is "$(what)" "container create two,container init two,container start two,container exec two,container exec_died two,container exec two,container exec_died two,container rename three,container kill three,container died three,container cleanup three"
	rm "$LOG"
	cove restart -t 0 three >/dev/null
	cove rm -f -t 0 three >/dev/null
	is "$(what --filter event=restart --filter event=start --filter event=stop --filter event=remove)" \
		"container restart three,container start three,container stop three,container remove three"
	rm "$LOG"
	run_cove 127 run --network none --name four --rm busybox nosuch
	is "$(what)" "container create four,container remove four"
}

@test "images, volumes and networks are noted" {
	cove tag busybox other
	cove untag other localhost/other:latest
	cove save -q -o "$T/a.tar" busybox
	cove create --network none --name c -v data:/data busybox true >/dev/null
	cove commit -q c mine >/dev/null
	cove export c >/dev/null
	cove rm c >/dev/null
	cove rmi mine >/dev/null
	cove load -q -i "$T/a.tar" >/dev/null
	cove network create n >/dev/null
	cove network rm n >/dev/null
	run_cove 125 pull -q 127.0.0.1:1/x
	is "$(what)" "image tag other,image untag localhost/other:latest,image save busybox,volume create data,container create c,container commit c,container export c,container remove c,image untag localhost/mine:latest,image remove ,image loadfromarchive $T/a.tar,network create n,network remove n,image pull-error 127.0.0.1:1/x"
	is "$(what --filter type=network)" "network create n,network remove n"
	is "$(what --filter volume=data)" "volume create data"
	is "$(what --filter container=c --filter event=commit --filter event=export)" "container commit c,container export c"
	like "$(cove events --since 1h --stream=false --filter event=pull-error --format '{{.Error}}')" "connection refused"
}

@test "since, until, and what is no filter" {
	cove tag busybox one
	sleep 0.01
	middle=$(date +%s.%N)
	cove tag busybox two
	is "$(what --filter event=tag)" "image tag one,image tag two"
	is "$(cove events --stream=false --since "$middle" --format '{{.Name}}')" two
	is "$(cove events --since 1h --until "$middle" --format '{{.Name}}')" one
	run_cove 125 events --filter foo=bar
	is "$output" "Error: failed to parse event filters: foo is an invalid filter"
	run_cove 125 events --filter event
	is "$output" "Error: failed to parse event filters: event is an invalid filter"
	run_cove 125 events --filter type=bar
	is "$output" 'Error: failed to parse event filters: unknown event type "bar"'
	run_cove 125 events --since yesterday
	is "$output" 'Error: failed to parse event filters: unable to parse time "yesterday"'
	run_cove 125 events --since 1h --stream=false --format '{{.Nope}}'
	like "$output" "Nope"
}

@test "events are followed as they come, through a rotation, until the time is over" {
	timeout 60 "$COVE" events --filter event=tag --format '{{.Name}}' >"$T/followed" 3>&- &
	follower=$!
	wait_for 10 test -e "$XDG_RUNTIME_DIR/cove/events"
	n=0
	while [ ! -s "$T/followed" ] && [ $((n += 1)) -lt 500 ]; do cove tag busybox first; done
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '[engine]\nevents_logfile_max_size = "600b"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	for i in 1 2 3 4 5 6 7 8; do cove tag busybox "next$i"; done
	wait_for 10 grep -q next8 "$T/followed"
	kill "$follower"
	wait "$follower" || true
	is "$(grep -v first "$T/followed" | paste -sd ' ')" "next1 next2 next3 next4 next5 next6 next7 next8"
	[ -e "$LOG.1" ] || die "the log was not cut"
	[ "$(stat -c %s "$LOG")" -lt 1000 ] || die "the log grew to $(stat -c %s "$LOG") bytes"
	is "$(cove events --since 1h --stream=false --filter type=system --format '{{.Status}} {{.Name}}' | tail -1)" "log-rotation $LOG"
	run_cove events --since 1h --until "$(date -d '+1 sec' +%s.%N)" --filter event=none-such
	is "$output" ""
}

@test "many writers at once lose no line" {
	before=$(cove events --since 1h --stream=false --format x | wc -l)
	for i in $(seq 20); do cove tag busybox "t$i" & done
	wait
	is "$(cove events --since 1h --stream=false --filter event=tag --format '{{.Name}}' | sort -V | paste -sd ' ')" \
		"$(seq -f t%g 20 | paste -sd ' ')"
	is "$(wc -l <"$LOG")" "$((before + 20))"
}

@test "containers.conf and --events-backend say where they go" {
	cove --events-backend none tag busybox no
	is "$(what)" ""
	run_cove 125 --events-backend none events
	is "$output" 'Error: cannot read events with the "none" backend'
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '[engine]\nevents_logger = "none"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	is "$(cove info --format '{{.Host.EventLogger}}')" none
	cove run --rm --network none busybox true
	[ ! -e "$LOG" ] || die "$(cat "$LOG")"
	printf '[engine]\nevents_logfile_path = "%s"\n' "$T/elsewhere" >"$XDG_CONFIG_HOME/containers/containers.conf"
	cove tag busybox yes
	is "$(what)" "image tag yes"
	[ -e "$T/elsewhere" ] || die "no log"
	# What cannot be noted is no failure.
	printf '[engine]\nevents_logfile_path = "/nosuch/place"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	run_cove tag busybox again
	is "$output" ""
}
