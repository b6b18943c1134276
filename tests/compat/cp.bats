#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cp by podman and by cove, over the same image and files: statuses, messages, and what is there afterwards.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need podman
	load_busybox
	podman_load "$(test_file docker-archive)"
	podman_like run --rm --network none busybox true >/dev/null 2>&1 || skip "podman does not run containers here"
	for side in ours theirs; do
		mkdir -p "$T/$side/d/sub" "$T/$side/e"
		cd "$T/$side" || return
		echo file >f
		echo sub >d/sub/s
		echo one >d/one
		ln -s sub/s d/link
		ln -s f l
		ln -s d ld
		chmod 0640 f
		chmod 2750 d/sub
	done
	create=(create --name c -u 5:6 --network none busybox sh -c 'exec sleep 1000')
	cove "${create[@]}" >/dev/null
	podman_like "${create[@]}" >/dev/null
}

# same SOURCE DESTINATION: of cp, output and status agree.
same() {
	local ours theirs our_status=0 their_status=0
	ours=$(cd "$T/ours" && cove cp "$@" 2>&1) || our_status=$?
	theirs=$(cd "$T/theirs" && podman_like cp "$@" 2>&1) || their_status=$?
	[ "$our_status" = "$their_status" ] && [ "$ours" = "$theirs" ] && return
	printf '%s\n' "cp $*" "    ours   $our_status: $ours" "    theirs $their_status: $theirs" >>"$T/differences"
}

# same_status ...: podman's text says more of podman than of the fault.
same_status() {
	local our_status=0 their_status=0
	(cd "$T/ours" && cove cp "$@" >/dev/null 2>&1) || our_status=$?
	(cd "$T/theirs" && podman_like cp "$@" >/dev/null 2>&1) || their_status=$?
	[ "$our_status" = "$their_status" ] || echo "cp $*: ours $our_status, theirs $their_status" >>"$T/differences"
}

# trees PATH...: what is there now, in the containers and on the host.
trees() {
	local look='find "$@" | sort | while read -r f; do stat -c "%n %A %u:%g" "$f"; done'
	cove exec -u 0 c sh -c "$look" x "$@" >"$T/inside.ours"
	podman_like exec -u 0 c sh -c "$look" x "$@" >"$T/inside.theirs"
	diff "$T/inside.ours" "$T/inside.theirs" >>"$T/differences" || true
	diff <(cd "$T/ours" && find . -printf '%p %M %U:%G %l\n' | sort) \
		<(cd "$T/theirs" && find . -printf '%p %M %U:%G %l\n' | sort) >>"$T/differences" || true
}

agree() {
	[ ! -s "$T/differences" ] || die "$(cat "$T/differences")"
}

copies() {
	same f c:/tmp
	same f c:/nosuch/
	same f c:/nosuch/a
	same d c:/tmp/new
	same d c:/tmp/new
	same d/. c:/tmp/new2
	same d/. c:/tmp/new2
	same d/ c:/tmp/new3
	same d c:/tmp/f
	same f c:/tmp/new
	same l c:/tmp
	same ld c:/tmp
	same f c:tmp/relative
	same -a=false f c:/tmp/root
	same none c:/tmp
	same f none:/tmp
	same f c:
	same :f c:/tmp
	same c:/none .
	same c:/tmp/f out
	same c:/tmp/new out
	same c:/tmp/new e
	same c:/tmp/new/. e2
	same c:/tmp/new none/
	same c:/tmp/new none/a
	same c:/tmp/f e/again
	same - c:/tmp/f
	same - c:/tmp/none
	same_status f c:/tmp/f/
	same_status d/one c:/tmp/f/x/y
	same f
	same f c:/tmp x
}

@test "to and from a container that was never started" {
	copies
	cove start c >/dev/null
	podman_like start c >/dev/null
	trees /tmp
	agree
}

@test "to and from one that runs" {
	local prepare='mkdir /w /w/dir; echo x >/w/file; chown 9:9 /w/file; ln -s file /w/lf; ln -s dir /w/ld
		ln -s /tmp/later /w/dang; ln -s /no/such /w/lost
		echo x >/w/suid; chown 3:4 /w/suid; chmod 6755 /w/suid; mkfifo /w/fifo'
	cove start c >/dev/null
	podman_like start c >/dev/null
	cove exec -u 0 c sh -c "$prepare"
	podman_like exec -u 0 c sh -c "$prepare"
	copies
	same f c:/w/lf
	same f c:/w/ld
	same f c:/w/dang
	same f c:/w/lost
	same c:/w/lf e
	same c:/w/ld e
	same c:/w/dang e
	same c:/etc/passwd e
	same c:/w/suid e
	same c:/w/. e/all
	same e/all c:/tmp/again
	trees /tmp /w
	agree
}

@test "archives, and what takes the place of what" {
	cove start c >/dev/null
	podman_like start c >/dev/null
	mkdir -p "$T/ours/dn/one" "$T/theirs/dn/one"
	same d/. c:/tmp/ov
	same_status dn/. c:/tmp/ov
	same --overwrite dn/. c:/tmp/ov
	same_status d/. c:/tmp/ov
	same --overwrite d/. c:/tmp/ov
	for each in "cove cp" "podman_like cp"; do
		tar -C "$T/ours" --numeric-owner --owner=3 --group=4 -cf - d | $each - c:/tmp
		tar -C "$T/ours" --numeric-owner --owner=3 --group=4 -czf - f | $each -a=false - c:/tmp
	done
	for what in /tmp /tmp/d/. /tmp/f; do
		diff <(cove cp "c:$what" - | tar tvf - --numeric-owner | awk '{ print $1, $2, $3, $6, $7, $8 }' | sed "s,[/ ]*$,," | sort) \
			<(podman_like cp "c:$what" - | tar tvf - --numeric-owner | awk '{ print $1, $2, $3, $6, $7, $8 }' | sed "s,[/ ]*$,," | sort) \
			>>"$T/differences" || true
	done
	trees /tmp
	agree
}
