#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# mount, unmount, image mount, image unmount: inside of `cove unshare`.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	ID=$(cove inspect --type image --format '{{.Id}}' busybox)
}

# unshared SCRIPT: in the user namespace of containers, with "cove" at hand; leaves $output.
unshared() {
	status=0
	output=$(cove unshare bash -ec "cove() { '$COVE' \"\$@\"; }; $1" 2>&1) || status=$?
	printf '%s\n' "$output"
	[ "$status" = "${2:-0}" ] || die "exit status $status"
}

@test "outside it is refused, as podman does" {
	run_cove 125 mount x
	is "$output" 'Error: cannot run command "cove mount" in rootless mode, must execute `cove unshare` first'
	run_cove 125 image mount busybox
	is "$output" 'Error: cannot run command "cove image mount" in rootless mode, must execute `cove unshare` first'
	run_cove unmount -a
	is "$output" ""
	run_cove image unmount busybox
	is "$output" ""
	run_cove 125 image unmount
	is "$output" "Error: image name or ID must be specified"
	run_cove 125 unmount
	is "$output" "Error: you must provide at least one name or id"
}

@test "images are seen whole, and only read" {
	cove run --network none --name c busybox sh -c 'rm -r /www; rm /etc/group; mkdir /www; echo x >/www/new; chown 5:6 /www/new'
	cove commit -q c other >/dev/null
	unshared 'cd $(cove image mount other); ls www; stat -c %u:%g www/new; ls etc/group || true; touch x || true'
	like "$output" "^new
5:6
.*etc/group.*No such file.*
.*Read-only file system"
	unshared 'cove image mount busybox other; cove image mount; cove image unmount busybox; cove image unmount busybox
		cove image mount --format json; cove image unmount -a; cove image mount; cove image mount -a >/dev/null; cove image unmount -fa | wc -l'
	like "$output" "localhost/other:latest +$XDG_DATA_HOME/cove/mounts/[0-9a-f]{64}"
	is "$(grep -cx "$ID" <<<"$output")" 1
	like "$output" '"mountpoint": '
	is "$(tail -n 1 <<<"$output")" 2
	unshared 'cove image mount nosuch' 125
	is "$output" "Error: nosuch: image not known"
	unshared 'cove image mount --format x' 125
	is "$output" 'Error: unknown --format argument: "x"'
	[[ $(cat /proc/self/mountinfo) != *"$XDG_DATA_HOME"* ]] || die "a mount is left"
}

@test "containers that do not run are written to" {
	cove create --network none --name c busybox cat /from-outside >/dev/null
	unshared 'd=$(cove mount c); echo written >$d/from-outside; cove mount; cove mount --format json; cove mount c c | sort -u | wc -l
		cove unmount c; cove mount; cove mount -a | wc -l; cove unmount -a'
	like "$output" "^[0-9a-f]{12}  $XDG_DATA_HOME/cove/containers/[0-9a-f]{64}/merged"
	like "$output" '"mountpoint": '
	like "$output" $'\nc\n1\n'"[0-9a-f]{64}\$"
	run_cove start -a c
	is "$output" written
	unshared 'cove mount c >/dev/null; cove rm c; cove ps -aq'
	is "$output" c
	unshared 'cove mount nosuch' 125
	is "$output" 'Error: no container with name or ID "nosuch" found: no such container'
	run_cove system check
	is "$output" ""
}

@test "of one that runs it is the very root" {
	cove run -d --network none --name r -v vol:/data busybox sh -c 'echo inside >/f; echo volume >/data/x; exec sleep 1000' >/dev/null
	wait_for 10 cove exec r test -s /data/x
	unshared 'd=$(cove mount r); cat $d/f; ls $d/data; echo outside >$d/g; cove exec r cat /g; cove unmount r; ls $d'
	is "$output" "inside
outside
r"
	is "$(cove exec r cat /g)" outside
	unshared 'cove mount -l | wc -l; cove exec r touch /h; cove cp r:/h /dev/null || true; cove rm -ft 0 r'
	run_cove ps -aq
	is "$output" ""
}
