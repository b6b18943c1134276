#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# export: a container's root file system as a tar.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

# members FILE: a line for each: type, mode, owner, size, name, link.
members() {
	python3 - "$1" <<-'END'
		import sys, tarfile
		for m in tarfile.open(sys.argv[1]):
		    print(m.type.decode(), oct(m.mode & 0o7777), f"{m.uid}:{m.gid}", m.size, m.name, m.linkname, sep="|")
	END
}

@test "export has names, owners, modes, links, holes and attributes right" {
	cove run --network none --name c busybox sh -c '
		mkdir -p /d/e; echo body >/d/f; chown 5:6 /d/f; chmod 4751 /d/f; ln /d/f /d/g; ln -s ../x /d/s; mkfifo /d/p
		dd if=/dev/zero of=/d/sparse bs=1 count=1 seek=5000000 2>/dev/null
		touch "/d/two words" "/d/$(printf "\303\244")"; rm /etc/group; rm -rf /www; mkdir /www'
	cove export -o "$T/c.tar" c
	members "$T/c.tar" >"$T/list"
	grep -qxF '0|0o4751|5:6|5|d/f|' "$T/list"
	grep -qxF '1|0o4751|5:6|0|d/g|d/f' "$T/list"
	grep -qxF '2|0o777|0:0|0|d/s|../x' "$T/list"
	grep -qF '6|0o644|0:0|0|d/p|' "$T/list"
	grep -qxF '0|0o644|0:0|5000001|d/sparse|' "$T/list"
	grep -qF '|d/two words|' "$T/list"
	grep -qF '|d/ä|' "$T/list"
	! grep -qE '\|etc/group\||\.wh\.|\|www/.' "$T/list"
	[ "$(stat -c %s "$T/c.tar")" -lt 4500000 ] || die "the hole was written"
	mkdir "$T/x"
	tar -C "$T/x" -xf "$T/c.tar" d/sparse d/f
	is "$(stat -c %s "$T/x/d/sparse")" 5000001
	is "$(cat "$T/x/d/f")" body
	# What comes out goes in again, and is the same.
	cove import -q "$T/c.tar" localhost/again >/dev/null
	cove create --network none --name again localhost/again true >/dev/null
	cove export again >"$T/again.tar"
	cmp "$T/c.tar" "$T/again.tar"
}

@test "export of running and of new containers; volumes are not part of it" {
	cove create --network none --name new busybox true >/dev/null
	cove export new >"$T/new.tar"
	members "$T/new.tar" | grep -q '|bin/busybox|'
	cove run -d --network none --name r -v vol:/data --tmpfs /scratch busybox sh -c '
		echo secret >/data/inside; echo secret >/scratch/inside; echo x >/ready; sleep 1000' >/dev/null
	wait_for 10 cove exec r test -s /ready
	cove export r >"$T/r.tar"
	members "$T/r.tar" >"$T/list"
	grep -q '|ready|' "$T/list"
	grep -q '|data|' "$T/list"
	! grep -qE 'inside|proc/1' "$T/list"
}

@test "export and commit have the ids of the container, whatever they are outside" {
	local id
	id=$(id -u)
	cove run --network none --name k --userns keep-id busybox sh -c 'touch /tmp/mine' || die "keep-id"
	cove export k >"$T/k.tar"
	members "$T/k.tar" | grep -q "|$id:$(id -g)|0|tmp/mine|"
	cove commit k kept >/dev/null
	is "$(cove run --rm --network none kept stat -c %u /tmp/mine)" "$id"
}

@test "export of a container on a directory, and on an image of many layers" {
	local i
	need python3
	"$MKIMAGE" rootfs "$T/root"
	cove run --network none --name d --rootfs "$T/root" sh -c 'echo x >/x'
	cove export d >"$T/d.tar"
	is "$(tar xO -f "$T/d.tar" x)" x
	cove commit d dir >/dev/null
	is "$(cove run --rm --network none dir cat /x)" x
	for i in {1..12}; do
		cove run --network none --name "l$i" "$([ "$i" = 1 ] && echo busybox || echo "image$((i - 1))")" \
			sh -c "echo $i >/f$i; rm -f /f$((i - 3)); echo $i >>/all; rm -rf /dir; mkdir /dir; echo >/dir/$i"
		cove commit "l$i" "image$i" >/dev/null
	done
	cove export l12 >"$T/l.tar"
	is "$(tar tf "$T/l.tar" | grep -E '^(f[0-9]|dir/)' | tr '\n' ' ')" "dir/ dir/12 f10 f11 f12 "
	is "$(tar xO -f "$T/l.tar" all | wc -l)" 12
	run_cove image diff image12
	is "$output" $'C /all\nC /dir\nD /dir/11\nA /dir/12\nA /f12\nD /f9'
}

@test "export: the same names as Podman's" {
	need podman
	podman_load "$(test_file docker-archive)"
	podman_like create --network none --name c "$IMAGE" true >/dev/null 2>&1 || skip "podman does not work here"
	podman_like export -o "$T/p.tar" c
	cove create --network none --name c busybox true >/dev/null
	cove export -o "$T/c.tar" c
	# Podman makes the engine's own files before the start.
	engine='dev|proc|sys|run|etc|tmp'
	is "$(members "$T/c.tar" | grep -vE "\|($engine)(/|\|)" | LC_ALL=C sort)" \
		"$(members "$T/p.tar" | grep -vE "\|($engine)(/|\|)" | LC_ALL=C sort)"
}

@test "export: what is refused" {
	need script
	cove create --network none --name c busybox true >/dev/null
	run_cove 125 export nosuch
	is "$output" 'Error: no container with name or ID "nosuch" found: no such container'
	like "$(script -qec "$COVE export c" /dev/null </dev/null)" \
		"Error: refusing to export to terminal. Use -o flag or redirect"
	run_cove 125 export -o "$T/no/such" c
	like "$output" "no/such: No such file or directory"
	status=0
	"$COVE" export c >/dev/full 2>"$T/err" || status=$?
	is "$status" 125
	like "$(cat "$T/err")" "No space left on device"
}
