#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One thing goes wrong in a pull or push, at each request in turn, whatever it is: token, manifest, blob, question whether
# a blob is there, mount, upload.  None of it is noticed.  (tests/registry/server.py spoils the requests.)
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
	start_server
}

# each KIND... -- COMMAND...: for each kind of fault COMMAND with the first request spoiled, then with the second, ..., until
# it makes fewer requests than that.  SPOILED says what was.
each() {
	local kinds=() kind i all=""
	while [ "$1" != -- ]; do
		kinds+=("$1")
		shift
	done
	shift
	for kind in "${kinds[@]}"; do
		for ((i = 1;; i++)); do
			echo "$RANDOM$RANDOM$RANDOM $i $kind" >"$T/inject"
			mv "$T/inject" "$T/server/inject"
			SPOILED="request $i: $kind"
			"$@" || die "with $SPOILED $(cat "$T/server/injected")" "$(cat "$LOG")"
			[ ! -e "$T/server/inject" ] || break
			all+=$(cut -d' ' -f2,3 "$T/server/injected" | tr -c 'A-Za-z0-9?/\n -' _)$'\n'
			: >"$LOG"
		done
		[ "$i" -gt 3 ] || die "only $i requests"
	done
	rm "$T/server/inject"
	SPOILED=$(sort -u <<<"$all")
}

pull() {
	local id
	cove rmi -fa >/dev/null
	id=$(cove pull -q --retry-delay 5ms --tls-verify=false "$SERVER/$1:1") || return
	[ "$(cove image inspect --format '{{.Config.Labels.f}} {{len .RootFS.Layers}}' "$id")" = "$1 3" ] &&
		[ -z "$(ls -A "$XDG_DATA_HOME/cove/tmp" "$XDG_DATA_HOME/cove/partial" | grep -v :)" ]
}

# push NAME: the same digest each time.
push() {
	cove push -q --retry-delay 5ms --tls-verify=false --creds user:pass:word --digestfile "$T/digest" "$IMAGE" "$SERVER/$1:1" &&
		[ "$(cat "$T/digest")" = "${DIGEST:=$(cat "$T/digest")}" ]
}

# spoiled PATTERN...: requests of these kinds were among those that went wrong.
spoiled() {
	for pattern; do
		grep -qE "$pattern" <<<"$SPOILED" || die "no request like $pattern was spoiled" "$SPOILED"
	done
}

@test "pull: any request answered with an error, or too busy" {
	each 500 502 503 504 -- pull token-anonymous
	spoiled '^GET /token/' '^GET .*/manifests/1' '^GET .*/blobs/'
	each 429 -- pull index
}

@test "pull: any answer left out, cut anywhere, or with another byte" {
	each close cut:30 cut:300 cut:100000 flip:0 flip:90 flip:9000 -- pull token-anonymous
	each close cut:30 cut:300 flip:20 -- pull redirect
	spoiled '^GET .*/manifests/' '^GET .*/blobs/'
	run_cove system check
	is "$output" ""
}

@test "push: any request answered with an error, or too busy" {
	load_busybox
	each 500 502 503 504 -- push up-token
	spoiled '^GET /token/' '^HEAD .*/blobs/' '^POST .*/uploads/' '^PATCH .*/uploads/' '^PUT .*/uploads/' '^PUT .*/manifests/'
	each 429 -- push plain
}

@test "push: any answer left out or cut, any body cut or with another byte" {
	load_busybox
	each close cut:30 cut:100 upload:cut upload:flip -- push up-token
	each close upload:cut upload:flip 503 -- push up-elsewhere
	spoiled '^PATCH .*/uploads/' '^PUT .*/manifests/'
}

@test "push: mounts that go wrong" {
	cove pull -q --tls-verify=false "$SERVER/good:1"
	IMAGE=$SERVER/good:1
	each 500 503 close cut:30 cut:100 -- push up-mount
	spoiled '^POST .*/uploads/[?]mount' '^PUT .*/manifests/'
	[[ $SPOILED != *PATCH* ]] || die "what could be mounted was sent" "$SPOILED"
}
