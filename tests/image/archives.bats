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
	run_cove history --format '{{.Comment}}' mine:1
	is "$output" note
	cove import "$(test_file tar)" mine:plain
	run_cove history --format '{{.Comment}}' mine:plain
	is "$output" "imported from tarball"
	run_cove import -q --os linux --arch aarch64 --variant v8 "$(test_file tar)" mine:arm
	run_cove image inspect --format '{{.Os}}/{{.Architecture}}/{{.Variant}}' mine:arm
	is "$output" "linux/arm64/v8"
	# the same image again: it is as old as the file
	cp "$(test_file tar)" "$T/old.tar"
	touch -d '2020-02-03 04:05:06.5 UTC' "$T/old.tar"
	run_cove import -q "$T/old.tar" mine:old
	id=$output
	run_cove import -q "$T/old.tar" mine:old
	is "$output" "$id"
	run_cove image inspect --format '{{.Created}}' mine:old
	like "$output" "^2020-02-03[ T]04:05:06.5"
	run_cove import -q - mine:now <"$T/old.tar"
	is "$output" "$id"
	run_cove import -q - mine:now < <(cat "$T/old.tar")
	[ "$output" != "$id" ]
	run_cove 125 import "$T/nosuch" x
	run_cove 125 import -c 'NOPE x' "$(test_file tar)"
	like "$output" "NOPE"
	for bad in http 99999 80/foo '["80"]'; do
		run_cove 125 import -c "EXPOSE $bad" "$(test_file tar)"
		like "$output" "is no port"
	done
	run_cove 125 import -c 'STOPSIGNAL x' "$(test_file tar)"
	like "$output" "invalid signal: x"
	run_cove import -q --os "" --arch "" --variant "" -c 'ENV A' -c 'EXPOSE 80 53/udp 7-9/sctp' "$(test_file tar)" changed
	is "$(cove image inspect --format '{{json .Config}}' changed)" \
		'{"Env":["A="],"ExposedPorts":{"80/tcp":{},"53/udp":{},"7-9/sctp":{}}}'
	run_cove 125 import "$(test_file tar)" 'BAD NAME'
}

@test "what is written for the user has the modes of his umask" {
	load_busybox
	local mode
	cove create --cidfile "$T/cid" --name c busybox true >/dev/null
	for mode in 022:644:755 077:600:700 002:664:755; do
		umask "${mode%%:*}"
		cove save -q -o "$T/${mode%%:*}.tar" busybox
		cove save -q --format oci-dir -o "$T/${mode%%:*}.oci" busybox
		cove export -o "$T/${mode%%:*}.export" c
		is "$(stat -c %a "$T/${mode%%:*}.tar" "$T/${mode%%:*}.export" | sort -u)" "$(cut -d: -f2 <<<"$mode")"
		is "$(stat -c %a "$T/${mode%%:*}.oci/index.json")" "$(printf %o $((0644 & ~0${mode%%:*})))"
		is "$(stat -c %a "$T/${mode%%:*}.oci")" "${mode##*:}"
		is "$(find "$XDG_DATA_HOME/cove" -maxdepth 1 -perm /077)" "" "open to others"
	done
	is "$(stat -c %a "$T/cid")" 644
	cove rm c >/dev/null
}

@test "save refuses what it cannot do" {
	load_busybox
	run_cove 125 save -o "$T/x" nosuch
	like "$output" "nosuch: image not known"
	[ ! -e "$T/x" ]
	run_cove 125 save --format oci-dir -o "$T/a:b" busybox
	is "$output" "Error: invalid filename (should not contain ':') \"$T/a:b\""
	[ ! -e "$T/a" ]
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

# start_files [CERT KEY]: a web server of $T/web/files; sets WEB (host:port).
start_files() {
	need python3
	mkdir -p "$T/web/files"
	rm -f "$T/web/port"
	python3 "$COVE_SRC/tests/registry/files.py" "$T/web" "$@" 3>&- &
	PIDS+=($!)
	wait_for 20 test -e "$T/web/port"
	WEB=127.0.0.1:$(cat "$T/web/port")
}

@test "load and import take URLs" {
	need_userns
	start_files
	for kind in docker-archive oci-archive; do
		gzip <"$(test_file $kind)" >"$T/web/files/$kind"
		run_cove load -q -i "http://$WEB/$kind"
		like "$output" "^Loaded image: localhost/"
		name=${output#Loaded image: }
		run_cove load -i "http://$WEB/to/$kind"
		is "$output" "Loaded image: $name" "through a redirect"
		run_cove run --rm "$name" /bin/busybox echo it runs
		is "$output" "it runs"
		cove rmi "$name" >/dev/null
	done
	cp "$(test_file tar)" "$T/web/files/tar"
	run_cove import "http://$WEB/to/tar" mine:1
	is "${lines[0]}" "Downloading from \"http://$WEB/to/tar\""
	like "${lines[1]}" '^sha256:[0-9a-f]{64}$'
	run_cove import -q "http://$WEB/tar" mine:2
	is "${#lines[@]}" 1
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "downloads that fail say so and leave nothing" {
	need_userns
	start_files
	cp "$(test_file tar)" "$T/web/files/tar"
	echo rubbish >"$T/web/files/rubbish"
	while read -r path text; do
		for command in "load -i" "import -q"; do
			# shellcheck disable=SC2086 # two words
			run_cove 125 $command "http://$WEB/$path"
			is "${#lines[@]}" 1 "lines of $command $path"
			like "$output" "^Error: .*$text"
			is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
		done
	done <<-END
		nothing downloading http://$WEB/nothing: HTTP status 404
		cut/tar downloading http://$WEB/cut/tar: .*(remaining to read|outstanding)
		loop stopped after 10 redirects
		ftp redirect to ftp://127.0.0.1/x is refused
		rubbish (http://$WEB/rubbish|payload does not match)
	END
	run_cove 125 load -i http://127.0.0.1:1/x
	like "$output" "^Error: downloading http://127.0.0.1:1/x: .*127.0.0.1"
	run_cove images -q
	is "$(cove images -q)" ""
}

@test "downloads by https hold certificates against those of the system" {
	need_userns
	need openssl
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$T/key.pem" -out "$T/ca.crt" 2>/dev/null
	start_files "$T/ca.crt" "$T/key.pem"
	cp "$(test_file docker-archive)" "$T/web/files/archive"
	run_cove 125 load -i "https://$WEB/archive"
	like "$output" "certificate"
	SSL_CERT_FILE=$T/ca.crt run_cove load -q -i "https://$WEB/archive"
	is "$output" "Loaded image: $IMAGE"
	SSL_CERT_FILE=$T/ca.crt run_cove 125 load -q -i "https://$WEB/plain"
	like "$output" "redirect to http://127.0.0.1:1/x is refused"
}
