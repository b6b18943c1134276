#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pushes to Debian's docker-registry and into directories, read back by skopeo, and to a registry that misbehaves
# (tests/registry/server.py: the name of the repository says how).
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
}

# push ARG...: over plain HTTP; the digest is left in $DIGEST.
push() {
	run_cove push -q --tls-verify=false --digestfile "$T/digest" "$@"
	is "$output" "" "output of a quiet push"
	DIGEST=$(cat "$T/digest")
}

# good NAME...: pushes that must succeed.
good() {
	local name
	for name; do
		push --creds user:pass:word --retry-delay 10ms "$IMAGE" "$SERVER/$name:1"
		is "$(grep "^$name 1 " "$T/server/manifests")" "$name 1 $DIGEST"
		is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	done
}

# bad NAME TEXT: a push that must fail with one line that has TEXT, and leave nothing.
bad() {
	run_cove 125 push -q --tls-verify=false --retry-delay 10ms "$IMAGE" "$SERVER/$1:1"
	like "${lines[0]}" "^Error: .*$2"
	[ "${#lines[@]}" -le 2 ] || die "more than an error and a hint" "$output"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	! grep "^$1 " "$T/server/manifests" || die "a manifest was pushed"
}

# raw NAME: the manifest there, as skopeo reads it.
raw() {
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1"
}

@test "push: skopeo reads what was pushed, digest and content equal" {
	need skopeo
	load_busybox
	start_registry
	for how in "" "--compression-format zstd" "--compression-level 1" "--compression-format zstd --compression-level 19" \
		"--compression-format zstd:chunked" "--compression-format zstd:chunked --compression-level 20" \
		"--format v2s2" "--format oci"; do
		# shellcheck disable=SC2086 # several words
		push $how "$IMAGE" "docker://$REGISTRY/a/bb:1"
		is "$(raw a/bb:1 | sha256sum | cut -c-64)" "${DIGEST#sha256:}" "digest ($how)"
		skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/a/bb:1" "dir:$T/copy" # it compares all digests
		rm -r "$T/copy"
		is "$(skopeo inspect --config --raw --tls-verify=false "docker://$REGISTRY/a/bb:1" | sha256sum | cut -c-64)" \
			"$(cove image inspect --format '{{.Id}}' "$IMAGE")" "config"
		run_cove pull -q --tls-verify=false "$REGISTRY/a/bb:1"
		is "$output" "$(cove image inspect --format '{{.Id}}' "$IMAGE")" "ID of what came back"
		run_cove untag "$REGISTRY/a/bb:1" "$REGISTRY/a/bb:1"
	done
	is "$(raw a/bb:1 | python3 -c 'import json,sys; print(json.load(sys.stdin)["layers"][0]["mediaType"])')" \
		application/vnd.oci.image.layer.v1.tar+gzip
}

@test "push: the same layer is compressed to the same bytes, and sent once" {
	load_busybox
	start_server
	good plain
	first=$DIGEST
	: >"$LOG"
	good plain2
	is "$DIGEST" "$first"
	rm "$XDG_DATA_HOME"/cove/layers/*/blob.* # what it was made into before
	good plain3
	is "$DIGEST" "$first"
	push "$IMAGE" "$SERVER/plain:2"
	is "$DIGEST" "$first"
	is "$(grep -c 'PATCH /v2/plain/' "$LOG")" 0 "uploads of what is there"
}

@test "push prints podman's lines, and needs the file of credentials that it was given" {
	load_busybox
	start_server
	run_cove push --tls-verify=false "$IMAGE" "$SERVER/plain:1"
	is "${lines[0]}" "Getting image source signatures"
	is "$(grep -c '^Copying blob sha256:[0-9a-f]*$' <<<"$output")" 1 "blob lines"
	like "${lines[-2]}" "^Copying config sha256:[0-9a-f]{64}$"
	is "${lines[-1]}" "Writing manifest to image destination"
	run_cove 125 push --tls-verify=false --authfile "$T/none.json" "$IMAGE" "$SERVER/plain:1"
	is "$output" "Error: credential file is not accessible: $T/none.json: No such file or directory"
}

@test "push of a pulled image keeps its digest and sends nothing" {
	need skopeo
	start_registry
	push_busybox a/one:1
	want=$(raw a/one:1 | sha256sum | cut -c-64)
	run_cove pull -q --tls-verify=false "$REGISTRY/a/one:1"
	push "$REGISTRY/a/one:1"
	is "$DIGEST" "sha256:$want"
	push "$REGISTRY/a/one:1" "$REGISTRY/b/two:2" # by mounting
	is "$DIGEST" "sha256:$want"
	is "$(raw b/two:2 | sha256sum | cut -c-64)" "$want"
	is "$(grep -c 'http.request.method=PATCH.*b/two' "$REGISTRY_DIR/log")" 0 "uploads"
	push "$REGISTRY/a/one:1" "$REGISTRY/b/two@sha256:$want"
	run_cove 125 push -q --tls-verify=false "$REGISTRY/a/one:1" "$REGISTRY/b/two@sha256:${want//[0-9]/0}"
	like "$output" "cannot be pushed as"
}

@test "push: credentials, certificates, and where the image goes by itself" {
	load_busybox
	start_registry --auth u p --tls
	cove tag "$IMAGE" "$REGISTRY/x/bb:3"
	run_cove 125 push -q "$REGISTRY/x/bb:3"
	like "$output" "certificate signed by unknown authority"
	run_cove 125 push -q --cert-dir "$REGISTRY_DIR/cert" "$REGISTRY/x/bb:3"
	like "$output" "checking whether a blob sha256:[0-9a-f]{64} exists in $REGISTRY/x/bb: authentication required"
	run_cove 125 push -q --cert-dir "$REGISTRY_DIR/cert" --creds u:wrong "$REGISTRY/x/bb:3"
	run_cove push -q --cert-dir "$REGISTRY_DIR/cert" --creds u:p "$REGISTRY/x/bb:3"
	run_cove login --cert-dir "$REGISTRY_DIR/cert" -u u -p p --authfile "$T/auth.json" "$REGISTRY"
	run_cove push -q --cert-dir "$REGISTRY_DIR/cert" --authfile "$T/auth.json" "$IMAGE" "$REGISTRY/x/bb:4"
	run_cove pull -q --cert-dir "$REGISTRY_DIR/cert" --creds u:p "$REGISTRY/x/bb:4"
	is "$output" "$(cove image inspect --format '{{.Id}}' "$IMAGE")"
}

@test "push: directories and archives that skopeo reads" {
	need skopeo
	load_busybox
	id=$(cove image inspect --format '{{.Id}}' "$IMAGE")
	push "$IMAGE" "dir:$T/d"
	is "$(skopeo inspect --format '{{.Digest}}' "dir:$T/d")" "$DIGEST"
	push --compress "$IMAGE" "dir:$T/dz"
	like "$(skopeo inspect --raw "dir:$T/dz")" 'tar.?gzip'
	push "$IMAGE" "oci:$T/o:one"
	push --compression-format zstd "$IMAGE" "oci:$T/o:two"
	push "$IMAGE" "oci:$T/o:one"
	is "$(skopeo inspect --format '{{.Digest}}' "oci:$T/o:one")" "$DIGEST"
	like "$(skopeo inspect --raw "oci:$T/o:two")" zstd
	is "$(python3 -c 'import json,sys; print(len(json.load(open(sys.argv[1]))["manifests"]))' "$T/o/index.json")" 2 "entries"
	run_cove 125 push -q --compression-format zstd "$IMAGE" "oci-archive:$T/a.tar:name"
	like "$output" "layers go into an archive uncompressed"
	[ ! -e "$T/a.tar" ]
	run_cove push -q "$IMAGE" "oci-archive:$T/a.tar:name"
	run_cove push -q "$IMAGE" "docker-archive:$T/b.tar:r.example/name:5"
	for what in "dir:$T/d" "dir:$T/dz" "oci:$T/o:one" "oci-archive:$T/a.tar:name" \
		"docker-archive:$T/b.tar:r.example/name:5"; do
		is "$(skopeo inspect --config --raw "$what" | sha256sum | cut -c-64)" "$id" "config of $what"
		skopeo copy -q "$what" "dir:$T/read" # it compares all digests
		rm -r "$T/read"
	done
}

@test "push survives failing servers, cut and corrupted uploads, and tokens that expire" {
	load_busybox
	start_server
	good up-error up-cut up-cut-forget up-cut-end up-corrupt up-chunks up-token
	like "$(cat "$LOG")" "PATCH /v2/up-cut/.* cut"
	is "$(grep -c 'GET /v2/up-cut/blobs/uploads/' "$LOG")" 1 "questions how far it is"
	[ "$(grep -c '/token/up-token' "$LOG")" -ge 2 ] || die "tokens did not expire" "$(cat "$LOG")"
}

@test "push sends no credentials to where uploads are redirected" {
	load_busybox
	start_server
	good up-elsewhere up-redirect
	[ "$(grep -c "^$SERVER2 PATCH /v2/up-" "$LOG")" -ge 2 ] || die "no uploads there" "$(cat "$LOG")"
	! grep "^$SERVER2 " "$LOG" | grep -vE '^[0-9]+ [A-Z]+ [^ ]+ - ' || die "credentials were sent"
	touch "$T/server/manifests"
	bad up-file "no http or https URL"
}

@test "push fails with one line when a registry stays broken" {
	load_busybox
	start_server
	touch "$T/server/manifests"
	bad up-error-always "out of order"
	run_cove 125 push -q --tls-verify=false "$IMAGE" "$SERVER/up-other-digest:1"
	like "$output" "the registry calls it sha256:"
	run_cove 125 push -q --tls-verify=false "$IMAGE" 127.0.0.1:1/x
	like "$output" "connection refused"
}

@test "push refuses what it cannot do, and what makes no sense" {
	load_busybox
	run_cove 125 push localhost/missing 127.0.0.1:1/x
	like "$output" "image not known"
	for how in zstd zstd:chunked; do
		run_cove 125 push --compression-format "$how" --format v2s2 "$IMAGE" "dir:$T/d"
		like "$output" "v2s2"
		run_cove 125 push --compression-format "$how" --compression-level 21 "$IMAGE" "dir:$T/d"
	done
	run_cove 125 push --compression-level 15 "$IMAGE" "dir:$T/d"
	like "$output" "levels from 1 to 9"
	run_cove 125 push --sign-by me "$IMAGE" "dir:$T/d"
	like "$output" "cannot be signed"
	run_cove 125 push --encryption-key me "$IMAGE" "dir:$T/d"
	like "$output" "Invalid recipient format"
	run_cove 125 push "$IMAGE" sif:x
	like "$output" "not supported"
	run_cove 125 push "$IMAGE" oci:
	run_cove 125 push "$(cove image inspect --format '{{.Id}}' "$IMAGE")"
	like "$output" "say where to push"
	[ ! -e "$T/d" ]
}

@test "push of an image that is removed meanwhile says so" {
	need python3
	load_busybox
	python3 - "$T" 3>&- <<-'EOF' &
		import http.server, os, sys, time
		class Registry(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        open(sys.argv[1] + "/asked", "w").close()
		        while not os.path.exists(sys.argv[1] + "/go"):
		            time.sleep(0.02)
		        self.send_response(404)
		        self.send_header("Content-Length", "0")
		        self.end_headers()
		    do_HEAD = do_POST = do_GET
		    def log_message(self, *args):
		        pass
		server = http.server.HTTPServer(("127.0.0.1", 0), Registry)
		with open(sys.argv[1] + "/port.new", "w") as f:
		    f.write(str(server.server_port))
		os.rename(sys.argv[1] + "/port.new", sys.argv[1] + "/port")
		server.serve_forever()
	EOF
	server=$!
	wait_for 20 test -e "$T/port"
	cove push -q --retry 0 --tls-verify=false "$IMAGE" "127.0.0.1:$(<"$T/port")/x" 2>"$T/said" 3>&- &
	push=$!
	wait_for 20 test -e "$T/asked"
	run_cove rmi -f "$IMAGE"
	touch "$T/go"
	status=0
	wait "$push" || status=$?
	kill "$server"
	is "$status" 125 "exit status"
	like "$(<"$T/said")" "^Error: $IMAGE was removed by another command meanwhile: "
}

@test "push of a pulled image to another registry: the same image under a manifest of its own" {
	need skopeo
	start_registry
	push_busybox a/one:1
	first=$REGISTRY
	run_cove pull -q --tls-verify=false "$first/a/one:1"
	id=$output
	start_registry
	push "$first/a/one:1" "$REGISTRY/a/one:1"
	once=$DIGEST
	is "$(raw a/one:1 | sha256sum | cut -c-64)" "${once#sha256:}"
	is "$(skopeo inspect --config --raw --tls-verify=false "docker://$REGISTRY/a/one:1" | sha256sum | cut -c-64)" "$id"
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/a/one:1" "dir:$T/copy" # it compares all digests
	stop_registry
	start_registry
	push "$first/a/one:1" "$REGISTRY/a/one:1"
	is "$DIGEST" "$once" "digest at a third one"
}

@test "podman pulls what was pushed" {
	need podman
	load_busybox
	podman_load "$(test_file docker-archive)"
	podman_like rmi -fa >/dev/null 2>&1
	start_registry
	for how in gzip zstd zstd:chunked; do
		push --compression-format "$how" "$IMAGE" "$REGISTRY/p/${how/:/-}:1"
		is "$(podman_like pull -q --tls-verify=false "$REGISTRY/p/${how/:/-}:1")" \
			"$(cove image inspect --format '{{.Id}}' "$IMAGE")" "ID ($how)"
		is "$(podman_like image inspect --format '{{.Digest}}' "$REGISTRY/p/${how/:/-}:1")" "$DIGEST"
		podman_like rmi -fa >/dev/null 2>&1 # else it goes on calling the image what it was called first
	done
}

@test "a push that is killed leaves nothing that the next command does not remove" {
	load_busybox
	start_server
	for signal in HUP TERM KILL; do
		"$COVE" push -q --tls-verify=false --retry-delay 1h "$IMAGE" "$SERVER/up-error-always:$signal" 3>&- &
		pid=$!
		wait_for 20 grep -q "PATCH /v2/up-error-always/" "$LOG"
		child=$(pgrep -P "$pid" cove-pull)
		kill -"$signal" "$pid"
		wait "$pid" 2>/dev/null || true
		wait_for 10 test ! -e "/proc/$child"
		: >"$LOG"
	done
	cove pull -q --tls-verify=false "$SERVER/good:1" >/dev/null
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "retry and retry_delay of containers.conf" {
	start_server
	load_busybox
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '[engine]\nretry = 1\nretry_delay = "1ms"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	# tries N OPTION...: N times the push sends a blob, of the two that there are, until it gives up.
	tries() {
		local sent
		: >"$LOG"
		run_cove 125 push -q --tls-verify=false "${@:2}" "$IMAGE" "$SERVER/up-error-always:1"
		sent=$(grep -c "PATCH /v2/up-error-always/" "$LOG")
		[ "$sent" -ge "$1" ] && [ "$sent" -le $((2 * $1)) ] || die "blobs were sent $sent times, not $1 each" "$(cat "$LOG")"
	}
	tries 2
	tries 5 --retry 4
	tries 1 --retry 0
}
