#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# --userns: who is who inside.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_userns
	[ "$(id -u)" != 0 ] || skip "root is not the caller of keep-id"
	mkdir -p "$T/r/bin" "$T/r/etc" "$T/r/tmp" "$T/r/home"
	cp "${BUSYBOX:-/bin/busybox}" "$T/r/bin/busybox"
	for a in sh id ls stat touch cat ln; do ln -s busybox "$T/r/bin/$a"; done
	ln "$T/r/etc/../bin/busybox" "$T/r/bin/twin"
	printf 'root:x:0:0:root:/root:/bin/sh' >"$T/r/etc/passwd"
	printf 'root:x:0:\n' >"$T/r/etc/group"
	chmod 1777 "$T/r/tmp"
	echo secret >"$T/r/etc/shadow"
	chmod 600 "$T/r/etc/shadow"
	tar -C "$T/r" --owner=0 --group=0 -cf "$T/a.tar" .
	echo theirs >"$T/r/home/theirs"
	tar -C "$T/r" --owner=7 --group=8 -rf "$T/a.tar" ./home/theirs
	tar -C "$T/r" --owner="$(id -u)" --group="$(id -g)" --transform 's/theirs/mine/' -rf "$T/a.tar" ./home/theirs
	cove import -q "$T/a.tar" base
	me=$(id -u):$(id -g)
}

kept() {
	run_cove "$1" run --rm --network none --userns keep-id "${@:2}"
}

@test "keep-id: the image's files are root's, the caller has a name and is itself" {
	kept 0 base sh -c 'id; stat -c "%u:%g %a %n" / /etc /etc/shadow /etc/passwd /tmp /home/theirs /home/mine /bin/busybox; stat -c %h /bin/twin; echo $HOME'
	is "${lines[0]}" "uid=${me%:*}($(id -un)) gid=${me#*:}($(id -un)) groups=${me#*:}($(id -un))"
	is "${lines[*]:1:7}" "0:0 755 / 0:0 755 /etc 0:0 600 /etc/shadow 0:0 644 /etc/passwd 0:0 1777 /tmp 7:8 644 /home/theirs $me 644 /home/mine"
	is "${lines[*]:8}" "0:0 755 /bin/busybox 2 /"
	kept 1 base cat /etc/shadow
	kept 0 --user 0 base cat /etc/shadow
	is "$output" secret
	kept 1 base touch /etc/x
	mkdir "$T/v"
	kept 0 -v "$T/v:/v" base touch /v/own
	is "$(stat -c %u:%g "$T/v/own")" "$me"
	home=$(getent passwd "$(id -u)" | cut -d: -f6)
	kept 0 -v "$T/v:$home" -w /tmp base sh -c 'echo $HOME; cat /etc/passwd'
	is "${lines[0]}" "$home"
	is "${lines[1]}" "root:x:0:0:root:/root:/bin/sh"
	is "${lines[2]}" "$(id -un):*:$me::$home:/bin/sh"
}

@test "keep-id: exec is the caller, too" {
	cove run -d --name c --network none --userns keep-id base sh -c 'busybox sleep 1000'
	run_cove 0 exec c id -un
	is "$output" "$(id -un)"
	run_cove 0 exec -u 0 c id -u
	is "$output" 0
}

@test "keep-id: diff, commit, export, cp and a second start see the same owners" {
	cove run --name c --network none --userns keep-id --user 0 base sh -c 'touch /new; ln /new /tmp/twin'
	run_cove 0 diff c
	is "$(sort <<<"$output" | tr '\n' ' ')" "A /new A /tmp/twin C /etc C /etc/group C /etc/passwd C /tmp "
	cove commit -q c more
	run_cove 0 run --rm --network none more stat -c '%u:%g %h %n' /new /home/theirs /etc/passwd
	is "${lines[*]}" "0:0 2 /new 7:8 1 /home/theirs 0:0 1 /etc/passwd"
	kept 0 more stat -c '%u:%g %h %n' /new /home/mine
	is "${lines[*]}" "0:0 2 /new $me 1 /home/mine"
	cove export c >"$T/c.tar"
	is "$(tar --numeric-owner -tvf "$T/c.tar" | awk '$6 ~ /^(new|home\/theirs|home\/mine)$/ { print $2 }' | sort | tr '\n' ' ')" "$(printf '%s\n' 0/0 7/8 "${me/:/\/}" | sort | tr '\n' ' ')"
	cove cp -a=false c:/home/theirs - >"$T/t.tar"
	is "$(tar --numeric-owner -tvf "$T/t.tar" | awk '{ print $2 }')" 7/8
	run_cove 1 start -a c # ln: it is there
	like "$output" "File exists"
	run_cove 0 inspect c --format '{{.HostConfig.UsernsMode}} {{.State.ExitCode}}'
	like "$output" "^keep-id 1$"
}

@test "keep-id: the copy is made once, also by several at once, and goes with the layer" {
	for i in 1 2 3 4; do
		cove run --rm --network none --userns keep-id base stat -c %u /bin >"$T/out.$i" &
	done
	wait
	for i in 1 2 3 4; do is "$(cat "$T/out.$i")" 0; done
	is "$(find "$XDG_DATA_HOME/cove/layers" -maxdepth 2 -name 'keep-*' | wc -l)" 1
	is "$(find "$XDG_DATA_HOME/cove/tmp" -mindepth 1 | wc -l)" 0
	run_cove 0 system check
	run_cove 0 rmi base
	is "$(find "$XDG_DATA_HOME/cove/layers" -mindepth 1 | wc -l)" 0
}

@test "keep-id: a copy that is gone is made again at the next start" {
	cove create --name c --network none --userns keep-id base stat -c %u /bin >/dev/null
	run_cove start -a c
	is "$output" 0
	cove unshare sh -c 'rm -r "$1"/layers/*/keep-*' sh "$XDG_DATA_HOME/cove"
	run_cove start -a c
	is "$output" 0
}

@test "user namespaces that cannot be joined are refused" {
	cove create --name own --network none --userns keep-id base id >/dev/null
	run_cove 125 create --userns container:own base id
	is "${lines[0]}" "Error: the user namespace of container own is its own"
	run_cove 125 create --userns ns:/proc/self/ns/user base id
	is "$output" "Error: --userns ns:/proc/self/ns/user: user namespaces are not joined by path"
	cove create --name shared --network none base id >/dev/null
	run_cove 0 run --rm --network none --userns container:shared base id -u
	is "$output" 0
}

@test "keep-id: new volumes and tmpfs can be written to" {
	kept 0 -v vol:/none/there -v /anon --tmpfs /t base sh -c 'touch /none/there/x /anon/x /t/x; stat -c %u:%g /none/there /anon'
	is "$output" "$me
$me"
}

@test "keep-id: what a killed copy left goes with the next one" {
	local tmp=$XDG_DATA_HOME/cove/tmp pid
	head -c 200000000 /dev/zero >"$T/r/large"
	tar -C "$T/r" --owner=0 --group=0 -cf - . | cove import -q - large
	cove create --userns keep-id large true >"$T/out" 2>&1 3>&- &
	pid=$!
	wait_for 20 sh -c "ls $tmp/*/diff >'$T/seen' 2>&1"
	kill -KILL "$pid"
	wait "$pid" || true
	[ "$(find "$tmp" -mindepth 1 | wc -l)" != 0 ] || skip "the copy was made before it was killed"
	# The roles are killed with it, but not at the same moment.
	wait_for 20 eval 'cove create --userns keep-id large true && [ "$(find "$tmp" -mindepth 1 | wc -l)" = 0 ]'
}

@test "keep-id: an account of that name or number is left as it is, links lead nowhere" {
	cove run --name c --network none base sh -c 'echo >>/etc/passwd; echo "x:y:'"${me%:*}"':5::/home:/bin/sh" >>/etc/passwd; touch /etc/decoy; rm /etc/group; ln -s /etc/decoy /etc/group'
	cove commit -q c own
	kept 0 own sh -c 'cat /etc/passwd /etc/decoy; ls -l /etc/group'
	is "${lines[*]:0:2}" "root:x:0:0:root:/root:/bin/sh x:y:${me%:*}:5::/home:/bin/sh"
	like "${lines[2]}" '/etc/group -> /etc/decoy$'
}
