#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# export, diff and commit of containers that do not want to be read: nothing of the host comes out, nothing of the
# container runs, nothing hangs.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	make_canary
	TOKEN=token-$RANDOM$RANDOM$RANDOM
	mkdir "$T/secret"
	echo "$TOKEN" >"$T/secret/file"
	echo "$TOKEN" >"$T/secret/passwd"
	chmod 755 "$T" "$T/secret"
}

UP=../../../../../../../../../../../../../../..

# read_all NAME: export, diff and commit container NAME; the token must not appear anywhere.
read_all() {
	local start=$SECONDS
	COVE_TIMEOUT=30 cove export "$1" >"$T/out.tar" || die "export failed"
	COVE_TIMEOUT=30 cove diff "$1" >"$T/out.diff" || die "diff failed"
	COVE_TIMEOUT=30 cove commit "$1" spoilt >/dev/null || die "commit failed"
	cove save -q -o "$T/out.image" spoilt
	[ $((SECONDS - start)) -le 30 ] || die "took $((SECONDS - start)) s"
	! grep -qF "$TOKEN" "$T/out.tar" "$T/out.diff" "$T/out.image" || die "the host's file came out"
	python3 -c 'import sys, tarfile; [None for m in tarfile.open(sys.argv[1])]' "$T/out.tar"
}

@test "links, FIFOs, devices' names and names that steer a terminal" {
	cove run --network none --name c -e TARGET="$T/secret" -e UP="$UP" busybox sh -c '
		mkdir /l; cd /l
		ln -s "$TARGET" abs; ln -s "$TARGET/file" file; ln -s "$UP$TARGET" rel; ln -s "$UP$TARGET/file" relfile
		ln -s /proc/self/root/ root; ln -s /proc/1/root proc; ln -s . self; ln -s loop loop; ln -s /proc/self/fd/4 fd
		rm -rf /home /www /root; ln -s "$TARGET" /home; ln -s "$UP$TARGET" /www; ln -s /proc/self/root /root
		mkfifo /fifo /l/fifo; mkdir -p /.wh.bin "/.wh..wh..opq"; touch "/.wh.sbin" "/a
b" "$(printf "/\033[2Jx")" "/--help" "/-"
		ln -s x "$(head -c 200 /dev/zero | tr "\0" n)"; mkdir -m 0 /closed; touch /l/no; chmod 0 /l/no'
	read_all c
	! grep -q $'\e' "$T/out.diff" || die "an escape sequence came through"
	check_canary "export"
	is "$(tar tf "$T/out.tar" home www root | sort | tr '\n' ' ')" "home root www "
	run_cove run --rm --network none spoilt ls -d /bin
	is "$output" /bin
}

@test "directories that become links while they are read" {
	need_probe
	busybox_tree "$T/root"
	cp "$PROBE" "$T/root/bin/probe"
	make_image localhost/swap:latest '{"Cmd":["sh"]}' "$T/root"
	cove run -d --network none --name c -e TARGET="$UP$T/secret" swap sh -c '
		mkdir -p /s/d /s/e; for i in 1 2 3 4 5 6 7 8 9; do echo in >/s/d/$i; done; echo in >/s/d/file; echo in >/s/d/passwd
		ln -s "$TARGET" /s/l; ln -s "$TARGET/file" /s/f; echo in >/s/g; echo in >/s/h
		probe swap /s/d /s/l 90 & probe swap /s/f /s/g 90 & probe swap /s/e /s/h 90 & echo x >/ready; wait' >/dev/null
	wait_for 10 cove exec c test -s /ready
	for _ in {1..15}; do
		read_all c
	done
	is "$(cove exec c sh -c 'cat /proc/[0-9]*/comm' | grep -c probe)" 3 || die "the swapping ended too soon"
	check_canary "the race"
}

@test "files that grow, shrink and vanish while they are read" {
	cove run -d --network none --name c busybox sh -c '
		mkdir /g; echo x >/ready
		while :; do
			head -c 3000000 /dev/zero >/g/big; : >/g/big; mkdir -p /g/a/b/c; touch /g/a/b/c/d; rm -rf /g/a
			mv /g/big /g/other; ln -f /g/other /g/third; rm -f /g/other
		done' >/dev/null
	wait_for 10 cove exec c test -s /ready
	for _ in {1..10}; do
		read_all c
	done
}

@test "the container's programs and libraries are not used" {
	local tool
	busybox_tree "$T/root"
	mkdir -p "$T/root"/{usr/bin,usr/sbin,usr/lib,lib,etc}
	for tool in tar xz pigz gzip zstd unpigz ps nsenter cove-tree cove-layer newuidmap; do
		printf '#!/bin/sh\ntouch /mark\n' >"$T/root/usr/bin/$tool"
		chmod 755 "$T/root/usr/bin/$tool"
	done
	echo /usr/lib/evil.so >"$T/root/etc/ld.so.preload"
	echo 'passwd: evil' >"$T/root/etc/nsswitch.conf"
	make_image localhost/tools:latest '{"Cmd":["sh"],"Env":["PATH=/usr/bin:/bin"]}' "$T/root"
	cove run -d --network none --name c tools /bin/sleep 1000 >/dev/null
	read_all c
	run_cove exec c /bin/sh -c 'ls -d /mark || echo none'
	like "$output" none
}
