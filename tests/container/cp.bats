#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cp: to, from and between containers, whether they run or not.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	mkdir -p "$T/h/d/sub"
	cd "$T/h" || return
	echo file >f
	echo sub >d/sub/s
	ln -s sub/s d/link
	chmod 0640 f
}

# start NAME ARG...: a running container.
start() {
	local name=$1
	shift
	cove run -d --network none --name "$name" "$@" busybox sh -c 'echo x >/dev/shm/ready; exec sleep 1000' >/dev/null
	wait_for 10 cove exec "$name" test -s /dev/shm/ready
}

# inside NAME SCRIPT: its output in container NAME, which runs or is started for the purpose.
inside() {
	cove exec -u 0 "$1" sh -c "$2"
}

@test "there and back, never started, running, stopped" {
	cove create --network none --name c busybox sleep 1000 >/dev/null
	cove cp d c:/tmp/new
	cove cp c:/tmp/new back1
	diff -r d back1
	cove start c >/dev/null
	is "$(inside c 'cat /tmp/new/sub/s; readlink /tmp/new/link')" "sub
sub/s"
	cove cp d c:/tmp/run
	cove cp c:/tmp/run/. back2
	diff -r d back2
	cove pause c >/dev/null 2>&1 && cove cp f c:/tmp/paused && cove unpause c >/dev/null || true
	cove stop -t 0 c >/dev/null
	cove cp f c:/tmp/stopped
	cove cp c:/tmp/stopped back3
	cmp f back3
	is "$(stat -c %a back3)" 640
	cove cp c:/tmp/run/sub/s c:/tmp/run/again
	cove start c >/dev/null
	is "$(inside c 'cat /tmp/run/again')" sub
}

@test "owners: the container's user, whoever it was, or the user" {
	start c -u 5:6
	cove cp d c:/tmp/x
	is "$(inside c 'stat -c %u:%g /tmp/x /tmp/x/sub/s /tmp/x/link')" "5:6
5:6
5:6"
	cove cp -a=false f c:/tmp/y
	is "$(inside c 'stat -c %u:%g:%a /tmp/y')" 0:0:640
	tar cf - --numeric-owner --owner=3 --group=4 f | cove cp -a=false - c:/tmp
	is "$(inside c 'stat -c %u:%g /tmp/f')" 3:4
	tar czf - --numeric-owner --owner=3 --group=4 f | cove cp - c:/tmp
	is "$(inside c 'stat -c %u:%g /tmp/f')" 5:6
	inside c 'chown 7:8 /tmp/f'
	cove cp c:/tmp/f g
	is "$(stat -c %u:%g g)" "$(id -u):$(id -g)"
	is "$(cove cp c:/tmp/f - | tar tvf - --numeric-owner | awk '{ print $2 }')" 5/6
	is "$(cove cp -a=false c:/tmp/f - | tar tvf - --numeric-owner | awk '{ print $2 }')" 7/8
	start k --userns keep-id
	cove cp f k:/tmp/mine
	is "$(cove exec k stat -c %u:%g /tmp/mine)" "$(id -u):$(id -g)"
	cove cp -a=false c:/tmp/f k:/tmp/other
	is "$(inside k 'stat -c %u:%g /tmp/other')" 7:8
}

@test "volumes and bind mounts, running and not" {
	mkdir host
	cove create --network none --name c -v vol:/etc -v "$T/h/host:/mnt/host" -v "$T/h/f:/mnt/one" -v "$T/h/d:/ro:ro" \
		busybox sleep 1000 >/dev/null
	cove cp f c:/mnt/host/a
	cmp f host/a
	cove cp f c:/etc/new # the volume had the image's files first
	cove cp c:/mnt/one one
	cmp f one
	run_cove 125 cp f c:/ro/x
	like "$output" "Read-only"
	cove start c >/dev/null
	is "$(inside c 'cat /etc/new; ls /etc/passwd')" "file
/etc/passwd"
	cove cp f c:/mnt/host/b
	cmp f host/b
	run_cove 125 cp f c:/ro/x
	echo changed >new
	cove cp new c:/mnt/one # what is mounted cannot be replaced, but written
	is "$(cat f)" changed
	cove cp new c:/etc/hosts
	is "$(inside c 'cat /etc/hosts')" changed
	[ ! -e d/x ]
	cove rm -ft 0 c >/dev/null
	start r --read-only --tmpfs /scratch
	run_cove 125 cp f r:/x
	like "$output" "Read-only"
	cove cp f r:/scratch/x
	is "$(cove exec r cat /scratch/x)" changed
}

@test "what a destination may be" {
	start c
	inside c 'mkdir /w /w/dir; echo old >/w/file; ln -s file /w/tofile; ln -s dir /w/todir; ln -s ../w/later /w/nowhere
		ln -s /no/such /w/lost'
	cove cp f c:/w/tofile
	cove cp f c:/w/todir
	cove cp f c:/w/nowhere
	cove cp f c:w/relative
	is "$(inside c 'cat /w/file /w/dir/f /w/later /w/relative; readlink /w/tofile')" "file
file
file
file
file"
	run_cove 125 cp f c:/w/lost
	is "$output" 'Error: "/w/lost" could not be found on container c: no such file or directory'
	run_cove 125 cp f c:/w/none/
	is "$output" 'Error: "/w/none/" could not be found on container c: no such file or directory'
	run_cove 125 cp d c:/w/file
	is "$output" 'Error: destination must be a directory when copying a directory'
	run_cove 125 cp d/sub/s c:/w/file/x
	run_cove 125 cp c:/w/none x
	is "$output" 'Error: "/w/none" could not be found on container c: no such file or directory'
	run_cove 125 cp none c:/w
	is "$output" 'Error: "none" could not be found on the host: no such file or directory'
	run_cove 125 cp f none:/w
	is "$output" 'Error: container "none" does not exist'
	run_cove 125 cp f c:
	is "$output" 'Error: invalid arguments "f", "c:": you must specify paths'
	for to in /dev/null "$T/fifo"; do
		[ -e "$to" ] || mkfifo "$to"
		run_cove 125 cp c:/w/file "$to"
		is "$output" "Error: invalid destination: \"$to\" must be a directory or a regular file"
	done
	[ -p "$T/fifo" ]
	run_cove 125 cp f g
	run_cove 125 cp c:/dev/null g
	[ ! -e g ]
	# A directory over a file and the other way round.
	mkdir -p over/file
	run_cove 125 cp over/. c:/w
	like "$output" 'error creating "/w/.*: file exists'
	is "$(inside c 'cat /w/file')" file
	cove cp --overwrite over/. c:/w
	inside c 'test -d /w/file'
	rmdir over/file
	echo new >over/file
	run_cove 125 cp over/. c:/w
	cove cp --overwrite over/. c:/w
	is "$(inside c 'cat /w/file')" new
	inside c 'mkdir -p /back/over/deep'
	echo in-the-way >over/deep
	run_cove 125 cp c:/back/over .
	[ -f over/deep ]
	cove cp --overwrite c:/back/over .
	[ -d over/deep ]
	run_cove 125 cp c:/w c:/w/dir
	like "$output" "into itself"
	echo x >colon:file
	cove cp ./colon:file c:/w/colon
}

@test "a relative path in a container begins in its working directory" {
	mkdir "$T/d"
	echo x >"$T/d/f"
	cove create --name w -w /www --network none busybox sleep 1000 >/dev/null
	cove start w >/dev/null
	cove cp "$T/d/f" w:.
	cove cp "$T/d/f" w:g
	cove cp "$T/d" w:./
	is "$(cove exec w sh -c 'cat f g d/f; pwd' | tr '\n' ' ')" "x x x /www "
	cove cp w:d/f "$T/back"
	is "$(cat "$T/back")" x
	cove cp w:g w:d/h
	cove stop -t 0 w >/dev/null
	cove cp w:d/h - | tar tf - | grep -qx h
	run_cove 125 cp w:none "$T"
	like "$output" '"none" could not be found on container w: no such file or directory'
}

@test "killed, it leaves nothing, and the container can be started" {
	local pid role how
	cove create --network none --name c -v vol:/v busybox sleep 1000 >/dev/null
	mkfifo "$T/slow"
	for how in KILL TERM INT; do
		# What a shell starts in the background ignores SIGINT.
		env --default-signal=INT "$COVE" cp - c:/tmp <"$T/slow" 3>&- &
		pid=$!
		exec 9>"$T/slow"
		wait_for 10 eval "pgrep -P $pid cove-layer"
		role=$(pgrep -P "$pid" cove-layer)
		kill "-$how" "$pid"
		wait "$pid" || true
		exec 9>&-
		wait_for 10 eval "! kill -0 $role"
		COVE_TIMEOUT=10 run_cove start c
		run_cove stop -t 0 c
	done
}

@test "archives on standard input and output" {
	start c
	is "$(tar cf - d | cove cp - c:/tmp && inside c 'cat /tmp/d/sub/s')" sub
	run_cove 125 cp - c:/tmp/none </dev/null
	is "$output" 'Error: destination must be a directory when copying from stdin'
	run_cove 125 cp - c:/etc/passwd </dev/null
	run_cove 125 cp - c:/tmp </dev/null
	is "$output" "Error: source must be a (compressed) tar archive when copying from stdin"
	status=0
	output=$(echo no tar | cove cp - c:/tmp 2>&1) || status=$?
	is "$status $output" "125 Error: source must be a (compressed) tar archive when copying from stdin"
	is "$(cove cp c:/tmp/d - | tar tf - | sort | tr '\n' ' ')" "d/ d/link d/sub/ d/sub/s "
	is "$(cove cp c:/tmp/d/. - | tar tf - | sort | tr '\n' ' ')" "link sub/ sub/s "
	is "$(cove cp c:/ - | tar tf - | grep -cE '^/*(proc|sys|dev)/.')" 0
	# Hard links, holes, FIFOs; names that mean something only in layers.
	inside c 'mkdir /l; cd /l; echo x >a; ln a b; mkfifo p; touch .wh.bin .wh..wh..opq; dd if=/dev/zero of=s bs=1 count=1 seek=3000000 2>/dev/null'
	cove cp c:/l c:/m
	is "$(inside c 'cd /m; ls -A | tr "\n" " "; stat -c %h a; stat -c %s s; test -p p && echo fifo')" ".wh..wh..opq .wh.bin a b p s 2
3000001
fifo"
	start other
	cove cp c:/l other:/l
	is "$(inside other 'ls -A /l | wc -l; ls -d /bin')" "6
/bin"
}
