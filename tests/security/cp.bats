#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cp from and to containers that do not want it: nothing outside is read or written, nothing of the container runs.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	make_canary
	TOKEN=token-$RANDOM$RANDOM$RANDOM
	mkdir "$T/secret" "$T/out"
	echo "$TOKEN" >"$T/secret/file"
	chmod 755 "$T" "$T/secret"
	UP=../../../../../../../../../../../../../../..
	cd "$T/out" || return
	echo payload >f
}

# quiet: the token did not come out.
quiet() {
	! grep -rqF "$TOKEN" "$T/out" || die "the host's file came out"
}

@test "links that lead out, as source and as destination" {
	local state
	cove create --network none --name c busybox sh -c 'echo x >/ready; exec sleep 1000' >/dev/null
	mkdir links
	ln -s "$T/secret" links/abs
	ln -s "$T/secret/file" links/file
	ln -s "$UP$T/secret" links/rel
	ln -s "$UP$T/canary" links/canary
	ln -s "$CANARY/file" links/canaryfile
	ln -s /proc/self/root links/root
	ln -s /proc/1/root links/one
	ln -s /proc/self/cwd links/cwd
	ln -s /proc/self/fd/4 links/four
	ln -s loop links/loop
	tar cf links.tar links
	for state in created running stopped; do
		[ "$state" != running ] || { cove start c >/dev/null && wait_for 10 cove exec c test -s /ready; }
		[ "$state" != stopped ] || cove stop -t 0 c >/dev/null
		cove cp - c:/ <links.tar
		for link in abs file rel root/"$T"/secret one/"$T"/secret cwd/"$T"/secret four/"$T"/secret loop root/proc/self/root/"$T"/secret/file; do
			run_cove "?" cp "c:/links/$link" got
			run_cove "?" cp "c:/links/$link/file" got
			rm -rf got
		done
		for link in canary canaryfile canary/file canary/new root/"$CANARY" one/"$CANARY" four/"$CANARY" loop; do
			run_cove "?" cp f "c:/links/$link"
			run_cove "?" cp --overwrite f "c:/links/$link"
		done
		cove cp c:/links got
		is "$(readlink got/abs)" "$T/secret"
		rm -rf got
		quiet
		check_canary "$state"
	done
}

@test "archives that mean to leave their directory" {
	cove run -d --network none --name c busybox sleep 1000 >/dev/null
	python3 - "$CANARY" >evil.tar <<-'END'
		import io, sys, tarfile
		out = tarfile.open(fileobj=sys.stdout.buffer, mode="w")
		def put(name, kind=tarfile.REGTYPE, link="", data=b"evil\n"):
		    m = tarfile.TarInfo(name)
		    m.type, m.linkname, m.mode = kind, link, 0o4755
		    m.size = len(data) if kind == tarfile.REGTYPE else 0
		    out.addfile(m, io.BytesIO(data) if m.size else None)
		canary = sys.argv[1]
		up = "../" * 20
		put(up + canary[1:] + "/file"); put(canary + "/file2"); put("a/../../../../b")
		put("dir", tarfile.SYMTYPE, canary); put("dir/file"); put("dir/new")
		put("rel", tarfile.SYMTYPE, up + canary[1:]); put("rel/file")
		put("root", tarfile.SYMTYPE, "/proc/1/root"); put("root" + canary + "/file")
		put("dev", tarfile.CHRTYPE)
		out.close()
	END
	run_cove "?" cp - c:/tmp <evil.tar
	run_cove "?" cp --overwrite - c:/tmp <evil.tar
	check_canary "an archive on standard input"
	# Nor out of the directory that it is for.
	cove exec c sh -c '[ ! -e /b ] && [ ! -e /file2 ] && [ -e /tmp/b ]'
	# The other way: what a container has, into the user's directory.
	cove exec c sh -c "mkdir -p /evil/d; echo evil >/evil/d/file; ln -s $CANARY /evil/sub"
	mkdir there
	ln -s "$CANARY" there/d
	run_cove 125 cp c:/evil/. there
	check_canary "a directory over a link of the user's"
	cove cp --overwrite c:/evil/. there
	check_canary "a directory in place of a link of the user's"
	[ -d there/d ] && [ ! -L there/d ]
}

@test "programs and libraries of the container are not run" {
	busybox_tree "$T/root"
	for program in tar gzip xz zstd cove-tree cove-layer ps nsenter; do
		rm -f "$T/root/bin/$program"
		printf '#!/bin/sh\ntouch /ran\n' >"$T/root/bin/$program"
		chmod 755 "$T/root/bin/$program"
	done
	mkdir -p "$T/root/lib/x86_64-linux-gnu" "$T/root/etc"
	echo /lib/evil.so >"$T/root/etc/ld.so.preload"
	echo 'passwd: evil' >"$T/root/etc/nsswitch.conf"
	make_image localhost/evil:latest '{"Cmd":["sh"],"User":"user"}' "$T/root"
	cove run -d --network none -u 0 --name c evil /bin/busybox sleep 1000 >/dev/null
	cove cp f c:/tmp/f
	cove cp c:/tmp/f g
	tar czf - f | cove cp - c:/tmp
	run_cove 125 cp c:/ran g
}

@test "FIFOs do not hang it, wherever they are" {
	cove run -d --network none --name c busybox sh -c '
		mkfifo /p /q; rm /etc/passwd; mkfifo /etc/passwd; echo ready; exec sleep 1000' >/dev/null
	wait_for 10 eval 'cove logs c | grep -q ready'
	COVE_TIMEOUT=20 run_cove "?" cp f c:/tmp/f
	[ "$status" != 124 ] || die "it hung"
	COVE_TIMEOUT=20 run_cove "?" cp f c:/p
	[ "$status" != 124 ] || die "it hung"
	COVE_TIMEOUT=20 run_cove "?" cp c:/q q
	[ "$status" != 124 ] || die "it hung"
}

@test "directories that become links while files are copied" {
	local end state=0
	need_probe
	busybox_tree "$T/root"
	cp "$PROBE" "$T/root/bin/probe"
	make_image localhost/swap:latest '{"Cmd":["sh"]}' "$T/root"
	cove run -d --network none --name c -e SECRET="$UP$T/secret" -e CANARY="$UP$CANARY" swap sh -c '
		mkdir -p /s/d /w/d; for i in 1 2 3 4 5 6 7 8 9; do echo in >/s/d/$i; done; echo in >/s/d/file
		ln -s "$SECRET" /s/l; ln -s "$SECRET/file" /s/f; echo in >/s/g
		echo in >/w/d/file; ln -s "$CANARY" /w/l; ln -s "$CANARY/file" /w/f; echo in >/w/g
		probe swap /s/d /s/l 90 & probe swap /s/f /s/g 90 & probe swap /w/d /w/l 90 & probe swap /w/f /w/g 90 &
		echo x >/ready; wait' >/dev/null
	wait_for 10 cove exec c test -s /ready
	mkdir many
	for i in 1 2 3 4 5 6 7 8 9 file hosts passwd; do echo evil >"many/$i"; done
	end=$((SECONDS + 12))
	while [ "$SECONDS" -lt "$end" ]; do
		for source in /s /s/d /s/d/file /s/f /s/d/.; do
			run_cove "?" cp "c:$source" got >/dev/null
			[ "$status" != 124 ] || die "it hung"
			rm -rf got
		done
		for target in /w /w/d /w/d/file /w/f; do
			run_cove "?" cp f "c:$target" >/dev/null
			run_cove "?" cp --overwrite many/. "c:$target" >/dev/null
			[ "$status" != 124 ] || die "it hung"
		done
		state=$((state + 1))
		cove cp "c:/s" - >got.tar || true
		quiet
		rm -f got.tar
		check_canary "the race"
	done
	[ "$state" -gt 0 ]
	[ "$(cove exec c sh -c 'cat /proc/[0-9]*/comm' | grep -c probe)" -ge 2 ] || die "the swapping ended too soon"
}
