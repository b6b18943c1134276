#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Artifacts: files under a name, to Debian's docker-registry and back, and copied by skopeo on the way.
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
	head -c 3000000 /dev/urandom >"$T/data.bin"
	echo hello >"$T/README"
}

# digest FILE
digest() {
	echo "sha256:$(sha256sum <"$1" | cut -c-64)"
}

# field DOCUMENT EXPRESSION: of a JSON document in a file, as python has it ("d" is the document).
field() {
	python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

@test "artifact: add, inspect, ls, extract, rm" {
	run_cove artifact add --type application/x-model --file-type text/plain --annotation a=b thing "$T/README" "$T/data.bin"
	like "$output" '^sha256:[0-9a-f]{64}$'
	id=$output
	cove artifact inspect thing >"$T/doc"
	is "$(field "$T/doc" 'd["Name"], d["Digest"]')" "('localhost/thing:latest', '$id')"
	is "$(field "$T/doc" 'd["Manifest"]["artifactType"], [(l["mediaType"], l["digest"], l["size"]) for l in d["Manifest"]["layers"]]')" \
		"('application/x-model', [('text/plain', '$(digest "$T/README")', 6), ('text/plain', '$(digest "$T/data.bin")', 3000000)])"
	is "$(field "$T/doc" 'd["Manifest"]["layers"][0]["annotations"]')" "{'org.opencontainers.image.title': 'README', 'a': 'b'}"
	run_cove artifact inspect --format '{{.TotalSizeBytes}} {{.Digest}}' "${id:7:12}"
	is "$output" "3000006 $id"
	run_cove artifact ls --format '{{.Repository}} {{.Tag}} {{.Digest}} {{.Size}}'
	is "$output" "localhost/thing latest ${id:0:19} 3MB"
	run_cove artifact ls --noheading --no-trunc
	like "$output" "^localhost/thing +latest +$id +.* ago +3MB$"
	run_cove 125 artifact add thing "$T/README"
	like "$output" "localhost/thing:latest: artifact already exists"
	run_cove 125 artifact add --append thing "$T/README"
	like "$output" "README: artifact already contains this title"
	cp "$T/README" "$T/MORE"
	run_cove artifact add --append thing "$T/MORE"
	cove artifact inspect thing >"$T/doc"
	is "$(field "$T/doc" 'd["Manifest"]["layers"][2]["mediaType"]')" "text/plain; charset=utf-8" "type by content"
	run_cove system check
	mkdir "$T/out"
	run_cove artifact extract thing "$T/out"
	cmp "$T/data.bin" "$T/out/data.bin"
	is "$(cd "$T/out" && echo *)" "MORE README data.bin"
	run_cove artifact extract --title README thing "$T/one"
	is "$(cat "$T/one")" hello
	run_cove artifact extract --digest "$(digest "$T/data.bin")" thing "$T/two"
	cmp "$T/data.bin" "$T/two"
	run_cove 125 artifact extract --title nosuch thing "$T/three"
	like "$output" 'no blob with the title "nosuch"'
	run_cove 125 artifact extract thing "$T/three"
	like "$output" "has several files"
	run_cove 125 artifact add other "$T/nosuch"
	run_cove 125 artifact add other "$T/out"
	like "$output" "no regular file"
	run_cove artifact add --replace thing "$T/README"
	is "$(find "$XDG_DATA_HOME/cove/blobs/sha256" -type f | wc -l)" 3 "blobs of one file"
	run_cove artifact rm thing
	like "$output" '^sha256:'
	run_cove 1 artifact rm thing
	is "$output" "Error: thing: artifact does not exist"
	run_cove artifact rm --ignore thing
	is "$(ls "$XDG_DATA_HOME/cove/blobs/sha256")" "" "blobs left behind"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	run_cove system check
}

@test "artifact: to a registry and back, by way of skopeo" {
	need skopeo
	start_registry
	run_cove artifact add "$REGISTRY/a/thing:1" "$T/README" "$T/data.bin"
	id=$output
	run_cove artifact push -q --tls-verify=false --digestfile "$T/digest" "$REGISTRY/a/thing:1"
	is "$(cat "$T/digest")" "$id"
	is "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a/thing:1" | sha256sum | cut -c-64)" "$id"
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/a/thing:1" "docker://$REGISTRY/b/thing:2"
	run_cove artifact rm --all
	run_cove artifact pull -q --tls-verify=false "$REGISTRY/b/thing:2"
	is "$output" "$id"
	mkdir "$T/out"
	run_cove artifact extract "$REGISTRY/b/thing:2" "$T/out"
	cmp "$T/data.bin" "$T/out/data.bin"
	cmp "$T/README" "$T/out/README"
	run_cove 125 artifact pull --tls-verify=false "$REGISTRY/b/nosuch:1"
	like "$output" "^Error: docker://$REGISTRY/b/nosuch:1: reading manifest 1: "
	push_busybox bb:1
	run_cove 125 artifact pull --tls-verify=false "$REGISTRY/bb:1"
	like "$output" "it is an image, no artifact"
	# An image's verbs do not take it.
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/b/thing:2"
	# What policy.json does not allow.
	mkdir -p "$XDG_CONFIG_HOME/containers"
	echo '{"default":[{"type":"reject"}]}' >"$XDG_CONFIG_HOME/containers/policy.json"
	run_cove 125 artifact pull --tls-verify=false "$REGISTRY/b/thing:2"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "artifact extract: titles that are paths do not lead out of the directory" {
	need skopeo
	start_registry
	run_cove artifact add "$REGISTRY/evil:1" "$T/README"
	cove artifact inspect --format '{{json .Manifest}}' "$REGISTRY/evil:1" | sed 's/README/..\/OUT/' >"$T/manifest"
	cove artifact push -q --tls-verify=false "$REGISTRY/evil:1"
	curl -sf -X PUT -H "Content-Type: application/vnd.oci.image.manifest.v1+json" --data-binary "@$T/manifest" \
		"http://$REGISTRY/v2/evil/manifests/2"
	run_cove artifact pull --tls-verify=false "$REGISTRY/evil:2"
	mkdir "$T/out"
	run_cove 125 artifact extract "$REGISTRY/evil:2" "$T/out"
	is "$output" 'Error: the title "../OUT" is no file name'
	[ ! -e "$T/OUT" ]
	run_cove artifact extract "$REGISTRY/evil:2" "$T/file"
	is "$(cat "$T/file")" hello
}

@test "an artifact says when it was made" {
	echo x >"$T/file"
	cove artifact add dated:1 "$T/file"
	run_cove 0 artifact inspect --format '{{index .Manifest.Annotations "org.opencontainers.image.created"}}' dated:1
	[ "$(date -d "$output" +%s)" -ge "$(($(date +%s) - 60))" ] || die "$output"
	run_cove 125 artifact add --append --replace dated:1 "$T/file"
	is "$output" "Error: --append and --replace options cannot be used together"
}
