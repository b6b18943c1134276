#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
load ../setup

@test "an empty store lists nothing but the heading" {
	run_cove images
	is "$output" "REPOSITORY  TAG         IMAGE ID    CREATED     SIZE"
	run_cove images --format json
	is "$output" "[]"
	run_cove images -q
	is "$output" ""
}

@test "names, IDs and templates" {
	load_busybox reg.example/x/y:two
	run_cove images --format '{{.Repository}}:{{.Tag}}'
	is "$output" "localhost/busybox:latest
reg.example/x/y:two"
	run_cove images -q
	is "${#lines[@]}" 1 "IDs are listed once"
	like "$output" '^[0-9a-f]{12}$'
	run_cove images -q --no-trunc
	like "$output" '^sha256:[0-9a-f]{64}$'
	run_cove images --noheading
	like "${lines[0]}" '^localhost/busybox +latest +[0-9a-f]{12} +[0-9]+ (months|years) ago +[0-9.]+ MB$'
	run_cove images --format 'table {{.ID}} {{.Repository}}'
	like "${lines[0]}" '^IMAGE ID +REPOSITORY$'
	run_cove images --format '{{.Labels}} {{index .Labels "org.example.kind"}}'
	is "${lines[0]}" "map[org.example.kind:test] test"
	run_cove 125 images --format '{{.Nope}}'
	like "$output" "can't evaluate field Nope"
}

@test "filters" {
	load_busybox reg.example/x/y:two
	for filter in reference=busybox reference='reg.example/x/*' label=org.example.kind label=org.example.kind=test \
		dangling=false until=1m id="$(cove images -q)"; do
		run_cove images -n --filter "$filter"
		is "${#lines[@]}" 2 "$filter"
	done
	for filter in reference=nosuch label=org.example.kind=x dangling=true before=busybox since=busybox \
		label!=org.example.kind until!=1m dangling!=false id!="$(cove images -q)"; do
		run_cove images -n --filter "$filter"
		is "$output" "" "$filter"
	done
	run_cove images -n --filter since!=busybox
	is "${#lines[@]}" 2
	run_cove 125 images --filter json
	is "$output" 'Error: invalid image filter "json": must be in the format "filter=value or filter!=value"'
	run_cove images -n busybox
	is "${#lines[@]}" 2
	run_cove 125 images --filter nope=x
	is "$output" 'Error: unsupported image filter "nope"'
	run_cove 125 images --filter dangling=x
	run_cove 125 images --filter before=nosuch
	like "$output" "nosuch: image not known"
}
