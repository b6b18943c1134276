#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Encrypted layers: what cove encrypts, skopeo (containers/ocicrypt) decrypts.
load ../setup

setup() {
	cove_setup
	need_userns
	need openssl skopeo jq
	K=$BATS_FILE_TMPDIR/keys
	[ -d "$K" ] || make_keys
}

# rsa.pem, other.pem: private keys of RSA; ec.pem: of P-384; *.pub: their public halves.
make_keys() {
	local key
	mkdir "$K"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$K/rsa.pem"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$K/other.pem"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$K/ec.pem"
	for key in rsa other ec; do
		openssl pkey -in "$K/$key.pem" -pubout -out "$K/$key.pub"
	done
} 2>/dev/null

# load_two: an image of two layers, as localhost/two.
load_two() {
	load_busybox
	mkdir "$T/extra"
	echo plain-text-of-ours >"$T/extra/word"
	cove create --name two "$IMAGE" >/dev/null
	cove cp "$T/extra/word" two:/word
	cove commit -q two localhost/two >/dev/null
	cove rm two >/dev/null
}

# manifest DIR: that of the only image of an OCI layout.
manifest() {
	local digest
	digest=$(jq -r '.manifests[0].digest' "$1/index.json")
	cat "$1/blobs/sha256/${digest#*:}"
}

types() {
	jq -r '.layers[].mediaType' | sed 's/application.vnd.oci.image.layer.v1.//' | paste -sd' '
}

# same_as_plain SOURCE KEY: skopeo decrypts it with KEY to the manifest that a push without keys writes.
same_as_plain() {
	[ -d "$T/plain" ] || cove push -q localhost/two "oci:$T/plain:x"
	rm -rf "$T/copy"
	skopeo copy -q --src-tls-verify=false --decryption-key "$K/$2.pem" "$1" "oci:$T/copy:x"
	is "$(manifest "$T/copy" | jq -c '[.config.digest, .layers[].digest]')" \
		"$(manifest "$T/plain" | jq -c '[.config.digest, .layers[].digest]')" "what skopeo decrypts of $1"
}

@test "encrypt: skopeo decrypts what was pushed, in every place" {
	load_two
	start_registry
	run_cove push -q --tls-verify=false --encryption-key "jwe:$K/rsa.pub" localhost/two "$REGISTRY/a/two:1"
	is "$output" ""
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a/two:1" | types)" "tar+gzip+encrypted tar+gzip+encrypted"
	same_as_plain "docker://$REGISTRY/a/two:1" rsa
	# The plain layers are there: what is known of them must not be taken for the encrypted ones.
	run_cove push -q --tls-verify=false localhost/two "$REGISTRY/a/two:2"
	run_cove push -q --tls-verify=false --encryption-key "jwe:$K/ec.pub" localhost/two "$REGISTRY/a/two:3"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a/two:3" | types)" "tar+gzip+encrypted tar+gzip+encrypted"
	same_as_plain "docker://$REGISTRY/a/two:3" ec
	run_cove push -q --encryption-key "jwe:$K/ec.pub" localhost/two "oci:$T/oci:x"
	same_as_plain "oci:$T/oci:x" ec
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" localhost/two "oci-archive:$T/oci.tar:x"
	same_as_plain "oci-archive:$T/oci.tar:x" rsa
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" localhost/two "dir:$T/dir"
	is "$(types <"$T/dir/manifest.json")" "tar+encrypted tar+encrypted"
	skopeo copy -q --decryption-key "$K/rsa.pem" "dir:$T/dir" "oci:$T/from-dir:x"
	is "$(manifest "$T/from-dir" | jq -r .config.digest)" "$(manifest "$T/plain" | jq -r .config.digest)"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	! grep -rq plain-text-of-ours "$T/oci" "$T/dir" "$T/oci.tar" "$REGISTRY_DIR/data/docker/registry/v2/repositories" ||
		die "plain text lies about"
}

@test "encrypt: several keys, each opens it, and no other" {
	load_two
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" --encryption-key "jwe:$K/ec.pub" localhost/two "oci:$T/oci:x"
	same_as_plain "oci:$T/oci:x" rsa
	same_as_plain "oci:$T/oci:x" ec
	! skopeo copy -q --decryption-key "$K/other.pem" "oci:$T/oci:x" "dir:$T/other" || die "a foreign key opens it"
	# Each time with another key and nonce.
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" localhost/two "oci:$T/again:x"
	[ "$(manifest "$T/oci" | jq -r '.layers[0].digest')" != "$(manifest "$T/again" | jq -r '.layers[0].digest')" ]
}

@test "encrypt: some layers only" {
	load_two
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" --encrypt-layer -1 localhost/two "oci:$T/top:x"
	is "$(manifest "$T/top" | types)" "tar+gzip tar+gzip+encrypted"
	same_as_plain "oci:$T/top:x" rsa
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" --encrypt-layer 0,-2 localhost/two "oci:$T/low:x"
	is "$(manifest "$T/low" | types)" "tar+gzip+encrypted tar+gzip"
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" --encrypt-layer 0 --encrypt-layer 1 --compression-format zstd \
		localhost/two "oci:$T/both:x"
	is "$(manifest "$T/both" | types)" "tar+zstd+encrypted tar+zstd+encrypted"
	# Parts of an encrypted layer are of no use.
	run_cove push -q --encryption-key "jwe:$K/rsa.pub" --encrypt-layer 0 --compression-format zstd:chunked \
		localhost/two "oci:$T/chunked:x"
	is "$(manifest "$T/chunked" | types)" "tar+zstd+encrypted tar+zstd"
	is "$(manifest "$T/chunked" | jq '.layers[0].annotations | keys | map(select(contains("zstd"))) | length')" 0
}

# refused TEXT ARG...: a push with ARG that must fail so, in one line, and leave nothing.
refused() {
	local text=$1
	shift
	run_cove 125 push -q "$@"
	like "$output" "^Error: .*$text"
	is "${#lines[@]}" 1 "lines of the error"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "encrypt: what cannot be is refused before anything is written" {
	local to=oci:$T/oci:x
	load_two
	touch "$T/empty"
	refused "jwe:$K/rsa.pem: File provided is not a public key" --encryption-key "jwe:$K/rsa.pem" localhost/two "$to"
	refused "File provided is not a public key" --encryption-key "jwe:$T/empty" localhost/two "$to"
	refused "open $T/none: No such file" --encryption-key "jwe:$T/none" localhost/two "$to"
	refused "Provided protocol not recognized" --encryption-key "rot13:$K/rsa.pub" localhost/two "$to"
	refused "Invalid recipient format" --encryption-key "$K/rsa.pub" localhost/two "$to"
	refused "PKCS #11 tokens are not used" --encryption-key "pkcs11:$K/rsa.pub" localhost/two "$to"
	refused "key providers .* are not run" --encryption-key provider:grpc localhost/two "$to"
	refused "--encrypt-layer can only be used with --encryption-key" --encrypt-layer 0 localhost/two "$to"
	refused "layer index 2 out of range \(2 layers exist\)" --encryption-key "jwe:$K/rsa.pub" --encrypt-layer 2 localhost/two "$to"
	refused "layer index -3 out of range" --encryption-key "jwe:$K/rsa.pub" --encrypt-layer -3 localhost/two "$to"
	refused "'x' is no number" --encryption-key "jwe:$K/rsa.pub" --encrypt-layer x localhost/two "$to"
	refused "does not support encryption" --encryption-key "jwe:$K/rsa.pub" --format v2s2 localhost/two "$to"
	refused "none of which support encryption" --encryption-key "jwe:$K/rsa.pub" localhost/two "docker-archive:$T/oci"
	refused "not encrypted" --encryption-key "jwe:$K/rsa.pub" localhost/two containers-storage:other
	cove manifest create list localhost/two >/dev/null
	refused "is a list" --encryption-key "jwe:$K/rsa.pub" list "$to"
	[ ! -e "$T/oci" ]
}
