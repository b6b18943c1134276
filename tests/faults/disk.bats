#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A full disk: the error says so, what needs no space works, and space comes back.
load ../setup
load faults

setup() {
	cove_setup
	COVE_CONTAINERS=1
	[ -n "${COVE_SMALL-}" ] && [ -d "$COVE_SMALL" ] || skip "no small file system (tests/run-user makes one as root)"
	export XDG_DATA_HOME=$COVE_SMALL/data
	load_busybox
}

teardown() {
	cove_teardown
	[ -n "${COVE_SMALL-}" ] || return 0 # skipped
	rm -rf "${COVE_SMALL:?}"/* 2>/dev/null || unshare --user --map-root-user --map-auto rm -rf "${COVE_SMALL:?}"/data
}

used() {
	df --output=used -k "$COVE_SMALL" | tail -1
}

@test "load of an image that does not fit" {
	local before
	before=$(used)
	mkdir -p "$T/big/bin"
	head -c 60M /dev/urandom >"$T/big/bin/data"
	tar -C "$T/big" -cf "$T/big.tar" .
	for _ in 1 2 3; do
		run_cove 125 import -q "$T/big.tar" localhost/big
		like "$output" "No space left on device"
		is "${#lines[@]}" 1 "lines of the message"
		run_cove images
		run_cove ps -a
	done
	[ "$(used)" -lt $((before + 3000)) ] || die "space is lost: $before KiB before, $(used) KiB after"
	run_cove run --rm --network none "$IMAGE" true
}

@test "a container fills it, then everything is taken" {
	local before
	before=$(used)
	run_cove "?" run --name c --network none "$IMAGE" dd if=/dev/zero of=/f bs=64k
	[ "$status" != 0 ]
	like "$output" "No space left on device"
	head -c 100M /dev/zero >"$COVE_SMALL/ballast" 2>/dev/null || true
	run_cove ps -a
	run_cove images
	run_cove inspect c
	run_cove "?" run --rm --network none "$IMAGE" echo marker
	[ "$status" != 0 ] || is "$output" marker
	[ "$status" = 0 ] || like "$output" "[Nn]o space (is )?left"
	run_cove "?" load -q -i "$(test_file docker-archive)"
	[ "$status" -lt 126 ]
	[ "$status" = 0 ] || like "$output" "[Nn]o space (is )?left"
	run_cove rm -f c
	rm -f "$COVE_SMALL/ballast"
	[ "$(used)" -lt $((before + 3000)) ] || die "space is lost: $before KiB before, $(used) KiB after"
	run_cove run --rm --network none "$IMAGE" echo works
	is "$output" works
}
