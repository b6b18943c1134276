#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The same sentences to podman and cove, over the same image: the same words come back.
load ../setup

setup() {
	cove_setup
	need podman
	load_busybox
	podman_load "$(test_file docker-archive)"
}

# same STATUS ARG...: output (both streams, the program's name made equal) and status agree.
same() {
	local want=$1 ours theirs our_status=0 their_status=0
	shift
	ours=$(cove "$@" 2>&1) || our_status=$?
	theirs=$(podman_like "$@" 2>&1 | grep -v '^time=') || true
	podman_like "$@" >/dev/null 2>&1 || their_status=$?
	ours=${ours//cove/podman}
	is "$ours" "$theirs" "$*"
	is "$our_status" "$their_status" "status of $*"
	is "$our_status" "$want" "status of $*"
}

@test "lists agree" {
	same 0 images --format '{{.Repository}} {{.Tag}} {{.ID}} {{.Names}} {{.Labels}} {{.CreatedAt}}'
	same 0 images -q
	same 0 images -q --no-trunc
	same 0 images --format 'table {{.Repository}} {{.Tag}} {{.ID}}'
	same 0 images --format 'table {{.ID}}\t{{.Tag}}' --noheading
	same 0 images --format '{{range .}}{{.ID}} {{end}}'
	same 0 images nosuch
	same 0 images --filter label=org.example.kind=test --format '{{.ID}}'
	same 125 images --filter nope=x
	same 125 images a b
}

@test "documents agree" {
	same 0 image inspect --format '{{.Id}} {{.RepoTags}} {{.Architecture}} {{.Os}} {{.Created}}' busybox
	need jq
	is "$(cove image inspect --format '{{json .Config}}' busybox | jq -Sc .)" \
		"$(podman_like image inspect --format '{{json .Config}}' busybox 2>/dev/null | jq -Sc .)"
	same 0 image inspect --format '{{.Config.Env}} {{.Config.Cmd}} {{.Labels}} {{.RootFS}}' busybox
	same 0 image inspect --format '{{range .RepoTags}}{{.}};{{end}}{{if .Author}}a{{else}}none{{end}}' busybox
	same 0 history --format '{{.ID}} {{.CreatedBy}} {{.CreatedAt}} {{.Comment}}' busybox
	same 0 history --no-trunc --format '{{.ID}} {{.CreatedBy}}' busybox
}

@test "refusals agree" {
	same 125 images --nosuch
	same 125 images -Z
	same 125 images --sort
	same 125 tag busybox
	same 125 tag nosuch x
	same 125 rmi
	same 125 rmi -a x
	same 1 rmi nosuch
	same 1 image exists nosuch
	same 0 image exists busybox
	same 125 image inspect
	same 125 version extra
	same 125 nosuch
}

@test "names agree" {
	cove tag busybox again && podman_like tag busybox again
	same 0 image exists localhost/again:latest
	cove untag busybox localhost/again && podman_like untag busybox localhost/again
	same 1 image exists again
	cove rmi busybox >"$T/ours"
	podman_like rmi busybox >"$T/theirs" 2>/dev/null
	is "$(cat "$T/ours")" "$(cat "$T/theirs")"
}

@test "archives are read by the other" {
	local format
	for format in docker-archive oci-archive; do
		cove save -q --format "$format" -o "$T/ours.tar" busybox
		podman_like save -q --format "$format" -o "$T/theirs.tar" busybox 2>/dev/null
		cove rmi -a >/dev/null
		podman_like rmi -a >/dev/null 2>&1
		cove load -q -i "$T/theirs.tar"
		podman_like load -q -i "$T/ours.tar" 2>/dev/null
		# Not the IDs: podman writes configurations anew where it changes the format.
		same 0 images --format '{{.Repository}}:{{.Tag}}'
		same 0 image inspect --format '{{.Config.Env}} {{.Config.Cmd}} {{.RootFS}}' busybox
		rm -f "$T/ours.tar" "$T/theirs.tar"
	done
	same_status load -q -i "$T/nosuch"
	same_status save -q -o "$T/x" nosuch
	same_status save --format nosuch -o "$T/x" busybox
}

@test "pulls agree" {
	start_registry
	push_busybox compat/busybox:1
	cove rmi -a >/dev/null
	podman_like rmi -a >/dev/null 2>&1
	same 0 pull -q --tls-verify=false "$REGISTRY/compat/busybox:1"
	same 0 images --format '{{.Repository}} {{.Tag}} {{.ID}}'
	same 0 image inspect --format '{{.RepoTags}} {{.RepoDigests}} {{.Digest}}' "$REGISTRY/compat/busybox:1"
	same_status pull -q --tls-verify=false "$REGISTRY/compat/busybox:nosuch"
	same_status pull -q --tls-verify=false "$REGISTRY/nosuch:1"
	same_status pull -q "$REGISTRY/compat/busybox:1"
	same_status pull -q --tls-verify=false 127.0.0.1:1/x:1
	same_status pull
	same_status pull -q 'bad name'
	same_status rmi "$REGISTRY/compat/busybox:1"
	same 0 images -q
}

# same_status ARG...: the texts of failures are each one's own.
same_status() {
	local our_status=0 their_status=0
	cove "$@" >"$T/ours" 2>&1 || our_status=$?
	podman_like "$@" >"$T/theirs" 2>&1 || their_status=$?
	is "$our_status" "$their_status" "status of $*"
}

@test "docker-daemon: talks to Podman's service" {
	podman_like system service -t 4 "unix://$T/podman.sock" >/dev/null 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 test -S "$T/podman.sock"
	export DOCKER_HOST=unix://$T/podman.sock
	want=$(image_id)
	run_cove push -q "$IMAGE" docker-daemon:localhost/given:1
	is "$(podman_like images -q --no-trunc localhost/given:1 2>/dev/null)" "sha256:$want" "what it was given"
	fresh
	run_cove pull -q docker-daemon:localhost/given:1
	is "$output" "$want"
	run_cove 125 pull -q docker-daemon:localhost/nosuch:1
	like "$output" "^Error: docker-daemon:localhost/nosuch:1: "
	wait "${PIDS[-1]}" || true # it ends when nobody asks any more
}
