#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Docker's manifest schema 1, pushed and pulled, with skopeo, Podman and Debian's docker-registry (which checks the
# signature of what it is given) on the other side.
load ../setup

setup() {
	cove_setup
	need_userns
	need skopeo jq
	SIGNED=application/vnd.docker.distribution.manifest.v1+prettyjws
	EMPTY=sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4
}

push() {
	run_cove push -q --tls-verify=false --digestfile "$T/digest" "$@"
	is "$output" "" "output of a quiet push"
	DIGEST=$(cat "$T/digest")
}

pull() {
	run_cove pull -q --tls-verify=false "$@"
}

raw() {
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1"
}

skopeo_digest() {
	skopeo inspect --format '{{.Digest}}' --tls-verify=false "docker://$REGISTRY/$1"
}

# other DIR JQ [JQ]: another config for the image in DIR (as dir: has it): what the program JQ makes of it; and another
# manifest.
other() {
	local config new
	config=$1/$(jq -r .config.digest "$1/manifest.json" | cut -d: -f2)
	jq -c "$2" "$config" >"$T/new.json"
	new=$(sha256sum "$T/new.json" | cut -c-64)
	jq -c ".config.digest = \"sha256:$new\" | .config.size = $(stat -c %s "$T/new.json") | ${3-.}" "$1/manifest.json" >"$T/m"
	mv "$T/new.json" "$1/$new"
	mv "$T/m" "$1/manifest.json"
}

# steps: the image localhost/steps, with two layers and steps without files, among them text that Go's JSON escapes.
steps() {
	load_busybox
	cove run --name made "$IMAGE" sh -c 'echo "1 < 2" >/g'
	cove commit -q --change 'CMD ["cat", "/g"]' --change 'ENV A=<b>&c' made localhost/two >/dev/null
	cove rm made >/dev/null
	cove push -q --format v2s2 --compress localhost/two "dir:$T/two"
	other "$T/two" '.history = [{created: "2020-01-01T00:00:00.5Z", created_by: "ADD <x>", author: "me & you"},
		{created: "2020-01-02T00:00:00Z", created_by: "LABEL \"x\"=y", empty_layer: true},
		{created: "2020-01-03T00:00:00+01:00", created_by: "RUN\techo", comment: "c"},
		{created: "2020-01-04T00:00:00Z", created_by: "CMD", empty_layer: true}]'
	cove rmi -fa >/dev/null
	cove tag "$(cove pull -q "dir:$T/two")" localhost/steps
}

@test "push --format v2s1: the very manifest that skopeo makes, and a registry that checks takes it" {
	start_registry --schema1
	steps
	push localhost/steps "$REGISTRY/a:oci"
	push --format v2s1 localhost/steps "$REGISTRY/a:1"
	is "$(skopeo_digest a:1)" "$DIGEST"
	is "$(raw a:1 | jq -r '.name, .tag, .schemaVersion, .architecture, (.signatures | length)' | paste -sd' ')" \
		"a 1 1 $(cove image inspect --format '{{.Architecture}}' localhost/steps) 1"
	is "$(raw a:1 | jq -r '.fsLayers[0].blobSum')" "$EMPTY" "the newest step, which has no files"
	is "$(raw a:1 | jq '[.fsLayers | length, (.[0] | length)] | .[0]')" "$(raw a:1 | jq '.history | length')"
	skopeo copy -q --format v2s1 --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/a:oci" \
		"docker://$REGISTRY/s:1"
	push --format v2s1 localhost/steps "$REGISTRY/s:1"
	is "$(skopeo_digest s:1)" "$DIGEST" "skopeo's digest of the same"
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/a:1" "dir:$T/copy" # it compares all digests
}

@test "pull: ID and digest are those that Podman finds" {
	start_registry --schema1
	steps
	push localhost/steps "$REGISTRY/a:oci"
	skopeo copy -q --format v2s1 --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/a:oci" \
		"docker://$REGISTRY/a:1"
	pull "$REGISTRY/a:1"
	local id=$output
	run_cove image inspect --format '{{.Digest}} {{.ManifestType}} {{len .History}} {{len .RootFS.Layers}}' "$id"
	is "$output" "$(skopeo_digest a:1) $SIGNED $(raw a:1 | jq '.history | length') $(raw a:1 | jq "[.fsLayers[] | select(.blobSum != \"$EMPTY\")] | length")"
	is "$(cove image inspect --format '{{.RootFS.Layers}}' "$id")" "$(cove image inspect --format '{{.RootFS.Layers}}' localhost/steps)"
	is "$(cove image inspect --format '{{.Config.Env}}' "$id")" "$(cove image inspect --format '{{.Config.Env}}' localhost/steps)"
	run_cove run --rm "$REGISTRY/a:1"
	is "$output" "1 < 2"
	pull "$REGISTRY/a:1" # nothing new
	is "$output" "$id"
	pull "$REGISTRY/a@$(skopeo_digest a:1)"
	is "$output" "$id"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	cove system check >/dev/null || die "the store is not in order"
	theirs=$(podman_like pull -q --tls-verify=false "$REGISTRY/a:1" 2>/dev/null) || skip "podman does not work here"
	is "$theirs" "$id" "Podman's ID"
}

@test "what was pulled goes on as it came, under another name, and in other formats" {
	start_registry --schema1
	steps
	push --format v2s1 localhost/steps "$REGISTRY/a:1"
	local first=$DIGEST id
	cove rmi -fa >/dev/null
	pull "$REGISTRY/a:1"
	id=$output
	push "$REGISTRY/a:1"
	is "$DIGEST" "$first" "digest of the same under its own name"
	push "$REGISTRY/a:1" "$REGISTRY/b/c:2"
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/a:1" "docker://$REGISTRY/b/c:2"
	is "$(skopeo_digest b/c:2)" "$DIGEST" "what skopeo makes of it under another name"
	run_cove push -q --compress "$REGISTRY/a:1" "dir:$T/dir"
	is "$(jq -r '.schemaVersion, (.signatures | length)' "$T/dir/manifest.json" | paste -sd' ')" "1 1"
	[ -s "$T/dir/${EMPTY#sha256:}" ] || die "no empty layer in dir:"
	for how in "--format v2s2" "--format oci" "--compression-format zstd"; do
		# shellcheck disable=SC2086 # several words
		push $how "$REGISTRY/a:1" "$REGISTRY/d:1"
		is "$(raw d:1 | jq .schemaVersion)" 2
		is "$(raw d:1 | jq -r .config.digest)" "sha256:$id"
		skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/d:1" "dir:$T/copy"
		rm -r "$T/copy"
	done
	run_cove push -q "$REGISTRY/a:1" "oci:$T/oci:x"
	is "$(skopeo inspect --config --raw "oci:$T/oci:x" | sha256sum | cut -c-64)" "$id"
	for format in docker-archive oci-archive docker-dir oci-dir; do
		run_cove save -q --format "$format" -o "$T/saved" "$REGISTRY/a:1"
		run_cove rmi -f "$id"
		run_cove load -q -i "$T/saved"
		is "$(cove image inspect --format '{{.Id}}' "$id")" "$id" "by way of $format"
		rm -r "$T/saved"
		pull "$REGISTRY/a:1"
	done
}

@test "dir: with and without signatures" {
	start_registry --schema1
	steps
	run_cove push -q --format v2s1 localhost/steps "dir:$T/signed"
	like "$(jq -c '[.name, .tag, (.signatures | length)]' "$T/signed/manifest.json")" '^\["","",1\]$'
	cp -r "$T/signed" "$T/plain"
	jq -c 'del(.signatures)' "$T/signed/manifest.json" >"$T/plain/manifest.json"
	run_cove pull -q "dir:$T/signed"
	local id=$output
	run_cove run --rm "$id"
	is "$output" "1 < 2"
	run_cove pull -q "dir:$T/plain"
	is "$output" "$id"
	# The registry checks the signature, and that of a layout of indented JSON, too.
	skopeo copy -q --dest-tls-verify=false "dir:$T/signed" "docker://$REGISTRY/a:1"
	pull "$REGISTRY/a:1"
	is "$output" "$id"
	jq -c '.fsLayers[1].blobSum = "sha256:'"$(printf '%064d' 0)"'"' "$T/plain/manifest.json" >"$T/m"
	mv "$T/m" "$T/plain/manifest.json"
	run_cove 125 pull -q "dir:$T/plain"
	mapfile -t layers < <(jq -r ".fsLayers[].blobSum | select(. != \"$EMPTY\")" "$T/signed/manifest.json" | cut -d: -f2)
	cp "$T/signed/${layers[0]}" "$T/signed/${layers[1]}"
	cove rmi -fa >/dev/null
	run_cove 125 pull -q "dir:$T/signed"
	like "$output" "it is not the sha256:"
}

@test "layers of schema 1: a broken one, and two that are the same" {
	start_registry --schema1
	steps
	push --format v2s1 localhost/steps "$REGISTRY/a:1"
	cove rmi -fa >/dev/null
	local digest blob
	digest=$(raw a:1 | jq -r "[.fsLayers[].blobSum | select(. != \"$EMPTY\")][0]")
	blob=$REGISTRY_DIR/data/docker/registry/v2/blobs/sha256/${digest:7:2}/${digest:7}/data
	cp "$blob" "$T/blob"
	printf x | dd of="$blob" bs=1 seek=20 conv=notrunc 2>/dev/null
	run_cove 125 pull -q --retry 0 --tls-verify=false "$REGISTRY/a:1"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	is "$(cove images -q)" "" "images"
	cp "$T/blob" "$blob"
	pull "$REGISTRY/a:1"
	# The same layer once more on top: a config with one more step.
	run_cove push -q --format v2s2 --compress "$REGISTRY/a:1" "dir:$T/twice"
	other "$T/twice" '.history += [{created: "2020-01-01T00:00:00Z"}] | .rootfs.diff_ids += [.rootfs.diff_ids[-1]]' \
		'.layers += [.layers[-1]]'
	skopeo copy -q --format v2s1 --dest-tls-verify=false "dir:$T/twice" "docker://$REGISTRY/a:twice"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/a:twice"
	is "$(cove image inspect --format '{{index .RootFS.Layers 1}}' "$output")" \
		"$(cove image inspect --format '{{index .RootFS.Layers 2}}' "$output")"
	run_cove run --rm "$REGISTRY/a:twice"
	is "$output" "1 < 2"
	cove system check >/dev/null || die "the store is not in order"
}

@test "a list may have images of schema 1" {
	start_registry --schema1
	steps
	push --format v2s1 localhost/steps "$REGISTRY/a:1"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/a:1"
	local id=$output
	run_cove manifest create list "$REGISTRY/a:1"
	run_cove manifest push -q --all --tls-verify=false list "$REGISTRY/list:1"
	run_cove manifest push -q --all list "dir:$T/list"
	is "$(raw list:1 | jq -r '.manifests[0].mediaType')" "$SIGNED"
	cove manifest rm list >/dev/null
	for from in "--tls-verify=false $REGISTRY/list:1" "dir:$T/list"; do
		cove rmi -fa >/dev/null
		# shellcheck disable=SC2086 # several words
		run_cove pull -q $from
		is "$output" "$id" "$from"
	done
}

@test "what schema 1 cannot be" {
	load_busybox
	run_cove 125 push --format v2s1 --compression-format zstd "$IMAGE" "dir:$T/d"
	is "$output" "Error: the format v2s1 has no layers compressed with zstd"
	for to in "oci:$T/o:x" "oci-archive:$T/o.tar" "docker-archive:$T/d.tar"; do
		run_cove 125 push --format v2s1 "$IMAGE" "$to"
		is "$output" "Error: $to holds no images of the format v2s1"
	done
	run_cove 125 push --format v1 "$IMAGE" "dir:$T/d"
	like "$output" "oci.*v2s1.*v2s2"
	run_cove manifest create list "$IMAGE"
	run_cove 125 push --format v2s1 list "dir:$T/d"
	is "$output" "Error: list is a list, and the format v2s1 has none"
	run_cove 125 manifest push --format v2s1 list "dir:$T/d"
	run_cove push -q "$IMAGE" "dir:$T/none"
	other "$T/none" 'del(.history)'
	run_cove pull -q "dir:$T/none"
	run_cove 125 push -q --format v2s1 "$output" "dir:$T/d"
	is "$output" "Error: Cannot convert an image with 0 history entries to $SIGNED"
}

@test "schema 1 and policy.json: the signatures are for the digest of what is signed" {
	need gpg gpgv
	local conf=$XDG_CONFIG_HOME/containers
	mkdir -p "$conf/registries.d"
	export GNUPGHOME=$R/gnupg # short: the agent's socket is there
	mkdir -m 700 "$GNUPGHOME"
	gpg --batch --quiet --passphrase '' --quick-gen-key "me <me@example.org>" ed25519 sign never 2>/dev/null
	gpg --export me@example.org >"$T/me.gpg"
	printf 'default-docker:\n  lookaside: file://%s/store\n' "$T" >"$conf/registries.d/default.yaml"
	start_registry --schema1
	load_busybox
	push --format v2s1 "$IMAGE" "$REGISTRY/a:unsigned"
	push --format v2s1 --sign-by me@example.org "$IMAGE" "$REGISTRY/a:1"
	cat >"$conf/policy.json" <<-END
		{"default": [{"type": "insecureAcceptAnything"}],
		 "transports": {"docker": {"$REGISTRY": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "$T/me.gpg"}]}}}
	END
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:unsigned"
	like "$output" "signature"
	pull "$REGISTRY/a:1"
	local id=$output
	skopeo --policy "$conf/policy.json" --registries.d "$conf/registries.d" copy -q --src-tls-verify=false \
		"docker://$REGISTRY/a:1" "dir:$T/copy"
	# Back under the same name, signatures and all.
	push "$REGISTRY/a:1"
	pull "$REGISTRY/a:1"
	is "$output" "$id"
	gpgconf --kill gpg-agent
}
