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

# rsa.pem, other.pem: private keys of RSA; ec.pem: of P-384; *.pub: their public halves; *.crt: certificates.
make_keys() {
	local key
	mkdir "$K"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$K/rsa.pem"
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$K/other.pem"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$K/ec.pem"
	for key in rsa other ec; do
		openssl pkey -in "$K/$key.pem" -pubout -out "$K/$key.pub"
		openssl req -x509 -key "$K/$key.pem" -subj "/CN=$key" -days 2 -out "$K/$key.crt"
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

# same_as_plain SOURCE KEY [crt]: skopeo decrypts it with KEY to the manifest that a push without keys writes.
same_as_plain() {
	local cert=()
	[ "${3-}" != crt ] || cert=(--decryption-key "$K/$2.crt")
	[ -d "$T/plain" ] || cove push -q localhost/two "oci:$T/plain:x"
	rm -rf "$T/copy"
	skopeo copy -q --src-tls-verify=false --decryption-key "$K/$2.pem" "${cert[@]}" "$1" "oci:$T/copy:x"
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
	refused "pkcs7:$K/rsa.pub: File provided is not an x509 cert" --encryption-key "pkcs7:$K/rsa.pub" localhost/two "$to"
	refused "certificates for PKCS #7 have keys of RSA" --encryption-key "pkcs7:$K/ec.crt" localhost/two "$to"
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
	refused "v1.prettyjws, which does not support encryption" --encryption-key "jwe:$K/rsa.pub" --format v2s1 localhost/two "$to"
	refused "none of which support encryption" --encryption-key "jwe:$K/rsa.pub" localhost/two "docker-archive:$T/oci"
	refused "not encrypted" --encryption-key "jwe:$K/rsa.pub" localhost/two containers-storage:other
	cove manifest create list localhost/two >/dev/null
	refused "is a list" --encryption-key "jwe:$K/rsa.pub" list "$to"
	[ ! -e "$T/oci" ]
}

# ---- and back ----------------------------------------------------------------

# encrypted_by_skopeo KEY...: the image of two layers as $T/oci:x, encrypted by skopeo for these; $ID is its ID.
encrypted_by_skopeo() {
	local key keys=()
	cove image exists localhost/two || load_two
	ID=$(cove image inspect --format '{{.Id}}' localhost/two)
	cove push -q localhost/two "oci:$T/plain:x"
	for key; do
		keys+=(--encryption-key "$key")
	done
	skopeo copy -q "${keys[@]}" "oci:$T/plain:x" "oci:$T/oci:x"
	is "$(manifest "$T/oci" | types)" "tar+gzip+encrypted tar+gzip+encrypted"
	cove rmi -fa >/dev/null
}

# nothing_left: of an image whose pull failed.
nothing_left() {
	is "$(cd "$XDG_DATA_HOME/cove" && find tmp layers partial -mindepth 1 2>/dev/null)" "" "what is left"
	is "$(cove images -q)" "" "images"
}

# unreadable TEXT ARG...: a pull that must fail so, and leave nothing.
unreadable() {
	local text=$1
	shift
	run_cove 125 pull -q --tls-verify=false --retry-delay 10ms "$@"
	like "${lines[0]}" "^Error: .*$text"
	[ "${#lines[@]}" -le 2 ] || die "more than an error and a hint" "$output"
	nothing_left
}

# is_two NAME: it is the image of two layers, whole and plain.
is_two() {
	is "$(cove image inspect --format '{{.Id}}' "$1")" "$ID" "ID"
	is "$(cove run --rm "$1" cat /word)" plain-text-of-ours
	run_cove system check
	cove push -q "$1" "oci:$T/back:x"
	is "$(manifest "$T/back" | jq -c '[.config.digest, .layers]')" "$(manifest "$T/plain" | jq -c '[.config.digest, .layers]')" \
		"what is stored"
	rm -r "$T/back"
}

@test "encrypt: what skopeo encrypted is pulled, run and pushed on" {
	encrypted_by_skopeo "jwe:$K/rsa.pub" "jwe:$K/ec.pub"
	start_registry
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:x" "docker://$REGISTRY/a/two:1"
	skopeo copy -q "oci:$T/oci:x" "oci-archive:$T/oci.tar:x"
	skopeo copy -q "oci:$T/oci:x" "dir:$T/dir"
	for from in "$REGISTRY/a/two:1" "oci:$T/oci:x" "oci-archive:$T/oci.tar:x" "dir:$T/dir"; do
		unreadable "is encrypted: missing private key" "$from"
		unreadable "none of the private keys could be used" --decryption-key "$K/other.pem" "$from"
		for key in rsa ec; do
			run_cove pull -q --tls-verify=false --decryption-key "$K/other.pem" --decryption-key "$K/$key.pem" "$from"
			is "$output" "$ID"
			is_two "$ID"
			cove rmi -fa >/dev/null
		done
	done
	run_cove 125 load -i "$T/oci.tar"
	like "$output" "is encrypted"
	nothing_left
	is "$(cove run -q --rm --tls-verify=false --decryption-key "$K/ec.pem" "$REGISTRY/a/two:1" cat /word)" plain-text-of-ours
	is_two "$REGISTRY/a/two:1"
	# The key is asked for as long as the name means the encrypted image.
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a/two:1"
	run_cove pull -q --tls-verify=false --decryption-key "$K/ec.pem" "$REGISTRY/a/two:1"
	is "$output" "$ID"
	cove rmi -fa >/dev/null
	digest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/a/two:1" | sha256sum | cut -c-64)
	run_cove pull -q --tls-verify=false --decryption-key "$K/ec.pem" "$REGISTRY/a/two@sha256:$digest"
	is "$output" "$ID"
	is_two "$REGISTRY/a/two@sha256:$digest"
}

@test "encrypt: what cove encrypted comes back, partly encrypted too" {
	load_two
	ID=$(cove image inspect --format '{{.Id}}' localhost/two)
	cove push -q localhost/two "oci:$T/plain:x"
	start_registry
	for how in "" "--encrypt-layer -1" "--encrypt-layer 0" "--compression-format zstd"; do
		# shellcheck disable=SC2086 # several words
		cove push -q --tls-verify=false --encryption-key "jwe:$K/rsa.pub" $how localhost/two "$REGISTRY/a/two:1"
		cove rmi -fa >/dev/null
		unreadable "is encrypted" "$REGISTRY/a/two:1"
		run_cove pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/two:1"
		is "$output" "$ID"
		[[ $how = *zstd ]] || is_two "$REGISTRY/a/two:1"
		cove tag "$REGISTRY/a/two:1" localhost/two
	done
	# Layers that are here already.
	cove untag "$REGISTRY/a/two:1"
	run_cove pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/two:1"
	is "$output" "$ID"
	run_cove system check
}

@test "encrypt: for certificates, both ways" {
	load_two
	run_cove push -q --encryption-key "pkcs7:$K/rsa.crt" --encryption-key "pkcs7:$K/other.crt" localhost/two "oci:$T/p7:x"
	same_as_plain "oci:$T/p7:x" rsa crt
	same_as_plain "oci:$T/p7:x" other crt
	run_cove push -q --encryption-key "pkcs7:$K/rsa.crt" --encryption-key "jwe:$K/ec.pub" localhost/two "oci:$T/both:x"
	same_as_plain "oci:$T/both:x" rsa crt
	same_as_plain "oci:$T/both:x" ec
	encrypted_by_skopeo "pkcs7:$K/rsa.crt" "jwe:$K/ec.pub"
	for from in oci both; do
		for keys in rsa.pem ec.pem "rsa.crt rsa.pem" "other.pem rsa.pem"; do
			# shellcheck disable=SC2046,SC2086 # several words
			run_cove pull -q $(printf -- "--decryption-key $K/%s " $keys) "oci:$T/$from:x"
			is "$output" "$ID"
			cove rmi -fa >/dev/null
		done
		unreadable "missing private key" --decryption-key "$K/rsa.crt" "oci:$T/$from:x"
		unreadable "none of the private keys" --decryption-key "$K/other.pem" "oci:$T/$from:x"
	done
}

@test "encrypt: for OpenPGP keys, both ways, and gpg leaves nothing" {
	need gpg gpgconf pgrep
	export HOME=$R # short: there are sockets in .gnupg; and skopeo knows no other keyring
	gpg_key() {
		gpg --batch --quiet --pinentry-mode loopback --passphrase "$3" --quick-gen-key "$1" rsa2048 encrypt,sign never
		gpg --batch --pinentry-mode loopback --passphrase "$3" --export-secret-keys "=$1" >"$T/$2.sec"
		gpg --batch --pinentry-mode loopback --passphrase "$3" --armor --export-secret-keys "=$1" >"$T/$2.asc"
	} 2>/dev/null
	mkdir -m 700 "$R/.gnupg"
	gpg_key "Ann Other <ann@example.org>" ann ""
	gpg_key "Joann Other <joann@example.org>" joann word
	load_two
	run_cove push -q --encryption-key pgp:ann@example.org --encryption-key "pgp:Joann Other" localhost/two "oci:$T/pgp:x"
	skopeo copy -q --decryption-key "$T/ann.sec" "oci:$T/pgp:x" "oci:$T/copy:x"
	refused "No key found for the following recipients: nn@example.org" --encryption-key pgp:nn@example.org localhost/two "oci:$T/no:x"
	refused "No key found for the following recipients: Other" --encryption-key pgp:Other localhost/two "oci:$T/no:x"
	encrypted_by_skopeo pgp:ann@example.org pgp:joann@example.org
	start_registry
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:x" "docker://$REGISTRY/a/two:1"
	gpgconf --kill gpg-agent
	for from in "oci:$T/oci:x" "oci:$T/pgp:x" "$REGISTRY/a/two:1"; do
		for key in ann.sec ann.asc joann.sec:word; do
			run_cove pull -q --tls-verify=false --decryption-key "$T/$key" "$from"
			is "$output" "$ID"
			cove rmi -fa >/dev/null
		done
		unreadable "none of the private keys" --decryption-key "$T/joann.sec:other" "$from"
		unreadable "missing private key" --decryption-key "$K/rsa.crt" "$from"
	done
	is "$(find "$R" /tmp -maxdepth 1 -user "$(id -u)" -name 'cove-gpg.*')" "" "homes of gpg"
	! pgrep -u "$(id -u)" -f "gpg-agent --homedir $R/cove-gpg" || die "an agent of gpg's runs"
}

# change_layer PROGRAM: the lowest layer of $T/oci, changed by it; the manifest names what came of it.
change_layer() {
	python3 - "$T/oci" "$1" <<-'END'
		import hashlib, json, sys
		root, how = sys.argv[1:]
		def blob(digest): return f"{root}/blobs/sha256/{digest[7:]}"
		def put(b):
		    d = "sha256:" + hashlib.sha256(b).hexdigest()
		    open(blob(d), "wb").write(b)
		    return d
		index = json.load(open(root + "/index.json"))
		m = json.load(open(blob(index["manifests"][0]["digest"])))
		l = m["layers"][0]
		b = bytearray(open(blob(l["digest"]), "rb").read())
		notes = l["annotations"]
		exec(how)
		l["digest"], l["size"] = put(bytes(b)), len(b)
		text = json.dumps(m).encode()
		index["manifests"][0].update(digest=put(text), size=len(text))
		json.dump(index, open(root + "/index.json", "w"))
	END
}

@test "encrypt: layers and annotations that were tampered with are refused" {
	encrypted_by_skopeo "jwe:$K/rsa.pub"
	start_registry
	cp -r "$T/oci" "$T/good"
	while IFS='|' read -r text how; do
		rm -r "$T/oci"
		cp -r "$T/good" "$T/oci"
		change_layer "$how"
		unreadable "$text" --decryption-key "$K/rsa.pem" "oci:$T/oci:x"
		skopeo copy -q --dest-tls-verify=false "oci:$T/oci:x" "docker://$REGISTRY/a/bad:1"
		unreadable "$text" --decryption-key "$K/rsa.pem" "$REGISTRY/a/bad:1"
	done <<-'END'
		the HMAC of the encrypted layer does not match|b[5] ^= 1
		the HMAC of the encrypted layer does not match|b[-1] ^= 1
		the HMAC of the encrypted layer does not match|b.pop()
		the HMAC of the encrypted layer does not match|b += b"x"
		the HMAC of the encrypted layer does not match|b.clear()
		missing annotation|del notes["org.opencontainers.image.enc.pubopts"]
		not encrypted in a way that is known|del notes["org.opencontainers.image.enc.keys.jwe"]
		it is no base64|notes["org.opencontainers.image.enc.keys.jwe"] = "!"
		it is no JWE|notes["org.opencontainers.image.enc.keys.jwe"] = "e30="
		unsupported cipher type|notes["org.opencontainers.image.enc.pubopts"] = "e30="
	END
	# Other bytes than the manifest says: the file is changed in place.
	rm -r "$T/oci"
	cp -r "$T/good" "$T/oci"
	layer=$T/oci/blobs/sha256/$(manifest "$T/oci" | jq -r '.layers[0].digest[7:]')
	printf x | dd of="$layer" bs=1 seek=9 conv=notrunc status=none
	unreadable "Digest did not match" --decryption-key "$K/rsa.pem" "oci:$T/oci:x"
	truncate -s -1 "$layer"
	unreadable "bytes in the archive, not" --decryption-key "$K/rsa.pem" "oci:$T/oci:x"
	# Another layer, encrypted for us by whoever: its diff ID is not that of the config.
	rm -r "$T/oci"
	cp -r "$T/good" "$T/oci"
	python3 - "$T/oci" <<-'END'
		import hashlib, json, sys
		root = sys.argv[1]
		index = json.load(open(root + "/index.json"))
		m = json.load(open(f"{root}/blobs/sha256/{index['manifests'][0]['digest'][7:]}"))
		m["layers"].reverse()
		text = json.dumps(m).encode()
		digest = hashlib.sha256(text).hexdigest()
		open(f"{root}/blobs/sha256/{digest}", "wb").write(text)
		index["manifests"][0].update(digest="sha256:" + digest, size=len(text))
		json.dump(index, open(root + "/index.json", "w"))
	END
	unreadable "the config says" --decryption-key "$K/rsa.pem" "oci:$T/oci:x"
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:x" "docker://$REGISTRY/a/bad:2"
	run_cove 125 pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/bad:2"
	like "$output" "diff ID did not match"
	# What had come of the other layer may be kept: as it came.
	for kept in "$XDG_DATA_HOME"/cove/partial/*; do
		[ ! -e "$kept" ] || cmp -n "$(stat -c %s "$kept")" "$kept" "$T/oci/blobs/sha256/${kept##*/}"
	done
	rm -rf "$XDG_DATA_HOME/cove/partial"
	nothing_left
}

@test "encrypt: a pull that was cut short goes on with what came, encrypted" {
	encrypted_by_skopeo "jwe:$K/rsa.pub"
	start_registry
	skopeo copy -q --dest-tls-verify=false "oci:$T/oci:x" "docker://$REGISTRY/a/two:1"
	layer=$(manifest "$T/oci" | jq -r '.layers[0].digest[7:]')
	mkdir -p "$XDG_DATA_HOME/cove/partial"
	head -c 400000 "$T/oci/blobs/sha256/$layer" >"$XDG_DATA_HOME/cove/partial/$layer"
	run_cove pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/two:1"
	is "$output" "$ID"
	is "$(ls -A "$XDG_DATA_HOME/cove/partial")" "" "partial"
	grep -q "\"GET /v2/a/two/blobs/sha256:$layer HTTP/1.1\" 206" "$REGISTRY_DIR/log" || die "$(tail -n 20 "$REGISTRY_DIR/log")"
	cove rmi -fa >/dev/null
	# What was kept is damaged: all of it comes again.
	head -c 400000 /dev/zero >"$XDG_DATA_HOME/cove/partial/$layer"
	run_cove pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/two:1"
	is "$output" "$ID"
	is_two "$REGISTRY/a/two:1"
}

@test "encrypt: keys with passwords, and keys that are none" {
	encrypted_by_skopeo "jwe:$K/rsa.pub"
	openssl pkcs8 -topk8 -in "$K/rsa.pem" -passout pass:word -out "$T/locked.pem"
	openssl rsa -traditional -aes256 -in "$K/rsa.pem" -passout pass:word -out "$T/old.pem" 2>/dev/null
	openssl pkey -in "$K/rsa.pem" -outform DER -out "$T/key.der"
	printf word >"$T/word"
	for key in "$T/locked.pem:word" "$T/locked.pem:pass=word" "$T/locked.pem:file=$T/word" "$T/old.pem:word" "$T/key.der"; do
		run_cove pull -q --decryption-key "$key" "oci:$T/oci:x"
		is "$output" "$ID"
		cove rmi -fa >/dev/null
	done
	run_cove pull -q --decryption-key "$T/locked.pem:fd=7" "oci:$T/oci:x" 7<"$T/word"
	is "$output" "$ID"
	cove rmi -fa >/dev/null
	unreadable "$T/locked.pem: Missing password" --decryption-key "$T/locked.pem" "oci:$T/oci:x"
	unreadable "$T/locked.pem: Wrong password" --decryption-key "$T/locked.pem:other" "oci:$T/oci:x"
	unreadable "open $T/none: No such file" --decryption-key "$T/none" "oci:$T/oci:x"
	unreadable "open $T/none: No such file" --decryption-key "$T/locked.pem:file=$T/none" "oci:$T/oci:x"
	unreadable "could not read from file descriptor 99" --decryption-key "$T/locked.pem:fd=99" "oci:$T/oci:x"
	unreadable "missing private key" --decryption-key "$T/word" "oci:$T/oci:x"
	unreadable "key providers .* are not run" --decryption-key provider:x "oci:$T/oci:x"
	# A key that is not needed is no error.
	run_cove pull -q --decryption-key "$K/rsa.pem" "oci:$T/plain:x"
	is "$output" "$ID"
}

@test "encrypt: files of artifacts, which skopeo encrypted" {
	start_registry
	echo words >"$T/words"
	seq 100000 >"$T/numbers"
	cove artifact add --file-type application/vnd.oci.image.layer.v1.tar "$REGISTRY/a/thing:1" "$T/words" "$T/numbers" >/dev/null
	cove artifact push -q --tls-verify=false "$REGISTRY/a/thing:1"
	skopeo copy -q --src-tls-verify=false --dest-tls-verify=false --encryption-key "jwe:$K/rsa.pub" \
		"docker://$REGISTRY/a/thing:1" "docker://$REGISTRY/a/thing:2" || skip "this skopeo does not encrypt artifacts"
	cove artifact rm --all >/dev/null
	run_cove 125 artifact pull -q --tls-verify=false --decryption-key "$K/other.pem" "$REGISTRY/a/thing:2"
	like "$output" "^Error: .*none of the private keys"
	run_cove 125 artifact pull -q --tls-verify=false --decryption-key "$T/none" "$REGISTRY/a/thing:2"
	is "$(cove artifact ls -q)" "" "artifacts"
	# As it is: nobody asked for more.
	run_cove artifact pull -q --tls-verify=false "$REGISTRY/a/thing:2"
	mkdir "$T/raw" "$T/out"
	run_cove artifact extract "$REGISTRY/a/thing:2" "$T/raw"
	! cmp -s "$T/words" "$T/raw/words" || die "it was not encrypted"
	run_cove artifact pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/thing:2"
	run_cove artifact extract "$REGISTRY/a/thing:2" "$T/out"
	cmp "$T/words" "$T/out/words"
	cmp "$T/numbers" "$T/out/numbers"
	is "$(cove artifact inspect --format '{{json .Manifest}}' "$REGISTRY/a/thing:2" | grep -c encrypted)" 0 "encrypted"
	run_cove artifact pull -q --tls-verify=false --decryption-key "$K/rsa.pem" "$REGISTRY/a/thing:1"
	run_cove system check
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}
