#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The docker CLI's everyday sentences, to podman and cove beside each other, over the same image.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need podman
	load_busybox
	podman_load "$(test_file docker-archive)"
	podman_like run --rm --network none busybox true >/dev/null 2>&1 || skip "podman does not run containers here"
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

# same_id ARG...: each prints the ID of a container, or neither does; the statuses agree.
same_id() {
	local ours theirs our_status=0 their_status=0
	ours=$(cove "$@" 2>"$T/our.err") || our_status=$?
	theirs=$(podman_like "$@" 2>"$T/their.err") || their_status=$?
	[ "$our_status" = "$their_status" ] && [ "${ours//[0-9a-f]/x}" = "${theirs//[0-9a-f]/x}" ] && return
	printf '%s\n' "$*" "    ours   $our_status: $ours$(cat "$T/our.err")" \
		"    theirs $their_status: $theirs$(grep -v ^time= "$T/their.err")" >>"$T/differences"
}

# on_terminal ARG...: the same with a terminal of 24 lines and 80 columns as all three streams.
on_terminal() {
	local ours theirs our_status=0 their_status=0 words theirs_words
	words=$(printf '%q ' "$COVE" "$@")
	theirs_words=$(printf '%q ' podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs "$@")
	ours=$(timeout 30 script -qec "stty rows 24 cols 80; $words" /dev/null </dev/null | tr -d '\000\004\b'; exit "${PIPESTATUS[0]}") || our_status=$?
	theirs=$(timeout 30 script -qec "stty rows 24 cols 80; $theirs_words" /dev/null </dev/null | tr -d '\000\004\b'; exit "${PIPESTATUS[0]}") || their_status=$?
	theirs=$(grep -v ^time= <<<"$theirs")
	# The end of standard input, as script(1) shows it, may come before or behind the rest.
	ours=${ours//^@/} theirs=${theirs//^@/}
	[ "$our_status" = "$their_status" ] && [ "${ours//[$'\r\n']/}" = "${theirs//[$'\r\n']/}" ] && return
	printf '%s\n' "on a terminal: $*" "    ours   $our_status: $ours" "    theirs $their_status: $theirs" >>"$T/differences"
}

# with_input TEXT ARG...: the same with TEXT as standard input.
with_input() {
	local text=$1 ours theirs our_status=0 their_status=0
	shift
	ours=$(printf %s "$text" | cove "$@" 2>/dev/null) || our_status=$?
	theirs=$(printf %s "$text" | podman_like "$@" 2>/dev/null) || their_status=$?
	[ "$our_status" = "$their_status" ] && [ "$ours" = "$theirs" ] && return
	printf '%s\n' "with input: $*" "    ours   $our_status: $ours" "    theirs $their_status: $theirs" >>"$T/differences"
}

@test "input and terminals" {
	need script
	with_input hello "${run[@]}" -i busybox cat
	with_input hello "${run[@]}" busybox cat
	with_input 'exit 7' "${run[@]}" -i busybox sh
	on_terminal "${run[@]}" -t busybox sh -c 'tty; stty size; exit 4'
	on_terminal "${run[@]}" -t busybox sh -c 'echo $TERM; test -t 0 && test -t 1 && test -t 2 && echo terminal'
	on_terminal "${run[@]}" busybox sh -c 'test -t 1 || echo none'
	both run -d --network none --name c busybox sleep 100
	with_input hello exec -i c cat
	with_input hello exec c cat
	on_terminal exec -t c sh -c 'tty; stty size; exit 5'
	agree
}

@test "volumes, files of variables, tmpfs" {
	mkdir "$T/v"
	echo content >"$T/v/file"
	printf 'A=from file\n# comment\nB\nC=c=c\n' >"$T/env"
	same "${run[@]}" -v "$T/v:/v" busybox cat /v/file
	same "${run[@]}" -v "$T/v:/v" busybox sh -c 'echo more >/v/more; cat /v/file /v/more'
	echo content >"$T/v/file"
	same "${run[@]}" -v "$T/v:/v:ro" busybox touch /v/new
	same "${run[@]}" -v "$T/v/file:/etc/file:ro" busybox cat /etc/file
	same "${run[@]}" --mount "type=bind,source=$T/v,destination=/v,ro" busybox ls -l /v/file
	same "${run[@]}" -v "$T/nosuch:/v" busybox true
	same "${run[@]}" -v "$T/v:relative" busybox true
	same "${run[@]}" -v a:b:c:d busybox true
	same "${run[@]}" --mount type=nosuch,destination=/v busybox true
	same "${run[@]}" --tmpfs /t busybox sh -c 'grep " /t " /proc/mounts | cut -d" " -f1-3; touch /t/x && ls /t'
	same "${run[@]}" --tmpfs /t:size=1m,ro busybox touch /t/x
	same "${run[@]}" --env-file "$T/env" busybox sh -c 'echo $A,$B,$C'
	B=ours same "${run[@]}" --env-file "$T/env" -e A=a busybox sh -c 'echo $A,$B,$C'
	same "${run[@]}" --env-file "$T/nosuch" busybox true
	same "${run[@]}" -w /made/for/it busybox pwd
	same "${run[@]}" busybox cat /etc/passwd /nosuch
	agree
}

@test "made, started, waited for" {
	same_id create --name a --network none busybox sh -c 'echo out; exit 3'
	same inspect --format '{{.State.Status}} {{.State.Running}} {{.State.Pid}} {{.State.ExitCode}}' a
	same start -a a
	same wait a
	same inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}' a
	same start a
	same wait a
	same logs a
	same stop a
	same kill a
	same restart -t 0 a
	same wait a
	same_id run -d --network none --name b busybox sleep 100
	same ps --filter name=b --format '{{.Names}} {{.ID}}' --no-trunc --filter status=exited
	same rm b
	same kill -s NOSUCH b
	same kill -s 0 b
	same stop -t x b
	same top b comm user
	same stop -t 0 a b nosuch
	same rm a b nosuch
	same_id run -d --rm --network none --name gone busybox true
	wait_for 10 bash -c '! "$1" container exists gone' - "$COVE"
	same rm a
	same rm -f -t 0 b
	for _ in {1..50}; do podman_like container exists gone || break; sleep 0.1; done
	same ps -aq
	agree
}

@test "refusals" {
	both run -d --network none --name c busybox sleep 100
	same run --network none --name c busybox true
	same create --name c busybox
	same create --name 'no good' busybox
	same "${run[@]}" -p abc busybox true
	same "${run[@]}" -p 1:2:3:4 busybox true
	same "${run[@]}" -p 70000:80 busybox true
	same run --rm --network nosuch busybox true
	same "${run[@]}" -u nosuch busybox true
	same "${run[@]}" -u root:nosuch busybox true
	same "${run[@]}" --cap-add nosuch busybox true
	same "${run[@]}" --security-opt nosuch busybox true
	same "${run[@]}" --entrypoint /nosuch busybox
	same "${run[@]}" --entrypoint '' busybox
	same "${run[@]}" --entrypoint '["echo", "a"]' busybox b
	same "${run[@]}" -e =x busybox true
	same "${run[@]}" 'bad name' true
	same "${run[@]}" BUSYBOX true
	same run -d --rm --pull never nosuch
	same exec
	same exec c /etc
	same exec -e A=1 -e B c sh -c 'echo $A,$B'
	same inspect --format '{{.Nope}}' c
	same inspect --format '{{' c
	same inspect --type image nosuchimage
	same inspect --type nosuch c
	same ps --format '{{.Nope}}'
	same ps --sort nosuch
	same ps -a --last x
	same logs --tail x c
	same logs --since nonsense c
	same rename c c
	same rename c 'no good'
	same attach nosuch
	same wait
	same rm
	same rm -a x
	same stop
	same kill
	same start
	same create
	same top
	agree
}

@test "a published port" {
	local port engine text
	need curl
	[ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	port=$(free_port)
	for engine in cove podman_like; do
		$engine run -d --name web -p "127.0.0.1:$port:8080" busybox httpd -f -p 8080 -h /www >/dev/null 2>"$T/err" || {
			[ "$engine" = podman_like ] && skip "podman: $(tail -n 1 "$T/err")"
			die "$(cat "$T/err")" || return
		}
		wait_for 10 curl -fs -o /dev/null "http://127.0.0.1:$port/" || true
		text=$(curl -sS "http://127.0.0.1:$port/" 2>&1) || true
		echo "$text"
		$engine ps --format '{{.Names}} {{.Ports}}'
		$engine inspect --format '{{.NetworkSettings.Ports}} {{.HostConfig.PortBindings}}' web
		$engine rm -f -t 0 web
	done >"$T/out" 2>"$T/err"
	is "$(head -n $(($(wc -l <"$T/out") / 2)) "$T/out")" "$(tail -n $(($(wc -l <"$T/out") / 2)) "$T/out")"
}
