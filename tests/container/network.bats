#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The private network, published ports, none, host.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
}

@test "the private network has addresses, routes, a name server" {
	run_cove run --rm busybox sh -c 'ip -4 addr show tap0; ip -6 addr show tap0; ip route; cat /etc/resolv.conf; cat /etc/hosts'
	like "$output" "inet 10.0.2.100/24"
	like "$output" "inet6 fd00::100/64"
	like "$output" "default via 10.0.2.2"
	like "$output" "nameserver 10.0.2.3"
	like "$output" "10.0.2.2.host.containers.internal"
}

@test "a published port answers, on its address only" {
	port=$(free_port)
	cove run -d --name web -p "127.0.0.1:$port:8080" busybox httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://127.0.0.1:$port/")" "hello from busybox"
	! curl -fsS -m 2 "http://127.0.0.2:$port/" 2>/dev/null || die "another address answers, too"
	like "$(cove ps --format '{{.Ports}}')" "127.0.0.1:$port->8080/tcp"
}

@test "a client of the host does not look like the container's own loopback" {
	port=$(free_port)
	cove run -d --name web -p "127.0.0.1:$port:8080" busybox httpd -f -vv -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	run_cove logs web
	like "$output" "10.0.2.2"
	[[ $output != *127.0.0.1* ]] || die "$output"
}

@test "udp is forwarded" {
	need socat nsenter
	port=$(free_port)
	cove run -d --name u -p "127.0.0.1:$port:9000/udp" busybox sleep 100 >/dev/null
	cove unshare nsenter -n -t "$(cove inspect u --format '{{.State.Pid}}')" \
		socat -u UDP4-RECV:9000 "OPEN:$T/got,creat,append" 3>&- &
	PIDS+=($!)
	for _ in {1..60}; do
		echo hello >"/dev/udp/127.0.0.1/$port"
		grep -qs hello "$T/got" && return
		sleep 0.1
	done
	die "nothing came through"
}

@test "a client that goes away in the middle harms nobody" {
	port=$(free_port)
	cove run -d --name web -p "127.0.0.1:$port:8080" busybox \
		sh -c 'mkdir /tmp/w && head -c 20000000 /dev/zero >/tmp/w/big && echo small >/tmp/w/small && httpd -f -p 8080 -h /tmp/w' >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/small"
	for _ in {1..8}; do
		curl -s "http://127.0.0.1:$port/big" | head -c 100000 >/dev/null
	done
	is "$(curl -fsS "http://127.0.0.1:$port/small")" small
	is "$(curl -fsS "http://127.0.0.1:$port/big" | wc -c)" 20000000
}

@test "a port in use, and one that is root's" {
	port=$(free_port)
	cove run -d --name one -p "127.0.0.1:$port:80" busybox sleep 100 >/dev/null
	run_cove 125 run --rm -p "127.0.0.1:$port:80" busybox true
	is "$output" "Error: publish port 127.0.0.1:$port/tcp: Address already in use"
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || return 0
	run_cove 125 run --rm -p 81:80 busybox true
	like "$output" "ip_unprivileged_port_start"
	run_cove ps -aq --filter status=created
	is "$output" ""
}

@test "the host's loopback is out of reach" {
	port=$(free_port)
	python3 -m http.server --bind 127.0.0.1 "$port" >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	for host in 127.0.0.1 10.0.2.2 host.containers.internal; do
		run_cove "?" run --rm busybox wget -q -T 2 -O - "http://$host:$port/"
		[ "$status" != 0 ] || die "$host:$port answers inside"
	done
	run_cove run --rm --network host busybox sh -c "echo 'GET / HTTP/1.0' | nc -w 2 127.0.0.1 $port"
}

@test "none has a loopback only; host has the host's; a container's can be shared" {
	run_cove run --rm --network none busybox sh -c 'ls /sys/class/net'
	is "$output" lo
	is "$(cove run --rm --network host busybox readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)"
	cove run -d --name one busybox httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 cove run --rm --network container:one busybox wget -q -O - http://127.0.0.1:8080/
}

@test "names are answered by the host's resolvers" {
	grep -q '^nameserver' /etc/resolv.conf || skip "the host has no name server"
	run_cove "?" run --rm busybox nslookup no-such-name.invalid
	[[ $output != *"timed out"* && $output != *"no servers could be reached"* ]] || skip "the host's name server does not answer"
}

@test "the network process has nothing: no capabilities, no files, a filter" {
	cove run -d --name c busybox sleep 100 >/dev/null
	pid=$(pgrep -n -x cove-net -u "$(id -u)")
	grep -q '^CapEff:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
}

