#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# load, save, import.
load ../setup

@test "both archive formats load, plain and compressed" {
	need_userns
	for kind in docker-archive oci-archive; do
		run_cove load -q -i "$(test_file $kind)"
		like "$output" "^Loaded image: "
		gzip <"$(test_file $kind)" >"$T/$kind.gz"
		run_cove load -q -i "$T/$kind.gz"
	done
	run bash -c "'$COVE' load -q <'$(test_file docker-archive)'"
	is "$status" 0
	is "$output" "Loaded image: $IMAGE"
}

@test "what was saved loads as the same image" {
	load_busybox
	id=$(cove images -q --no-trunc)
	for format in docker-archive oci-archive; do
		run_cove save -q --format $format -o "$T/$format" "$IMAGE"
		run_cove --root "$T/$format.store" --runroot "$T/$format.run" load -q -i "$T/$format"
		is "$output" "Loaded image: $IMAGE"
		is "$(cove --root "$T/$format.store" --runroot "$T/$format.run" images -q --no-trunc)" "$id" "$format"
	done
	cove save "$IMAGE" >"$T/stdout.tar"
	run_cove load -q -i "$T/stdout.tar"
}

@test "rubbish does not load and leaves nothing behind" {
	need_userns
	run_cove 125 load -i "$T/nosuch"
	like "$output" "^Error: .*No such file or directory"
	is "${#lines[@]}" 1
	run_cove 125 load -i /etc/passwd
	like "$output" "^Error: "
	head -c 30000 "$(test_file docker-archive)" >"$T/short"
	run_cove 125 load -i "$T/short"
	run_cove images -q
	is "$output" ""
	[ -z "$(ls "$XDG_DATA_HOME/cove/layers" 2>/dev/null)" ] || die "a layer was left"
}

@test "import makes an image of a tar archive" {
	need_userns
	run_cove import -q -m note -c 'CMD ["/bin/echo","hi"]' -c 'ENV A=b' -c 'LABEL x=y' "$(test_file tar)" mine:1
	like "$output" '^sha256:[0-9a-f]{64}$'
	run_cove image inspect --format '{{.Config.Cmd}} {{.Config.Env}} {{.Config.Labels}} {{.Comment}}' mine:1
	is "$output" "[/bin/echo hi] [A=b] map[x:y] note"
	run_cove import -q --os linux --arch aarch64 --variant v8 "$(test_file tar)" mine:arm
	run_cove image inspect --format '{{.Os}}/{{.Architecture}}/{{.Variant}}' mine:arm
	is "$output" "linux/arm64/v8"
	run_cove 125 import "$T/nosuch" x
	run_cove 125 import -c 'NOPE x' "$(test_file tar)"
	like "$output" "NOPE"
	run_cove 125 import "$(test_file tar)" 'BAD NAME'
}

@test "save refuses what it cannot do" {
	load_busybox
	run_cove 125 save -o "$T/x" nosuch
	like "$output" "nosuch: image not known"
	[ ! -e "$T/x" ]
	run_cove 125 save --format bad -o "$T/x" busybox
}

@test "/ has the mode that the highest layer with a word about it says, else 0555" {
	need_userns
	mkdir -p "$T/r/bin"
	cp "${BUSYBOX:-/bin/busybox}" "$T/r/bin/busybox"
	chmod 711 "$T/r"
	tar -C "$T/r" -cf "$T/said.tar" .
	tar -C "$T/r" -cf "$T/unsaid.tar" bin
	cove import -q "$T/said.tar" said
	cove import -q "$T/unsaid.tar" unsaid
	run_cove 0 run --rm --network none said busybox stat -c %a /
	is "$output" 711
	run_cove 0 run --rm --network none unsaid busybox stat -c %a /
	is "$output" 555
	cove run --name c --network none said busybox touch /new
	cove commit -q c more
	run_cove 0 run --rm --network none more busybox stat -c %a / /new
	is "${lines[0]}" 711
}
