#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Layers that are fetched in parts, from a registry that counts (tests/registry/chunked.py).
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
	start_chunked
	SERVER=$CHUNKED
	LOG=$CHUNKED_LOG
}

# pull NAME: sets SERVED, the bytes of blobs that were sent for it, and REQUESTS.
pull() {
	: >"$LOG"
	run_cove --log-level=debug pull --retry-delay 1ms --tls-verify=false "$SERVER/$1:1"
	read -r REQUESTS SERVED < <(awk '/\/blobs\// { n++; sum += $4 } END { print n, sum }' "$LOG")
	is "$(cove image inspect --format '{{.Config.Labels.f}}' "$SERVER/$1:1")" "$1" "the image's label"
}

# whole NAME TEXT: a pull that does not work in parts, and does as a whole.
whole() {
	pull "$1"
	like "$output" "is fetched as a whole: .*$2"
	grep -q "/v2/$1/blobs/.* - 200 1[0-9]*$\|/v2/$1/blobs/.* bytes=[0-9-]* 200 1[0-9]*$" "$LOG" ||
		die "the blob was not fetched" "$(cat "$LOG")"
	cove rmi "$SERVER/$1:1" >/dev/null
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

# parts NAME [BYTES]: a pull that takes less than BYTES of the blob (1.6 MB).
parts() {
	pull "$1"
	like "$output" "of [0-9]* bytes were fetched"
	! grep -q " - 200 1......$" "$LOG" || die "the blob was fetched" "$(cat "$LOG")"
	[ "$SERVED" -lt "${2:-70000}" ] || die "$SERVED bytes were fetched" "$(cat "$LOG")"
}

# tree NAME: what the image's files are.
tree() {
	cove save -q --format oci-archive -o "$T/tree.tar" "$SERVER/$1:1"
	cove image inspect --format '{{.RootFS.Layers}}' "$SERVER/$1:1"
	rm "$T/tree.tar"
}

@test "what the store has is not fetched again" {
	pull base
	is "$REQUESTS" 2
	parts zstd
	cove rmi "$SERVER/zstd:1" >/dev/null
	# Here small files lie between bytes of the archive that have to be fetched.
	parts old 950000
	run_cove system check
	is "$output" ""
	# The very same layer as from the whole blob, and its archive is made again from it.
	first=$(tree old)
	cove rmi -fa >/dev/null
	pull zstd
	[ "$SERVED" -gt 1600000 ] || die "only $SERVED bytes"
	is "$(tree zstd)" "$first"
}

@test "of files with the same contents, owners, modes and attributes are the layer's own" {
	local ref
	pull base
	parts zstd
	for ref in zstd whole; do
		[ $ref = zstd ] || { cove rmi -fa >/dev/null && pull zstd; }
		cove create -q --name c "$SERVER/zstd:1" >/dev/null
		cove export c | tar -tvf - --numeric-owner --xattrs --xattrs-include='*' --full-time | sort >"$T/$ref"
		cove rm c >/dev/null
	done
	diff "$T/zstd" "$T/whole"
	grep -q '^-rws--x--x *7/14 .* usr/file7$' "$T/zstd" || die "the owner is lost" "$(cat "$T/zstd")"
}

@test "a connection that is cut and a busy server are survived in parts" {
	pull base
	parts zstd-cut
	cove rmi "$SERVER/zstd-cut:1" >/dev/null
	parts zstd-busy
}

@test "what cannot be had in parts is fetched as a whole" {
	pull base
	whole zstd-norange "knows no ranges"
	whole zstd-shifted "wrong range"
	whole zstd-more "larger than"
	whole zstd-corrupt ""
	whole old-corrupt ""
}

@test "tables of contents that lie change nothing" {
	local fault
	pull base
	whole zstd-toc "another digest"
	whole zstd-place "wrong position"
	whole zstd-version "another version"
	whole zstd-overlap "overlap or lie outside"
	whole zstd-huge "overlap or lie outside"
	whole zstd-negative "overlap or lie outside"
	whole zstd-twice "overlap or lie outside"
	whole zstd-size "do not agree"
	whole old-size ""
	whole zstd-sizes ""
	whole old-sizes ""
	whole zstd-digest "is not what the layer's table says"
	whole zstd-liar "make another layer"
	whole old-liar "make another layer"
	whole zstd-split-lies "make another layer"
	whole zstd-split-digest "another digest"
	whole zstd-types "without a type or name"
	whole zstd-garbage "cut short"
	whole zstd-deep "do not match"
	whole zstd-bomb "too large"
	# The names are those of no file here, and none outside; the large one is known by its contents.
	parts zstd-dotdot 950000
}

@test "eStargz: what the store has is not fetched again" {
	pull base
	parts stargz 230000
	cove rmi "$SERVER/stargz:1" >/dev/null
	parts stargz-gnu 230000
	cove rmi "$SERVER/stargz-gnu:1" >/dev/null
	parts stargz-cut 230000
	cove rmi "$SERVER/stargz-cut:1" >/dev/null
	whole stargz-headers "headers of another kind"
	whole stargz-norange "knows no ranges"
	whole stargz-corrupt ""
	whole stargz-footer "footer leads nowhere"
	whole stargz-toc "another digest"
	whole stargz-version "another version"
	whole stargz-overlap ""
	whole stargz-negative "wrong size, place or digest"
	whole stargz-size ""
	whole stargz-sizes ""
	whole stargz-twice "overlap or lie outside"
	whole stargz-digest ""
	whole stargz-liar ""
	whole stargz-types "without a type or name"
	whole stargz-dotdot ""
	run_cove system check
	is "$output" ""
}

@test "a hard link out of the tree is refused in parts, too" {
	local kind
	pull base
	for kind in zstd old stargz; do
		run_cove 125 pull -q --tls-verify=false "$SERVER/$kind-hardlink:1"
		like "$output" "^Error: writing blob .*usr/hardlink"
		is "$(cove images -q | wc -l)" 1 "images"
		is "$(ls "$XDG_DATA_HOME/cove/layers" | wc -l)" 1 "layers"
		is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	done
}

@test "layers that podman wrote" {
	local version
	start_registry
	need podman
	mkdir -p "$T/tree/bin"
	cp "${BUSYBOX:-/bin/busybox}" "$T/tree/bin/busybox"
	for version in 1 2; do
		echo "$version" >"$T/tree/version"
		# No more than the two blocks at the end: the others are not in what podman 4.3 pushes.
		tar -C "$T/tree" -b1 -cf "$T/$version.tar" .
		podman_like import -q "$T/$version.tar" "localhost/v:$version" >/dev/null 2>&1 || skip "podman does not work here"
		podman_like push -q --tls-verify=false --compression-format zstd:chunked "localhost/v:$version" \
			"$REGISTRY/v:$version" 2>/dev/null
		run_cove --log-level=debug pull --tls-verify=false "$REGISTRY/v:$version"
	done
	[[ $output =~ ([0-9]+)" of "([0-9]+)" bytes were fetched" ]] || die "not in parts" "$output"
	[ $((BASH_REMATCH[1] * 10)) -lt "${BASH_REMATCH[2]}" ] || die "too many bytes" "$output"
	is "$(cove run --rm "$REGISTRY/v:2" /bin/busybox cat /version)" 2
}

# make_trees: $T/1.tar and $T/2.tar, the second with one large file changed.
make_trees() {
	local n
	mkdir -p "$T/tree/usr/bin"
	for n in 1 2 3 4 5 6; do
		head -c 200000 /dev/urandom >"$T/tree/usr/file$n"
	done
	cp "${BUSYBOX:-/bin/busybox}" "$T/tree/usr/bin/busybox"
	ln -s file1 "$T/tree/usr/link"
	ln "$T/tree/usr/file2" "$T/tree/usr/hard"
	for n in 1 2; do
		head -c 100000 /dev/urandom >"$T/tree/usr/file3"
		tar -C "$T/tree" --numeric-owner -cf "$T/$n.tar" .
		cove import "$T/$n.tar" "localhost/v:$n" >/dev/null
	done
}

# annotations NAME: those of the only layer of $REGISTRY/NAME.
annotations() {
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1" |
		python3 -c 'import json,sys
for k, v in json.load(sys.stdin)["layers"][0].get("annotations", {}).items(): print(k, v)'
}

@test "push of zstd:chunked: a pull takes what is not here" {
	need skopeo
	start_registry
	make_trees
	layers=$(cove image inspect --format '{{.RootFS.Layers}}' localhost/v:2)
	run_cove push -q --tls-verify=false --compression-format zstd:chunked localhost/v:2 "$REGISTRY/v:2"
	for name in manifest-checksum manifest-position tarsplit-checksum tarsplit-position; do
		like "$(annotations v:2)" "io.github.containers.zstd-chunked.$name "
	done
	like "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/v:2")" \
		'^."schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.*layer.v1.tar.zstd'
	cove rmi localhost/v:2 >/dev/null
	run_cove --log-level=debug pull --tls-verify=false "$REGISTRY/v:2"
	[[ $output =~ ([0-9]+)" of "([0-9]+)" bytes were fetched" ]] || die "not in parts" "$output"
	[ $((BASH_REMATCH[1] * 5)) -lt "${BASH_REMATCH[2]}" ] || die "too many bytes" "$output"
	is "$(cove image inspect --format '{{.RootFS.Layers}}' "$REGISTRY/v:2")" "$layers" "diff IDs"
	is "$(cove run --rm "$REGISTRY/v:2" /usr/bin/busybox sha256sum </dev/null /usr/file3 | cut -c-64)" \
		"$(sha256sum <"$T/tree/usr/file3" | cut -c-64)"
	# What was pulled goes on as it is, and made anew it is the same.
	digest=$(skopeo inspect --format '{{.Digest}}' --tls-verify=false "docker://$REGISTRY/v:2")
	for name in same anew; do
		[ $name = same ] || rm -f "$XDG_DATA_HOME"/cove/layers/*/blob.*
		run_cove push -q --tls-verify=false --compression-format zstd:chunked "$REGISTRY/v:2" "oci:$T/$name:2"
		is "$(skopeo inspect --format '{{.Digest}}' "oci:$T/$name:2")" "$digest" "$name"
	done
}

@test "push of zstd:chunked: others see the archive that it was" {
	need skopeo zstd
	start_registry
	make_trees
	run_cove push -q --tls-verify=false --compression-format zstd:chunked localhost/v:1 "$REGISTRY/v:1"
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/v:1" "oci:$T/o:1"
	for name in "$T"/o/blobs/sha256/*; do
		[ "$(stat -c %s "$name")" -lt 100000 ] || zstd -qdc "$name" >"$T/again.tar"
	done
	cmp "$T/1.tar" "$T/again.tar"
	run_cove push -q --tls-verify=false --compression-format zstd localhost/v:1 "$REGISTRY/v:zstd"
	is "$(annotations v:zstd)" ""
	# The same from what is known of it.
	run_cove push -q --tls-verify=false --compression-format zstd:chunked localhost/v:1 "$REGISTRY/v:again"
	is "$(annotations v:again)" "$(annotations v:1)"
	# By containers.conf, and in a list.
	printf '[engine]\ncompression_format="zstd:chunked"\n' >"$T/containers.conf"
	CONTAINERS_CONF=$T/containers.conf run_cove push -q --tls-verify=false localhost/v:1 "$REGISTRY/v:conf"
	is "$(annotations v:conf)" "$(annotations v:1)"
	for row in 'compression_format=5' 'compression_level="9"'; do
		printf '[engine]\n%s\n' "$row" >"$T/containers.conf"
		CONTAINERS_CONF=$T/containers.conf run_cove 125 push -q localhost/v:1 "oci:$T/none:1"
		is "$output" "Error: containers.conf: ${row%%=*} is not as it should be"
	done
	run_cove manifest create list localhost/v:1
	run_cove manifest push -q --tls-verify=false --compression-format zstd:chunked list "$REGISTRY/list:1"
	digest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/list:1" |
		python3 -c 'import json,sys; print(json.load(sys.stdin)["manifests"][0]["digest"])')
	is "$(annotations "list@$digest")" "$(annotations v:1)"
}

@test "push of zstd:chunked: an archive that no table can tell of goes without" {
	need skopeo
	start_registry
	make_trees
	tar -C "$T/tree" -rf "$T/1.tar" ./usr/file4
	run_cove import "$T/1.tar" localhost/twice
	run_cove push -q --tls-verify=false --compression-format zstd:chunked localhost/twice "$REGISTRY/twice:1"
	is "$(annotations twice:1)" ""
	layers=$(cove image inspect --format '{{.RootFS.Layers}}' localhost/twice)
	cove rmi -fa >/dev/null
	run_cove pull -q --tls-verify=false "$REGISTRY/twice:1"
	is "$(cove image inspect --format '{{.RootFS.Layers}}' "$REGISTRY/twice:1")" "$layers"
}

@test "push of zstd:chunked: a layer of no bytes at all" {
	start_registry
	: >"$T/empty.tar"
	run_cove import -q "$T/empty.tar" localhost/empty
	run_cove push -q --tls-verify=false --compression-format zstd:chunked localhost/empty "$REGISTRY/empty:1"
	layers=$(cove image inspect --format '{{.RootFS.Layers}}' localhost/empty)
	cove rmi -fa >/dev/null
	run_cove pull -q --tls-verify=false "$REGISTRY/empty:1"
	is "$(cove image inspect --format '{{.RootFS.Layers}}' "$REGISTRY/empty:1")" "$layers"
}
