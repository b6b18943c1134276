# SPDX-License-Identifier: Apache-2.0
# Traffic of a container with a private network, in and out, beside slirp4netns and podman.  It stays on this machine:
# the peer listens on an address of its own.
# shellcheck shell=bash

# As root run has made a network with this address; an ordinary user takes the machine's first.
peer_address() {
	local a
	for a in ${BENCH_PEER:-$(hostname -I 2>/dev/null)}; do
		case $a in
		127.* | *:*) ;;
		*) echo "$a"; return ;;
		esac
	done
}

# rate LABEL COMMAND...: the median of some.
rate() {
	local label=$1 values=()
	shift
	for _ in $(seq "$RATES"); do values+=("$(timeout 20 "$@" 2>"$W/rate.err" || echo 0)"); done
	put "$label" "$(median "${values[@]}")"
	printf '%-34s %10s%s\n' "$label" "$(of "$label")" "$([ ! -s "$W/rate.err" ] || echo "  $(head -n 1 "$W/rate.err")")"
}

# slirp4netns by itself, joined to a namespace that has nothing else; sets $slirp_pid and $netns_pid.
start_slirp() {
	unshare --user --map-root-user --net sleep 1000 &
	netns_pid=$!
	wait_ns "$netns_pid"
	slirp4netns --configure --mtu=65520 "$netns_pid" tap0 >"$W/slirp.log" 2>&1 &
	slirp_pid=$!
	for _ in {1..60}; do
		nsenter -t "$netns_pid" -U -n --preserve-credentials ip -4 addr show tap0 2>/dev/null | grep -q inet && return
		sleep 0.05
	done
	return 1
}

wait_ns() {
	for _ in {1..100}; do
		[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ] && return
		sleep 0.02
	done
}

# bench_bridge PEER PORT SECONDS: out of a container on a bridge, and between two of them, beside podman's bridge.
bench_bridge() {
	local t server a b ours=""
	cove network create bench-net >/dev/null || return
	server=$(cove run -d --network bench-net -v "$LOAD:/load:ro" "$IMAGE" /load serve 0.0.0.0 7001)
	ours=$(cove run -d --network bench-net -v "$LOAD:/load:ro" "$IMAGE" sleep 100000)
	a=$(cove inspect "$server" --format '{{.NetworkSettings.IPAddress}}')
	b=""
	if [ ${#PODMAN[@]} != 0 ] && podman_do network create bench-net >/dev/null 2>&1; then
		b=$("${PODMAN[@]}" run -d --network bench-net -v "$LOAD:/load:ro" "$IMAGE" sleep 100000 2>/dev/null)
	fi
	for t in up down connect; do
		rate "cove bridge $t" "$COVE" exec "$ours" /load $t "$1" "$2" "$3"
		rate "cove neighbours $t" "$COVE" exec "$ours" /load $t "$a" 7001 "$3"
		[ -z "$b" ] || rate "podman bridge $t" "${PODMAN[@]}" exec "$b" /load $t "$1" "$2" "$3"
	done
	for t in up down connect; do
		row "out of a bridge network, $t" "$(ratio "$(of "cove bridge $t")" "$(of "podman bridge $t")")" "of podman" ">= 1.0" ""
	done
	cove rm -f -t 0 "$server" "$ours" >/dev/null
	cove network rm bench-net >/dev/null
	if [ -n "$b" ]; then
		podman_do rm -f -t 0 "$b" >/dev/null 2>&1
		podman_do network rm bench-net >/dev/null 2>&1
	fi
}

bench_network() {
	local peer port secs=$SECONDS_EACH t server netns_pid="" slirp_pid="" cid accel theirs="" in_slirp=() in_pasta=""
	say "network: Gbit/s up and down, connections per second"
	peer=$(peer_address)
	[ -n "$peer" ] || { echo "this machine has no address but loopback: left out"; return; }
	[ -w /dev/net/tun ] || { echo "/dev/net/tun cannot be opened: left out"; return; }
	port=$(free_port)
	"$LOAD" serve "$peer" "$port" &
	server=$!
	wait_port "$peer" "$port" || return
	cid=$(cove run -d --network private -v "$LOAD:/load:ro" "$IMAGE" sleep 100000)
	accel=$(cove run -d --network private:accel -v "$LOAD:/load:ro" "$IMAGE" sleep 100000) || accel=""
	# Like beside like: a process in a container has a filter and a session of its own, which cost it something.
	if [ ${#PODMAN[@]} != 0 ]; then
		theirs=$("${PODMAN[@]}" run -d --network slirp4netns -v "$LOAD:/load:ro" "$IMAGE" sleep 100000 2>/dev/null)
		in_slirp=("${PODMAN[@]}" exec "$theirs" /load)
	elif has slirp4netns && start_slirp; then
		in_slirp=(nsenter -t "$netns_pid" -U -n --preserve-credentials "$LOAD")
	fi
	# podman knows pasta since 4.4: it is driven by cove.
	! has pasta || in_pasta=$(cove run -d --network pasta -v "$LOAD:/load:ro" "$IMAGE" sleep 100000)
	for t in up down connect; do
		rate "direct $t" "$LOAD" $t "$peer" "$port" "$secs"
		rate "cove $t" "$COVE" exec "$cid" /load $t "$peer" "$port" "$secs"
		[ -z "$in_pasta" ] || rate "pasta $t" "$COVE" exec "$in_pasta" /load $t "$peer" "$port" "$secs"
		[ -z "$accel" ] || rate "cove accel $t" "$COVE" exec "$accel" /load $t "$peer" "$port" "$secs"
		[ ${#in_slirp[@]} = 0 ] || rate "slirp4netns $t" "${in_slirp[@]}" $t "$peer" "$port" "$secs"
	done
	bench_bridge "$peer" "$port" "$secs"
	[ -z "$slirp_pid" ] || kill "$slirp_pid" "$netns_pid"
	[ -z "$theirs" ] || podman_do rm -f -t 0 "$theirs" >/dev/null 2>&1
	row "TCP from the container to a peer, up" "$(ratio "$(of 'cove up')" "$(of 'slirp4netns up')")" slirp4netns ">= 1.0" ">= 2"
	row "TCP from the container to a peer, down" "$(ratio "$(of 'cove down')" "$(of 'slirp4netns down')")" slirp4netns ">= 1.0" ">= 2"
	row "new connections per second out of the container" "$(ratio "$(of 'cove connect')" "$(of 'slirp4netns connect')")" \
		slirp4netns ">= 1.0" ">= 2"
	for t in up down connect; do
		[ -z "$accel" ] || row "accelerated, $t" "$(ratio "$(of "cove accel $t")" "$(of "slirp4netns $t")")" slirp4netns ">= 1.0" ""
		[ -z "$accel" ] || printf '     (%s of the host itself)\n' "$(ratio "$(of "cove accel $t")" "$(of "direct $t")")"
	done
	# shellcheck disable=SC2086 # one ID or none
	cove rm -f -t 0 "$cid" $in_pasta $accel >/dev/null
	kill "$server"
	wait "$server" "$slirp_pid" "$netns_pid" 2>/dev/null
}

can_accel() {
	cove run --rm --network private:accel "$IMAGE" true 2>/dev/null
}

# published LABEL ENGINE...: a server in a container, seen through its published port.
published() {
	local label=$1 port cid t
	shift
	port=$(free_port)
	cid=$("$@" -p "127.0.0.1:$port:7001" -v "$LOAD:/load:ro" "$IMAGE" /load serve 0.0.0.0 7001 2>/dev/null) || return
	for _ in {1..60}; do
		timeout 2 "$LOAD" connect 127.0.0.1 "$port" 0.01 >/dev/null 2>&1 && break
		sleep 0.1
	done
	for t in up down connect; do rate "$label $t" "$LOAD" $t 127.0.0.1 "$port" "$SECONDS_EACH"; done
	echo "$cid" >"$W/cid"
}

bench_published() {
	local port server t
	say "a published port, from 127.0.0.1"
	[ -w /dev/net/tun ] || { echo "/dev/net/tun cannot be opened: left out"; return; }
	port=$(free_port)
	"$LOAD" serve 127.0.0.1 "$port" &
	server=$!
	wait_port 127.0.0.1 "$port" || return
	for t in up down connect; do rate "loopback $t" "$LOAD" $t 127.0.0.1 "$port" "$SECONDS_EACH"; done
	kill "$server"
	wait "$server" 2>/dev/null
	published "cove port" "$COVE" run -d --network private
	cove rm -fa -t 0 >/dev/null
	! can_accel || published "cove accel port" "$COVE" run -d --network private:port_handler=accel
	cove rm -fa -t 0 >/dev/null
	if [ ${#PODMAN[@]} != 0 ]; then
		published "podman port" "${PODMAN[@]}" run -d --network slirp4netns
		podman_do rm -fa -t 0 >/dev/null 2>&1
	fi
	for t in up down; do
		row "published port: throughput $t" "$(ratio "$(of "cove port $t")" "$(of "podman port $t")")" "of podman" ">= 1.0" ""
		printf '     (%s of loopback, %s with port_handler=accel; goal 0.8)\n' "$(ratio "$(of "cove port $t")" "$(of "loopback $t")")" \
			"$(ratio "$(of "cove accel port $t")" "$(of "loopback $t")")"
	done
	row "published port: new connections per second" "$(ratio "$(of 'cove port connect')" "$(of 'podman port connect')")" \
		"of podman" ">= 1.0" ">= 3"
	row "the same with port_handler=accel" "$(ratio "$(of 'cove accel port connect')" "$(of 'podman port connect')")" \
		"of podman" ">= 1.0" ">= 3"
}

# leaks FILE: descriptors and KiB of the engine's network processes that began after FILE was written.
leaks() {
	local pid fds=0 pss=0
	for pid in $(comm -13 "$1" <(own_processes)); do
		case $(cat "/proc/$pid/comm" 2>/dev/null) in
		cove-net* | cove-accel* | cove-member* | cove-switch* | pasta*)
			fds=$((fds + $(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)))
			pss=$((pss + $(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)))
			;;
		esac
	done
	echo "$fds descriptors, $pss KiB"
}

# soak KIND OPTION...: a published port under 1,000 connections a second for a minute, and 2,000 open at once.
soak() {
	local kind=$1 port cid seconds=60
	shift
	[ -z "$QUICK" ] || seconds=5
	port=$(free_port)
	own_processes >"$W/before"
	cid=$(cove run -d "$@" -p "127.0.0.1:$port:7001" -v "$LOAD:/load:ro" "$IMAGE" /load serve 0.0.0.0 7001)
	for _ in {1..60}; do
		timeout 2 "$LOAD" connect 127.0.0.1 "$port" 0.01 >/dev/null 2>&1 && break
		sleep 0.1
	done
	"$LOAD" hold 127.0.0.1 "$port" 200 >/dev/null
	sleep 1
	echo "$kind: before: $(leaks "$W/before")"
	echo "$kind: 1,000 a second: lost $(timeout 100 "$LOAD" pace 127.0.0.1 "$port" $seconds 1000)"
	echo "$kind: 2,000 at once: lost $(timeout 60 "$LOAD" hold 127.0.0.1 "$port" 2000)"
	sleep 2
	echo "$kind: after: $(leaks "$W/before")"
	cove rm -f -t 0 "$cid" >/dev/null
}

bench_soak() {
	say "a published port for a minute"
	[ -w /dev/net/tun ] || { echo "/dev/net/tun cannot be opened: left out"; return; }
	soak private --network private
	! can_accel || soak accel --network private:port_handler=accel
	cove network create bench-net >/dev/null || return
	soak bridge --network bench-net
	! has pasta || soak pasta --network pasta
	cove network rm bench-net >/dev/null
}
