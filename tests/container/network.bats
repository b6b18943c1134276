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
	like "$output" "[0-9.]+.host.containers.internal host.docker.internal"
}

@test "a published port answers, on its address only" {
	port=$(free_port)
	cove run -d --name web -p "127.0.0.1:$port:8080" busybox httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://127.0.0.1:$port/")" "hello from busybox"
	! curl -fsS -m 2 "http://127.0.0.2:$port/" 2>/dev/null || die "another address answers, too"
	like "$(cove ps --format '{{.Ports}}')" "127.0.0.1:$port->8080/tcp"
}

@test "many published ports take more descriptors than the soft limit allows" {
	ulimit -Sn 150
	cove run -d --name many -p 127.0.0.1::8000-8199 busybox httpd -f -p 8150 -h /www >/dev/null
	is "$(cove port many | wc -l)" 200
	address=$(cove port many 8150)
	wait_for 20 curl -fsS "http://$address/"
}

@test "a client of the host does not look like the container's own loopback" {
	port=$(free_port)
	cove run -d --name web -p "127.0.0.1:$port:8080" busybox httpd -f -vv -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	run_cove logs web
	like "$output" "10.0.2.2"
	[[ $output != *127.0.0.1* ]] || die "$output"
}

# udp_client ADDRESS PORT TEXT: the answer to a datagram, asked for again where none comes.
udp_client() {
	python3 - "$@" <<-'EOF'
		import socket, sys
		address, port, text = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
		s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
		s.settimeout(0.5)
		for _ in range(20):
		    s.sendto(text, (address, port))
		    try:
		        answer, peer = s.recvfrom(70000)
		    except OSError:
		        continue
		    print(answer.decode()[:80], len(answer), "%s %d" % peer[:2])
		    break
	EOF
}

@test "udp goes both ways, and the answer comes from where the client sent to" {
	need python3 nsenter
	port=$(free_port)
	cove run -d --name u -p "$port:9000/udp" busybox sleep 100 >/dev/null
	cat >"$T/echo.py" <<-'EOF'
		import socket
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.bind(("0.0.0.0", 9000))
		while True:
		    text, client = s.recvfrom(70000)
		    s.sendto(client[0].encode() + b" " + text, client)
	EOF
	cove unshare nsenter -n -t "$(cove inspect u --format '{{.State.Pid}}')" python3 "$T/echo.py" 3>&- &
	PIDS+=($!)
	is "$(udp_client 127.0.0.1 "$port" hello)" "10.0.2.2 hello 14 127.0.0.1 $port"
	is "$(udp_client 127.0.0.2 "$port" again)" "10.0.2.2 again 14 127.0.0.2 $port"
	# A server of IPv4 only, a client of IPv6; and a datagram that fills one.
	is "$(udp_client ::1 "$port" six)" "10.0.2.2 six 12 ::1 $port"
	like "$(udp_client 127.0.0.1 "$port" "$(printf '%060000d' 0)")" " 60009 127.0.0.1 $port"
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

# echo_many PORT CONNECTIONS BYTES: all open at once, each sends, says that it has no more, and must get the same back.
echo_many() {
	python3 - "$@" <<-'PYTHON'
		import os, socket, sys, threading
		port, n, size = map(int, sys.argv[1:])
		bad = []
		opened = threading.Barrier(n, timeout=50)
		def one():
		    try:
		        data = os.urandom(size)
		        s = socket.create_connection(("127.0.0.1", port), timeout=30)
		        opened.wait()
		        def send():
		            s.sendall(data)
		            s.shutdown(socket.SHUT_WR)
		        t = threading.Thread(target=send)
		        t.start()
		        got = b"".join(iter(lambda: s.recv(65536), b""))
		        t.join()
		        if got != data:
		            bad.append("%d of %d bytes came back" % (len(got), size))
		    except Exception as e:
		        bad.append(repr(e))
		threads = [threading.Thread(target=one) for _ in range(n)]
		[t.start() for t in threads]
		[t.join() for t in threads]
		sys.exit("\n".join(bad[:3]) if bad else 0)
	PYTHON
}

# echo_server PORT: in the namespace of container echo.
echo_server() {
	cove unshare nsenter -n -t "$(cove inspect echo --format '{{.State.Pid}}')" python3 -c '
import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 500
    daemon_threads = True
Server(("0.0.0.0", int(sys.argv[1])), Echo).serve_forever()' "$1" 3>&- &
	PIDS+=($!)
}

@test "many connections at once, each closed on one side first, lose nothing" {
	need python3 nsenter
	port=$(free_port)
	cove run -d --name echo -p "127.0.0.1:$port:9000" busybox sleep 100 >/dev/null
	echo_server 9000
	wait_for 20 echo_many "$port" 1 10
	echo_many "$port" 200 300000
	relay=$(pgrep -n -x cove-net-relay -u "$(id -u)")
	fds() { cove unshare sh -c "ls /proc/$relay/fd | wc -l"; }
	wait_for 20 eval '[ "$(fds)" -lt 60 ]' # the spare pipes stay
	before=$(fds)
	echo_many "$port" 100 1000
	wait_for 20 eval '[ "$(fds)" -le "$before" ]'
}

@test "a client from elsewhere keeps its address inside" {
	address=$(hostname -I | tr ' ' '\n' | grep -v : | grep -v '^127\.' | head -n 1)
	[ -n "$address" ] || skip "the host has no address but loopback"
	port=$(free_port)
	cove run -d --name web -p "$port:8080" busybox httpd -f -vv -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://$address:$port/"
	like "$(cove logs web 2>&1)" "$address"
}

@test "a server that knows IPv4 only is reached by IPv6 as well" {
	grep -q . /proc/net/if_inet6 2>/dev/null || skip "the host has no IPv6"
	port=$(free_port)
	cove run -d --name four -p "$port:9000" busybox httpd -f -vv -p 0.0.0.0:9000 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://[::1]:$port/")" "hello from busybox"
	[[ $(cove logs four 2>&1) != *127.0.0.1* ]] || die "a client came from loopback"
}

@test "where nobody listens inside, the client is told at once" {
	port=$(free_port)
	cove run -d --name deaf -p "127.0.0.1:$port:9000" busybox sleep 100 >/dev/null
	run_cove "?" exec deaf true
	run curl -sS -m 20 "http://127.0.0.1:$port/"
	[[ " 7 52 56 " = *" $status "* ]] || die "curl: $status $output"
}

@test "a port in use, and one that is root's" {
	port=$(free_port)
	cove run -d --name one -p "127.0.0.1:$port:80" busybox sleep 100 >/dev/null
	run_cove 126 run --rm -p "127.0.0.1:$port:80" busybox true
	is "$output" "Error: publish port 127.0.0.1:$port/tcp: Address already in use"$'\n'"container one has it"
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 81 ] || return 0
	run_cove 126 run --rm -p 81:80 busybox true
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
	cove run -d --name c -p "127.0.0.1:$(free_port):80" busybox sleep 100 >/dev/null
	pid=$(pgrep -n -x cove-net -u "$(id -u)")
	grep -q '^CapEff:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
	# The relay keeps CAP_NET_RAW for the addresses of its sockets in the container.
	pid=$(pgrep -n -x cove-net-relay -u "$(id -u)")
	grep -q '^CapEff:[[:space:]]*0000000000002000$' "/proc/$pid/status"
	grep -q '^CapBnd:[[:space:]]*0000000000000000$' "/proc/$pid/status"
	grep -q '^NoNewPrivs:[[:space:]]*1$' "/proc/$pid/status"
	grep -q '^Seccomp:[[:space:]]*2$' "/proc/$pid/status"
	is "$(cove unshare ls "/proc/$pid/root")" etc
}

@test "port tells where ports are published" {
	cove create --name web -p 127.0.0.1:18080:80 -p 18443:443 -p 15353:53/udp busybox true >/dev/null
	cove create --name none --network none busybox true >/dev/null
	run_cove port web
	is "$output" "$(printf '80/tcp -> 127.0.0.1:18080\n443/tcp -> 0.0.0.0:18443\n53/udp -> 0.0.0.0:15353')"
	run_cove port web 80
	is "$output" "127.0.0.1:18080"
	run_cove port web 53/udp
	is "$output" "0.0.0.0:15353"
	run_cove 125 port web 53
	is "$output" 'Error: failed to find published port "53"'
	run_cove 125 port web x
	run_cove 125 port
	run_cove port none
	is "$output" ""
	run_cove port --latest
	is "$output" ""
	run_cove port --all
	like "$output" "$(cove inspect web --format '{{.Id}}' | cut -c1-12)	443/tcp -> 0.0.0.0:18443"
}

@test "options of the private network, by either of its names" {
	run_cove run --rm --network slirp4netns:cidr=10.7.0.0/24,mtu=1500,enable_ipv6=false busybox \
		sh -c 'ip addr show tap0; ip route; ip -6 route; cat /etc/resolv.conf /etc/hosts'
	like "$output" "mtu 1500"
	like "$output" "inet 10.7.0.100/24"
	like "$output" "default via 10.7.0.2"
	[[ $output != *fd00::* ]] || die "IPv6 is there: $output"
	like "$output" "nameserver 10.7.0.3"
	like "$(cove run --rm --network private:cidr=10.7.0.0/24,allow_host_loopback=true busybox cat /etc/hosts)" "10.7.0.2.host.containers.internal"
	run_cove 125 run --rm --network private:mtu=9 busybox true
	is "$output" 'Error: invalid option for the private network: "mtu=9"'
	run_cove 125 run --rm --network private:nosuch=1 busybox true
	is "$output" 'Error: unknown option for the private network: "nosuch=1"'
}

@test "the host's loopback is reached only when that was asked for" {
	need python3 nsenter
	local port want pid
	port=$(free_port)
	mkdir -p "$T/www"
	echo from-host >"$T/www/index.html"
	(cd "$T/www" && exec python3 -m http.server "$port" --bind 127.0.0.1) >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	for want in false true; do
		cove run -d --name c --network "private:allow_host_loopback=$want" busybox sleep 100 >/dev/null
		pid=$(cove inspect c --format '{{.State.Pid}}')
		run cove unshare nsenter -n -t "$pid" curl -sS -m 3 "http://10.0.2.2:$port/"
		if $want; then is "$output" from-host; else [[ $output != *from-host* ]] || die "reached"; fi
		cove rm -f -t 0 c >/dev/null
	done
}

@test "pasta is the way out when it is asked for" {
	need pasta nsenter curl
	local ip port
	ip=$(hostname -I | cut -d' ' -f1)
	[ -n "$ip" ] || skip "this host has no address but loopback"
	port=$(free_port)
	cove run -d --name p --network pasta -p "127.0.0.1:$port:8080" busybox httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://127.0.0.1:$port/")" "hello from busybox"
	like "$(cove exec p ip -4 addr)" "inet $ip/"
	like "$(cove exec p cat /etc/resolv.conf)" "nameserver 169.254.1.1"
	cove rm -f -t 0 p >/dev/null
	! pgrep -u "$(id -u)" -f "pasta .*$XDG_RUNTIME_DIR" >/dev/null || die "pasta stays behind"
	run_cove run --rm --network pasta:--mtu,1400,-I,eth7 busybox ip addr show eth7
	like "$output" "mtu 1400"
	run_cove 125 run --rm --network pasta:--nosuch busybox true
	is "${#lines[@]}" 1 "lines"
	like "$output" "pasta failed: .*nosuch"
	# The host's name leads to an address that is not the container's own, or is not there.
	run_cove run --rm --network pasta busybox cat /etc/hosts
	[[ $output != *"$ip"$'\t'host.containers.internal* ]] || die "$output"
	# A pasta that can gives the host one.
	mkdir "$T/bin"
	cat >"$T/bin/pasta" <<-EOF
		#!/bin/bash
		[ "\$1" != --help ] || { echo "  --map-guest-addr ADDR"; exit 0; }
		args=()
		while [ \$# -gt 0 ]; do
			if [ "\$1" = --map-guest-addr ]; then
				echo "\$2" >>"$T/mapped"
				shift 2
			else
				args+=("\$1")
				shift
			fi
		done
		exec "$(command -v pasta)" "\${args[@]}"
	EOF
	chmod 755 "$T/bin/pasta"
	PATH=$T/bin:$PATH run_cove run --rm --network pasta busybox cat /etc/hosts
	like "$output" "169.254.1.2"$'\t'"host.containers.internal host.docker.internal"
	is "$(cat "$T/mapped")" 169.254.1.2
	PATH=$T/bin:$PATH run_cove run --rm --network pasta:--map-guest-addr,169.254.7.7 busybox cat /etc/hosts
	like "$output" "169.254.7.7"$'\t'"host.containers.internal"
	PATH=$T/bin:$PATH run_cove run --rm --network pasta:--map-guest-addr,none busybox cat /etc/hosts
	[[ $output != *169.254.1.2* ]] || die "$output"
	is "$(paste -sd' ' "$T/mapped")" "169.254.1.2 169.254.7.7 none"
	run env PATH="$T" "$COVE_BUILD/cove" run --rm --network pasta busybox true
	is "$status" 125
	like "$output" "needs the package passt"
}

@test "link-local addresses of the host's network cannot be reached" {
	need nsenter curl
	local pid begin
	cove run -d --name c --cap-add NET_ADMIN busybox sleep 100 >/dev/null
	pid=$(cove inspect c --format '{{.State.Pid}}')
	run cove unshare nsenter -n -t "$pid" curl -sS -m 5 http://169.254.169.254/
	is "$status" 7
	# Nor when the container takes the route away: nothing answers then, not even with a refusal.
	cove exec c ip route del unreachable 169.254.0.0/16
	run cove unshare nsenter -n -t "$pid" curl -sS -m 2 http://169.254.169.254/
	is "$status" 28
}

@test "/etc/hosts begins with the file one asks for" {
	load_busybox
	printf '192.0.2.7\tfront\n' >"$T/hosts"
	run_cove 0 run --rm --network none --hosts-file "$T/hosts" --add-host 'a;b:192.0.2.8,c:192.0.2.9' --hostname me busybox cat /etc/hosts
	is "${lines[0]}" $'192.0.2.7\tfront'
	like "$output" $'\n192.0.2.8\ta b\n192.0.2.9\tc\n'
	like "$output" 'localhost'
	run_cove 0 run --rm --network none --hosts-file none busybox cat /etc/hosts
	like "${lines[0]}" "^127.0.0.1.*localhost"
	run_cove 125 run --rm --hosts-file "$T/nosuch" busybox true
	is "$output" "Error: open $T/nosuch: No such file or directory"
	run_cove 125 run --rm --no-hosts --hosts-file none busybox true
	like "${lines[0]}" "cannot be used together"
	cove run --name c --network none --no-hosts busybox sh -c 'printf "192.0.2.66\timages-own\n" >/etc/hosts'
	cove commit -q c own
	run_cove 0 run --rm --network none --hosts-file image own cat /etc/hosts
	is "${lines[0]}" $'192.0.2.66\timages-own'
	cove run --name d --network none --no-hosts own rm /etc/hosts
	cove commit -q d gone
	run_cove 0 run --rm --network none --hosts-file image gone cat /etc/hosts
	like "${lines[0]}" "^127.0.0.1.*localhost"
	cove run --name l --network none --no-hosts busybox ln -sf "$T/hosts" /etc/hosts
	cove commit -q l linked
	run_cove 125 run --rm --network none --hosts-file image linked cat /etc/hosts
	like "$output" "^Error: mount /etc/hosts: "
}

@test "what is no address is refused; --dns none leaves the image's resolv.conf" {
	load_busybox
	run_cove 125 run --rm --dns 1.2.3 busybox true
	is "$output" "Error: 1.2.3 is not an ip address"
	run_cove 125 run --rm --add-host foo:bar busybox true
	is "$output" 'Error: invalid IP address in add-host: "bar"'
	run_cove 125 run --rm --add-host foo busybox true
	is "$output" 'Error: bad format for add-host: "foo"'
	run_cove 125 run --rm --dns none --dns 192.0.2.1 busybox true
	like "$output" "cannot be used together"
	run_cove 0 run --rm --network none --dns fe80::1%eth0 --add-host six:2001:db8::1 busybox cat /etc/resolv.conf /etc/hosts
	like "$output" "nameserver fe80::1%eth0"
	like "$output" $'2001:db8::1\tsix'
	cove run --name c --network none --dns none busybox sh -c 'echo own >/etc/resolv.conf'
	cove commit -q c own
	run_cove 0 run --rm --network none --dns none own cat /etc/resolv.conf
	is "$output" own
}

@test "/etc/hosts does not name the container where the file does already" {
	load_busybox
	printf '192.0.2.7\tfront # not back\n' >"$T/hosts"
	run_cove 0 run --rm --network none --name front --hostname front --hosts-file "$T/hosts" busybox cat /etc/hosts
	is "$(grep -c front <<<"$output")" 1
	run_cove 0 run --rm --network none --name back --hostname back --hosts-file "$T/hosts" busybox cat /etc/hosts
	like "$output" $'\n127.0.1.1\tback$'
	run_cove 0 run --rm --network none --name other --hostname front --add-host x:192.0.2.8 --hosts-file "$T/hosts" busybox cat /etc/hosts
	like "$output" $'\n127.0.1.1\tother$'
}

@test "ports that lead nowhere are told" {
	load_busybox
	run_cove 0 run --rm -p 8080 --network none busybox echo hi
	like "${lines[0]}" 'Port mappings have been discarded because "none" network namespace mode does not support them'
	is "${lines[1]}" hi
	run_cove 0 run --rm -p "" --network none busybox echo hi
	is "$output" hi
}
