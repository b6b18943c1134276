#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# load and pull, killed at many moments: the store stays whole, the operation repeats, nothing is left.
load ../setup
load faults

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_userns
}

@test "load, with all its processes" {
	local file ms
	file=$(test_file docker-archive)
	for ms in 1 3 5 8 12 16 20 25 30 40 50 60 80 100 130; do
		kill_after "$ms" "$COVE" load -q -i "$file"
		run_cove images -q
		run_cove load -q -i "$file"
		[ "$ms" != 30 ] && [ "$ms" != 130 ] || store_works
		run_cove rmi -f "$IMAGE"
	done
	run_cove load -q -i "$file"
	store_works
	nothing_left
	run_cove rmi -fa
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "left in layers/"
}

@test "load, the command or one of its helpers alone" {
	local file ms who pid
	file=$(test_file docker-archive)
	for ms in 2 6 12 20 35 60; do
		kill_only_after "$ms" "$COVE" load -q -i "$file"
		run_cove images -q
		run_cove load -q -i "$file"
		run_cove rmi -f "$IMAGE"
	done
	for who in cove-layer cove-archive; do
		for ms in {1..4}; do
			status=0
			setsid timeout 20 "$COVE" load -q -i "$file" >/dev/null 2>"$T/err" 3>&- &
			pid=$!
			for _ in {1..200}; do
				pkill -KILL -s "$pid" -x "$who" && break || true # of our session: others test, too
			done
			wait "$pid" || status=$?
			[ "$status" = 0 ] || [ "$(wc -l <"$T/err")" = 1 ] || die "$who: $status" "$(cat "$T/err")"
			run_cove load -q -i "$file"
			run_cove rmi -f "$IMAGE"
		done
	done
	run_cove load -q -i "$file"
	store_works
	nothing_left
}

@test "pull, with all its processes, and cove-pull alone" {
	local ms pid
	start_registry
	push_busybox busybox:latest
	for ms in 2 5 10 15 20 30 40 60 80 110; do
		kill_after "$ms" "$COVE" pull -q --tls-verify=false "$REGISTRY/busybox:latest"
		run_cove images -q
		run_cove pull -q --tls-verify=false "$REGISTRY/busybox:latest"
		run_cove rmi -f "$REGISTRY/busybox:latest"
	done
	for _ in {1..4}; do
		status=0
		setsid timeout 20 "$COVE" pull -q --tls-verify=false "$REGISTRY/busybox:latest" >/dev/null 2>"$T/err" 3>&- &
		pid=$!
		for _ in {1..200}; do
			pkill -KILL -s "$pid" -x cove-pull && break || true
		done
		wait "$pid" || status=$?
		[ "$status" -lt 126 ] || die "pull: $status" "$(cat "$T/err")"
		run_cove pull -q --tls-verify=false "$REGISTRY/busybox:latest"
		run_cove rmi -f "$REGISTRY/busybox:latest"
	done
	run_cove pull -q --tls-verify=false "$REGISTRY/busybox:latest"
	run_cove tag "$REGISTRY/busybox:latest" "$IMAGE"
	store_works
	nothing_left
}

@test "commit and export, with all their processes, and one helper alone" {
	local ms who pid
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	cove run --network none --name c "$IMAGE" sh -c 'head -c 3000000 /dev/urandom >/x; rm /bin/ls'
	for ms in 1 3 5 8 12 16 20 25 30 40 60; do
		kill_after "$ms" "$COVE" commit c half
		kill_after "$ms" "$COVE" export -o "$T/half.tar" c
		run_cove images -q
		run_cove commit c whole
	done
	for who in cove-layer cove-tree; do
		for ms in {1..4}; do
			status=0
			setsid timeout 20 "$COVE" commit -q c half >/dev/null 2>"$T/err" 3>&- &
			pid=$!
			for _ in {1..200}; do
				pkill -KILL -s "$pid" -x "$who" && break || true
			done
			wait "$pid" || status=$?
			[ "$status" = 0 ] || [ "$(wc -l <"$T/err")" = 1 ] || die "$who: $status" "$(cat "$T/err")"
		done
	done
	run_cove commit c whole
	is "$(cove run --rm --network none whole sha256sum /x)" "$(cove export c | tar xO x | sha256sum | sed 's#-$#/x#')"
	run_cove 127 run --rm --network none whole ls
	store_works
	nothing_left
	run_cove rmi -fa
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "left in layers/"
}

@test "twenty pulls of one image at once" {
	local i bad=0 pids=()
	start_registry
	push_busybox busybox:latest
	for i in {1..20}; do
		(COVE_TIMEOUT=60 cove pull -q --tls-verify=false "$REGISTRY/busybox:latest" >"$T/out.$i" 2>&1 3>&-) &
		pids+=($!)
	done
	for i in "${!pids[@]}"; do
		wait "${pids[$i]}" || { bad=$((bad + 1)) && cat "$T/out.$((i + 1))"; }
	done
	is "$bad" 0 "failed pulls"
	is "$(cat "$T"/out.* | sort -u | wc -l)" 1 "different answers"
	run_cove tag "$REGISTRY/busybox:latest" "$IMAGE"
	store_works
	is "$(find "$XDG_DATA_HOME/cove/layers" -mindepth 1 -maxdepth 1 | wc -l)" 1 "layers"
	nothing_left
}

@test "writers and readers together" {
	local file i pids=()
	file=$(test_file docker-archive)
	run_cove load -q -i "$file"
	for i in {1..4}; do
		(for _ in {1..6}; do cove load -q -i "$file" || exit 1; cove tag "$IMAGE" "t$i" || exit 1; done) >>"$T/err" 2>&1 3>&- &
		pids+=($!)
		(for _ in {1..10}; do cove images || exit 1; cove ps -a || exit 1; done) >/dev/null 2>>"$T/err" 3>&- &
		pids+=($!)
		(for _ in {1..4}; do cove run --rm --network none "$IMAGE" true || exit 1; done) >/dev/null 2>>"$T/err" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || die "one failed" "$(cat "$T/err")"
	done
	store_works
	nothing_left
}

@test "files from the future and the far past" {
	run_cove load -q -i "$(test_file docker-archive)"
	cove create --network none --name c "$IMAGE" true >/dev/null
	find "$XDG_DATA_HOME/cove" "$R/cove" -exec touch -h -d '+3 years' {} + 2>/dev/null || true
	store_works
	run_cove start -a c
	run_cove load -q -i "$(test_file docker-archive)"
	find "$XDG_DATA_HOME/cove" "$R/cove" -exec touch -h -d '1971-01-01' {} + 2>/dev/null || true
	store_works
	run_cove start -a c
	nothing_left
}

@test "a damaged database is one clear error" {
	local kind verb db=$XDG_DATA_HOME/cove/db.sqlite
	run_cove load -q -i "$(test_file docker-archive)"
	mkdir "$T/good"
	cp "$db"* "$T/good/"
	for kind in noise head half truncated wal; do
		rm -f "$db"*
		cp "$T/good"/* "$XDG_DATA_HOME/cove/"
		case $kind in
		noise)
			rm -f "$db"-*
			head -c 20000 /dev/urandom >"$db"
			;;
		head)
			rm -f "$db"-*
			dd if=/dev/zero of="$db" bs=64 count=1 conv=notrunc 2>/dev/null
			;;
		half) head -c 10000 /dev/urandom | dd of="$db" bs=1 seek=4096 conv=notrunc 2>/dev/null ;;
		truncated) truncate -s 5000 "$db" ;;
		wal) [ ! -s "$db-wal" ] || head -c 3000 /dev/urandom >"$db-wal" ;;
		esac
		for verb in "images" "ps -a" "run --rm --network none --pull never $IMAGE true" \
			"load -q -i $(test_file docker-archive)"; do
			# shellcheck disable=SC2086 # words
			COVE_TIMEOUT=10 run_cove "?" $verb
			[ "$status" -lt 126 ] || die "$kind, $verb: $status" || return
			[ "$status" = 0 ] || [ "${#lines[@]}" -le 2 ] || die "$kind, $verb: $output"
			case $kind in
			noise | head)
				[ "$status" = 125 ] || die "$kind, $verb: $status" || return
				like "$output" "db.sqlite"
				;;
			esac
		done
	done
	# An empty file is a new store.
	rm -f "$db"*
	: >"$db"
	run_cove load -q -i "$(test_file docker-archive)"
	store_works
}

# read_only ARG...: cove, which sees its store on a read-only file system.
read_only() {
	status=0
	output=$(timeout 60 unshare --user --map-root-user --mount sh -c '
		d=$1 uid=$2 gid=$3
		shift 3
		mount --bind "$d" "$d" && mount -o remount,bind,ro "$d" &&
			exec unshare --user --map-user="$uid" --map-group="$gid" "$@"' sh \
		"$XDG_DATA_HOME" "$(id -u)" "$(id -g)" "$COVE" "$@" 2>&1) || status=$?
	printf '$ cove %s (%s)\n%s\n' "$*" "$status" "$output"
}

@test "a read-only store: what reads works, what writes says so in one line" {
	local args
	load_busybox
	read_only images -q
	[ "$status" = 0 ] || skip "user namespaces cannot be nested here"
	like "$output" '^[0-9a-f]{12}$'
	for args in "image exists busybox" "history -q busybox" "image tree busybox" "ps -a" "system df" \
		"pull -q --policy missing $IMAGE" "image inspect busybox"; do
		read_only $args
		is "$status" 0 "$args"
	done
	for args in "pull -q 127.0.0.1:1/x" "tag busybox b" "untag busybox" "rmi busybox" "manifest create m"; do
		read_only $args
		[ "$status" != 0 ] || die "$args succeeded"
		like "$output" "^Error: .*([Rr]ead-only file system|the store cannot be written: attempt to write a readonly database)"
		[ "$(wc -l <<<"$output")" -le 2 ] || die "more than an error and a hint"
	done
	run_cove system check
	is "$output" ""
	run_cove images -q
}
