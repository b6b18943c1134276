#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What users type: ids, lines of files, and options that cannot be honoured.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

none=(run --rm --network none)

@test "user ids are decimal numbers or exact names" {
	local id
	busybox_tree "$T/root"
	echo '1234:x:0:0:a trap:/root:/bin/sh' >>"$T/root/etc/passwd"
	tar -C "$T/root" -cf "$T/root.tar" .
	cove import -q "$T/root.tar" localhost/users >/dev/null
	run_cove "${none[@]}" -u 1234 localhost/users id -u
	is "$output" 1234 "a number is a number"
	cove run -d --network none --name c localhost/users sleep 100 >/dev/null
	run_cove exec -u 1234 c id -u
	is "$output" 1234 "exec: a number is a number"
	for id in 2147483648 4294967294 4294967295 4294967296 -1 0x10 " 1000" "1000 " 1000abc 1e3 "" 99999999999999999999 \
		$'root\n' root: :root 0:0:0 "root root" ../root; do
		case $id in
		"" | root: | :root) continue ;; # root, as in other engines
		esac
		run_cove "?" "${none[@]}" -u "$id" localhost/users echo marker
		[ "$status" != 0 ] && [[ $output != *marker* ]] || die "-u '$id': $output"
		run_cove "?" exec -u "$id" c echo marker
		[ "$status" != 0 ] && [[ $output != *marker* ]] || die "exec -u '$id': $output"
		run_cove "?" "${none[@]}" --group-add "$id" localhost/users echo marker
		[ "$status" != 0 ] && [[ $output != *marker* ]] || [ "$id" = 2147483648 ] || die "--group-add '$id': $output"
	done
	for id in 4294967295 4294967296 -1 0x10 " 1000" 1000abc; do
		make_image localhost/u "{\"Cmd\":[\"/bin/echo\",\"marker\"],\"User\":\"$id\"}"
		run_cove "?" "${none[@]}" localhost/u
		[ "$status" != 0 ] && [[ $output != *marker* ]] || die "User '$id': $output"
	done
}

@test "no option makes a line of a file" {
	local o
	for o in "--hostname=a"$'\n'"127.0.0.1 bank" "--add-host=a:1.2.3.4"$'\n'"5.6.7.8 bank" "--add-host=a"$'\n'"b:1.2.3.4" \
		"--dns=1.1.1.1"$'\n'"nameserver 6.6.6.6" "--dns-search=a"$'\n'"nameserver 6.6.6.6" \
		"--dns-option=a"$'\n'"nameserver 6.6.6.6" "--hostname=a"$'\r'"b" "--add-host=a:1.2.3.4"$'\r' \
		"--workdir=/a"$'\n'"b" "--user=a"$'\n'"b" "--name=a"$'\n'"b" "--env=A"$'\n'"B=c"; do
		run_cove "?" "${none[@]}" "$o" busybox echo marker
		[ "$status" != 0 ] || die "$o"
		[[ $output != *marker* ]] || die "$o ran"
		[[ $output != *$'\n'nameserver* && $output != *$'\n'5.6.7.8* ]] || die "the message has lines of its own: $output"
	done
	run_cove "?" "${none[@]}" -v "$T:/a"$'\n'"b" busybox cat /proc/self/mountinfo
	run_cove "${none[@]}" -e HOME=$'/a\nroot2:x:0:0::/:/bin/sh' busybox cat /etc/passwd
	[[ $output != *root2* ]] || die "$output"
	printf 'A=1\nB=2\r\nC' >"$T/env"
	run_cove "${none[@]}" --env-file "$T/env" busybox env
	[[ $output != *$'\r'* ]] || die "a carriage return from an env file"
}

@test "what others wrote does not reach the terminal raw" {
	local esc=$'\e' verb
	cove create --network none --name c --label "l=${esc}[31mred" --annotation "a=${esc}]0;title" \
		-e "E=${esc}[2J" busybox sh -c "echo ${esc}[31m" >/dev/null
	cove create --network none --name d --label $'l=two\nlines' busybox true >/dev/null
	make_image localhost/esc "{\"Cmd\":[\"/bin/echo\",\"\\u001b[31m\"],\"Labels\":{\"l\":\"\\u001b[2J\",\"a\\u001bb\":\"x\"},
		\"Env\":[\"E=\\u001b[0m\"]}" "" '[{"created_by":"\u001b[31mRUN x\u001b]0;title\u0007","author":"\u001b[5m",
		"comment":"\u001b[7m\nforged line"}]'
	cove create --network none --name e localhost/esc >/dev/null
	for verb in "ps -a" "ps -a --no-trunc" "ps -a --format {{.Command}}" "ps -a --format json" \
		"ps -a --format {{.Labels}}" \
		"inspect c" "inspect e" "history localhost/esc" "history --no-trunc localhost/esc" "history --format json localhost/esc" \
		"inspect localhost/esc" "image inspect localhost/esc" "images" "images --format json" "info"; do
		# shellcheck disable=SC2086 # words
		run_cove $verb
		[[ $output != *"$esc"* && $output != *$'\a'* ]] || die "$verb: $(printf %q "$output")"
		[[ $output != *$'\n'"forged line"* ]] || die "$verb: a line of its own"
	done
	run_cove ps -aq
	is "${#lines[@]}" 3
	# Errors repeat what was typed.
	run_cove "?" "${none[@]}" "nosuch${esc}[31m:x"
	[[ $output != *"$esc"* ]] || die "an error: $(printf %q "$output")"
	run_cove "?" inspect "a${esc}[31m"
	[[ $output != *"$esc"* ]] || die "an error: $(printf %q "$output")"
	run_cove "?" "${none[@]}" busybox "/no${esc}[31m"
	[[ $output != *"$esc"* ]] || die "an error: $(printf %q "$output")"
}

# (A template of inspect gives a label as it is: scripts ask for the exact value.)

# Options that cannot be honoured stop the command before anything is made.
@test "options that cannot be honoured" {
	local o opts
	while read -r -a opts; do
		run_cove "?" "${none[@]}" "${opts[@]}" busybox echo marker
		[ "$status" = 125 ] || die "${opts[*]}: exit status $status: $output"
		[[ $output != *marker* ]] || die "${opts[*]}: it ran"
		run_cove ps -aq
		is "$output" "" "left by ${opts[*]}"
	done <<-END
		--security-opt seccomp=/nonexistent
		--security-opt seccomp=/etc/passwd
		--security-opt nosuch=1
		--security-opt no-new-privileges=maybe
		--security-opt mask=relative
		--cap-add nosuch
		--cap-drop nosuch
		--cap-drop kill,nosuch
		--ulimit nosuch=1
		--ulimit nofile=5:4
		--sysctl kernel.panic=1
		--sysctl vm.swappiness=1
		--userns nosuch
		--userns nomap:x
		--pid nosuch
		--ipc nosuch
		--uts nosuch
		--cgroupns nosuch
		--network nosuchnet
		--network none --network host
		--restart always
		--log-driver journald-nosuch
		--umask 99
		--stop-signal nosuch
		--shm-size much
		-v /tmp:/x:nosuch
		-v /nonexistent/dir:/x
		-v ../x/../:relative
		--mount type=nosuch,dst=/x
		--mount type=bind,src=/tmp,dst=/x,ro=maybe
		--tmpfs /t:nosuch
		--tmpfs /t:bind
		--device /dev/nosuch
		--device /etc/passwd
		-p 70000:80
		-p 127.0.0.256:80:80
		--dns nosuch
		--platform no/such/platform/x
		--pull sometimes
		--userns container:
	END
	# Those that only a start can find out.
	while read -r -a opts; do
		run_cove "?" "${none[@]}" "${opts[@]}" busybox echo marker
		[ "$status" != 0 ] && [[ $output != *marker* ]] || die "${opts[*]}: $status $output"
		run_cove ps -aq
		is "$output" "" "left by ${opts[*]}"
	done <<-END
		--ulimit nofile=999999999:999999999
		--ulimit memlock=-1:-1
		--security-opt apparmor=nosuch-profile
		--network container:nosuch
		--network ns:/nonexistent
		--pid container:nosuch
		--sysctl net.nosuch=1
	END
}

@test "a damaged seccomp profile starts nothing" {
	local p
	for p in '' '{' '[]' '{}' '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}}' \
		'{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":"reboot","action":"SCMP_ACT_ERRNO"}]}' \
		'{"defaultAction":"SCMP_ACT_NOSUCH"}'; do
		printf '%s' "$p" >"$T/profile"
		run_cove 125 "${none[@]}" --security-opt "seccomp=$T/profile" busybox echo marker
		[[ $output != *marker* ]] || die "$p: ran"
		is "${#lines[@]}" 1 "lines of the message"
	done
}

@test "names and paths with odd characters" {
	local dir
	for dir in "with space" "with,comma" 'with"quote' "with'apostrophe" 'back\slash' '%s%n' $'new\nline' \
		"$(printf 'x%.0s' {1..180})"; do
		mkdir "$T/$dir"
		echo content >"$T/$dir/f"
		run_cove "?" "${none[@]}" --mount "type=bind,src=$T/$dir,dst=/v" busybox cat /v/f
		if [ "$status" = 0 ]; then
			is "$output" content "$dir"
		else
			[ "$status" = 125 ] || die "$dir: $status $output"
		fi
		run_cove "?" "${none[@]}" -v "$T/$dir:/v" busybox cat /v/f
		[ "$status" = 125 ] || is "$output" content "-v $dir"
		# The store itself there.
		XDG_DATA_HOME="$T/$dir/data" run_cove "?" load -q -i "$(test_file docker-archive)"
		[ "$status" = 0 ] || { [ "$status" = 125 ] && continue; } || die "store in $dir: $status $output"
		XDG_DATA_HOME="$T/$dir/data" run_cove "?" "${none[@]}" busybox echo marker
		[ "$status" = 0 ] || [ "$status" = 125 ] || die "store in $dir: $status $output"
		[ "$status" = 125 ] || is "$output" marker "store in $dir"
	done
	for dir in .. . a/b -a "" "a b" "$(printf 'x%.0s' {1..256})"; do
		run_cove "?" create --name "$dir" busybox true
		[ "$status" = 125 ] || [ -z "$dir" ] || die "--name '$dir'"
		[[ $dir != .* ]] || continue # a path
		run_cove "?" "${none[@]}" -v "$dir:/v" busybox true
		[ "$status" = 125 ] || die "-v '$dir:/v': $output"
	done
}

@test "unknown options and verbs end with one line" {
	run_cove 125 run --nosuch busybox true
	run_cove "?" nosuchverb
	[ "$status" != 0 ]
	run_cove 125 exec
	run_cove 125 run
}
