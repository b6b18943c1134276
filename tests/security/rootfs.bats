#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Root file systems whose directories and files are links, FIFOs or worse: nothing outside changes, nothing hangs.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_userns
	make_canary
}

none=(run --rm --network none)
UP=../../../../../../../../../../../../../../..

# attempt WHAT DIR ARG...: run with root DIR; it may work or be refused, but must end and leave the canary alone.
attempt() {
	local what=$1 dir=$2 start=$SECONDS
	shift 2
	COVE_TIMEOUT=20 run_cove "?" "${none[@]}" "$@" --rootfs "$dir" /bin/true
	case $status in
	0 | 125 | 126 | 127) ;;
	*) die "$what: exit status $status" || return ;;
	esac
	[ $((SECONDS - start)) -le 10 ] || die "$what: took $((SECONDS - start)) s" || return
	check_canary "$what"
}

@test "directories that are links to the outside" {
	local d link
	for d in dev proc sys etc run tmp; do
		for link in "$CANARY" "$UP$CANARY"; do
			rm -rf "${T:?}/root"
			busybox_tree "$T/root"
			rm -rf "${T:?}/root/$d"
			ln -s "$link" "$T/root/$d"
			attempt "/$d -> $link" "$T/root"
			attempt "/$d -> $link, read-only" "$T/root" --read-only
			# The same path exists inside: then that is meant.  (Not where it would be made through the link.)
			[[ $CANARY != /$d/* ]] || continue
			mkdir -p "$T/root$CANARY"
			attempt "/$d -> $link, there inside" "$T/root"
		done
	done
}

@test "files and directories of ours that are links" {
	local f link
	for f in etc/hosts etc/resolv.conf etc/hostname run/.containerenv dev/pts dev/shm dev/null sys/fs proc/self \
		etc/mtab etc/localtime run/secrets run/cove-init; do
		for link in "$CANARY/hosts" "$UP$CANARY/hosts" "$CANARY/new" "$CANARY"; do
			busybox_tree "$T/root"
			mkdir -p "$T/root/$(dirname "$f")"
			rm -rf "${T:?}/root/$f"
			ln -s "$link" "$T/root/$f"
			attempt "/$f -> $link" "$T/root" --init
			rm -rf "$T/root"
		done
	done
}

@test "places of secrets that are links" {
	local f link
	printf hidden | cove secret create s - >/dev/null
	for f in run run/secrets run/secrets/s opt; do
		for link in "$CANARY" "$UP$CANARY" "$CANARY/hosts" "$CANARY/new"; do
			busybox_tree "$T/root"
			mkdir -p "$T/root/$(dirname "$f")"
			rm -rf "${T:?}/root/$f"
			ln -s "$link" "$T/root/$f"
			attempt "/$f -> $link" "$T/root" --secret s --secret s,target=/opt/s
			rm -rf "$T/root"
		done
	done
}

@test "the same in an image" {
	local d
	for d in dev etc proc; do
		busybox_tree "$T/root"
		rm -rf "${T:?}/root/$d"
		ln -s "$CANARY" "$T/root/$d"
		tar -C "$T/root" -cf "$T/root.tar" .
		cove import -q "$T/root.tar" "hostile-$d" >/dev/null
		COVE_TIMEOUT=20 run_cove "?" "${none[@]}" "hostile-$d" /bin/true
		check_canary "image with /$d -> canary"
		rm -rf "$T/root"
	done
	run_cove ps -aq
	is "$output" "" "nothing is left"
}

@test "FIFOs, sockets, directories where files are expected" {
	local f
	for f in etc/hosts etc/resolv.conf etc/hostname run/.containerenv; do
		busybox_tree "$T/root"
		rm -rf "${T:?}/root/$f"
		mkfifo "$T/root/$f"
		attempt "/$f is a FIFO" "$T/root"
		rm "$T/root/$f"
		mkdir "$T/root/$f"
		attempt "/$f is a directory" "$T/root"
		rm -rf "$T/root"
	done
}

@test "passwd and group that are no files, or too large" {
	local kind name start
	for name in passwd group; do
		for kind in fifo directory large link up loop device; do
			busybox_tree "$T/root"
			rm "$T/root/etc/$name"
			case $kind in
			fifo) mkfifo "$T/root/etc/$name" ;;
			directory) mkdir "$T/root/etc/$name" ;;
			large) head -c 64M /dev/zero | tr '\0' 'x' >"$T/root/etc/$name" ;;
			link) ln -s "$CANARY/passwd" "$T/root/etc/$name" ;;
			up) ln -s "$UP$CANARY/passwd" "$T/root/etc/$name" ;;
			loop) ln -s "$name" "$T/root/etc/$name" ;;
			device) ln -s /dev/zero "$T/root/etc/$name" ;;
			esac
			start=$SECONDS
			COVE_TIMEOUT=20 run_cove "?" "${none[@]}" -u canary:canary --rootfs "$T/root" /bin/true
			[ "$status" != 0 ] || die "a user of a $kind $name"
			[ $((SECONDS - start)) -le 3 ] || die "$kind $name: $((SECONDS - start)) s"
			is "${#lines[@]}" 1 "lines of the message"
			check_canary "$kind $name"
			rm -rf "$T/root"
		done
	done
}

@test "working directories through links" {
	local link
	for link in "$CANARY/sub" "$UP$CANARY/sub" /proc/1/root /proc/self/fd/3; do
		busybox_tree "$T/root"
		ln -s "$link" "$T/root/w"
		ln -s w "$T/root/w2"
		COVE_TIMEOUT=20 run_cove "?" "${none[@]}" -w /w/made --rootfs "$T/root" /bin/pwd
		COVE_TIMEOUT=20 run_cove "?" "${none[@]}" -w /w2 --rootfs "$T/root" /bin/sh -c 'pwd -P; ls'
		[[ $output != *unreachable* ]] || die "$output"
		[[ $output != *secrets* ]] || die "$output"
		check_canary "WORKDIR through $link"
		rm -rf "$T/root"
	done
}

@test "working directories that are descriptors" {
	local n
	load_busybox
	run_cove run -d --network none --name c busybox sleep 100
	exec 7</ 8</etc
	for n in 3 4 5 6 7 8 9 10 11 12; do
		run_cove "?" "${none[@]}" -w "/proc/self/fd/$n" busybox sh -c 'echo ran; pwd -P; ls ../../../..'
		[ "$status" != 0 ] || die "/proc/self/fd/$n: $output"
		run_cove "?" exec -w "/proc/self/fd/$n" c sh -c 'echo ran; pwd -P'
		[ "$status" != 0 ] || die "exec, /proc/self/fd/$n: $output"
		[[ $output != *ran* ]] || die "$output"
	done
	exec 7<&- 8<&-
	make_image localhost/wd '{"Cmd":["/bin/pwd"],"WorkingDir":"/proc/self/fd/7"}'
	run_cove "?" "${none[@]}" localhost/wd
	[ "$status" != 0 ] || die "image: $output"
	make_image localhost/wd2 '{"Cmd":["/bin/pwd"],"WorkingDir":"/proc/1/root/tmp"}'
	run_cove "?" "${none[@]}" localhost/wd2
	[ "$status" != 0 ] || [ "$output" = /tmp ] || [ "$output" = /proc/1/root/tmp ] || die "image: $output"
}

@test "mount targets through links" {
	local link target
	mkdir "$T/source"
	echo source >"$T/source/f"
	for link in "$CANARY" "$UP$CANARY" "$CANARY/sub" "$CANARY/new" /proc/1/root/tmp; do
		busybox_tree "$T/root"
		mkdir "$T/root/a"
		ln -s "$link" "$T/root/a/l"
		ln -s a/l "$T/root/m"
		for target in /m /m/sub /m/deep/er /a/l; do
			attempt "bind on $target, $link" "$T/root" -v "$T/source:$target"
			attempt "file on $target/f, $link" "$T/root" -v "$T/source/f:$target/f"
			attempt "tmpfs on $target, $link" "$T/root" --tmpfs "$target"
			attempt "volume on $target, $link" "$T/root" -v "vol:$target"
		done
		rm -rf "$T/root"
	done
	is "$(cat "$T/source/f")" source
}

@test "VOLUMEs of an image through links" {
	busybox_tree "$T/root"
	ln -s "$CANARY" "$T/root/v"
	make_image localhost/vol '{"Cmd":["/bin/sh","-c","echo pwned >/v/file; echo pwned >/v/new"],"Volumes":{"/v":{},"/v/sub":{}}}' \
		"$T/root"
	COVE_TIMEOUT=20 run_cove "?" "${none[@]}" localhost/vol
	check_canary "VOLUME through a link"
	rm -rf "$T/root"
	# A volume is filled with what the image has there, not with what its links point to.
	busybox_tree "$T/root"
	mkdir "$T/root/v"
	ln -s "$CANARY/file" "$T/root/v/link"
	ln -s "$CANARY" "$T/root/w"
	make_image localhost/fill '{"Cmd":["/bin/sh","-c","ls -l /v; cat /v/link"],"Volumes":{"/v":{}}}' "$T/root"
	run_cove "?" "${none[@]}" localhost/fill
	[[ $output != *$'\n'canary* ]] || die "$output"
	run_cove "?" "${none[@]}" -v data:/w localhost/fill cat /w/file
	[[ $output != canary ]] || die "$output"
	check_canary "filling volumes"
}

@test "nothing is mounted inside /proc" {
	local target
	load_busybox
	mkdir "$T/source"
	for target in /proc /proc/self /proc/sys /proc/1/attr /proc/self/attr/current /proc/sys/kernel/core_pattern; do
		run_cove "?" "${none[@]}" -v "$T/source:$target" busybox echo ran
		[ "$status" != 0 ] && [[ $output != *ran* ]] || die "$target: $output"
		run_cove "?" "${none[@]}" --tmpfs "$target" busybox echo ran
		[ "$status" != 0 ] && [[ $output != *ran* ]] || die "tmpfs $target: $output"
	done
	# By another name.
	busybox_tree "$T/root"
	ln -s /proc/sys "$T/root/alias"
	run_cove "?" "${none[@]}" -v "$T/source:/alias" --rootfs "$T/root" echo ran
	[ "$status" != 0 ] && [[ $output != *ran* ]] || die "alias: $output"
	make_image localhost/procvol '{"Cmd":["/bin/echo","ran"],"Volumes":{"/proc":{}}}'
	run_cove "?" "${none[@]}" localhost/procvol
	[ "$status" != 0 ] && [[ $output != *ran* ]] || die "VOLUME /proc: $output"
}

@test "a mount target that changes all the time" {
	local i
	need_probe
	busybox_tree "$T/root"
	mkdir -p "$T/root/a/t" "$T/source"
	echo source >"$T/source/f"
	ln -s "$CANARY" "$T/root/b"
	# The attacker owns the tree: it exchanges a directory and a link to the outside.
	timeout 30 "$PROBE" swap "$T/root/a" "$T/root/b" 20 3>&- &
	PIDS+=($!)
	for i in {1..25}; do
		COVE_TIMEOUT=20 run_cove "?" "${none[@]}" -v "$T/source:/a/t" -v "$T/source/f:/a/file" --rootfs "$T/root" true
		check_canary "round $i"
	done
	kill "${PIDS[0]}"
}
