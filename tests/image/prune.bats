#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# image prune, image tree.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

# commit NAME ON COMMAND: an image NAME on top of ON.
commit() {
	cove run --network none --name "c-$1" "$2" sh -c "$3"
	cove commit -q "c-$1" "$1" >/dev/null
}

@test "prune takes what has no name, and with --all what no container uses" {
	local base one
	commit one busybox 'echo 1 >/x'
	base=$(cove inspect --type image --format '{{.Id}}' busybox)
	one=$(cove inspect --type image --format '{{.Id}}' one)
	run_cove image prune -f
	is "$output" ""
	cove untag one
	output=$(echo n | cove image prune)
	is "$output" $'WARNING! This command removes all dangling images.\nAre you sure you want to continue? [y/N] '
	cove image exists "$one"
	status=0
	output=$(cove image prune </dev/null 2>&1) || status=$?
	is "$status" 125
	like "$output" "Error: EOF"
	output=$(echo y | cove image prune)
	like "$output" "$one\$"
	run_cove 1 image exists "$one"
	run_cove image prune -af
	is "$output" "" "the image of a container stays"
	cove rm c-one >/dev/null
	run_cove image prune -af --filter label=none
	is "$output" ""
	run_cove image prune -af --filter until=1h
	is "$output" "$base" "an image of 2023"
	[ -z "$(ls "$XDG_DATA_HOME/cove/layers")" ] || die "a layer was left"
	run_cove 125 image prune -f --filter none=x
	is "$output" 'Error: unsupported image filter "none"'
	run_cove 125 image prune -f x
}

@test "tree shows stacks, whatever shares their layers" {
	commit one busybox 'echo 1 >/x'
	commit two one 'echo 2 >/y'
	commit three one 'echo 3 >/z'
	run_cove image tree two
	is "${#lines[@]}" 7
	like "${lines[1]}" '^Tags:     \[localhost/two:latest\]$'
	is "${lines[3]}" "Image Layers"
	like "${lines[4]}" '^├── ID: [0-9a-f]{12} Size: .*MB Top Layer of: \[localhost/busybox:latest\]$'
	like "${lines[6]}" '^└── ID: [0-9a-f]{12} Size: +[0-9.]+kB Top Layer of: \[localhost/two:latest\]$'
	run_cove image tree --whatrequires busybox
	is "$(grep -c 'Top Layer of' <<<"$output")" 4
	like "${lines[6]}" '^    ├── ID: .*(two|three):latest'
	run_cove 125 image tree nosuch
	is "$output" "Error: nosuch: image not known"
}

@test "layers have the numbers that they have in podman" {
	commit one busybox 'echo 1 >/x'
	commit two one 'echo 2 >/y'
	cove save -q -m -o "$T/all.tar" busybox one two
	podman_load "$T/all.tar"
	diff <(cove image tree two | grep ' ID: ' | cut -c1-40) \
		<(podman_like image tree two 2>/dev/null | grep ' ID: ' | cut -c1-40)
}

@test "rmi --force takes the containers along, running ones too" {
	load_busybox
	COVE_CONTAINERS=1
	cove tag "$IMAGE" second
	cove run -d --name one --network none --stop-timeout 0 "$IMAGE" sleep 100
	cove create --name two second true
	cove create --name other --rootfs "$T" true
	run_cove 2 rmi "$IMAGE" second
	like "$output" "image is in use by a container"
	run_cove 0 rmi --force second
	is "$(cove ps -a --format '{{.Names}}')" other
	is "$(cove images -q)" ""
}
