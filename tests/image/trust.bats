#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# policy.json, registries.d, signatures; with skopeo on the other side, both ways.
load ../setup

setup() {
	cove_setup
	need_userns
	need gpg gpgv
	CONF=$XDG_CONFIG_HOME/containers
	mkdir -p "$CONF/registries.d"
	export GNUPGHOME=$R/gnupg # short: the agent's socket is there
	mkdir -m 700 "$GNUPGHOME"
}

teardown() {
	gpgconf --kill gpg-agent 2>/dev/null || true
	cove_teardown
}

# key NAME: makes a key NAME@example.org; its public half is $T/NAME.asc and $T/NAME.gpg.
key() {
	gpg --batch --quiet --passphrase '' --quick-gen-key "$1 <$1@example.org>" ed25519 sign never 2>/dev/null
	gpg --armor --export "$1@example.org" >"$T/$1.asc"
	gpg --export "$1@example.org" >"$T/$1.gpg"
}

# policy JSON-OF-THE-REGISTRY [DEFAULT]: what holds for images of $REGISTRY; other images are taken, or what DEFAULT says.
policy() {
	cat >"$CONF/policy.json" <<-END
		{"default": [{"type": "${2-insecureAcceptAnything}"}],
		 "transports": {"docker": {"$REGISTRY": [$1]}, "docker-archive": {"": [{"type": "insecureAcceptAnything"}]}}}
	END
}

by_gpg() {
	printf '{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "%s"%s}' "$1" "${2:+, \"signedIdentity\": $2}"
}

push() {
	run_cove push -q --tls-verify=false "$@"
}

pull() {
	local want=0
	if [[ $1 == 125 ]]; then
		want=125
		shift
	fi
	run_cove $want pull -q --tls-verify=false "$@"
}

# stores: where signatures go and come from.
stores() {
	printf 'default-docker:\n  lookaside: file://%s/store\n  use-sigstore-attachments: true\n' "$T" >"$CONF/registries.d/default.yaml"
}

@test "reject, accept, and no policy" {
	start_registry
	load_busybox
	push "$IMAGE" "$REGISTRY/a:1"
	cove save -q -o "$T/a.tar" "$IMAGE"
	cove push -q "$IMAGE" "oci:$T/layout"
	cove push -q "$IMAGE" "dir:$T/dir"
	pull "$REGISTRY/a:1" # without a policy of ours
	cove rmi -fa >/dev/null
	policy '{"type": "reject"}'
	: >"$REGISTRY_DIR/log"
	pull 125 "$REGISTRY/a:1"
	is "$output" "Error: Source image rejected: Running image docker://$REGISTRY/a:1 is rejected by policy."
	! grep -q "GET /v2/a" "$REGISTRY_DIR/log" || die "the registry was asked all the same"
	run_cove 125 run --rm --tls-verify=false "$REGISTRY/a:1" true
	like "$output" "is rejected by policy"
	run_cove load -q -i "$T/a.tar"
	cat >"$CONF/policy.json" <<-END
		{"default": [{"type": "reject"}],
		 "transports": {"dir": {"$T": [{"type": "insecureAcceptAnything"}]}, "oci": {"$T/layout:x": [{"type": "insecureAcceptAnything"}]}}}
	END
	cove rmi -fa >/dev/null
	for from in "oci:$T/layout" "docker-archive:$T/a.tar" "$REGISTRY/a:1"; do
		pull 125 "$from"
		like "$output" "is rejected by policy"
	done
	run_cove 125 load -i "$T/a.tar"
	like "$output" "Source image rejected"
	is "$(cove images -q)" "" "images"
	is "$(ls -A "$XDG_DATA_HOME/cove/layers")" "" "layers"
	run_cove pull -q "dir:$T/dir"
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$T/mine.json"
	run_cove pull -q --signature-policy "$T/mine.json" "oci:$T/layout"
	run_cove load -q --signature-policy "$T/mine.json" -i "$T/a.tar"
	pull 125 --signature-policy "$T/nosuch" "$REGISTRY/a:1"
}

@test "a policy that is broken takes nothing" {
	start_registry
	load_busybox
	push "$IMAGE" "$REGISTRY/a:1"
	for bad in '' '{' '[]' '{"default": []}' '{}' '{"default": [{"type": "accept"}]}' '{"default": [{"type": "reject", "x": 1}]}' \
		'{"default": [{"type": "insecureAcceptAnything"}], "transport": {}}' \
		'{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": []}}' \
		'{"default": [{"type": "insecureAcceptAnything"}], "transports": {"docker": {"x": {}}}}' \
		'{"default": [{"type": "signedBy", "keyType": "GPGKeys"}]}' \
		'{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "keyData": "b"}]}' \
		'{"default": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/a", "signedIdentity": {"type": "x"}}]}'; do
		echo "$bad" >"$CONF/policy.json"
		pull 125 "$REGISTRY/a:1"
		like "$output" "^Error: $CONF/policy.json: invalid policy"
		is "${#lines[@]}" 1 "lines"
	done
	for unknown in '{"type": "signedBaseLayer"}' '{"type": "signedBy", "keyType": "signedByGPGKeys", "keyPath": "/a"}' \
		'{"type": "sigstoreSigned", "fulcio": {}}'; do
		policy "$unknown"
		pull 125 "$REGISTRY/a:1"
		like "$output" "^Error: Source image rejected: "
	done
}

@test "signed by us with gpg, checked by us and by skopeo" {
	need skopeo
	start_registry
	load_busybox
	key good
	key evil
	stores
	push "$IMAGE" "$REGISTRY/plain:1"
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/a/good:1"
	push --sign-by evil@example.org "$IMAGE" "$REGISTRY/evil:1"
	for keyfile in good.asc good.gpg; do
		policy "$(by_gpg "$T/$keyfile")"
		pull "$REGISTRY/a/good:1"
		pull 125 "$REGISTRY/plain:1"
		like "$output" "Source image rejected: (A signature was required, but no signature exists|Signature for identity)"
		pull 125 "$REGISTRY/evil:1"
		like "$output" "Source image rejected: .*(gpgv says|not accepted)"
		pull 125 "$REGISTRY/a/good:2"
	done
	# the same decisions by skopeo
	mkdir -p "$T/rd"
	cp "$CONF/registries.d/default.yaml" "$T/rd/"
	sed -i '/attachments/d' "$T/rd/default.yaml"
	for row in "a/good:1 0" "plain:1 1" "evil:1 1"; do
		rc=0
		skopeo --policy "$CONF/policy.json" --registries.d "$T/rd" copy -q --src-tls-verify=false \
			"docker://$REGISTRY/${row% *}" "dir:$T/copy.$RANDOM" || rc=1
		is "$rc" "${row#* }" "skopeo about ${row% *}"
	done
	# both keys, and keys in the file itself
	policy "$(by_gpg "$T/good.asc"), $(by_gpg "$T/evil.asc")"
	pull 125 "$REGISTRY/a/good:1"
	policy '{"type": "signedBy", "keyType": "GPGKeys", "keyPaths": ["'"$T"'/evil.asc", "'"$T"'/good.gpg"]}'
	pull "$REGISTRY/a/good:1"
	policy '{"type": "signedBy", "keyType": "GPGKeys", "keyData": "'"$(base64 -w0 "$T/good.gpg")"'"}'
	pull "$REGISTRY/a/good:1"
	policy '{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "'"$T"'/nosuch"}'
	pull 125 "$REGISTRY/a/good:1"
	like "$output" "nosuch"
}

@test "where gpgv is missing, that is told" {
	start_registry
	load_busybox
	key good
	stores
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/a:1"
	policy "$(by_gpg "$T/good.asc")"
	mkdir "$T/bin"
	ln -s "$(command -v newuidmap)" "$(command -v newgidmap)" "$(command -v timeout)" "$T/bin/"
	output=$(PATH=$T/bin "$COVE" pull -q --tls-verify=false "$REGISTRY/a:1" 2>&1) && die "the image was taken"
	like "$output" "Source image rejected: start gpgv: .*No such file"
	like "$output" "install gpgv: the policy wants signatures to be checked"
	output=$(PATH=$T/bin "$COVE" push -q --tls-verify=false --sign-by good@example.org "$IMAGE" "$REGISTRY/a:2" 2>&1) && die "it was signed"
	like "$output" "install gpg: "
}

@test "signed by skopeo and podman, checked by us" {
	need skopeo podman
	start_registry
	load_busybox
	key good
	stores
	cove push -q "$IMAGE" "dir:$T/dir"
	mkdir "$T/rd"
	printf 'default-docker:\n  sigstore: file://%s/store\n' "$T" | tee "$T/rd/d.yaml" >"$CONF/registries.d/default.yaml"
	skopeo --registries.d "$T/rd" copy -q --dest-tls-verify=false --sign-by good@example.org "dir:$T/dir" "docker://$REGISTRY/s/bb:1"
	policy "$(by_gpg "$T/good.asc")"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/s/bb:1"
	# into a directory, with its signature, and back
	push "$REGISTRY/s/bb:1" "dir:$T/out"
	cmp "$T/out/signature-1" "$T"/store/s/bb@sha256=*/signature-1
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/s/bb:1" "dir:$T/theirs" || true
	cat >"$CONF/policy.json" <<-END
		{"default": [{"type": "reject"}], "transports": {"dir": {"$T": [$(by_gpg "$T/good.asc" \
			'{"type": "exactRepository", "dockerRepository": "'"$REGISTRY"'/s/bb"}')]}}}
	END
	cove rmi -fa >/dev/null
	run_cove pull -q "dir:$T/out"
	rm "$T/out/signature-1"
	run_cove 125 pull -q "dir:$T/out"
	like "$output" "A signature was required, but no signature exists"
	run_cove 125 pull -q "dir:$T/dir"
}

@test "identities: what a signature was made for" {
	start_registry
	load_busybox
	key good
	stores
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/real/app:1"
	digest=$(cat "$REGISTRY_DIR"/data/docker/registry/v2/repositories/real/app/_manifests/tags/1/current/link)
	# the same manifest under other names, with the signature of the first
	for name in real/app:2 other/app:1; do
		push "$IMAGE" "$REGISTRY/$name"
	done
	mkdir -p "$T/store/other"
	cp -r "$T/store/real/app@sha256=${digest#sha256:}" "$T/store/other/"
	# rows: identity; does it let pass real/app:1, real/app:2, real/app@digest, other/app:1?
	while IFS='|' read -r identity one two three four; do
		policy "$(by_gpg "$T/good.asc" "$identity")"
		for pair in "real/app:1 $one" "real/app:2 $two" "real/app@$digest $three" "other/app:1 $four"; do
			cove rmi -fa >/dev/null 2>&1 || true
			# shellcheck disable=SC2046 # the status, or none
			pull $([ "${pair#* }" = y ] || echo 125) "$REGISTRY/${pair% *}"
			[ "${pair#* }" = y ] || like "$output" "Signature for identity $REGISTRY/real/app:1 is not accepted"
		done
	done <<-END
		|y|n|y|n
		{"type": "matchRepoDigestOrExact"}|y|n|y|n
		{"type": "matchExact"}|y|n|n|n
		{"type": "matchRepository"}|y|y|y|n
		{"type": "exactReference", "dockerReference": "$REGISTRY/real/app:1"}|y|y|y|y
		{"type": "exactRepository", "dockerRepository": "$REGISTRY/real/app"}|y|y|y|y
		{"type": "remapIdentity", "prefix": "$REGISTRY/other", "signedPrefix": "$REGISTRY/real"}|y|n|y|y
	END
}

@test "a signature that was tampered with, or is for another manifest" {
	start_registry
	load_busybox
	key good
	stores
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/a:1"
	cove import -q "$(test_file tar)" other:1 >/dev/null
	push --sign-by good@example.org other:1 "$REGISTRY/b:1"
	policy "$(by_gpg "$T/good.asc")"
	a=$(echo "$T"/store/a@*/signature-1)
	b=$(echo "$T"/store/b@*/signature-1)
	cp "$a" "$T/a"
	for how in "cp $b $a" "truncate -s 20 $a" "truncate -s 0 $a" "dd if=/dev/urandom of=$a bs=1 seek=60 count=8 conv=notrunc" \
		"gpg --yes --clearsign -o $a $T/good.asc" "cp $T/good.gpg $a"; do
		cp "$T/a" "$a"
		$how 2>/dev/null
		cove rmi -fa >/dev/null 2>&1 || true
		pull 125 "$REGISTRY/a:1"
		like "$output" "^Error: Source image rejected: "
		is "$(cove images -q)" "" "images"
	done
	# a good one among bad ones is enough
	cp "$T/a" "$(dirname "$a")/signature-2"
	pull "$REGISTRY/a:1"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "a container of an image that the policy of now does not take" {
	start_registry
	load_busybox
	key good
	stores
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/signed:1"
	push "$IMAGE" "$REGISTRY/plain:1"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/plain:1"
	run_cove run --rm --network none "$REGISTRY/plain:1" true
	policy "$(by_gpg "$T/good.asc")"
	for verb in "run --rm --network none" "create" "run --pull never"; do
		# shellcheck disable=SC2086 # several words
		run_cove 125 $verb "$REGISTRY/plain:1" true
		like "$output" "^Error: Source image rejected: A signature was required, but no signature exists"
	done
	run_cove 125 run --rm --network none "$(cove images -q "$REGISTRY/plain:1")" true
	cove rmi -fa >/dev/null
	pull "$REGISTRY/signed:1"
	rm -r "$T/store" # they came with the image
	run_cove run --rm --network none "$REGISTRY/signed:1" true
	policy '{"type": "reject"}'
	run_cove 125 run --rm --network none "$REGISTRY/signed:1" true
	like "$output" "is rejected by policy"
	cove import -q "$(test_file tar)" "$REGISTRY/own:1" >/dev/null # what was never pulled is the user's own
	run_cove run --rm --network none "$REGISTRY/own:1" /bin/busybox true
}

@test "images of additional stores, of cove and of Podman, and the policy" {
	local theirs store
	start_registry
	load_busybox
	key good
	stores
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/signed:1"
	cove rmi -fa >/dev/null
	theirs=(podman --root "$T/podman" --runroot "$R/podman" --storage-driver overlay --registries-conf /dev/null)
	for store in "$T/other" "$T/podman"; do
		if [ "$store" = "$T/other" ]; then
			policy "$(by_gpg "$T/good.asc")"
			run_cove --root "$store" --runroot "$R/other" pull -q --tls-verify=false "$REGISTRY/signed:1"
		else
			policy '{"type": "insecureAcceptAnything"}'
			mkdir -p "$HOME/.config/containers/registries.d"
			grep -v attachments "$CONF/registries.d/default.yaml" >"$HOME/.config/containers/registries.d/default.yaml"
			command -v podman >/dev/null &&
				"${theirs[@]}" pull -q --tls-verify=false "$REGISTRY/signed:1" >/dev/null 2>&1 || continue
			mv "$T/store" "$T/gone" # they came with the image
		fi
		policy "$(by_gpg "$T/good.asc")"
		run_cove --storage-opt "additionalimagestore=$store" run --rm --network none "$REGISTRY/signed:1" echo "signed"
		is "$output" signed "$store"
		policy '{"type": "reject"}'
		run_cove 125 --storage-opt "additionalimagestore=$store" run --rm --network none "$REGISTRY/signed:1" true
		like "$output" "is rejected by policy" "$store"
		run_cove --storage-opt "additionalimagestore=$store" tag "$REGISTRY/signed:1" localhost/mine
		run_cove 125 --storage-opt "additionalimagestore=$store" run --rm --network none localhost/mine true
		like "$output" "is rejected by policy" "$store, with a name of ours"
		run_cove --storage-opt "" rmi -f localhost/mine
	done
}

@test "stores: https, registries.d's narrowest entry, and what is copied on a push" {
	need python3
	start_registry
	load_busybox
	key good
	mkdir "$T/web"
	(cd "$T/web" && exec python3 -u -m http.server --bind 127.0.0.1 0 >"$T/web.log" 2>&1 3>&-) &
	PIDS+=($!)
	wait_for 20 grep -q port "$T/web.log"
	port=$(grep -oE 'port [0-9]+' "$T/web.log" | cut -d' ' -f2)
	cat >"$CONF/registries.d/a.yaml" <<-END
		default-docker:
		  lookaside: file:///nosuch
		docker:
		  $REGISTRY:
		    lookaside: http://127.0.0.1:$port
		    lookaside-staging: file://$T/web
		  $REGISTRY/here:
		    sigstore: file://$T/here
	END
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/a:1"
	push --sign-by good@example.org "$IMAGE" "$REGISTRY/here/a:1"
	compgen -G "$T/web/a@*/signature-1" >/dev/null
	compgen -G "$T/here/here/a@*/signature-1" >/dev/null
	policy "$(by_gpg "$T/good.asc" '{"type": "matchRepository"}')"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/a:1"
	# to another name its signature goes too, which is none for that name
	push "$REGISTRY/a:1" "$REGISTRY/here/copy:1"
	cmp "$T"/web/a@*/signature-1 "$T"/here/here/copy@*/signature-1
	pull 125 "$REGISTRY/here/copy:1"
	push --remove-signatures "$REGISTRY/a:1" "$REGISTRY/here/bare:1"
	! compgen -G "$T/here/here/bare@*" >/dev/null || die "a signature went there"
	run_cove 125 push -q --tls-verify=false --compression-format zstd "$REGISTRY/a:1" "$REGISTRY/here/zstd:1"
	like "$output" "signatures, which would not hold.*--remove-signatures"
	run_cove 125 push -q "$REGISTRY/a:1" "oci:$T/layout"
	run_cove save -q -o "$T/a.tar" "$REGISTRY/a:1"
	sed -i "s|http://127.0.0.1:$port|http://127.0.0.1:1|" "$CONF/registries.d/a.yaml" # a store that is not there is no store without signatures
	policy "$(by_gpg "$T/good.asc"), {\"type\": \"insecureAcceptAnything\"}"
	pull 125 --retry 0 "$REGISTRY/a:1"
	like "$output" "reading signature http://127.0.0.1:1/a@sha256="
	echo 'docker: [' >"$CONF/registries.d/b.yaml"
	pull 125 "$REGISTRY/a:1"
	like "$output" "registries.d/b.yaml"
	printf 'docker:\n  %s:\n    lookaside: file:///x\n' "$REGISTRY" >"$CONF/registries.d/b.yaml"
	pull 125 "$REGISTRY/a:1"
	like "$output" "a second entry for '$REGISTRY'"
}

@test "sigstore: a signature beside the image, by a key of cosign's form" {
	need python3 openssl skopeo
	start_registry
	load_busybox
	stores
	python3 "$COVE_SRC/tests/image/cosign-key.py" sesame "$T/good"
	python3 "$COVE_SRC/tests/image/cosign-key.py" "" "$T/evil"
	echo sesame >"$T/pass"
	echo wrong >"$T/wrong"
	run_cove 125 push -q --tls-verify=false --sign-by-sigstore-private-key "$T/good.key" --sign-passphrase-file "$T/wrong" "$IMAGE" "$REGISTRY/a:1"
	like "$output" "wrong passphrase"
	push --sign-by-sigstore-private-key "$T/good.key" --sign-passphrase-file "$T/pass" "$IMAGE" "$REGISTRY/a:1"
	push --sign-by-sigstore-private-key "$T/evil.key" "$IMAGE" "$REGISTRY/evil:1"
	# The same by a file of parameters, and what such a file can get wrong.
	printf 'privateKeyFile: %s\nprivateKeyPassphraseFile: "%s"\n' "$T/good.key" "$T/pass" >"$T/params.yaml"
	push --sign-by-sigstore "$T/params.yaml" "$IMAGE" "$REGISTRY/params:1"
	printf 'fulcio:\n  fulcioURL: https://fulcio.invalid\n' >"$T/fulcio.yaml"
	run_cove 125 push -q --tls-verify=false --sign-by-sigstore "$T/fulcio.yaml" "$IMAGE" "$REGISTRY/params:2"
	like "$output" "fulcio.yaml: 'fulcio' is not supported: signatures are made with a private key"
	echo 'privateKeyPassphraseFile: x' >"$T/none.yaml"
	run_cove 125 push -q --tls-verify=false --sign-by-sigstore "$T/none.yaml" "$IMAGE" "$REGISTRY/params:2"
	like "$output" "none.yaml: there is no 'privateKeyFile'"
	run_cove 125 push -q --tls-verify=false --sign-by-sigstore x --sign-by-sigstore-private-key y "$IMAGE" "$REGISTRY/params:2"
	like "$output" "cannot be used together"
	push "$IMAGE" "$REGISTRY/plain:1"
	# openssl finds it good, too
	digest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a:1" | sha256sum | cut -c-64)
	manifest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a:sha256-$digest.sig")
	jq -r '.layers[0].annotations["dev.cosignproject.cosign/signature"]' <<<"$manifest" | base64 -d >"$T/sig"
	curl -s "http://$REGISTRY/v2/a/blobs/$(jq -r '.layers[0].digest' <<<"$manifest")" >"$T/payload"
	openssl dgst -sha256 -verify "$T/good.pub" -signature "$T/sig" "$T/payload"
	is "$(jq -r '.critical.image["docker-manifest-digest"]' "$T/payload")" "sha256:$digest"
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/a:sha256-$digest.sig" "dir:$T/attached" # all digests fit
	policy '{"type": "sigstoreSigned", "keyPath": "'"$T"'/good.pub"}'
	pull "$REGISTRY/a:1"
	pull "$REGISTRY/params:1"
	for name in evil plain; do
		pull 125 "$REGISTRY/$name:1"
		like "$output" "Source image rejected: "
	done
	policy '{"type": "sigstoreSigned", "keyData": "'"$(base64 -w0 "$T/good.pub")"'", "signedIdentity": {"type": "matchRepository"}}'
	pull "$REGISTRY/a:1"
	run_cove run --rm --network none "$REGISTRY/a:1" true
	# a second signature goes beside the first
	push --sign-by-sigstore-private-key "$T/evil.key" "$IMAGE" "$REGISTRY/a:1"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a:sha256-$digest.sig" | jq '.layers | length')" 2 "signatures"
	pull "$REGISTRY/a:1"
	policy '{"type": "sigstoreSigned", "keyPath": "'"$T"'/evil.pub"}'
	pull "$REGISTRY/a:1"
	policy '{"type": "sigstoreSigned", "keyPath": "'"$T"'/pass"}'
	pull 125 "$REGISTRY/a:1"
	like "$output" "no public key"
	rm "$CONF/registries.d/default.yaml"
	run_cove 125 push -q --tls-verify=false --sign-by-sigstore-private-key "$T/evil.key" "$IMAGE" "$REGISTRY/a:1"
	like "$output" "disabled by configuration"
}

@test "image sign, image trust" {
	start_registry
	load_busybox
	key good
	stores
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$CONF/registries.conf"
	push "$IMAGE" "$REGISTRY/a/b:1"
	run_cove 125 image sign "docker://$REGISTRY/a/b:1"
	run_cove 125 image sign --sign-by nobody@example.org "docker://$REGISTRY/a/b:1"
	like "$output" "gpg could not sign"
	run_cove 125 image sign --all --sign-by good@example.org "docker://$REGISTRY/a/b:1"
	like "$output" "not a manifest list"
	run_cove image sign --sign-by good@example.org -d "$T/signed" "docker://$REGISTRY/a/b:1"
	compgen -G "$T/signed/a/b@sha256=*/signature-1" >/dev/null
	run_cove image sign --sign-by good@example.org "$REGISTRY/a/b:1"
	cove tag "$IMAGE" local.example/x/y:1
	digest=$(cove inspect --format '{{.Digest}}' local.example/x/y:1)
	run_cove image sign --sign-by good@example.org -d "$T/signed" containers-storage:local.example/x/y:1
	gpg --verify "$T/signed/x/y@${digest/:/=}/signature-1"
	run_cove 125 image sign --sign-by good@example.org -d "$T/signed" containers-storage:nosuch.example/x
	like "$output" "image not known"
	run_cove image trust set -f "$T/good.asc" "$REGISTRY"
	run_cove image trust set -t reject default
	pull "$REGISTRY/a/b:1"
	pull 125 127.0.0.1:1/a/b:1
	like "$output" "is rejected by policy"
	run_cove image trust show
	is "$(tr -s ' ' <<<"${lines[1]}")" "all default reject "
	is "$(tr -s ' ' <<<"${lines[2]}")" "repository $REGISTRY signed good@example.org file://$T/store"
	is "$(cove image trust show --json | jq -r '.[1].type')" signed
	mkdir "$T/other.d"
	printf 'docker:\n  %s:\n    lookaside: file:///elsewhere\n' "$REGISTRY" >"$T/other.d/a.yaml"
	is "$(cove image trust show --json --registrypath "$T/other.d" | jq -r '.[1].sigstore')" file:///elsewhere
	run_cove image trust show --raw
	is "$output" "$(cat "$CONF/policy.json")"
	run_cove 125 image trust set "$REGISTRY"
	run_cove 125 image trust set -t accept -f "$T/good.asc" "$REGISTRY"
	run_cove 125 image trust set -f "$T/nosuch" "$REGISTRY"
	run_cove 125 image trust nonsense
	run_cove image trust set -t accept "$REGISTRY/plain"
	push "$IMAGE" "$REGISTRY/plain:1"
	pull "$REGISTRY/plain:1"
}

# signatures REPOSITORY DIGEST: how many of them the lookaside store has.
signatures() {
	find "$T/store/$1@${2/:/=}" -type f 2>/dev/null | wc -l
}

# two_list: the list "app" of two images, of which one is in the registry only, with a signature there.
two_list() {
	load_busybox
	echo x >"$T/x"
	tar -C "$T" -cf "$T/x.tar" x
	cove import --arch arm64 "$T/x.tar" localhost/two >/dev/null
	push --sign-by good@example.org --digestfile "$T/digest" localhost/two "$REGISTRY/from/two:1"
	far=$(cat "$T/digest")
	cove rmi -f localhost/two >/dev/null
	cove manifest create app "$IMAGE" >/dev/null
	cove manifest add --tls-verify=false app "docker://$REGISTRY/from/two@$far" >/dev/null
}

@test "lists are signed with what they name; skopeo and cove check it" {
	need skopeo jq
	start_registry
	key good
	key other
	printf 'default-docker:\n  lookaside: file://%s/store\n' "$T" >"$CONF/registries.d/default.yaml"
	two_list
	run_cove manifest push -q --tls-verify=false --digestfile "$T/digest" --sign-by other@example.org app "$REGISTRY/list:1"
	near=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/list:1" | jq -r '.manifests[0].digest')
	is "$(signatures list "$(cat "$T/digest")")" 1 "of the list"
	is "$(signatures list "$near")" 1 "of what was here"
	is "$(signatures list "$far")" 2 "of what had one, which is for another name"
	# The signature that came along says what it was made for.
	policy "$(by_gpg "$T/other.gpg")"
	skopeo --policy "$CONF/policy.json" --registries.d "$CONF/registries.d" copy -q --all --src-tls-verify=false \
		"docker://$REGISTRY/list:1" "dir:$T/copy"
	cove rmi -fa >/dev/null
	pull "$REGISTRY/list:1"
	cove rmi -fa >/dev/null
	policy "$(by_gpg "$T/good.gpg")"
	pull 125 "$REGISTRY/list:1"
	like "$output" "Source image rejected"
	pull --arch arm64 "$REGISTRY/from/two:1"
	pull 125 --arch arm64 "$REGISTRY/list:1"
	# An image of a list goes on with its signature.
	policy "$(by_gpg "$T/other.gpg")"
	pull "$REGISTRY/list:1"
	push "$REGISTRY/list:1" "$REGISTRY/on:1"
	is "$(signatures on "$near")" 1
}

@test "manifest push --remove-signatures leaves them behind" {
	need skopeo jq
	start_registry
	key good
	printf 'default-docker:\n  lookaside: file://%s/store\n' "$T" >"$CONF/registries.d/default.yaml"
	two_list
	run_cove manifest push -q --tls-verify=false --remove-signatures app "$REGISTRY/bare:1"
	is "$(signatures bare "$far")" 0
	run_cove manifest push -q --tls-verify=false app "$REGISTRY/with:1"
	is "$(signatures with "$far")" 1
	# In directories they have names, in OCI layouts not.
	run_cove manifest push -q --tls-verify=false app "dir:$T/dir"
	skopeo --registries.d "$CONF/registries.d" copy -q --all --src-tls-verify=false "docker://$REGISTRY/with:1" "dir:$T/theirs"
	is "$(cd "$T/dir" && ls -- *signature*)" "$(cd "$T/theirs" && ls -- *signature*)"
	cmp "$T/dir/${far#sha256:}.signature-1" "$T/theirs/${far#sha256:}.signature-1"
	run_cove 125 manifest push -q --tls-verify=false app "oci:$T/layout"
	like "$output" "Pushing signatures for OCI images is not supported"
	run_cove manifest push -q --tls-verify=false --remove-signatures app "oci:$T/layout"
	run_cove 125 manifest push -q --tls-verify=false --sign-by nobody@example.org app "$REGISTRY/no:1"
	like "$output" "Error: .*gpg could not sign with key nobody@example.org"
}

@test "artifacts are signed, and checked when they are pulled" {
	need skopeo
	start_registry
	key good
	key evil
	printf 'default-docker:\n  lookaside: file://%s/store\n' "$T" >"$CONF/registries.d/default.yaml"
	echo hello >"$T/file"
	for name in good evil plain; do
		cove artifact add "$REGISTRY/$name/thing:1" "$T/file" >/dev/null
		sign=(--sign-by "$name@example.org")
		[ $name != plain ] || sign=()
		run_cove artifact push -q --tls-verify=false --digestfile "$T/digest.$name" "${sign[@]}" "$REGISTRY/$name/thing:1"
	done
	is "$(signatures good/thing "$(cat "$T/digest.good")")" 1
	cove artifact rm --all >/dev/null
	policy "$(by_gpg "$T/good.gpg")"
	run_cove artifact pull -q --tls-verify=false "$REGISTRY/good/thing:1"
	is "$output" "$(cat "$T/digest.good")"
	skopeo --policy "$CONF/policy.json" --registries.d "$CONF/registries.d" copy -q --src-tls-verify=false \
		"docker://$REGISTRY/good/thing:1" "dir:$T/copy"
	for name in evil plain; do
		run_cove 125 artifact pull -q --tls-verify=false "$REGISTRY/$name/thing:1"
		like "$output" "^Error: Source image rejected: "
	done
	is "$(cove artifact ls | grep -c /thing)" 1 "artifacts"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}
