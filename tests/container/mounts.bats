#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# -v, --mount, --tmpfs, --read-only, volumes.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	NET=(--network none)
	mkdir "$T/dir"
	echo host >"$T/dir/file"
}

@test "a directory and a file of the host" {
	run_cove run --rm "${NET[@]}" -v "$T/dir:/data" busybox sh -c 'cat /data/file; echo new >/data/made'
	is "$output" host
	is "$(cat "$T/dir/made")" new
	is "$(stat -c %u "$T/dir/made")" "$(id -u)" "container root is the caller"
	run_cove run --rm "${NET[@]}" -v "$T/dir/file:/etc/motd" busybox cat /etc/motd
	is "$output" host
	run_cove run --rm "${NET[@]}" --mount "type=bind,src=$T/dir,dst=/deep/er/data" busybox cat /deep/er/data/file
	is "$output" host
}

@test "read-only mounts are" {
	run_cove 1 run --rm "${NET[@]}" -v "$T/dir:/data:ro" busybox touch /data/x
	like "$output" "Read-only file system"
	run_cove 1 run --rm "${NET[@]}" --mount "type=bind,src=$T/dir,dst=/data,readonly" busybox touch /data/x
}

@test "a new volume gets what the image has there, and keeps what is written" {
	run_cove run --rm "${NET[@]}" -v vol:/www busybox sh -c 'cat /www/index.html; echo more >/www/more'
	is "$output" "hello from busybox"
	run_cove run --rm "${NET[@]}" -v vol:/elsewhere busybox cat /elsewhere/more
	is "$output" more
	run_cove run --rm "${NET[@]}" -v empty:/www:nocopy busybox ls /www
	is "$output" ""
}

@test "a new volume where the image has nothing is for who runs" {
	local runtime own=cove
	for runtime in "" --runtime=crun; do
		[ -z "$runtime" ] || command -v crun >/dev/null || continue
		cove $runtime create --name c --network none --user 1000:1001 -v "v$own:/none/there" -v /none/anon \
			busybox sh -c 'touch /none/there/x$$ /none/anon/x && stat -c "%u:%g %a" /none /none/there /none/anon' >/dev/null
		for i in 1 2; do # the second finds the place that the first made
			run_cove start -a c
			is "$output" "0:0 755
1000:1001 755
1000:1001 755" "$own $i"
		done
		cove rm -v c >/dev/null
		own=other
	done
}

@test "a tmpfs is everybody's unless its mode is given" {
	run_cove run --rm --network none --user 1000 --tmpfs /etc --tmpfs /none/there --tmpfs /m:mode=700 \
		--mount type=tmpfs,destination=/mnt/here busybox stat -c '%a %n' /etc /none/there /m /mnt/here
	is "$output" "1777 /etc
1777 /none/there
700 /m
1777 /mnt/here"
}

@test "anonymous volumes go with --rm" {
	run_cove run --rm "${NET[@]}" -v /data busybox touch /data/x
	is "$(ls "$XDG_DATA_HOME/cove/volumes")" ""
}

@test "tmpfs: options, and what the image has there" {
	run_cove run --rm "${NET[@]}" --tmpfs /www:size=1m busybox sh -c 'cat /www/index.html; grep " /www " /proc/mounts'
	is "${lines[0]}" "hello from busybox"
	like "${lines[1]}" "tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k"
	run_cove run --rm "${NET[@]}" --mount type=tmpfs,dst=/www busybox cat /www/index.html
	run_cove 1 run --rm "${NET[@]}" --mount type=tmpfs,dst=/www,notmpcopyup busybox cat /www/index.html
	run_cove 125 run --rm "${NET[@]}" --tmpfs /x:no-such busybox true
}

@test "--read-only, with somewhere to write" {
	run_cove 1 run --rm "${NET[@]}" --read-only busybox touch /x
	run_cove run --rm "${NET[@]}" --read-only busybox sh -c 'echo a >/tmp/x; echo b >/run/x; cat /tmp/x /run/x'
	is "$output" $'a\nb'
	run_cove 1 run --rm "${NET[@]}" --read-only --read-only-tmpfs=false busybox touch /tmp/x
}

@test "/dev, /proc and /sys are there" {
	run_cove run --rm "${NET[@]}" busybox sh -c 'echo x >/dev/null; head -c 4 /dev/zero | wc -c; head -c 4 /dev/urandom | wc -c
		ls /dev/pts/ptmx; readlink /dev/fd; mount | grep -c -E " on /(proc|sys|dev|dev/pts|dev/shm|dev/mqueue) type"'
	is "$output" $'4\n4\n/dev/pts/ptmx\n/proc/self/fd\n6'
}

@test "odd names of directories work" {
	for name in 'with space' 'with,comma' "quote'\"" 'back\slash' 'per%s' "$(printf 'x%.0s' {1..180})"; do
		mkdir -p "$T/$name"
		echo "$name" >"$T/$name/f"
		case $name in
		*,*) mount=(-v "$T/$name:/data") ;;
		*) mount=(--mount "type=bind,src=$T/$name,dst=/data") ;;
		esac
		run_cove run --rm "${NET[@]}" "${mount[@]}" busybox cat /data/f
		is "$output" "$name"
	done
}

@test "--volumes-from takes what another container has mounted" {
	load_busybox
	mkdir "$T/host"
	echo host >"$T/host/f"
	cove create --network none --name one -v data:/data -v "$T/host:/host:ro" -v /anon --tmpfs /scratch busybox true >/dev/null
	cove run --rm --network none --volumes-from one busybox sh -c 'echo 1 >/data/f; echo 2 >/anon/f'
	run_cove run --rm --network none --volumes-from one busybox sh -c 'cat /data/f /anon/f /host/f; touch /host/x; [ -e /scratch ] || echo no tmpfs'
	like "$output" $'^1\n2\nhost\n.*Read-only file system\nno tmpfs$'
	run_cove run --rm --network none --volumes-from one:z,ro -v "$T/host:/data" busybox sh -c 'cat /data/f; touch /data/y; touch /anon/x || true'
	like "$output" $'^host\n.*/anon/x: Read-only file system$'
	[ -e "$T/host/y" ]
	cove create --network none --name two --volumes-from one:ro busybox true >/dev/null
	is "$(cove inspect --format '{{.HostConfig.VolumesFrom}} {{range .Mounts}}{{if eq .Name "data"}}{{.RW}}{{end}}{{end}}' two)" "[one:ro] false"
	cove rm -v one >/dev/null
	is "$(cove volume ls -q | wc -l)" 2 "volumes that another container still has"
	run_cove 125 run --rm --network none --volumes-from two:x busybox true
	like "$output" 'invalid option "x" specified - volumes from another container can only use z,ro,rw options'
	run_cove 125 run --rm --network none --volumes-from nosuch busybox true
	like "$output" 'looking up container "nosuch" for volumes-from: '
}

@test "--image-volume says what the image's volumes become" {
	load_busybox
	cove create --network none --name c busybox true >/dev/null
	cove commit -q -c 'VOLUME /iv' c with >/dev/null
	for row in "anonymous _data" "bind _data" "tmpfs tmpfs"; do
		run_cove run --network none --name "${row% *}" --image-volume "${row% *}" with sh -c 'grep " /iv " /proc/self/mountinfo'
		like "$output" "${row#* }"
	done
	run_cove run --network none --image-volume ignore with sh -c '! grep " /iv " /proc/self/mountinfo'
	is "$(cove volume ls -q | wc -l)" 2
	run_cove 125 run --image-volume x with true
}
