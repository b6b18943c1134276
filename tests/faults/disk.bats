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

# push_random MB: an image of one layer that does not get smaller, as $REGISTRY/big:MB.
push_random() {
	mkdir -p "$T/random"
	head -c "$1M" /dev/urandom >"$T/random/data"
	tar -C "$T/random" -cf "$T/random.tar" .
	XDG_DATA_HOME=$T/other run_cove import -q "$T/random.tar" "$REGISTRY/big:$1"
	XDG_DATA_HOME=$T/other run_cove push -q --tls-verify=false "$REGISTRY/big:$1"
}

kept() {
	find "$COVE_SMALL/data/cove/partial" -type f -printf '%s\n' 2>/dev/null | awk '{ n += $1 } END { print n + 0 }'
}

@test "what a pull keeps for the next one is never why an image does not fit" {
	local before
	start_registry
	push_random 24
	run_cove pull -q --tls-verify=false "$REGISTRY/big:24"
	is "$(kept)" 0 "bytes are kept of a whole pull"
	run_cove system check --quick
	is "$output" ""
	run_cove rmi "$REGISTRY/big:24"

	# Larger than the disk: one line, the bytes are back, those of an earlier pull, too.
	push_random 50
	before=$(used)
	head -c 5M /dev/urandom >"$COVE_SMALL/data/cove/partial/$(printf 'ab%.0s' {1..32})"
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/big:50"
	like "$output" "^Error: writing blob sha256:.*No space left on device$"
	is "${#lines[@]}" 1 "lines of the message"
	is "$(kept)" 0 "bytes are kept on a full disk"
	[ "$(used)" -lt $((before + 1000)) ] || die "space is lost: $before KiB before, $(used) KiB after"
	run_cove system check
	is "$output" ""
	run_cove pull -q --tls-verify=false "$REGISTRY/big:24"
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

@test "a secret can be removed" {
	head -c 100k /dev/urandom | cove secret create large - >/dev/null
	echo x | cove secret create small - >/dev/null
	head -c 100M /dev/zero >"$COVE_SMALL/ballast" 2>/dev/null || true
	run_cove 125 secret create other "$COVE_SMALL/data/cove/secrets/secrets.json"
	like "$output" "^Error: .*No space left on device$"
	run_cove secret ls --format '{{.Name}}'
	is "$output" $'large\nsmall'
	run_cove secret rm small
	run_cove secret rm large
	rm -f "$COVE_SMALL/ballast"
	run_cove secret ls -q
	is "$output" ""
	run_cove system check --quick
}
