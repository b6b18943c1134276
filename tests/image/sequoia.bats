#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --sign-by-sq-fingerprint: signatures by keys of Sequoia's key store, checked by gpgv here and by skopeo.
load ../setup

setup() {
	cove_setup
	need_userns
	need gpg gpgv
	CONF=$XDG_CONFIG_HOME/containers
	mkdir -p "$CONF/registries.d"
	printf 'default-docker:\n  lookaside: file://%s/store\n' "$T" >"$CONF/registries.d/default.yaml"
	export SEQUOIA_HOME=$T/sequoia GNUPGHOME=$R/gnupg
	mkdir -m 700 "$SEQUOIA_HOME" "$GNUPGHOME"
}

teardown() {
	gpgconf --kill gpg-agent 2>/dev/null || true
	cove_teardown
}

# need_sq: one with a key store; Debian 12 has an older one.
need_sq() {
	need sq
	[[ $(sq version 2>&1) == "sq "[1-9]* ]] || skip "sq is older than 1.0"
}

# key NAME OPTION...: makes a key in the key store; sets FPR, and its public half is $T/NAME.gpg.
key() {
	sq key generate --quiet --own-key --userid "$1" "${@:2}" >"$T/generated" 2>&1 || die "$(cat "$T/generated")"
	FPR=$(sq cert list --cert-userid "$1" 2>/dev/null | grep -oE '[0-9A-F]{40}' | head -1)
	[ -n "$FPR" ] || FPR=$(sq key list 2>/dev/null | grep -oE '^ - [0-9A-F]{40}' | tail -1 | cut -c4-)
	sq cert export --cert "$FPR" 2>/dev/null | gpg --dearmor >"$T/$1.gpg"
}

# primary_key NAME: the same for a key that signs itself: the skopeo of Debian 12 takes no signatures by subkeys, which is
# what sq gives a key.
primary_key() {
	gpg --batch --quiet --passphrase '' --quick-gen-key "$1 <$1@example.org>" ed25519 sign never 2>/dev/null
	gpg --batch --export-secret-keys "$1@example.org" >"$T/secret"
	sq key import --quiet "$T/secret" >"$T/imported" 2>&1 || die "$(cat "$T/imported")"
	FPR=$(gpg --with-colons --list-keys "$1@example.org" | awk -F: '/^fpr/ { print $10; exit }')
	gpg --export "$1@example.org" >"$T/$1.gpg"
}

# signed_by NAME: what images of $REGISTRY must be.
signed_by() {
	cat >"$CONF/policy.json" <<-END
		{"default": [{"type": "insecureAcceptAnything"}],
		 "transports": {"docker": {"$REGISTRY": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "$T/$1.gpg"}]}}}
	END
}

push() {
	run_cove push -q --tls-verify=false "$@"
}

@test "push, artifact push and manifest push sign with a key of Sequoia's" {
	need_sq
	start_registry
	load_busybox
	primary_key one
	push "$IMAGE" "$REGISTRY/a:unsigned"
	push --sign-by-sq-fingerprint "$FPR" "$IMAGE" "$REGISTRY/a:1"
	signed_by one
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:unsigned"
	like "$output" "Signature for identity $REGISTRY/a:1 is not accepted"
	run_cove pull -q --tls-verify=false "$REGISTRY/a:1"
	# A signed message, not a signature apart.
	gpgv --keyring "$T/one.gpg" --output "$T/payload" "$T/store/a@"*/signature-1 2>/dev/null
	is "$(grep -o '"docker-reference":"[^"]*"' "$T/payload")" "\"docker-reference\":\"$REGISTRY/a:1\""
	if command -v skopeo >/dev/null; then
		skopeo --policy "$CONF/policy.json" --registries.d "$CONF/registries.d" copy -q --src-tls-verify=false \
			"docker://$REGISTRY/a:1" "dir:$T/copy"
	fi
	key other --without-password
	signed_by other
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:1"
	echo hello >"$T/file"
	run_cove artifact add "$REGISTRY/art:1" "$T/file"
	run_cove artifact push -q --tls-verify=false --sign-by-sq-fingerprint "$FPR" "$REGISTRY/art:1"
	ls "$T/store/art@"*/signature-1
	run_cove manifest create list "$IMAGE"
	run_cove manifest push -q --all --tls-verify=false --sign-by-sq-fingerprint "$FPR" list "$REGISTRY/list:1"
	run_cove pull -q --tls-verify=false "$REGISTRY/list:1"
}

@test "a locked key: its passphrase, none and a wrong one" {
	need_sq
	start_registry
	load_busybox
	printf secret >"$T/new"
	printf 'secret\nanother line\n' >"$T/pass"
	echo wrong >"$T/wrong"
	key locked --new-password-file "$T/new"
	push --sign-by-sq-fingerprint "$FPR" --sign-passphrase-file "$T/pass" "$IMAGE" "$REGISTRY/a:1"
	signed_by locked
	run_cove pull -q --tls-verify=false "$REGISTRY/a:1"
	run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint "$FPR" --sign-passphrase-file "$T/wrong" "$IMAGE" "$REGISTRY/a:2"
	like "${lines[0]}" "^Error: .*sq could not sign with key $FPR: "
	is "${#lines[@]}" 1
	run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint "$FPR" --sign-passphrase-file "$T/none" "$IMAGE" "$REGISTRY/a:2"
	like "$output" "passphrase file $T/none"
	run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint 0123456789012345678901234567890123456789 "$IMAGE" "$REGISTRY/a:2"
	like "$output" "0123456789012345678901234567890123456789 was not found|Failed to resolve"
}

@test "no sq, an old one, and no fingerprint: told before anything is sent" {
	start_registry
	load_busybox
	local fpr=215E944546A4A828B6CC2B376ED16B62E854C057
	run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint me@example.org "$IMAGE" "$REGISTRY/a:1"
	like "$output" "'me@example.org' is no fingerprint of a key"
	mkdir "$T/old"
	printf '#!/bin/sh\necho "error: Found argument" >&2\nexit 2\n' >"$T/old/sq"
	chmod +x "$T/old/sq"
	PATH=$T/old:$PATH run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint "$fpr" "$IMAGE" "$REGISTRY/a:1"
	like "${lines[0]}" "Error: .*this sq has no key store"
	like "$output" "sq \(Sequoia\) 1.0 or newer"
	printf '#!/bin/sh\necho "sq 0.37.0"\n' >"$T/old/sq"
	PATH=$T/old:$PATH run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint "$fpr" "$IMAGE" "$REGISTRY/a:1"
	like "${lines[0]}" "Error: .*this sq has no key store"
	rm "$T/old/sq"
	mkdir "$T/bin"
	local program
	for program in newuidmap newgidmap; do
		ln -s "$(command -v $program)" "$T/bin/$program"
	done
	output=$(PATH=$T/bin "$COVE" push -q --tls-verify=false --sign-by-sq-fingerprint "$fpr" "$IMAGE" "$REGISTRY/a:1" 2>&1) &&
		die "it was signed"
	like "$output" "^Error: .*start sq"
	like "$output" "install sq"
	run_cove 125 push -q --tls-verify=false --sign-by-sq-fingerprint "$fpr" --sign-by me --sign-passphrase-file "$T/x" "$IMAGE" "$REGISTRY/a:1"
	like "$output" "only one of --sign-by, --sign-by-sq-fingerprint"
	[ ! -e "$REGISTRY_DIR/data/docker/registry/v2/repositories/a" ] || die "something was sent"
}
