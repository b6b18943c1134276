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
