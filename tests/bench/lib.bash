# SPDX-License-Identifier: Apache-2.0
# Sourced by run: where things are, what is installed, and how a row of the budget is told.
# shellcheck shell=bash disable=SC2034 # the parts use what is set here

: "${COVE_SRC:?}" "${COVE_BUILD:?}"
FLOOR=$COVE_BUILD/tests/bench/floor
LOAD=$COVE_BUILD/tests/bench/load
COVE=$COVE_BUILD/cove
IMAGE=localhost/busybox:latest

has() {
	command -v "$1" >/dev/null 2>&1
}

say() {
	printf '\n## %s\n' "$*"
}

# cove and podman, each with directories of its own below $W.
cove() {
	"$COVE" "$@"
}

podman_do() {
	"${PODMAN[@]}" "$@"
}

# time_all [OPTION...] -- LABEL COMMAND...: the runner; what it found stays in $TABLE.
time_all() {
	"$COVE_BUILD/tests/bench/runner" -t "$TABLE" "$@"
}

# of LABEL [median|min|p90|cpu|memory|failures]: the last figure for LABEL; nothing when there is none.
of() {
	awk -F'\t' -v l="$1" -v c="${2:-median}" '
		BEGIN { n = split("label median min p90 cpu memory failures", name, " "); for (i = 1; i <= n; i++) at[name[i]] = i }
		$1 == l { v = $at[c] } END { print v }' "$TABLE"
}

# put LABEL VALUE: a figure that something else measured.
put() {
	printf '%s\t%s\n' "$1" "$2" >>"$TABLE"
}

# ratio A B: A/B; nothing when one is missing.
ratio() {
	awk -v a="$1" -v b="$2" 'BEGIN { if (a != "" && b > 0) printf "%.2f", a / b }'
}

# row NAME VALUE UNIT LIMIT GOAL: one row of the budget.  A limit is "<= 2.0" or ">= 1.0"; it informs, no more.
row() {
	local verdict
	verdict=$(awk -v v="$2" -v limit="$4" -v goal="$5" '
		function holds(l, part) {
			split(l, part, " ")
			return part[1] == "<=" ? v + 0 <= part[2] + 0 : v + 0 >= part[2] + 0
		}
		BEGIN {
			if (v == "") print "not measured"
			else if (goal != "" && holds(goal)) print "met, goal too"
			else print holds(limit) ? "met" : "MISSED"
		}')
	printf '  => %s: %s %s (budget %s, goal %s): %s\n' "$1" "${2:--}" "$3" "$4" "${5:--}" "$verdict" |
		tee -a "$W/rows"
}

# median VALUE...
median() {
	printf '%s\n' "$@" | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# A port of 127.0.0.1 on which nobody listens.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 30000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
	done
	return 1
}

# wait_port ADDRESS PORT
wait_port() {
	for _ in {1..100}; do
		(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null && return
		sleep 0.05
	done
	echo "nobody listens on $1:$2" >&2
	return 1
}

# The busybox image in both stores, its files in $ROOTFS.
prepare() {
	ROOTFS=$W/rootfs
	"$COVE_SRC/tests/mkimage" rootfs "$ROOTFS"
	"$COVE_SRC/tests/mkimage" docker-archive "$W/busybox.tar" "$IMAGE"
	cove load -q -i "$W/busybox.tar" >/dev/null || { echo "bench: cove load failed" >&2; return 1; }
	PODMAN=()
	has podman || return 0
	PODMAN=("$(type -P podman)" --root "$W/podman" --runroot "$R/podman" --cgroup-manager cgroupfs)
	podman_do load -q -i "$W/busybox.tar" >/dev/null 2>&1 &&
		podman_do run --rm --network none "$IMAGE" true >/dev/null 2>&1 && return
	echo "podman does not run containers here: left out"
	PODMAN=()
}
