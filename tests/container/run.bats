#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# cove run in the foreground: what the command sees, and what comes back.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

none=(run --rm --network none)

@test "output, input and exit status pass" {
	run_cove "${none[@]}" busybox echo hello world
	is "$output" "hello world"
	run_cove 7 "${none[@]}" busybox sh -c 'exit 7'
	run_cove 137 "${none[@]}" busybox sh -c 'sh -c "kill -9 \$\$"; exit $?'
	is "$(echo from outside | cove "${none[@]}" -i busybox cat)" "from outside"
	is "$(echo lost | cove "${none[@]}" busybox cat)" "" "stdin without -i"
	is "$(cove "${none[@]}" busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" "out"
	is "$(cove "${none[@]}" busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" "err"
	run_cove ps -aq
	is "$output" "" "--rm leaves no container"
}

@test "a user that the image does not know is no question of permission" {
	run_cove 126 "${none[@]}" --user nosuch busybox true
	is "$output" "Error: unable to find user nosuch: no matching entries in passwd file"
	run_cove 126 "${none[@]}" busybox /etc
	like "$output" "OCI permission denied"
}

@test "the caller may have closed its descriptors" {
	cove run -d --network none --name closed busybox sh -c 'echo here' <&- >&- 2>&-
	run_cove wait closed
	run_cove logs closed
	is "$output" here
	is "$(cove "${none[@]}" busybox echo out <&-)" out
}

@test "much output arrives whole" {
	is "$(cove "${none[@]}" busybox sh -c 'yes 0123456789 | head -c 20000000' | wc -c)" 20000000
	is "$(head -c 3000000 /dev/urandom | tee "$T/sent" | cove "${none[@]}" -i busybox sha256sum | cut -d' ' -f1)" \
		"$(sha256sum <"$T/sent" | cut -d' ' -f1)"
}

@test "a command that cannot start says so by 126 or 127" {
	run_cove 127 "${none[@]}" busybox nosuch
	like "$output" "nosuch"
	is "${#lines[@]}" 1 "lines of the failure"
	run_cove 126 "${none[@]}" busybox /etc
	run_cove 126 "${none[@]}" busybox /etc/passwd
	run_cove 125 "${none[@]}" --nosuch busybox true
	run_cove 125 "${none[@]}" --pull never nosuch:image true
	run_cove ps -aq
	is "$output" ""
}

@test "environment" {
	run_cove "${none[@]}" busybox sh -c 'echo $GREETING $container $HOME $HOSTNAME'
	like "$output" "^hello podman /root [0-9a-f]{12}$"
	printf 'A=1\n# comment\nB=two words\nC\n' >"$T/env"
	C=copied D=given run_cove "${none[@]}" --env-file "$T/env" -e D -e E=5 -e GREETING= busybox \
		sh -c 'echo "$A|$B|$C|$D|$E|$GREETING"'
	is "$output" "1|two words|copied|given|5|"
	run_cove "${none[@]}" -e PATH=/nowhere busybox /bin/busybox env
	like "$output" "PATH=/nowhere"
}

@test "user, groups, directory, host name" {
	run_cove "${none[@]}" -u user busybox id
	like "$output" "uid=1000\(user\) gid=1000\(user\)"
	run_cove "${none[@]}" -u 1234:4321 busybox sh -c 'echo $(id -u):$(id -g)'
	is "$output" "1234:4321"
	run_cove "${none[@]}" -w /www busybox pwd
	is "$output" "/www"
	run_cove '?' "${none[@]}" -w /not/there busybox pwd
	like "$output" 'workdir "/not/there" does not exist'
	run_cove "${none[@]}" --hostname here busybox hostname
	is "$output" "here"
	run_cove 126 "${none[@]}" -u nosuch busybox true
	run_cove 126 "${none[@]}" -u 4294967296 busybox true
	run_cove 125 "${none[@]}" --hostname $'a\nb' busybox true
}

@test "a uid inside is a subordinate uid outside" {
	run_cove run -d --network none --name c -u 1000 busybox sleep 100
	pid=$(cove inspect --format '{{.State.Pid}}' c)
	start=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	is "$(stat -c %u "/proc/$pid")" $((start + 999))
	like "$(cat "/proc/$pid/uid_map")" "^ *0 +$(id -u) +1"
}

@test "entrypoint" {
	run_cove "${none[@]}" --entrypoint echo busybox a b
	is "$output" "a b"
	run_cove "${none[@]}" --entrypoint '["echo","x"]' busybox a
	is "$output" "x a"
	run_cove "${none[@]}" --entrypoint '' busybox echo y
	is "$output" "y"
}

@test "volumes" {
	mkdir "$T/v"
	echo inside >"$T/v/f"
	run_cove "${none[@]}" -v "$T/v:/v" busybox sh -c 'cat /v/f; echo written >/v/g'
	is "$output" "inside"
	is "$(cat "$T/v/g")" "written"
	is "$(stat -c %u "$T/v/g")" "$(id -u)" "the container's root is the user"
	run_cove 1 "${none[@]}" -v "$T/v:/v:ro" busybox touch /v/h
	like "$output" "Read-only"
	run_cove "${none[@]}" --mount "type=bind,src=$T/v,dst=/v/deep,ro" busybox cat /v/deep/f
	is "$output" "inside"
	run_cove 125 "${none[@]}" -v "$T/nosuch:/v" busybox true
	like "$output" "nosuch"
	run_cove "${none[@]}" --tmpfs /t:size=1m busybox sh -c 'stat -f -c %T /t; dd if=/dev/zero of=/t/x bs=1k count=2000 2>&1 | tail -1'
	like "$output" "tmpfs"
	like "$output" "1024.0 records out"
}

@test "read-only" {
	run_cove 1 "${none[@]}" --read-only busybox touch /x
	run_cove "${none[@]}" --read-only busybox touch /tmp/x /dev/shm/y
	run_cove "${none[@]}" busybox sh -c 'touch /x; ls /x'
	is "$output" "/x"
	run_cove 1 "${none[@]}" busybox ls /x
}

@test "capabilities and privileges" {
	run_cove "${none[@]}" busybox grep CapEff /proc/self/status
	like "$output" "00000000800405fb$"
	run_cove "${none[@]}" --cap-drop all busybox grep -E 'Cap(Eff|Bnd|Inh|Amb)' /proc/self/status
	is "$(grep -c 0000000000000000 <<<"$output")" 4
	run_cove "${none[@]}" --cap-drop all --cap-add net_raw busybox grep CapEff /proc/self/status
	like "$output" "0000000000002000$"
	run_cove "${none[@]}" -u 1000 busybox grep CapEff /proc/self/status
	like "$output" "0000000000000000$"
	run_cove "${none[@]}" --security-opt no-new-privileges busybox grep NoNewPrivs /proc/self/status
	like "$output" "1$"
	run_cove "${none[@]}" busybox grep -E '^Seccomp:' /proc/self/status
	like "$output" "2$"
	run_cove "${none[@]}" --security-opt seccomp=unconfined busybox grep -E '^Seccomp:' /proc/self/status
	like "$output" "0$"
	run_cove 125 "${none[@]}" --cap-add nosuch busybox true
	run_cove "${none[@]}" --privileged busybox mount -t tmpfs x /tmp
	# A user namespace of our own has them all, whatever the caller's bounding set.
	all=$(printf '%016x' $(((1 << ($(cat /proc/sys/kernel/cap_last_cap) + 1)) - 1)))
	run_cove "${none[@]}" --privileged busybox sed -n 's/^CapEff:.//p' /proc/self/status
	is "$output" "$all"
	run_cove "${none[@]}" --cap-add ALL busybox sed -n 's/^CapBnd:.//p' /proc/self/status
	is "$output" "$all"
}

@test "no descriptor of the caller gets in" {
	run bash -c "exec 7</ 8<$T; '$COVE' run --rm --network none busybox ls -l /proc/self/fd"
	is "$(grep -cE ' [0-9]+ ->' <<<"$output")" 3 "links of 0, 1, 2 (that of the directory itself is gone)"
}

@test "--init-path and init_path of containers.conf take a program of the host" {
	need catatonit
	run_cove run --rm --network none --init --init-path "$(command -v catatonit)" busybox sha256sum /run/cove-init
	is "${output%% *}" "$(sha256sum "$(command -v catatonit)" | cut -c-64)"
	run_cove run --rm --network none --init --init-path "$(command -v catatonit)" busybox sh -c 'tr "\0" " " </proc/1/cmdline'
	like "$output" " -- sh -c "
	run_cove 125 run --rm --network none --init --init-path "$T/nosuch" busybox true
	like "$output" "container-init binary not found on the host: stat $T/nosuch: No such file"
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '[containers]\ninit_path = "%s/nosuch"\n' "$T" >"$XDG_CONFIG_HOME/containers/containers.conf"
	run_cove run --rm --network none busybox true
	run_cove 125 run --rm --network none --init busybox true
	rm "$XDG_CONFIG_HOME/containers/containers.conf"
}

@test "init" {
	run_cove "${none[@]}" --init busybox sh -c 'echo $$; cat /proc/1/comm'
	[ "${lines[0]}" != 1 ]
}

@test "a root file system instead of an image" {
	"$MKIMAGE" rootfs "$T/rootfs"
	run_cove "${none[@]}" --rootfs "$T/rootfs" sh -c 'echo in $(pwd); touch /left'
	is "$output" "in /"
	[ -e "$T/rootfs/left" ]
	run_cove "${none[@]}" --rootfs "$T/rootfs:O" touch /gone
	[ ! -e "$T/rootfs/gone" ]
}

@test "a terminal" {
	need script
	run timeout 20 script -qec "'$COVE' run --rm -it --network none busybox sh -c 'tty; stty size'" /dev/null </dev/null
	like "$output" "/dev/pts/0"
	run_cove 125 "${none[@]}" -it busybox true </dev/null || true
}

@test "signals are passed on" {
	"$COVE" run --rm --network none --name s busybox sh -c 'trap "echo got it; exit 3" TERM; echo ready; while :; do sleep 0.1; done' \
		>"$T/out" 2>&1 3>&- &
	local pid=$! rc=0
	wait_for 20 grep -q ready "$T/out"
	kill -TERM "$pid"
	wait "$pid" || rc=$?
	is "$rc" 3
	like "$(cat "$T/out")" "got it"
}

@test "names are checked and unique" {
	run_cove run -d --network none --name one busybox sleep 100
	run_cove 125 run --rm --network none --name one busybox true
	like "$output" "one"
	run_cove 125 run --rm --network none --name 'a b' busybox true
	run_cove 125 run --rm --network none --name ../x busybox true
	run_cove run -d --network none --replace --name one busybox sleep 100
}

@test "bad port strings are refused" {
	for p in 0:80 70000:80 80:70000 a:80 80/nosuch 1.2.3.4.5:80:80 80-70:80 80-81:80; do
		run_cove 125 run --rm -p "$p" busybox true
	done
}

@test "fifty at once leave nothing behind" {
	local i failed=0 pids=()
	for i in {1..50}; do
		cove run --rm --network none busybox echo "$i" >"$T/out.$i" 2>"$T/err.$i" 3>&- &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	is "$failed" 0 "failed: $(cat "$T"/err.* | sort | uniq -c | head -5)"
	is "$(cat "$T"/out.* | sort -n | tr '\n' ' ')" "$(seq -s' ' 50) "
	run_cove ps -aq
	is "$output" ""
	is "$(ls "$XDG_DATA_HOME/cove/containers" 2>/dev/null)" ""
}

@test "much goes both ways at once" {
	head -c 20000000 /dev/urandom >"$T/bytes"
	is "$(COVE_TIMEOUT=60 cove run -i --rm --network none busybox cat <"$T/bytes" | sha256sum)" "$(sha256sum <"$T/bytes")"
}

@test "--env-merge sees what image and engine set, --no-hostname leaves the image's file" {
	run_cove run --rm --network none --env-merge 'PATH=/new:${PATH}' --env-merge 'B=<$container|${NOPE}|$>' -e C=1 \
		--env-merge 'C=2' busybox sh -c 'echo "$PATH $B $C"'
	is "${output#*bin }" '<podman||$> 1'
	run_cove 125 run --rm --network none --env-merge novalue busybox true
	like "$output" "--env-merge novalue is no KEY=VALUE"
	run_cove run --rm --network none --no-hostname busybox sh -c 'hostname; [ -e /etc/hostname ] || echo none'
	like "$output" $'^[0-9a-f]{12}\nnone$'
}

@test "--unsetenv takes away what nobody asked for, --unsetenv-all all of it" {
	cove commit -q -c 'ENV A=image B=image' "$(cove create busybox true)" env
	run_cove 0 run --rm --network none --unsetenv A --unsetenv HOME -e B=own env sh -c 'echo "${A-none} $B ${PATH:+path}"'
	is "$output" "none own path"
	run_cove 0 run --rm --network none --unsetenv-all -e C=own env /bin/busybox env
	is "$(grep -vE '^(HOME|PWD|SHLVL)=' <<<"$output")" "C=own"
}

@test "--conmon-pidfile, --rmi, --kernel-memory, and the digest of the image" {
	run_cove 0 run -d --name c --network none --conmon-pidfile "$T/pid" --kernel-memory 1g busybox sleep 100
	like "$output" "no longer supported"
	like "$(cat "/proc/$(cat "$T/pid")/cmdline" | tr '\0' ' ')" "cove-monitor"
	is "$(cove inspect c --format '{{.ImageDigest}}')" "$(cove inspect --type image busybox --format '{{.Digest}}')"
	cove rm -f -t 0 c
	cove tag busybox other
	run_cove 3 run --rmi --network none other sh -c 'exit 3'
	is "$(cove ps -aq)" ""
	run_cove 1 image exists other
	cove create --name user busybox true
	run_cove 0 run --rmi --network none busybox true
	like "$output" "is in use"
	run_cove 0 image exists busybox
	run_cove 125 run -d --rmi busybox true
	like "${lines[0]}" "cannot be used together"
}

@test "a container in the background holds nothing of who started it" {
	exec 9>"$T/lock"
	flock 9
	cove run -d --name c --network none busybox sleep 1000
	cove exec -d c sleep 1000
	cove restart -t 0 c
	cove exec -d c sleep 1000
	exec 9>&-
	flock -n "$T/lock" true || die "$(ls -l /proc/*/fd 2>/dev/null | grep "$T/lock")"
}

@test "--preserve-fds passes descriptors on, the first time" {
	echo three >"$T/three"
	run_cove 0 run --rm --network none --preserve-fds 1 busybox sh -c 'cat <&3' 3<"$T/three"
	is "$output" three
	run_cove 125 run --rm --preserve-fds 2 busybox true 3<"$T/three" 4<&-
	like "$output" "file descriptor 4 is not available"
	cove run -d --name c --network none --preserve-fds 1 busybox sh -c 'cat <&3; sleep 1000' 3<"$T/three"
	wait_for 10 eval '[ "$(cove logs c)" = three ]'
	! ls -l "/proc/$(pgrep -f "cove-monitor.*$(cove ps -q --no-trunc)")/fd" 2>/dev/null | grep -q "$T/three"
}
