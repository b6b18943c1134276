#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Archives that mean harm (tests/security/archives.py): the host's files stay what they are and do not come into an image,
# nothing half made is left, and the next command works.
load ../setup

setup() {
	cove_setup
	need_userns
	need python3
	mkdir -p "$T/host/dir"
	echo secret-of-the-host >"$T/host/f"
	echo secret-of-the-host >"$T/host/dir/g"
	tar -C "$T/host" -cf "$T/secret.tar" f
	mv "$T/secret.tar" "$T/host/"
	# What links to these would make of an archive.
	echo '[{"Config":"c.json","RepoTags":["localhost/bad:1"],"Layers":["0/layer.tar"]}]' >"$T/host/manifest.json"
	echo '{"schemaVersion":2,"manifests":[]}' >"$T/host/index.json"
	BEFORE=$(host)
}

archives() {
	python3 "$COVE_SRC/tests/security/archives.py" "$@"
}

# host: what the host's files are.
host() {
	find "$T/host" -printf '%P %y %m %n %s %U %T@ %l\n' | sort
	find "$T/host" -type f -exec sha256sum {} + | sort
}

# harmless NAME [STATUS] COMMAND...: with the archive in place of FILE.  It must not hang or crash; what it says is one line.
harmless() {
	local name=$1 want=$2 args=()
	shift 2
	archives make "$name" "$T/archive" "$T/host"
	for arg; do
		args+=("${arg/FILE/$T/archive}")
	done
	COVE_TIMEOUT=60 run_cove "?" "${args[@]}" >"$T/said"
	[ "$status" = 0 ] || [ "$status" = 125 ] || die "$name: status $status" "$output"
	[ "$want" = "?" ] || [ "$status" = "$want" ] || die "$name: status $status, not $want" "$output"
	[ "$status" = 0 ] || [ "${#lines[@]}" -le 2 ] || die "$name: more than an error and a hint" "$output"
	[[ $output != *$'\x1b'* ]] || die "$name: a control character is printed"
	is "$(host)" "$BEFORE" "the host's files after $name"
	if [ "$status" = 0 ]; then
		for id in $(cove images -aq); do
			cove save -q "$id" >"$T/saved"
			! grep -aq secret-of-the-host "$T/saved" || die "$name: a file of the host is in the image"
		done
		cove rmi -fa >/dev/null
	fi
	is "$(cove images -aq)" "" "images after $name"
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "layers after $name"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files after $name"
}

@test "layers: names, links, whiteouts and headers" {
	for name in $(archives list layers); do
		harmless "layers/$name" "?" import -q FILE bad
	done
}

@test "images: links in place of their parts, layers that work together" {
	for name in $(archives list images); do
		harmless "images/$name" "?" load -q -i FILE
		harmless "images/$name" "?" pull -q "docker-archive:FILE"
		harmless "images/$name" "?" pull -q "oci-archive:FILE"
	done
}

@test "images that lie about themselves are refused" {
	for name in $(archives list refused); do
		harmless "refused/$name" 125 load -q -i FILE
	done
	run_cove system check
	is "$output" ""
}

# peak COMMAND...: its memory, in KiB, and that of what it starts; the status in $status.
peak() {
	python3 -c 'import resource, subprocess, sys
r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=90)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, r.returncode)' "$@"
}

@test "bombs take little memory" {
	local kib status
	for name in $(archives list bombs); do
		archives make "bombs/$name" "$T/archive" "$T/host"
		read -r kib status < <(peak "$COVE" import -q "$T/archive" bad)
		[ "$status" = 0 ] || [ "$status" = 125 ] || die "$name: status $status"
		[ "$kib" -lt 262144 ] || die "$name: $kib KiB"
		echo "$name: $kib KiB, status $status"
		cove rmi -fa >/dev/null
		is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "layers after $name"
		is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files after $name"
	done
}
