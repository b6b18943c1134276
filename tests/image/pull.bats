#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pulls from Debian's docker-registry, and from a registry that misbehaves (tests/registry/server.py: the name of the
# repository says how).
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
}

# Of a failed pull nothing is left: no image, no layer, nothing half made.
nothing_left() {
	is "$(cove images -aq)" "" "images"
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "layers"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	is "$(ls -A "$XDG_RUNTIME_DIR/cove/blobs" 2>/dev/null)" "" "locks"
}

# good NAME...: pulls that must succeed.
good() {
	local name
	for name; do
		run_cove pull -q --tls-verify=false "$SERVER/$name:1"
		like "$output" '^[0-9a-f]{64}$' "the image's ID"
		is "$(cove image inspect --format '{{.Config.Labels.f}}' "$SERVER/$name:1")" "$name"
	done
}

# bad NAME TEXT: a pull that must fail with one line that has TEXT, and leave nothing.
bad() {
	run_cove 125 pull -q --tls-verify=false "$SERVER/$1:1"
	like "${lines[0]}" "^Error: .*$2"
	[ "${#lines[@]}" -le 2 ] || die "more than an error and a hint" "$output"
	nothing_left
}

@test "pull prints podman's lines, and only the ID with -q" {
	start_server
	run_cove pull --tls-verify=false "$SERVER/good:1"
	is "${lines[0]}" "Trying to pull $SERVER/good:1..."
	is "${lines[1]}" "Getting image source signatures"
	is "$(grep -c '^Copying blob sha256:[0-9a-f]*$' <<<"$output")" 3 "blob lines"
	like "$output" "Copying config sha256:[0-9a-f]{64}"
	like "$output" "Writing manifest to image destination"
	like "${lines[-1]}" '^[0-9a-f]{64}$'
	run_cove pull -q --tls-verify=false "$SERVER/good:1"
	is "${#lines[@]}" 1
}

@test "pull warns of an image for another platform than was asked for" {
	start_server
	run_cove pull -q --tls-verify=false --platform linux/s390x "$SERVER/good:1"
	is "${#lines[@]}" 2
	like "${lines[0]}" '^WARNING: image platform \(linux/[a-z0-9]+\) does not match the expected platform \(linux/s390x\)$'
	like "${lines[1]}" '^[0-9a-f]{64}$'
}

@test "pull of an unchanged image is one request" {
	start_server
	good good
	: >"$LOG"
	good good
	is "$(wc -l <"$LOG")" 1 "requests"
	like "$(cat "$LOG")" "GET /v2/good/manifests/1 "
}

@test "pull fetches no layer that is there already" {
	start_server
	good good
	: >"$LOG"
	good index
	is "$(grep -c /blobs/ "$LOG")" 1 "blobs fetched: the config"
}

@test "pull survives broken connections, busy and failing servers" {
	start_server
	good drop
	like "$(cat "$LOG")" "/v2/drop/blobs/.* bytes=[1-9][0-9]*- 206"
	for name in drop-norange busy error500 flaky slow errors; do
		cove rmi -fa >/dev/null
		good "$name"
	done
	for status in 500 502 503 504; do
		grep -q "/v2/errors/.* $status\$" "$LOG" || die "no request was answered with $status"
	done
}

@test "pull survives what was damaged once, and tokens that expire half-way" {
	start_server
	for name in corrupt corrupt-manifest corrupt-config token-short token-error; do
		cove rmi -fa >/dev/null
		good "$name"
	done
	is "$(grep -c "/v2/corrupt/blobs/.* 200$" "$LOG")" 7 "blobs: the config, and each layer twice"
	[ "$(grep -c /token/token-short "$LOG")" -ge 2 ] || die "tokens did not expire" "$(cat "$LOG")"
	run_cove system check
	is "$output" ""
}

@test "pull understands indexes, repeated layers and mislabeled compression" {
	start_server
	good index twice mislabeled
	is "$(cove image inspect --format '{{len .RootFS.Layers}}' "$SERVER/twice:1")" 4
}

@test "pull refuses lying metadata, and leaves nothing" {
	start_server
	bad wrong-digest "writing blob sha256:"
	bad wrong-config "Digest did not match"
	bad wrong-child "Digest did not match"
	bad header-digest "Digest did not match"
	bad wrong-diffid "diff ID did not match"
	bad few-diffids "2 diff IDs for 3 layers"
	bad wrong-size "larger than the"
	bad longer "larger than the"
	bad truncated "ends after"
	bad bad-digest "invalid digest"
}

@test "pull refuses hostile documents, and leaves nothing" {
	start_server
	bad garbage "invalid JSON"
	bad deep "nesting too deep"
	bad both "a manifest and an index at once"
	bad schema1 "no FSLayers in manifest"
	bad huge-manifest "larger than 4194304 bytes"
	bad artifact "not a container image"
	bad long-realm "too large"
	bad redirect-loop "stopped after 5 redirects"
	bad redirect-file "no http or https URL"
}

@test "pull tells what is wrong: name, tag, platform, registry" {
	start_server
	bad nosuch "reading manifest 1 in $SERVER/nosuch: name unknown"
	run_cove 125 pull -q --tls-verify=false "$SERVER/good:2"
	is "$output" "Error: initializing source docker://$SERVER/good:2: reading manifest 2 in $SERVER/good: manifest unknown: manifest unknown"
	run_cove 125 pull -q --tls-verify=false "$SERVER/no-platform:1"
	like "$output" "no image found in manifest list for architecture"
	like "$output" "linux/mips"
	run_cove 125 pull -q "$SERVER/good:1"
	like "$output" "http: server gave HTTP response to HTTPS client"
	run_cove 125 pull -q --retry 0 --tls-verify=false "127.0.0.1:$(free_port)/x"
	like "$output" "pinging container registry 127.0.0.1:[0-9]*: .*connect: connection refused"
	run_cove 125 pull -q Upper
	like "$output" "invalid reference format"
	run_cove 125 pull -q "$SERVER/good@sha256:123"
	like "$output" "invalid reference format"
	bad error500-always "unknown: out of order"
	bad drop-always "bytes remaining"
}

@test "pull by digest, and with both tag and digest" {
	start_server
	good good
	local digest
	digest=$(cove image inspect --format '{{.Digest}}' "$SERVER/good:1")
	cove rmi -fa >/dev/null
	run_cove pull -q --tls-verify=false "$SERVER/good:1@$digest"
	run_cove image inspect --format '{{.Digest}}' "$SERVER/good@$digest"
	is "$output" "$digest"
	run_cove 125 pull -q --tls-verify=false "$SERVER/good@sha256:$(printf '0%.0s' {1..64})"
	like "$output" "manifest unknown"
}

@test "what was pulled by digest is kept as by a name" {
	start_server
	local digest rows
	rows() { cove images -n --format '{{.Repository}}:{{.Tag}}' | xargs; }
	good good
	digest=$(cove image inspect --format '{{.Digest}}' "$SERVER/good:1")
	cove rmi -fa >/dev/null
	run_cove pull -q --tls-verify=false "$SERVER/good@$digest"
	is "$(rows)" "$SERVER/good:<none>"
	is "$(cove images -q --filter dangling=true)" ""
	is "$(cove images -q --filter "reference=$SERVER/good" | wc -l)" 1
	run_cove image prune -f
	is "$output" ""
	# A tag beside it is what is shown; it may go.
	good good
	is "$(rows)" "$SERVER/good:1"
	run_cove rmi "$SERVER/good:1"
	is "$output" "Untagged: $SERVER/good:1"
	is "$(rows)" "$SERVER/good:<none>"
	run_cove rmi "$SERVER/good@$digest"
	is "${lines[0]}" "Untagged: $SERVER/good@$digest"
	like "${lines[1]}" "^Deleted: "
	is "$(rows)" ""
	# The other way round: the digest of what is here already, which asks for nothing but the manifest.
	good good
	: >"$LOG"
	run_cove pull -q --tls-verify=false "$SERVER/good@$digest"
	is "$(wc -l <"$LOG")" 1 "requests"
	cove untag "$SERVER/good:1" "$SERVER/good:1"
	is "$(rows)" "$SERVER/good:<none>"
	run_cove untag "$SERVER/good@$digest" "$SERVER/good@$digest"
	is "$(rows)" "<none>:<none>"
	run_cove image prune -f
	is "$(rows)" ""
	# Tags that move leave nothing behind that nobody asked for.
	run_cove pull -q --tls-verify=false "$SERVER/good:1"
	run_cove tag "$SERVER/good:1" "$SERVER/slow:1"
	run_cove pull -q --tls-verify=false "$SERVER/slow:1"
	run_cove untag "$SERVER/good:1"
	is "$(cove images -q --filter dangling=true | wc -l)" 1
}

@test "token authentication: anonymous, expired, with credentials, by identity token" {
	start_server
	good token-anonymous token-expired
	bad_credentials="unable to retrieve auth token"
	run_cove 125 pull -q --tls-verify=false "$SERVER/token:1"
	like "$output" "$bad_credentials: unauthorized"
	run_cove 125 pull -q --tls-verify=false --creds user:wrong "$SERVER/token:1"
	like "$output" "$bad_credentials: invalid username/password: unauthorized"
	run_cove pull -q --tls-verify=false --creds user:pass:word "$SERVER/token:1"
	mkdir -p "$XDG_RUNTIME_DIR/containers"
	echo "{\"auths\":{\"$SERVER\":{\"identitytoken\":\"refresh-token\"}}}" >"$XDG_RUNTIME_DIR/containers/auth.json"
	good identity
}

@test "basic authentication: from auth.json, docker's config and a credential helper" {
	start_server
	bad basic "unauthorized: authentication required"
	mkdir -p "$XDG_RUNTIME_DIR/containers" "$HOME/.docker" "$T/bin"
	echo "{\"auths\":{\"$SERVER/basic\":{\"auth\":\"$(printf user:pass:word | base64)\"}}}" >"$T/auth.json"
	run_cove pull -q --tls-verify=false --authfile "$T/auth.json" "$SERVER/basic:1"
	cove rmi -fa >/dev/null
	cp "$T/auth.json" "$HOME/.docker/config.json"
	good basic
	rm "$HOME/.docker/config.json"
	echo "{\"credHelpers\":{\"$SERVER\":\"test\"}}" >"$XDG_RUNTIME_DIR/containers/auth.json"
	printf '#!/bin/sh\necho "{\\"Username\\":\\"user\\",\\"Secret\\":\\"pass:word\\"}"\n' >"$T/bin/docker-credential-test"
	chmod +x "$T/bin/docker-credential-test"
	PATH=$T/bin:$PATH good basic
	rm "$XDG_RUNTIME_DIR/containers/auth.json"
	# Also where nobody asks for credentials.
	for name in basic good; do
		run_cove 125 pull -q --tls-verify=false --authfile "$T/none.json" "$SERVER/$name:1"
		is "$output" "Error: credential file is not accessible: $T/none.json: No such file or directory"
	done
}

@test "credentials never follow a redirect, and the place it leads to cannot ask for them" {
	start_server
	run_cove pull -q --tls-verify=false --creds user:pass:word "$SERVER/redirect:1"
	run_cove 125 pull -q --tls-verify=false --creds user:pass:word "$SERVER/redirect-challenge:1"
	like "$output" "unauthorized: who are you"
	is "$(awk -v port="$SERVER2" '$1 == port && $4 != "-"' "$LOG")" "" "requests with Authorization to the second host"
	is "$(grep -c "^$SERVER2 .*/token/" "$LOG")" 0 "token requests at the second host"
}

@test "registries.conf: search list, alias, mirror, blocked and insecure registries" {
	start_server
	mkdir -p "$XDG_CONFIG_HOME/containers"
	cat >"$XDG_CONFIG_HOME/containers/registries.conf" <<-END
		unqualified-search-registries = ["127.0.0.1:1", "$SERVER"]
		[[registry]]
		location = "$SERVER"
		insecure = true
		[[registry]]
		location = "127.0.0.1:1"
		insecure = true
		[[registry]]
		prefix = "mirrored.example"
		location = "127.0.0.1:1"
		[[registry.mirror]]
		location = "$SERVER"
		insecure = true
		[[registry]]
		prefix = "blocked.example"
		location = "$SERVER"
		blocked = true
		[aliases]
		"short" = "$SERVER/good"
	END
	run_cove pull -q short:1
	run_cove image exists "$SERVER/good:1"
	: >"$LOG"
	run_cove pull -q --policy missing short:1
	is "$(cat "$LOG")" "" "requests for an alias whose image is here"
	run_cove pull -q --retry 0 index:1
	run_cove image exists "$SERVER/index:1"
	run_cove pull -q mirrored.example/twice:1
	run_cove image exists mirrored.example/twice:1
	run_cove 125 pull -q blocked.example/good:1
	like "$output" "registry blocked.example is blocked in $XDG_CONFIG_HOME/containers/registries.conf"
	echo 'short-name-mode = enforcing' >"$XDG_CONFIG_HOME/containers/registries.conf"
	run_cove 125 pull -q short:1
	like "$output" "registries.conf: line 1: expected a value"
	: >"$XDG_CONFIG_HOME/containers/registries.conf"
	run_cove 125 pull -q other
	like "$output" 'short-name "other" did not resolve to an alias and no unqualified-search registries'
}

@test "pull policies" {
	start_server
	run_cove 125 pull -q --policy never --tls-verify=false "$SERVER/good:1"
	like "$output" "$SERVER/good:1: image not known"
	good good
	: >"$LOG"
	run_cove pull -q --policy never "$SERVER/good:1"
	run_cove pull -q --policy missing "$SERVER/good:1"
	is "$(cat "$LOG")" "" "requests"
	run_cove pull --policy newer --tls-verify=false "$SERVER/good:1"
	is "$output" "$(cove images -q --no-trunc | sed s/sha256://)" "nothing newer"
	run_cove pull --policy always --tls-verify=false "$SERVER/good:1"
	like "$output" "Trying to pull.*Getting image source signatures.*Writing manifest to image destination"
	kill "${PIDS[0]}"
	run_cove pull -q --policy newer --retry 0 --tls-verify=false "$SERVER/good:1"
	run_cove 125 pull -q --policy always --retry 0 --tls-verify=false "$SERVER/good:1"
}

@test "retry and retry_delay of containers.conf, and the command line over them" {
	start_server
	local conf=$XDG_CONFIG_HOME/containers/containers.conf way
	mkdir -p "$XDG_CONFIG_HOME/containers"
	# requests N COMMAND...: so many requests for the manifest, until the command gives up.
	requests() {
		: >"$LOG"
		run_cove 125 "${@:2}"
		is "$(grep -c "GET /v2/error500-always/manifests/1" "$LOG")" "$1" "requests of $2"
	}
	local pull=(pull -q --tls-verify=false "$SERVER/error500-always:1")
	printf '[engine]\nretry = 1\nretry_delay = "1ms"\n' >"$conf"
	requests 2 "${pull[@]}"
	requests 2 create --tls-verify=false "$SERVER/error500-always:1"
	requests 3 "${pull[@]}" --retry 2
	requests 1 "${pull[@]}" --retry 0
	requests 3 create --retry 2 --tls-verify=false "$SERVER/error500-always:1"
	requests 2 artifact pull -q --tls-verify=false "$SERVER/error500-always:1"
	printf '[engine]\nretry = 0\nretry_delay = "1h"\n' >"$conf"
	requests 1 "${pull[@]}"
	requests 2 "${pull[@]}" --retry 1 --retry-delay 1ms
	for way in 'retry = "many"' 'retry = -1' 'retry_delay = 3' 'retry_delay = "soon"'; do
		printf '[engine]\n%s\n' "$way" >"$conf"
		run_cove 125 "${pull[@]}"
		like "$output" "containers.conf: ${way%% *} is not as it should be"
	done
}

@test "twenty parallel pulls fetch each layer once" {
	start_server
	local pids=() pid i
	for i in {1..20}; do
		cove pull -q --tls-verify=false "$SERVER/slow:1" >"$T/out.$i" 2>&1 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || die "a pull failed" "$(cat "$T"/out.*)"
	done
	is "$(cat "$T"/out.* | sort -u | wc -l)" 1 "IDs"
	# The config, whose digest is the ID, may be read by each of them.
	is "$(grep /blobs/ "$LOG" | grep -vc "$(cat "$T/out.1")")" 3 "layers fetched"
	is "$(ls "$XDG_DATA_HOME/cove/layers" | wc -l)" 3 "layers"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

# victim_of PID PROGRAM: the process PROGRAM among PID and what it started.
victim_of() {
	local pid
	[ "$(cat "/proc/$1/comm" 2>/dev/null)" != "$2" ] || { echo "$1" && return; }
	for pid in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		victim_of "$pid" "$2" && return
	done
	return 1
}

@test "a killed pull leaves a store that the next one works with" {
	start_server
	local program pid victim
	for program in cove cove-pull cove-layer; do
		"$COVE" pull -q --tls-verify=false "$SERVER/slow:1" 3>&- &
		pid=$!
		wait_for 20 victim_of "$pid" "$program"
		victim=$(victim_of "$pid" "$program")
		kill -9 "$victim"
		! wait "$pid" || die "the pull succeeded without $program"
	done
	good slow
	is "$(ls "$XDG_DATA_HOME/cove/layers" | wc -l)" 3 "layers"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

# killed_half_way NAME: a pull of which some bytes have been kept.
kept() { [ -n "$(find "$XDG_DATA_HOME/cove/partial" -type f -size +100k 2>/dev/null)" ]; }
killed_half_way() {
	local pid
	touch "$T/server/stall"
	"$COVE" pull -q --tls-verify=false "$SERVER/$1:1" 3>&- &
	pid=$!
	wait_for 20 kept
	kill -9 "$pid"
	! wait "$pid" || die "the pull succeeded"
	rm "$T/server/stall"
	wait_for 10 sh -c "! pgrep -u $(id -u) -f '^$COVE_BUILD/cove-pull' -P 1"
	kept || die "nothing was kept"
}

@test "the next pull goes on where a killed one was, and does not believe what was kept" {
	start_server
	killed_half_way stall
	: >"$LOG"
	good stall
	# PORT METHOD PATH AUTHORIZATION RANGE STATUS
	[ "$(awk '/blobs/ && $6 == 206 && $5 ~ /^bytes=[1-9][0-9][0-9][0-9]/' "$LOG" | wc -l)" -gt 0 ] || die "$(cat "$LOG")"
	is "$(ls -A "$XDG_DATA_HOME/cove/partial")" "" "kept bytes that nobody needs any more"

	cove rmi -fa >/dev/null
	killed_half_way stall
	for f in "$XDG_DATA_HOME"/cove/partial/*; do
		[ -s "$f" ] || continue
		printf 'other bytes' | dd of="$f" bs=1 seek=$(($(stat -c %s "$f") / 2)) conv=notrunc status=none
	done
	good stall
	cove system check
	cove rmi -fa >/dev/null
	killed_half_way stall
	truncate -s 100000000 "$XDG_DATA_HOME"/cove/partial/*
	good stall
	cove rmi -fa >/dev/null

	# What nobody comes back for is not kept for ever.
	killed_half_way stall
	cove image prune -f >/dev/null
	is "$(ls -A "$XDG_DATA_HOME/cove/partial")" "" "after prune"
	killed_half_way stall
	touch -d '2 days ago' "$XDG_DATA_HOME"/cove/partial/*
	old=$(ls "$XDG_DATA_HOME/cove/partial" | wc -l)
	good good
	is "$old $(ls "$XDG_DATA_HOME/cove/partial" | wc -l)" "$old 0" "old ones"
}

@test "of two pulls of one layer the second goes on when the first is killed" {
	start_server
	local first second
	touch "$T/server/stall"
	"$COVE" pull -q --tls-verify=false "$SERVER/stall:1" 3>&- &
	first=$!
	wait_for 20 kept
	"$COVE" pull -q --tls-verify=false "$SERVER/stall:1" >"$T/second" 2>&1 3>&- &
	second=$!
	wait_for 20 sh -c "[ \$(grep -c '/v2/stall/manifests/1 ' '$LOG') = 2 ]"
	: >"$LOG"
	kill -9 "$first"
	! wait "$first" || die "the first pull succeeded"
	rm "$T/server/stall"
	wait "$second" || die "the second pull failed" "$(cat "$T/second")"
	[ "$(awk '/blobs/ && $6 == 206 && $5 ~ /^bytes=[1-9]/' "$LOG" | wc -l)" -gt 0 ] || die "$(cat "$LOG")"
	is "$(ls -A "$XDG_DATA_HOME/cove/partial")" "" "kept bytes that nobody needs any more"
	run_cove image prune -f
	run_cove pull -q --tls-verify=false "$SERVER/good:1" # sweeps what the killed one left
	run_cove system check
	is "$output" ""

	# What was kept helps also where nothing may be repeated, and does no harm when it is wrong.
	for what in right wrong; do
		cove rmi -fa >/dev/null
		killed_half_way stall
		: >"$LOG"
		for f in "$XDG_DATA_HOME"/cove/partial/*; do
			[ $what = right ] || printf x | dd of="$f" bs=1 seek=1000 conv=notrunc status=none
		done
		run_cove pull -q --retry 0 --tls-verify=false "$SERVER/stall:1"
	done
	run_cove system check
	is "$output" ""
}

@test "pull from Debian's docker-registry, with TLS and htpasswd" {
	need skopeo
	start_registry --tls --auth user secret
	"$MKIMAGE" layout "$T/layout"
	skopeo copy -q --dest-cert-dir "$REGISTRY_DIR/cert" --dest-creds user:secret "oci:$T/layout" "docker://$REGISTRY/team/busybox:1"
	run_cove 125 pull -q --creds user:secret "$REGISTRY/team/busybox:1"
	like "$output" "x509: certificate signed by unknown authority"
	like "$output" "certs.d/$REGISTRY"
	mkdir -p "$XDG_CONFIG_HOME/containers/certs.d/$REGISTRY"
	cp "$REGISTRY_DIR/cert/ca.crt" "$XDG_CONFIG_HOME/containers/certs.d/$REGISTRY/"
	run_cove 125 pull -q "$REGISTRY/team/busybox:1"
	like "$output" "unauthorized: authentication required"
	run_cove 125 pull -q --creds user:wrong "$REGISTRY/team/busybox:1"
	like "$output" "unauthorized: authentication required"
	run_cove pull -q --creds user:secret "$REGISTRY/team/busybox:1"
	rm -r "$XDG_CONFIG_HOME/containers/certs.d"
	cove rmi -fa >/dev/null
	run_cove pull -q --cert-dir "$REGISTRY_DIR/cert" --creds user:secret "$REGISTRY/team/busybox:1"

	# An insecure registry of this host is asked by http first: this one says that it wants TLS.
	run_cove 125 pull -q --tls-verify=false --creds user:wrong "$REGISTRY/team/busybox:1"
	like "$output" "unauthorized: authentication required"
	run_cove pull -q --tls-verify=false --creds user:secret "$REGISTRY/team/busybox:1"
}

@test "zstd layers" {
	need skopeo
	start_registry
	"$MKIMAGE" layout "$T/layout"
	skopeo copy -q --dest-compress-format zstd --dest-tls-verify=false "oci:$T/layout" "docker://$REGISTRY/z:1"
	run_cove pull -q --tls-verify=false "$REGISTRY/z:1"
}
