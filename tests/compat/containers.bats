#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The docker CLI's everyday sentences, to podman and cove beside each other, over the same image.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need podman
	load_busybox
	podman_like load -q -i "$(test_file docker-archive)" >/dev/null 2>&1 || skip "podman does not work here"
	podman_like run --rm --network none busybox true >/dev/null 2>&1 || skip "podman does not run containers here"
}

teardown() {
	[ ! -d "$T/podman" ] || timeout 60 podman --root "$T/podman" --runroot "$R/podman" rm -fa -t 0 >/dev/null 2>&1 || true
	cove_teardown
}

# same ARG...: standard output and status agree; all that do not are told at the test's end.
same() {
	local ours theirs our_status=0 their_status=0
	ours=$(cove "$@" 2>"$T/our.err") || our_status=$?
	theirs=$(podman_like "$@" 2>"$T/their.err") || their_status=$?
	[ "$our_status" = "$their_status" ] && [ "$ours" = "$theirs" ] && return
	printf '%s\n' "$*" "    ours   $our_status: $ours$(cat "$T/our.err")" \
		"    theirs $their_status: $theirs$(grep -v ^time= "$T/their.err")" >>"$T/differences"
}

agree() {
	[ ! -s "$T/differences" ] || die "$(cat "$T/differences")"
}

# both ARG...: run it with each, whatever comes.
both() {
	cove "$@" >/dev/null 2>&1 || true
	podman_like "$@" >/dev/null 2>&1 || true
}

run=(run --rm --network none)

@test "what a command sees" {
	same "${run[@]}" busybox id -u
	same "${run[@]}" -u user busybox sh -c 'id -u; id -g'
	same "${run[@]}" -u 5:6 busybox sh -c 'id -u; id -g'
	same "${run[@]}" busybox pwd
	same "${run[@]}" -w /www busybox pwd
	same "${run[@]}" --hostname h busybox hostname
	same "${run[@]}" busybox sh -c 'env | grep -v -e HOSTNAME -e TERM | sort'
	same "${run[@]}" -e A=b -e C= busybox sh -c 'env | grep -v -e HOSTNAME -e TERM | sort'
	same "${run[@]}" busybox grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
	same "${run[@]}" --cap-drop all busybox grep ^Cap /proc/self/status
	same "${run[@]}" --cap-add sys_admin busybox grep ^Cap /proc/self/status
	same "${run[@]}" --privileged busybox grep -E '^(Cap|Seccomp:)' /proc/self/status
	same "${run[@]}" busybox ls /
	same "${run[@]}" busybox sh -c 'ls /dev | grep -v console'
	same "${run[@]}" --read-only busybox touch /x
	same "${run[@]}" --read-only busybox touch /tmp/x
	same "${run[@]}" busybox umask
	same "${run[@]}" --entrypoint echo busybox a
	same "${run[@]}" busybox ip -o addr
	agree
}

@test "statuses" {
	same "${run[@]}" busybox false
	same "${run[@]}" busybox sh -c 'exit 42'
	same "${run[@]}" busybox sh -c 'kill -TERM $$'
	same "${run[@]}" busybox nosuch
	same "${run[@]}" busybox /etc
	same "${run[@]}" --pull never nosuch true
	same "${run[@]}" --nosuch busybox
	same run
	same rm nosuch
	same rm -f nosuch
	same stop nosuch
	same kill nosuch
	same start nosuch
	same exec nosuch true
	same logs nosuch
	same inspect nosuch
	same wait nosuch
	same container exists nosuch
	same top nosuch
	same rename nosuch x
	agree
}

@test "lives" {
	both run -d --network none --name c -l a=b busybox sleep 100
	same ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Labels}} {{.Ports}}'
	same ps --noheading --format 'table {{.Names}} {{.Image}}'
	same exec c id -u
	same exec -u user -w /www -e A=b c sh -c 'id -u; pwd; echo $A'
	same exec c sh -c 'exit 9'
	same exec c nosuch
	same inspect --format '{{.Name}} {{.State.Status}} {{.State.Running}} {{.ImageName}} {{.Config.Cmd}} {{.Config.Labels}}' c
	same inspect --format '{{.Config.WorkingDir}} {{.Config.Entrypoint}} {{.HostConfig.NetworkMode}} {{.Path}} {{.Args}}' c
	same rm c
	same stop -t 0 c
	same inspect --format '{{.State.Status}} {{.State.ExitCode}}' c
	same start c
	same kill c
	same wait c
	same ps -a --format '{{.Names}}'
	same ps -a --filter status=exited --format '{{.Names}}'
	same ps -a --filter nope=x
	same rename c d
	same rm d
	same ps -aq
	agree
}

@test "logs" {
	both run --network none --name l busybox sh -c 'echo one; echo two; echo three'
	same logs l
	same logs --tail 2 l
	same start -a l
	same logs l
	same rm l
	agree
}
