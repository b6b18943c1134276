#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --network private:accel: TCP out of a container by sockets of the host, to where it may go and nowhere else.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	need python3
	DIAL=$COVE_BUILD/tests/security/dial
	[ -x "$DIAL" ] && ! ldd "$DIAL" >/dev/null 2>&1 || skip "tests/security/dial was not built, or is not static"
	PEER=$(hostname -I | tr ' ' '\n' | grep -v : | head -n 1)
	[ -n "$PEER" ] || skip "this host has no address but loopback"
	status=0
	output=$(cove run --rm --network private:accel busybox true 2>&1) || status=$?
	[[ $output != *"option \"accel\""* ]] || skip "$output"
	is "$status" 0
}

# greet: a host that says "good" on $PEER:$PORT, and one that says "bad" on loopback, there and on $BAD; $T/bad has
# what that one was asked.
greet() {
	PORT=$(free_port)
	BAD=$(free_port)
	: >"$T/bad"
	cat >"$T/greet.py" <<-'EOF'
		import socket, sys, threading
		peer, port, bad, seen = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
		def serve(s, text):
		    while True:
		        c, who = s.accept()
		        if text == b"bad":
		            open(seen, "a").write("%s\n" % (who,))
		        try:
		            c.sendall(text)
		        except OSError:
		            pass
		        c.close()
		def start(ip, port, text):
		    s = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
		    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		    s.bind((ip, port))
		    s.listen(200)
		    threading.Thread(target=serve, args=(s, text), daemon=True).start()
		start(peer, port, b"good")
		for ip in ("127.0.0.1", "::1"):
		    for p in (port, bad):
		        try:
		            start(ip, p, b"bad")
		        except OSError:
		            pass
		print("ready", flush=True)
		threading.Event().wait()
	EOF
	python3 "$T/greet.py" "$PEER" "$PORT" "$BAD" "$T/bad" >"$T/ready" 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 grep -q ready "$T/ready"
}

dial() {
	run_cove "?" run --rm --network "${NETWORK-private:accel}" -v "$DIAL:/dial:ro" busybox /dial "$@"
}

# What the container's accelerators are, by their parent's command line.
accelerators() {
	local pid
	for pid in $(pgrep -x cove-accel); do
		[ "$(readlink "/proc/$pid/exe")" = "$(realpath "$COVE_BUILD")/cove-accel" ] && ! grep -qx "$pid" "$T/others" && echo "$pid"
	done
	return 0
}

@test "connections go out from the host's own address; without the option they do not" {
	greet
	dial plain "$PEER" "$PORT"
	like "$output" "from: $PEER"$'\n'"to: $PEER"$'\n'"read: good"
	dial nonblocking "$PEER" "$PORT"
	like "$output" "nonblocking: 1.*ready: 1.*error: none.*from: $PEER.*read: good"
	dial plain "::ffff:$PEER" "$PORT"
	like "$output" "from: ::ffff:$PEER.*read: good"
	NETWORK=private dial plain "$PEER" "$PORT"
	like "$output" "from: 10.0.2.100.*read: good"
	run_cove run --rm --user 1000 --network private:accel -v "$DIAL:/dial:ro" busybox /dial plain "$PEER" "$PORT"
	like "$output" "from: $PEER.*read: good"
	dial many "$PEER" "$PORT" 300
	like "$output" "connected: 300"
}

@test "options that were set before are there after" {
	greet
	dial options "$PEER" "$PORT"
	is "$output" "cloexec: 0
from: $PEER
to: $PEER
read: good"
}

@test "a socket that cannot be exchanged unseen stays in the container's network" {
	greet
	dial watched "$PEER" "$PORT"
	like "$output" "events: 1"$'\n'"from: 10.0.2.100.*read: good"
	dial doubled "$PEER" "$PORT"
	like "$output" "from: 10.0.2.100.*read: good"
}

@test "what fails says why, at once" {
	greet
	closed=$(free_port)
	dial plain "$PEER" "$closed"
	is "$output" "connect: Connection refused"
	dial nonblocking "$PEER" "$closed"
	like "$output" "error: Connection refused"
}

@test "the host's loopback and link-local addresses are as far away as without it" {
	greet
	for address in 127.0.0.1 10.0.2.2 169.254.169.254 ::1 fd00::2 ::ffff:127.0.0.1 ::ffff:10.0.2.2 0.0.0.0 ::; do
		for network in private private:accel; do
			NETWORK=$network dial plain "$address" "$BAD"
			like "$output" "^connect: "
			is "$status" 1
			echo "$output" >"$T/$network"
		done
		is "$(cat "$T/private:accel")" "$(cat "$T/private")"
	done
	[ ! -s "$T/bad" ] || die "the host's loopback was reached" "$(cat "$T/bad")"
	# Where it is asked for, it is there: by the door it has without.
	NETWORK=private:accel,allow_host_loopback=true dial plain 10.0.2.2 "$BAD"
	like "$output" "from: 10.0.2.100.*read: bad"
}

@test "the container's loopback and address are its own; datagrams, names and unix sockets are untouched" {
	cove run -d --name c --network private:accel busybox httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 cove exec c wget -qO- http://127.0.0.1:8080/
	is "$(cove exec c wget -qO- http://127.0.0.1:8080/)" "hello from busybox"
	is "$(cove exec c wget -qO- http://10.0.2.100:8080/)" "hello from busybox"
	run_cove 1 exec c nslookup nonexistent.invalid 10.0.2.3
	like "$output" "10.0.2.3"
	dial local "$PEER" 1
	is "$output" "unix: 1"
}

@test "a published port answers beside it, and exec's programs are accelerated as well" {
	greet
	port=$(free_port)
	cove run -d --name c --network private:accel -p "127.0.0.1:$port:8080" -v "$DIAL:/dial:ro" busybox \
		httpd -f -p 8080 -h /www >/dev/null
	wait_for 20 curl -fsS "http://127.0.0.1:$port/"
	is "$(curl -fsS "http://127.0.0.1:$port/")" "hello from busybox"
	run_cove exec c /dial plain "$PEER" "$PORT"
	like "$output" "from: $PEER.*read: good"
}

@test "an address that changes while connect runs is read once" {
	greet
	for bad in "$BAD" "$PORT"; do
		dial race "$PEER" "$PORT" 127.0.0.1 "$bad" 2000
		like "$output" "got: good"
		[[ $output != *"got: bad"* ]] || die "$output"
	done
	[ ! -s "$T/bad" ] || die "the host's loopback was reached" "$(cat "$T/bad")"
}

@test "a descriptor that changes while connect runs brings no socket of the host elsewhere" {
	greet
	dial descriptor "$PEER" "$PORT" 127.0.0.1 "$BAD" 20000
	like "$output" "raced"
	[[ $output != *"got: bad"* && $output != *listens* ]] || die "$output"
	[ ! -s "$T/bad" ] || die "the host's loopback was reached" "$(cat "$T/bad")"
}

@test "the accelerator's death is survived; when nobody is left, connect fails and does not hang" {
	greet
	pgrep -x cove-accel >"$T/others" || true
	cove run -d --name c --network private:accel -v "$DIAL:/dial:ro" busybox sleep 1000 >/dev/null
	mapfile -t both < <(accelerators)
	is "${#both[@]}" 2
	kill -9 "${both[0]}"
	run_cove exec c /dial many "$PEER" "$PORT" 20
	like "$output" "connected: 20"
	kill -9 "${both[1]}"
	run_cove 1 exec c timeout 10 /dial plain "$PEER" "$PORT"
	like "$output" "Function not implemented"
	cove rm -f -t 0 c >/dev/null
	is "$(accelerators)" ""
}

# deaf: a host on $PEER:$PORT whose queue is full, so that a connection waits.
deaf() {
	PORT=$(free_port)
	python3 - "$PEER" "$PORT" >"$T/ready" 3>&- <<-'EOF' &
		import socket, sys, time
		s = socket.socket()
		s.bind((sys.argv[1], int(sys.argv[2])))
		s.listen(0)
		full = []
		for _ in range(4):
		    c = socket.socket()
		    c.setblocking(False)
		    c.connect_ex((sys.argv[1], int(sys.argv[2])))
		    full.append(c)
		    time.sleep(0.05)
		print("ready", flush=True)
		time.sleep(100)
	EOF
	PIDS+=($!)
	wait_for 20 grep -q ready "$T/ready"
}

@test "connect waits as it does on the host: as long as it was told, until a signal; and not for the dead" {
	deaf
	pgrep -x cove-accel >"$T/others" || true
	cove run -d --name c --network private:accel -v "$DIAL:/dial:ro" busybox /dial patient "$PEER" "$PORT" >/dev/null
	said() { cove logs c | grep -q "$1"; }
	wait_for 20 said "signalled: Interrupted system call"
	like "$(cove logs c)" "limited: Operation now in progress"
	mapfile -t both < <(accelerators)
	kill -9 "${both[0]}"
	wait_for 20 said "forever: Software caused connection abort"
}

@test "signals that interrupt connect do not change what it says" {
	greet
	dial signals "$PEER" "$PORT"
	is "$output" "done"
}

@test "no descriptor stays when connections and programs have ended" {
	greet
	pgrep -x cove-accel >"$T/others" || true
	cove run -d --name c --network private:accel -v "$DIAL:/dial:ro" busybox sleep 1000 >/dev/null
	cove exec c /dial plain "$PEER" "$PORT" >/dev/null
	mapfile -t both < <(accelerators)
	count() { for pid in "${both[@]}"; do ls "/proc/$pid/fd" | wc -l; done; }
	if ! count >/dev/null 2>&1 || [ "$(count | head -n 1)" = 0 ]; then
		skip "its descriptors cannot be listed"
	fi
	before=$(count)
	cove exec c /dial many "$PEER" "$PORT" 200 >/dev/null
	cove exec c /dial plain "$PEER" "$(free_port)" >/dev/null || true
	is_as_before() { [ "$(count)" = "$before" ]; }
	wait_for 10 is_as_before
}

@test "what cannot be is refused with one line" {
	run_cove 125 run --rm --network private:accel=perhaps busybox true
	like "$output" "invalid option for the private network: \"accel=perhaps\""
	if has_runtime crun; then
		run_cove 125 --runtime crun run --rm --network private:accel busybox true
		like "$output" "takes cove's own runtime"
	fi
}

# serve NAME NETWORK PORT...: in container NAME a server of port 80 that tells whom it sees; "short" ends after one client.
serve() {
	local name=$1 network=$2
	shift 2
	cove run -d --name "$name" --network "$network" "${PUBLISH[@]}" -v "$LISTEN:/listen:ro" busybox /listen serve "$@" >/dev/null
	wait_for 20 ready "$name"
}

ready() {
	cove logs "$1" | grep -q ready
}

listener() {
	LISTEN=$COVE_BUILD/tests/security/listen
	[ -x "$LISTEN" ] && ! ldd "$LISTEN" >/dev/null 2>&1 || skip "tests/security/listen was not built, or is not static"
	port=$(free_port)
	PUBLISH=(-p "$port:80")
}

ask() {
	python3 - "$1" "$port" <<-'EOF'
		import socket, sys
		try:
		    print(socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).makefile().read().strip())
		except OSError as e:
		    print(e.strerror)
	EOF
}

@test "port_handler=accel: the container itself listens on the host's port, and sees who comes" {
	listener
	serve c private:port_handler=accel 0.0.0.0 80 again
	is "$(ask "$PEER" | sed 's/:[0-9]*$//')" "0 at $PEER:$port from $PEER"
	is "$(ask 127.0.0.1 | sed 's/:[0-9]*$//')" "1 at 127.0.0.1:$port from 127.0.0.1"
	is "$(ask ::1)" "Connection refused"
	# Its own ways to it are there, too.
	run_cove exec c nc 127.0.0.1 80
	like "$output" "2 at 127.0.0.1:$port"
	run_cove exec c nc 10.0.2.100 80
	like "$output" "3 at 127.0.0.1:$port"
	like "$(cove port c)" "80/tcp -> 0.0.0.0:$port"
	run_cove 126 run --rm --network private:port_handler=accel -p "$port:80" busybox true
	like "$output" "publish port 0.0.0.0:$port/tcp: Address already in use"
	cove rm -f -t 0 c >/dev/null
	cove run --rm --network private:port_handler=accel -p "$port:80" busybox true
}

@test "port_handler=accel: servers of both families, of one, of an address, of several processes" {
	listener
	serve c private:port_handler=accel :: 80
	like "$(ask ::1)" "0 at ::1:$port from ::1"
	like "$(ask 127.0.0.1)" "1 at ::ffff:127.0.0.1:$port from ::ffff:127.0.0.1"
	cove rm -f -t 0 c >/dev/null
	serve c private:port_handler=accel :: 80 v6only
	like "$(ask ::1)" "0 at ::1:$port"
	is "$(ask 127.0.0.1)" "Connection refused"
	cove rm -f -t 0 c >/dev/null
	serve c private:port_handler=accel 10.0.2.100 80
	like "$(ask 127.0.0.1)" "0 at 127.0.0.1:$port"
	cove rm -f -t 0 c >/dev/null
	serve c private:port_handler=accel 0.0.0.0 80 nonblock
	like "$(ask 127.0.0.1)" "0 at 127.0.0.1:$port"
	cove rm -f -t 0 c >/dev/null
	serve c private:port_handler=accel 0.0.0.0 80 reuse
	both() { [ "$(cove logs c | grep -c ready)" = 2 ]; }
	wait_for 20 both
	for _ in {1..20}; do ask 127.0.0.1; done >"$T/answers"
	is "$(grep -c "at 127.0.0.1:$port" "$T/answers")" 20
	is "$(grep -c "^0 at" "$T/answers")" 2 "processes that were first"
	cove rm -f -t 0 c >/dev/null
	PUBLISH=(-p "127.0.0.1:$port:80")
	serve c private:port_handler=accel :: 80
	like "$(ask 127.0.0.1)" "0 at ::ffff:127.0.0.1:$port"
	is "$(ask "$PEER")" "Connection refused"
}

@test "port_handler=accel: what cannot be exchanged is served as without it" {
	listener
	serve c private:port_handler=accel 0.0.0.0 80 watched
	like "$(ask 127.0.0.1)" "0 at 10.0.2.100:80 from 10.0.2.2"
	like "$(ask ::1)" "1 at 10.0.2.100:80 from 10.0.2.2"
	cove rm -f -t 0 c >/dev/null
	other=$(free_port)
	PUBLISH=(-p "$port:80" -p "127.0.0.1:$other:80")
	serve c private:port_handler=accel 0.0.0.0 80
	like "$(ask 127.0.0.1)" "0 at 10.0.2.100:80 from 10.0.2.2"
	port=$other
	like "$(ask 127.0.0.1)" "1 at 10.0.2.100:80 from 10.0.2.2"
	cove rm -f -t 0 c >/dev/null
	# Of loopback alone: nobody outside is let in.
	PUBLISH=(-p "$port:80")
	serve c private:port_handler=accel 127.0.0.1 80
	like "$(ask 127.0.0.1)" "Connection reset"
	run_cove exec c nc 127.0.0.1 80
	like "$output" "0 at 127.0.0.1:80"
}

@test "port_handler=accel: a server that ends is refused at once, and is there when it listens again" {
	listener
	cove run -d --name c --network private:port_handler=accel -p "$port:80" -v "$LISTEN:/listen:ro" busybox sleep 1000 >/dev/null
	like "$(ask 127.0.0.1)" "Connection reset"
	for words in short "short reuse" "short watched" short; do
		# shellcheck disable=SC2086 # several words
		cove exec -d c /listen serve 0.0.0.0 80 $words
		answers() { ask 127.0.0.1 | grep -q "at .* from"; }
		wait_for 20 answers
		wait_for 20 gone
	done
	cove exec -d c /listen serve 0.0.0.0 80
	wait_for 20 answers
	run_cove 1 exec c /listen serve 0.0.0.0 80
	like "$output" "listen: Address (already )?in use"
	answers
}

gone() {
	! ask 127.0.0.1 | grep -q "at .* from"
}

@test "port_handler=accel: the death of each network process is survived" {
	listener
	pgrep -x "cove-accel|cove-net|cove-net-relay" >"$T/others" || true
	serve c private:port_handler=accel 0.0.0.0 80
	answers() { ask 127.0.0.1 | grep -q "at 127.0.0.1:$port"; }
	ours() {
		local pid
		for pid in $(pgrep -x "$1"); do
			grep -qx "$pid" "$T/others" || echo "$pid"
		done
	}
	for program in cove-net-relay cove-net cove-accel; do
		mapfile -t before < <(ours $program)
		[ ${#before[@]} != 0 ] || die "$program does not run"
		kill -9 "${before[0]}"
		answers
		if [ $program != cove-accel ]; then
			renewed() { [ -n "$(ours cove-net-relay)" ] && ! ours $program | grep -qx "${before[0]}"; }
			wait_for 20 renewed
		fi
	done
	answers
	run_cove exec c nc 127.0.0.1 80
	like "$output" "at 127.0.0.1:$port"
	cove rm -f -t 0 c >/dev/null
	wait_for 20 free
	# The new ones know of both families.
	cove run -d --name c --network private:port_handler=accel "${PUBLISH[@]}" -v "$LISTEN:/listen:ro" busybox sleep 1000 >/dev/null
	cove exec -d c /listen serve 0.0.0.0 80 short
	wait_for 20 answers
	mapfile -t before < <(ours cove-net-relay)
	kill -9 "${before[0]}"
	program=cove-net-relay
	wait_for 20 renewed
	is "$(ask ::1)" "Connection refused"
	cove exec -d c /listen serve 0.0.0.0 80 watched
	relayed() { ask ::1 | grep -q "at 10.0.2.100:80 from 10.0.2.2"; }
	wait_for 20 relayed
	like "$(ask 127.0.0.1)" "at 10.0.2.100:80 from 10.0.2.2"
}

free() {
	[ "$(ask 127.0.0.1)" = "Connection refused" ]
}

@test "port_handler=accel: no other socket of the host listens, whatever is tried" {
	listener
	run_cove run --rm --network private:port_handler=accel -p "$port:80" -v "$LISTEN:/listen:ro" busybox \
		/listen attack "$PEER" 80 5000
	like "$output" "outgoing: host"
	like "$output" "listen on it: Operation not supported"
	like "$output" "listen: done"$'\n'"host: 0.0.0.0:$port"
	like "$output" "bind again: Invalid argument"
	like "$output" "listen again: Operation not supported"
	like "$output" "raced"
	[ -z "$(grep "^host: " <<<"$output" | grep -v "^host: 0.0.0.0:$port$")" ] || die "$output"
	# Without the option it has none at all.
	run_cove run --rm --network private:accel -p "$port:80" -v "$LISTEN:/listen:ro" busybox /listen attack "$PEER" 80 500
	[[ $output != *"host: "[0-9]* ]] || die "$output"
}
