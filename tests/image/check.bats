#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# system check: what is damaged is found, and mended.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	S=$XDG_DATA_HOME/cove
	LAYER=$(ls "$S/layers")
	ID=$(cove inspect --type image --format '{{.Id}}' busybox)
	need sqlite3 setfattr
}

# sql TEXT: to the store's database.
sql() {
	sqlite3 "$S/db.sqlite" "$1"
}

# in_userns COMMAND...: files of layers belong to subordinate ids.
in_userns() {
	cove unshare "$@"
}

# damaged REGEX [OPTION...]: check says so.
damaged() {
	local what=$1
	shift
	run_cove 125 system check "$@"
	like "$output" "$what"
	like "$output" "Error: damage detected in local storage"
}

# whole: nothing is wrong, nothing left over.
whole() {
	run_cove system check
	is "$output" ""
}

@test "a whole store has nothing to tell, whatever is going on" {
	whole
	cove run -d --network none --name r -v vol:/data busybox sleep 1000 >/dev/null
	cove create --network none --name c -v /anonymous busybox true >/dev/null
	cove commit -q c another >/dev/null
	whole
	run_cove system check --quick
	is "$output" ""
	run_cove system check --repair --force
	is "$output" ""
	cove exec r true
	run_cove 125 system check extra
}

@test "contents, sizes and files of a layer" {
	local file
	file=$(in_userns find "$S/layers/$LAYER/diff" -name busybox -type f | head -n 1)
	# A byte that is another one: only reading tells.
	in_userns sh -c "printf X | dd of='$file' bs=1 seek=100 conv=notrunc status=none"
	run_cove system check --quick
	is "$output" ""
	damaged "Damaged layer $LAYER:.*it is sha256:.*Damaged image $ID:"
	# A byte more.
	in_userns sh -c "printf X >>'$file'"
	damaged "Damaged layer $LAYER:.*its files: it is [0-9]+ bytes, not" --quick
	run_cove system check --repair
	like "$output" "Deleted damaged image: $ID"
	whole
	run_cove 1 image exists busybox
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	run_cove run --rm --network none busybox echo ok
	is "$output" ok
	LAYER=$(ls "$S/layers")
	rm "$S/layers/$LAYER/split"
	damaged "its file split" --quick
	run_cove system check -r
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	in_userns rm -rf "$S/layers"/*
	damaged "its directory" --quick
	run_cove system check -r
	whole
}

@test "names, modes, owners, links and whiteouts of a layer" {
	local d change
	cove run --network none --name c busybox sh -c '
		rm -r /www; mkdir /www; rm /etc/group; mkdir -p /n/e; ln -s there /n/link; : >/n/empty; echo x >/n/f; ln /n/f /n/g; mkfifo /n/p'
	cove commit -q c other >/dev/null
	cove rm c >/dev/null
	whole
	LAYER=$(sql "SELECT layer FROM image_layer ORDER BY position DESC LIMIT 1")
	d=$S/layers/$LAYER/diff
	ID=$(cove inspect --type image --format '{{.Id}}' other)
	in_userns cp -a "$d" "$T/good"
	for change in 'rm n/empty' 'rm n/link' 'ln -sfn elsewhere n/link' 'chmod 600 n/f' 'chown 5 n/f' 'touch n/f' 'rmdir n/e' 'chmod 700 n/e' \
		'rm n/p' 'rm n/g; cp -p n/f n/g' 'rm etc/group' 'touch n/new' 'setfattr -x user.overlay.opaque www'; do
		in_userns sh -c "cd '$d' && $change" || die "$change"
		run_cove 125 system check
		like "$output" "Damaged layer $LAYER:" "$change"
		like "$output" "Damaged image $ID:" "$change"
		in_userns sh -c "rm -rf '$d' && cp -a '$T/good' '$d'"
		whole
	done
	in_userns rm -rf "$T/good"
}

@test "a number that is wrong is corrected" {
	sql "UPDATE layer SET tree_size = 5"
	damaged "its files: it is [0-9]+ bytes, not 5"
	run_cove system check --repair
	! grep -q Deleted <<<"$output" || die "the image is good"
	whole
	cove image exists busybox
}

@test "documents" {
	printf ' ' >>"$S/blobs/sha256/$ID"
	damaged "Damaged image $ID:.*damaged in the store"
	run_cove system check --repair
	whole
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	rm "$S/blobs/sha256"/*
	damaged "Damaged image $ID:.*missing in the store"
	run_cove system check --repair
	whole
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	sql "DELETE FROM image_layer"
	damaged "it has 0 layers, its config says 1"
	run_cove system check --repair
	whole
}

@test "what containers use is removed only with them" {
	cove run --network none --name c busybox true
	rm "$S/layers/$LAYER/split"
	damaged "Damaged container .*layer $LAYER is damaged"
	run_cove 125 system check --repair
	like "$output" "still present after attempted repair"
	like "$output" "with --force"
	cove image exists busybox
	run_cove system check --repair --force
	like "$output" "Deleted damaged image: $ID"
	like "$output" "Deleted damaged container: "
	whole
	is "$(cove ps -aq)" ""
	# The files of a container alone.
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	cove create --network none --name c -v v:/v busybox true >/dev/null
	in_userns rm -rf "$S/containers"/*/upper
	damaged "upper is missing"
	run_cove system check --repair --force
	whole
	cove image exists busybox
	cove create --network none --name c -v v:/v busybox true >/dev/null
	rmdir "$S/volumes/v/_data"
	damaged "volumes/v/_data is missing"
}

@test "leftovers are told, and damage when they are old" {
	mkdir -p "$S/layers/0123456789abcdef/diff" "$S/tmp/0123456789abcdef" "$S/containers/$(printf '%064d' 7)"
	echo x >"$S/blobs/sha256/$(printf '%064d' 1)"
	run_cove system check
	is "$(grep -c ^Leftover <<<"$output")" 4
	touch -d '2 days ago' "$S/layers/0123456789abcdef"
	damaged "Leftover layers/0123456789abcdef"
	run_cove system check --repair
	whole
	[ -z "$(ls "$S/tmp" "$S/containers" | grep -v :)" ] || die "something was left"
}

@test "the database" {
	sql "PRAGMA foreign_keys=OFF; INSERT INTO image_name VALUES ('x/y:z', 'nosuch')"
	damaged "a row of image_name names one of image"
}
