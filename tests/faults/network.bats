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
	told "$i"
	run cove unshare nsenter -n -t "$(cove inspect c --format '{{.State.Pid}}')" ip -4 addr
	like "$output" "inet $(cove inspect c --format '{{.NetworkSettings.IPAddress}}')/"
	cove rm -f -t 0 c >/dev/null
	! curl -fsS -m 2 "http://127.0.0.1:$port/" 2>/dev/null || die "the port is still served"
}

# told N: each of N deaths is in the event log, and that the container is connected again.
told() {
	wait_for 10 sh -c "[ \"\$('$COVE' events --since 1h --stream=false --filter event=connect --filter event=disconnect --format x | wc -l)\" = $((2 * $1)) ]"
	is "$(cove events --since 1h --stream=false --filter event=connect --filter event=disconnect --format '{{.Status}} {{index .Attributes "name"}} {{if .Error}}{{.Error}}{{end}}' | sort | uniq -c | tr -s ' ')" \
		" $1 connect c 
 $1 disconnect c $(ended) has ended unexpectedly"
	like "$(cove ps --format '{{.Status}}')" "^Up [^(]*$"
}

ended() {
	case $(cove inspect c --format '{{.HostConfig.NetworkMode}}') in
	pasta) echo pasta ;;
	bridge) echo cove-member ;;
	*) echo cove-net ;;
	esac
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

@test "pasta" {
	need pasta
	port=$(free_port)
	cove run -d --name c --network pasta -p "127.0.0.1:$port:8080" busybox \
		sh -c 'mkdir -p /tmp/w && echo from-c >/tmp/w/index.html && exec httpd -f -p 8080 -h /tmp/w' >/dev/null
	wait_for 20 answers
	for i in 1 2 3; do
		kill -KILL "$(processes_of_port "$port" | head -n 1)"
		wait_for 20 answers
	done
	told 3
	cove rm -f -t 0 c >/dev/null
	! curl -fsS -m 2 "http://127.0.0.1:$port/" 2>/dev/null || die "the port is still served"
	! pgrep -u "$(id -u)" -f "pasta .*$XDG_RUNTIME_DIR|__network" >/dev/null || die "pasta stays behind"
}

@test "one that dies again and again is given up, and ps says so" {
	port=$(free_port)
	cove run -d --name c -p "127.0.0.1:$port:8080" busybox sleep 1000 >/dev/null
	for i in $(seq 1000); do
		[ "$(grep -c '"disconnect"' "$XDG_RUNTIME_DIR/cove/events/events.log" || true)" -le 100 ] || break
		pid=$(processes_of_port "$port" | head -n 1)
		[ -z "$pid" ] || kill -KILL "$(awk '{ print $4 }' "/proc/$pid/stat")" 2>/dev/null || true
	done
	wait_for 10 sh -c "'$COVE' ps --format '{{.Status}}' | grep -q '^Up .* (no network)$'"
	run_cove exec c true
	cove stop -t 0 c >/dev/null
	cove start c >/dev/null
	like "$(cove ps --format '{{.Status}}')" "^Up [^(]*$"
}
