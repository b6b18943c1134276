#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the process in a container is and has: descriptors, privileges, keys, terminal, and what it can do to others.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

none=(run --rm --network none)

# Descriptors of the shell's child, without that of the listing itself.
FDS='ls -l /proc/self/fd | sed -n "s/.* \([0-9]*\) -> /\1 /p" | grep -v "/proc/[0-9]*/fd$"'

check_fds() {
	local line
	like "$output" "(^|"$'\n'")2 "
	while read -r line; do
		[[ $line =~ ^[0-9]+\  ]] || continue
		case $line in
		"0 "* | "1 "* | "2 "*) ;;
		*'anon_inode:[signalfd]') ;; # cove-init's own
		*) die "descriptor: $line" "$output" || return ;;
		esac
		[[ $line != *canary* && $line != *"-> /" ]] || die "of the caller: $line"
	done <<<"$output"
}

@test "no descriptor of the caller is inside" {
	mkdir "$T/canary"
	echo canary >"$T/canary/file"
	exec 5<"$T/canary" 6<"$T/canary/file" 7</ 8>>"$T/canary/file" 42</etc
	output=$(cove "${none[@]}" busybox sh -c "$FDS")
	check_fds
	output=$(cove "${none[@]}" --init busybox sh -c "$FDS; ls -l /proc/1/fd | sed -n 's/.* \([0-9]*\) -> /\1 /p'")
	check_fds
	output=$(script -qec "'$COVE' run --rm --network none -it busybox sh -c '$(printf %s "$FDS" | sed "s/'/'\\\\''/g")'" /dev/null | tr -d '\r')
	check_fds
	cove run -d --network none --name c busybox sh -c "$FDS; exec sleep 100" >/dev/null
	wait_for 5 sh -c "'$COVE' logs c | grep '2 '"
	output=$(cove logs c)
	check_fds
	output=$(cove exec c sh -c "ls -l /proc/1/fd | sed -n 's/.* \([0-9]*\) -> /\1 /p'")
	check_fds
	output=$(cove exec c sh -c "$FDS")
	check_fds
	output=$(script -qec "'$COVE' exec -it c sh -c '$(printf %s "$FDS" | sed "s/'/'\\\\''/g")'" /dev/null | tr -d '\r')
	check_fds
	exec 5<&- 6<&- 7<&- 8>&- 42<&-
}

@test "no descriptor of the caller stays in the monitor" {
	local pid fd
	mkdir "$T/canary"
	exec 5<"$T/canary" 7</
	cove run -d --network none --name c busybox sleep 100 >/dev/null
	pid=$(cove inspect --format '{{.State.Pid}}' c)
	pid=$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")
	exec 5<&- 7<&-
	for fd in "/proc/$pid/fd"/*; do
		[[ $(readlink "$fd") != *canary* && $(readlink "$fd") != / ]] || die "$fd: $(readlink "$fd")"
	done || true
	is "$(readlink "/proc/$pid/cwd" || echo /)" /
}

@test "the caller's environment stays outside" {
	export CANARY_SECRET=canary
	run_cove "${none[@]}" busybox env
	[[ $output != *canary* ]] || die "$output"
	cove run -d --network none --name c busybox sleep 100 >/dev/null
	run_cove exec c env
	[[ $output != *canary* ]] || die "$output"
	run_cove exec c sh -c 'tr "\0" "\n" </proc/1/environ'
	[[ $output != *canary* ]] || die "$output"
}

# status WHO ARG...: capability sets, no_new_privs, seccomp and groups of a process as one line.
caps() {
	output=$("$@" sh -c 'cat /proc/self/status' | awk '/^Cap|^NoNewPrivs|^Seccomp:/ { printf "%s%s ", $1, $2 } /^Groups/ { printf "%s", $0 } END { print "" }')
	echo "$*: $output"
}

@test "capabilities, seccomp and groups" {
	local d=00000000800405fb z=0000000000000000
	caps cove "${none[@]}" busybox
	like "$output" "CapInh:$z CapPrm:$d CapEff:$d CapBnd:$d CapAmb:$z NoNewPrivs:0 Seccomp:2"
	caps cove "${none[@]}" -u 1000 busybox
	like "$output" "CapInh:$z CapPrm:$z CapEff:$z CapBnd:$d CapAmb:$z"
	caps cove "${none[@]}" --cap-drop all busybox
	like "$output" "CapInh:$z CapPrm:$z CapEff:$z CapBnd:$z CapAmb:$z"
	caps cove "${none[@]}" --cap-drop chown,kill busybox
	like "$output" "CapBnd:00000000800405da"
	caps cove "${none[@]}" --cap-add sys_ptrace busybox
	like "$output" "CapInh:$z CapPrm:00000000800c05fb CapEff:00000000800c05fb CapBnd:00000000800c05fb CapAmb"
	caps cove "${none[@]}" --cap-add all --cap-drop sys_admin busybox
	like "$output" "CapBnd:[0-9a-f]{10}d[0-9a-f]{5} " "without sys_admin"
	caps cove "${none[@]}" --privileged busybox
	like "$output" "CapEff:([0-9a-f]+) CapBnd:([0-9a-f]+) CapAmb:$z NoNewPrivs:0 Seccomp:[01]"
	is "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "--privileged"
	caps cove "${none[@]}" --privileged -u 1000 busybox
	like "$output" "CapInh:$z CapPrm:$z CapEff:$z"
	caps cove "${none[@]}" --security-opt no-new-privileges busybox
	like "$output" "NoNewPrivs:1 Seccomp:2"

	cove run -d --network none --name c --security-opt no-new-privileges busybox sleep 100 >/dev/null
	caps cove exec c
	like "$output" "CapInh:$z CapPrm:$d CapEff:$d CapBnd:$d CapAmb:$z NoNewPrivs:1 Seccomp:2"
	caps cove exec -u 1000 c
	like "$output" "CapInh:$z CapPrm:$z CapEff:$z CapBnd:$d CapAmb:$z NoNewPrivs:1 Seccomp:2"
	cove run -d --network none --name d --cap-drop all busybox sleep 100 >/dev/null
	caps cove exec d
	like "$output" "CapInh:$z CapPrm:$z CapEff:$z CapBnd:$z CapAmb:$z"
	caps cove exec -u user d
	like "$output" "CapBnd:$z"
}

@test "groups are the image's, none of the caller" {
	run_cove "${none[@]}" busybox sh -c 'grep Groups /proc/self/status'
	[[ $output != *65534* ]] || die "$output"
	is "$(tr -s '\t ' ' ' <<<"${output#Groups:}" | xargs)" "0"
	run_cove "${none[@]}" -u user busybox sh -c 'grep Groups /proc/self/status'
	is "$(xargs <<<"${output#Groups:}")" "100 1000"
	run_cove "${none[@]}" -u 5:6 --group-add 7 busybox sh -c 'grep Groups /proc/self/status'
	is "$(xargs <<<"${output#Groups:}")" "6 7"
	cove run -d --network none --name c busybox sleep 100 >/dev/null
	run_cove exec -u user c sh -c 'grep Groups /proc/self/status'
	is "$(xargs <<<"${output#Groups:}")" "100 1000"
	run_cove exec c sh -c 'grep Groups /proc/self/status'
	is "$(xargs <<<"${output#Groups:}")" "0"
}

@test "system calls" {
	local how
	need_probe
	cove run -d --network none --name c -v "$PROBE:/probe:ro" busybox sleep 100 >/dev/null
	for how in "${none[*]} -v $PROBE:/probe:ro busybox" "exec c" "exec -u user c"; do
		# shellcheck disable=SC2086 # words
		run_cove $how /probe calls
		is "$output" done "$how"
		# shellcheck disable=SC2086 # words
		run_cove $how /probe sockets
		is "$output" done "$how"
	done
}

@test "a set-user-ID program gives nothing with no-new-privileges" {
	run_cove "${none[@]}" busybox sh -c 'cp /bin/busybox /bin/su2 && chmod 4755 /bin/su2 && ls -l /bin/su2'
	like "$output" rws
	busybox_tree "$T/root"
	chmod 4755 "$T/root/bin/busybox"
	run_cove "${none[@]}" -u 1000 --security-opt no-new-privileges --rootfs "$T/root" /bin/sh -c 'grep Uid /proc/self/status'
	like "$output" "1000.1000.1000"
}

@test "session keys" {
	need_probe
	"$PROBE" with-key true || skip "no keys here"
	"$PROBE" with-key "$PROBE" find-key | grep -q "session keyring: open" || skip "keys cannot be found even outside"
	output=$("$PROBE" with-key "$COVE" "${none[@]}" -v "$PROBE:/probe:ro" busybox /probe find-key)
	[[ $output != *open* ]] || die "$output"
	output=$("$PROBE" with-key "$COVE" "${none[@]}" --security-opt seccomp=unconfined -v "$PROBE:/probe:ro" busybox /probe find-key)
	[[ $output != *open* ]] || die "seccomp=unconfined: $output"
	"$PROBE" with-key "$COVE" run -d --network none --name c -v "$PROBE:/probe:ro" busybox sleep 100 >/dev/null
	output=$("$PROBE" with-key "$COVE" exec c /probe find-key)
	[[ $output != *open* ]] || die "exec: $output"
}

@test "the caller's terminal" {
	local mine how
	need_probe
	need script
	cove run -d --network none --name c -v "$PROBE:/probe:ro" busybox sleep 100 >/dev/null
	mine=$(script -qec "'$PROBE' terminal" /dev/null | tr -d '\r' | sed -n 's/^fd 0: //p')
	[ -n "$mine" ]
	for how in "run --rm --network none -v $PROBE:/probe:ro" "run --rm -i --network none -v $PROBE:/probe:ro" \
		"run --rm -it --network none -v $PROBE:/probe:ro" "run --rm -it --security-opt seccomp=unconfined --network none -v $PROBE:/probe:ro"; do
		# What TIOCSTI pushes into the caller's terminal would be read by the cat behind.
		output=$(script -qec "sh -c \"stat -c '%d:%i' -L /proc/self/fd/0; '$COVE' $how busybox /probe terminal; echo; echo END; timeout 0.3 cat\"" /dev/null \
			</dev/null | tr -d '\r')
		mine=$(head -1 <<<"$output")
		mine=$(printf '%x:%x' "${mine%:*}" "${mine#*:}")
		[[ $output != *": $mine "* ]] || die "$how: the caller's terminal is inside" "$output"
		[[ $output == *END* && ${output##*END} != *X* ]] || die "$how: TIOCSTI reached the caller" "$output"
	done
	for how in "exec c" "exec -it c"; do
		output=$(script -qec "sh -c \"stat -c '%d:%i' -L /proc/self/fd/0; '$COVE' $how /probe terminal; echo; echo END; timeout 0.3 cat\"" /dev/null \
			</dev/null | tr -d '\r')
		mine=$(head -1 <<<"$output")
		mine=$(printf '%x:%x' "${mine%:*}" "${mine#*:}")
		[[ $output != *": $mine "* ]] || die "$how: the caller's terminal is inside" "$output"
		[[ $output == *END* && ${output##*END} != *X* ]] || die "$how: TIOCSTI reached the caller" "$output"
	done
}

@test "no abstract sockets" {
	local before after
	before=$(awk '$8 ~ /^@/ { print $8 }' /proc/net/unix | sort -u)
	cove run -d --name c $([ -w /dev/net/tun ] || echo --network none) busybox sleep 100 >/dev/null
	cove exec -d c sleep 50
	after=$(awk '$8 ~ /^@/ { print $8 }' /proc/net/unix | sort -u)
	is "$(comm -13 <(echo "$before") <(echo "$after"))" "" "new abstract sockets"
}

@test "files are closed to others whatever the caller's umask" {
	umask 000
	rm -rf "$XDG_DATA_HOME/cove"
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	cove run -d --network none --name c -v data:/data busybox sh -c 'touch /data/f; exec sleep 100' >/dev/null
	cove exec c true
	is "$(stat -c %a "$XDG_DATA_HOME/cove" "$R/cove" | xargs)" "700 700"
	# Below the 0700 directories too, but for what belongs to containers.
	output=$(find "$XDG_DATA_HOME/cove" "$R/cove" \( -path '*/layers/*/diff' -o -path '*/containers/*/upper' -o \
		-path '*/containers/*/merged' -o -path '*/containers/*/work' -o -path '*/volumes/*/_data' \) -prune -o -perm /077 \
		! -type l ! -name hosts ! -name hostname ! -name resolv.conf ! -name containerenv -print)
	is "$output" "" "open to others"
	# The container has the usual one.
	run_cove "${none[@]}" busybox sh -c umask
	is "$output" 0022
}

@test "host processes stay closed with --pid host" {
	local victim monitor mine
	need_probe
	cove run -d --network none --name victim busybox sleep 100 >/dev/null
	monitor=$(awk '/^PPid/ { print $2 }' "/proc/$(cove inspect --format '{{.State.Pid}}' victim)/status")
	for victim in "$monitor" "$$" "$(cat "$R"/cove/userns/pid)"; do
		mine=$(cove "${none[@]}" --pid host --cap-add sys_ptrace --cap-add sys_admin -v "$PROBE:/probe:ro" busybox /probe attack "$victim")
		[[ $mine != *open* ]] || die "process $victim ($(tr '\0' ' ' <"/proc/$victim/cmdline")): $mine"
		mine=$(cove "${none[@]}" --pid host --privileged -v "$PROBE:/probe:ro" busybox /probe attack "$victim")
		[[ $mine != *open* ]] || die "privileged, process $victim: $mine"
	done
}

@test "a command of ours inside a container is closed to it" {
	need_probe
	cove run -d --network none --name c --cap-add sys_ptrace busybox sleep 100 >/dev/null
	run_cove exec c sh -c 'for p in /proc/[0-9]*; do [ "$(readlink $p/exe)" != "" ] || [ "$p" = /proc/self ] || echo "$p"; done; ls -l /proc/1/exe'
	[[ $output != *cove* ]] || die "$output"
}

@test "id maps cannot be changed from inside" {
	run_cove "?" "${none[@]}" --privileged busybox sh -c 'echo "0 0 1" >/proc/self/uid_map && echo changed'
	[[ $output != *changed* ]] || die "$output"
	run_cove "?" "${none[@]}" --privileged busybox sh -c 'echo deny >/proc/self/setgroups && echo changed; chown 70000 /tmp && echo chown; chown 4294967294 /tmp && echo chown'
	[[ $output != *changed* && $output != *$'\n'chown && $output != *$'\n'chown$'\n'* ]] || die "$output"
	# No id of the host but the user's own and his range.
	run_cove "${none[@]}" busybox cat /proc/self/uid_map
	like "$output" "0 +0 +1"
}

@test "cgroups, sysctls and kernel files are read-only" {
	local f
	for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/kernel/mm/transparent_hugepage/enabled \
		/sys/fs/cgroup/cgroup.procs /proc/irq/default_smp_affinity; do
		run_cove "?" "${none[@]}" --cap-add all busybox sh -c "[ ! -e $f ] || { echo 1 >$f && echo written; }"
		[[ $output != *written* ]] || die "$f: $output"
	done
	for f in /proc/kcore /proc/keys /proc/timer_list /proc/latency_stats; do
		run_cove "?" "${none[@]}" busybox sh -c "[ ! -e $f ] || cat $f | wc -c"
		[[ $output = 0 || $output = "" ]] || die "$f: $output"
	done
	run_cove "?" "${none[@]}" --cap-add all busybox sh -c 'mount -o remount,rw /proc/sys && echo remounted; umount /proc/kcore && echo unmounted; umount /sys/firmware && echo unmounted'
	# A container with CAP_SYS_ADMIN may do what it likes to its own mounts; what it cannot is see more.
	run_cove "?" "${none[@]}" busybox sh -c 'mount -o remount,rw /proc/sys && echo remounted; umount /proc/kcore && echo unmounted'
	[[ $output != *mounted* || $output == *"not permitted"* ]] || die "$output"
}
