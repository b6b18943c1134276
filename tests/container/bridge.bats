#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Bridge networks: records, addresses, names, isolation, ports, changes while containers run, and what is left.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	PATH=$PATH:/usr/sbin:/sbin unshare --user --map-root-user --net sh -c 'ip link add br9 type bridge && ip link add ve9 type veth' 2>/dev/null ||
		skip "this kernel has no bridges or no veth devices"
}

# The image's static programs cannot look names up by the C library, so what is asked of a network is asked by the host's
# programs from inside the container's namespace, and names by nslookup.
within() {
	local pid
	pid=$(cove inspect "$1" --format '{{.State.Pid}}')
	shift
	cove unshare nsenter -n -t "$pid" "$@"
}

# serve NAME TEXT: the container's web server says TEXT.
serve() {
	cove exec "$1" sh -c "mkdir -p /tmp/w && echo $2 >/tmp/w/index.html"
	cove exec -d "$1" httpd -f -p 8080 -h /tmp/w
	wait_for 20 within "$1" curl -fsS http://127.0.0.1:8080/
}

# lookup FROM NAME [FAMILY]: the first address that a container gets for a name.
lookup() {
	cove exec "$1" nslookup "$2" | sed -n '/^Name:/,$s/^Address: *//p' | grep "${3:-[.]}" | head -n 1
}

# get FROM ADDRESS|NAME: what its web server says to a container.
get() {
	local at=$2
	[[ $at == *[.:]* ]] || at=$(lookup "$1" "$at")
	[ -n "$at" ] && within "$1" curl -sS -m 3 "http://$at:8080/"
}

address() {
	cove inspect "$1" --format "{{(index .NetworkSettings.Networks \"$2\").${3:-IPAddress}}}"
}

@test "networks are made, listed, shown and removed" {
	run_cove network create --subnet 10.91.0.0/24 --ip-range 10.91.0.16/28 --label a=b --ipv6 --opt mtu=1400 one
	is "$output" one
	run_cove network create
	is "$output" cove1
	run_cove network ls
	like "${lines[0]}" "^NETWORK ID +NAME +DRIVER$"
	like "$output" " one +bridge"
	like "$output" "2f259bab93aa +podman +bridge"
	run_cove network ls -q --filter label=a=b
	is "$output" one
	run_cove network ls -q --filter name=cov --filter name=pod
	is "$output" $'cove1\npodman'
	run_cove network inspect one --format '{{.Name}} {{.Driver}} {{.IPv6Enabled}} {{.Internal}} {{.DNSEnabled}} {{index .Labels "a"}}'
	is "$output" "one bridge true false true b"
	run_cove network inspect one
	is "$(jq -r '.[0].subnets[0] | .subnet, .gateway, .lease_range.start_ip, .lease_range.end_ip' <<<"$output" | paste -sd' ')" \
		"10.91.0.0/24 10.91.0.1 10.91.0.17 10.91.0.30"
	run_cove network exists one
	run_cove 1 network exists two
	run_cove 1 network rm two
	is "$output" "Error: unable to find network with name or ID two: network not found"
	run_cove 125 network rm podman
	run_cove network prune -f
	is "$output" $'cove1\none'
}

@test "a network that cannot be is refused in one line" {
	local row
	cove network create --subnet 10.91.0.0/24 one >/dev/null
	while IFS='|' read -r row want; do
		# shellcheck disable=SC2086 # options
		run_cove 125 network create $row
		is "${#lines[@]}" 1 "lines for $row"
		like "$output" "$want"
	done <<-'EOF2'
		one|network name one already used: network already exists
		--subnet 10.91.0.128/25|is already used
		--subnet 10.91.0.0/33|invalid CIDR address
		--subnet 10.92.0.0/24 --gateway 10.93.0.1|gateway 10.93.0.1 not in subnet
		--subnet 10.92.0.0/24 --ip-range 10.93.0.0/28|not in its subnet
		--gateway 10.93.0.1|without a subnet
		--opt mtu=1|invalid mtu
		--opt isolate=false|networks are always isolated from each other: connect a container to both
		--opt isolate=maybe|invalid isolate option
		--opt nosuch=1|unsupported bridge network option nosuch
		--driver macvlan|takes root
		--driver nosuch|unsupported driver nosuch
		--dns nosuch|invalid name server
		host|conflicts with a valid network mode
		a/b|network name a/b invalid
	EOF2
	cove network create --opt isolate=true apart >/dev/null
	cove network create --opt isolate=strict strictly >/dev/null
	cove network rm apart strictly >/dev/null
	run_cove network create --ignore one
	run_cove network ls -q
	is "$output" $'one\npodman'
}

@test "containers reach each other by name, alias and ID, in both families; the outside by address" {
	cove network create --ipv6 front >/dev/null
	cove run -d --name a --network front busybox sleep 1000 >/dev/null
	cove run -d --name b --network front:alias=web,alias=www --network-alias third busybox sleep 1000 >/dev/null
	serve b from-b
	for name in b web www third "$(cove inspect b --format '{{.Id}}' | cut -c-12)" "$(address b front)" "[$(address b front GlobalIPv6Address)]"; do
		is "$(get a "$name")" from-b "$name"
	done
	is "$(lookup a web :)" "$(address b front GlobalIPv6Address)"
	like "$(cove exec a nslookup web)" "$(address b front)"
	like "$(cove exec a nslookup web)" "$(address b front GlobalIPv6Address)"
	like "$(cove exec a nslookup "$(address b front)")" "name = b"
	run_cove "?" exec a nslookup nosuch.invalid
	[ "$status" != 0 ] || die "a name that nobody has is known: $output"
	like "$(cove exec a cat /etc/hosts)" "$(address a front)"
	is "$(cove exec a cat /etc/resolv.conf | grep -c nameserver)" 2
	# A port of the host, by its own address.
	need python3
	local port
	port=$(free_port)
	mkdir -p "$T/www"
	echo from-host >"$T/www/index.html"
	(cd "$T/www" && exec python3 -m http.server "$port" --bind 0.0.0.0) >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	local ip
	ip=$(hostname -I | cut -d' ' -f1)
	[ -n "$ip" ] || skip "this host has no address but loopback"
	wait_for 20 curl -fsS "http://$ip:$port/"
	is "$(within a curl -sS -m 5 "http://$ip:$port/")" from-host
	# But not what the host has on its loopback.
	local gateway
	gateway=$(cove network inspect front --format '{{(index .Subnets 0).Gateway}}')
	run within a curl -sS -m 2 "http://$gateway:$port/" "http://${gateway%.*}.254:$port/"
	[[ $output != *from-host* ]] || die "the host's loopback is reached: $output"
}

@test "networks are apart, and internal ones have no way out" {
	cove network create one >/dev/null
	cove network create --internal two >/dev/null
	cove run -d --name a --network one busybox sleep 1000 >/dev/null
	cove run -d --name b --network two busybox sleep 1000 >/dev/null
	cove run -d --name c --network one --network two busybox sleep 1000 >/dev/null
	serve b from-b
	serve a from-a
	run get a "$(address b two)"
	[[ $output != *from-b* ]] || die "a reaches b"
	run get b "$(address a one)"
	[[ $output != *from-a* ]] || die "b reaches a"
	run_cove "?" exec a nslookup b
	[ "$status" != 0 ] || die "a knows the name b: $output"
	# On both, by name as well.
	is "$(get c a)" from-a
	is "$(get c b)" from-b
	is "$(cove exec c cat /etc/resolv.conf | grep nameserver)" "nameserver 127.0.0.11"
	is "$(cove exec b ip route | grep -c default)" 0
	is "$(cove exec a ip route | grep -c default)" 1
}

@test "addresses that are asked for, and those that cannot be had" {
	cove network create --subnet 10.91.0.0/29 small >/dev/null
	cove run -d --name a --network small --ip 10.91.0.4 --mac-address 02:00:00:00:00:07 busybox sleep 1000 >/dev/null
	is "$(address a small)" 10.91.0.4
	like "$(cove exec a ip link show eth0)" "02:00:00:00:00:07"
	run_cove 126 run --rm --network small:ip=10.91.0.4 busybox true
	is "$output" "Error: requested ip address 10.91.0.4 is already allocated"
	run_cove 125 run --rm --network small:ip=10.92.0.4 busybox true
	like "$output" "requested static ip 10.92.0.4 not in any subnet on network small"
	run_cove 125 run --rm --network nosuch busybox true
	is "$output" "Error: unable to find network with name or ID nosuch: network not found"
	run_cove 125 run --rm --network small:nosuch=1 busybox true
	like "$output" "unknown bridge network option: nosuch"
	run_cove 125 run --rm --network none --ip 10.91.0.5 busybox true
	like "$output" "can only be used with Bridge mode networking"
	# Six hosts: the gateway, the way out, and four containers.
	for i in 1 2 3; do cove run -d --network small busybox sleep 1000 >/dev/null; done
	run_cove 125 run --rm --network small busybox true
	like "$output" "subnet 10.91.0.0/29 of network small has no free address"
	run_cove 2 network rm small
	like "$output" "network is being used"
	run_cove network rm -f -t 0 small
	is "$(cove ps -aq)" ""
}

@test "options of a network: its MTU by either name, no default route" {
	cove network create --opt mtu=1400 one >/dev/null
	cove network create --opt com.docker.network.driver.mtu=1300 two >/dev/null
	cove network create --opt no_default_route=1 three >/dev/null
	like "$(cove run --rm --network one busybox ip link show eth0)" "mtu 1400"
	like "$(cove run --rm --network two busybox ip link show eth0)" "mtu 1300"
	is "$(cove run --rm --network three busybox ip route | grep -c default)" 0
	is "$(cove run --rm --network one --network three busybox ip route | grep -c default)" 1
}

@test "a published port of a container on a bridge" {
	local port
	port=$(free_port)
	cove network create front >/dev/null
	cove run -d --name a --network front -p "127.0.0.1:$port:8080" -p "127.0.0.1:$port:9000/udp" busybox sleep 1000 >/dev/null
	cove run -d --name b --network front busybox sleep 1000 >/dev/null
	serve a from-a
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://127.0.0.1:$port/")" from-a
	# Again, with the same interface, address and port.
	run_cove network reload a
	like "$(cove exec a ip -4 addr show eth0)" "brd [0-9.]+\\.255 "
	is "$(curl -fsS "http://127.0.0.1:$port/")" from-a
	# Neighbours use the same port of the container by themselves.
	is "$(get b a)" from-a
	run_cove 126 run --rm --network front -p "127.0.0.1:$port:80" busybox true
	like "$output" "publish port 127.0.0.1:$port/tcp: Address already in use"
	cove rm -f -t 0 a >/dev/null
	! curl -fsS -m 2 "http://127.0.0.1:$port/" 2>/dev/null || die "the port is still served"
}

@test "two networks, five containers, IPv6 throughout; ports of each kind of network, from the host and from elsewhere" {
	local ip port c n
	ip=$(hostname -I | cut -d' ' -f1)
	[ -n "$ip" ] || skip "this host has no address but loopback"
	cove network create --ipv6 red >/dev/null
	cove network create --ipv6 blue >/dev/null
	for c in r1 r2; do cove run -d --name $c --network red busybox sleep 1000 >/dev/null; done
	for c in b1 b2; do cove run -d --name $c --network blue busybox sleep 1000 >/dev/null; done
	cove run -d --name both --network red --network blue busybox sleep 1000 >/dev/null
	for c in r1 r2 b1 b2 both; do serve $c from-$c; done
	for c in "r1 r2" "r2 r1" "r1 both" "both r2" "b1 b2" "b2 b1" "b1 both" "both b2"; do
		is "$(get ${c% *} ${c#* })" "from-${c#* }" "$c"
		is "$(get ${c% *} "[$(lookup ${c% *} ${c#* } :)]")" "from-${c#* }" "$c by IPv6"
	done
	for c in "r1 b1" "b2 r2"; do
		[ -z "$(lookup ${c% *} ${c#* } .)" ] || die "${c% *} knows ${c#* }"
		for n in IPAddress GlobalIPv6Address; do
			n=$(cove inspect ${c#* } --format "{{.NetworkSettings.$n}}")
			[[ $n != *:* ]] || n="[$n]"
			run get ${c% *} "$n"
			[[ $output != *from* ]] || die "${c% *} reaches ${c#* } at $n"
		done
	done
	for n in private red pasta; do
		[ $n != pasta ] || command -v pasta >/dev/null || continue
		port=$(free_port)
		cove run -d --name p --network $n -p "$port:8080" busybox httpd -f -p 8080 -h /www >/dev/null
		for c in 127.0.0.1 "$ip"; do
			wait_for 20 curl -fsS -m 2 "http://$c:$port/"
			is "$(curl -fsS "http://$c:$port/")" "hello from busybox" "$n at $c"
		done
		is "$(within b1 curl -sS -m 5 "http://$ip:$port/")" "hello from busybox" "$n from another network"
		cove rm -f -t 0 p >/dev/null
	done
}

@test "networks are connected and disconnected while a container runs, and when it does not" {
	cove network create one >/dev/null
	cove network create two >/dev/null
	cove run -d --name a --network one busybox sleep 1000 >/dev/null
	cove run -d --name b --network two busybox sleep 1000 >/dev/null
	serve b from-b
	run_cove network connect --alias first two a
	is "$(get a b)" from-b
	like "$(cove exec b nslookup first)" "$(address a two)"
	run_cove 125 network connect two a
	like "$output" "is already connected to network \"two\""
	run_cove network inspect two --format '{{range .Containers}}{{.name}} {{end}}'
	like "$output" "a "
	run_cove network disconnect two a
	run get a "$(address b two)"
	[[ $output != *from-b* ]] || die "a still reaches b"
	run_cove 125 network disconnect two a
	cove stop -t 0 a >/dev/null
	run_cove network connect two a
	cove start a >/dev/null
	is "$(get a b)" from-b
	run_cove ps --filter network=two --format "{{.Names}}"
	is "$(sort <<<"$output" | paste -sd' ')" "a b"
	run_cove ps --filter name=a --format '{{.Networks}}'
	is "$output" one,two
	is "$(cove ps --filter name=a --format json | jq -c '.[0].Networks')" '["one","two"]'
	cove run -d --name p busybox sleep 1000 >/dev/null
	run_cove 125 network connect two p
	like "$output" "\"private\" is not supported: invalid network mode"
}

@test "published ports follow the container: to another address, another network, and the one that is left" {
	need python3 nsenter
	cove network create --subnet 10.93.1.0/24 one >/dev/null
	cove network create --subnet 10.93.2.0/24 --subnet fd00:93:2::/64 two >/dev/null
	port=$(free_port)
	udp=$(free_port)
	client=$(free_port)
	cove run -d --name a --network one:ip=10.93.1.7 -p "$port:8080" -p "127.0.0.1:$udp:53/udp" busybox sleep 1000 >/dev/null
	serve a from-a
	python3 - >"$T/echo" 3>&- <<-EOF &
		import os, socket, subprocess
		server = "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.bind(('0.0.0.0', 53))\n" \
		    "while True:\n    text, who = s.recvfrom(99)\n    s.sendto(text + b' back', who)"
		os.execv("$COVE", ["cove", "unshare", "nsenter", "-n", "-t", "$(cove inspect a --format '{{.State.Pid}}')",
		    "/usr/bin/env", "python3", "-c", server])
	EOF
	PIDS+=($!)
	asks() { [ "$(curl -sS -m 3 "http://$1:$port/" 2>&1)" = from-a ]; }
	datagrams() { # of one client, always
		[ "$(python3 -c "if True:
			import socket
			s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
			s.bind(('127.0.0.1', $client))
			s.settimeout(1)
			s.sendto(b'there', ('127.0.0.1', $udp))
			print(s.recv(99).decode())" 2>&1)" = "there back" ]
	}
	asks 127.0.0.1
	wait_for 20 datagrams
	# Off and on again, with another address.
	cove network disconnect one a
	! asks 127.0.0.1
	cove network connect --ip 10.93.1.9 one a
	asks 127.0.0.1
	asks "[::1]"
	wait_for 20 datagrams
	like "$(within a ip rule)" "10.93.1.9"
	[[ $(within a ip rule) != *10.93.1.7* ]] || die "$(within a ip rule)"
	# A second network, then without the first.
	cove network connect two a
	asks 127.0.0.1
	cove network disconnect one a
	asks 127.0.0.1
	asks "[::1]"
	like "$(within a ip rule)" "$(address a two)"
	# Connected to another one only.
	cove network disconnect two a
	! asks 127.0.0.1
	cove network connect one a
	asks 127.0.0.1
	wait_for 20 datagrams
	cove network reload a
	asks 127.0.0.1
	cove restart -t 0 a >/dev/null
	serve a from-a
	asks 127.0.0.1
}

# children NAME: processes of this test's runtime directory that are called NAME.
children() {
	local pid
	for pid in $(pgrep -u "$(id -u)" "^$1"); do
		[ -r "/proc/$pid/environ" ] || continue
		tr '\0' '\n' 2>/dev/null <"/proc/$pid/environ" | grep -qxF "XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR" && echo "$pid"
	done
}

gone() {
	[ -z "$(children "$1")" ]
}

@test "kill -9 of each of a network's processes is mended, and nothing stays behind" {
	local name
	cove network create front >/dev/null
	cove run -d --name a --network front busybox sleep 1000 >/dev/null
	cove run -d --name b --network front busybox sleep 1000 >/dev/null
	serve b from-b
	is "$(get a b)" from-b
	for name in cove-switch-dns cove-net cove-switch; do
		# The children have their parent's environment; cove-net has none.
		if [ $name = cove-net ]; then
			pkill -KILL -P "$(children 'cove-switch$' | head -n 1)" '^cove-net$'
		else
			kill -KILL "$(children "$name\$" | head -n 1)"
		fi
		wait_for 20 get a b
	done
	cove rm -fa -t 0 >/dev/null
	wait_for 20 gone cove-switch
	[ ! -e "$XDG_RUNTIME_DIR"/cove/n/*/sock ] || die "a socket is left"
}
