#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What the command line itself accepts and refuses.
load ../setup

@test "an unknown option is refused and the help is named" {
	run_cove 125 images --nosuch
	is "$output" "Error: unknown flag: --nosuch
See 'cove images --help'"
	run_cove 125 --nosuch
	is "${lines[0]}" "Error: unknown flag: --nosuch"
	is "${lines[1]}" "See 'cove --help'"
	run_cove 125 images -Z
	is "${lines[0]}" "Error: unknown shorthand flag: 'Z' in -Z"
}

@test "an unknown command is refused" {
	run_cove 125 nosuch
	is "${lines[0]}" 'Error: unrecognized command `cove nosuch`'
	run_cove 125 image nosuch
	is "${lines[0]}" 'Error: unrecognized command `cove image nosuch`'
}

@test "bad values are refused" {
	run_cove 125 images --all=maybe
	like "${lines[0]}" '^Error: invalid argument "maybe" for "-a, --all" flag: '
	run_cove 125 images --sort
	is "${lines[0]}" "Error: flag needs an argument: --sort"
	run_cove 125 images --sort bad
	like "${lines[0]}" '^Error: invalid argument "bad" for "--sort" flag: '
}

@test "the number of arguments is checked" {
	run_cove 125 images a b
	is "$output" "Error: accepts at most 1 arg(s), received 2"
	run_cove 125 tag a
	is "$output" "Error: requires at least 2 arg(s), only received 1"
	run_cove 125 version extra
	is "$output" 'Error: `cove version` takes no arguments'
	run_cove 125 image exists
	is "$output" "Error: accepts 1 arg(s), received 0"
}

@test "a remote service is refused, not ignored" {
	run_cove 125 --remote images
	like "$output" "no remote service"
	run_cove 125 --url unix:///tmp/x images
	like "$output" "no remote service"
}

@test "help and version open nothing" {
	HOME=/nonexistent XDG_RUNTIME_DIR=/nonexistent XDG_DATA_HOME=/nonexistent run_cove --help
	like "$output" "Available Commands:"
	HOME=/nonexistent XDG_RUNTIME_DIR=/nonexistent XDG_DATA_HOME=/nonexistent run_cove version
	like "$output" "Version:"
	run_cove --version
	like "$output" "^cove version [0-9]"
}

@test "every command has help and a man page" {
	local cmd word
	mkdir "$T/man"
	run_cove --generate man "$T/man"
	cove --help | sed -n '/^Available/,/^Options/s/^  \([a-z]*\) .*/\1/p' >"$T/commands"
	[ "$(wc -l <"$T/commands")" -gt 10 ]
	while read -r cmd; do
		run_cove "$cmd" --help
		like "$output" "Usage:"
		[ -s "$T/man/cove-$cmd.1" ] || cove "$cmd" --help | grep -q "Available Commands" || die "no page for $cmd"
	done <"$T/commands"
}

@test "man pages are clean roff" {
	need groff
	mkdir "$T/man"
	run_cove --generate man "$T/man"
	cd "$T/man"
	run groff -man -ww -z -Tutf8 $(grep -L '^\.so' ./*.1)
	is "$output" "" "groff's complaints"
}

@test "completion knows commands, options, values and images" {
	run_cove __complete ver
	is "${lines[0]}" $'version\tShow the version'
	run_cove __complete images --no
	like "$output" "--no-trunc"
	like "$output" ":4"
	run_cove __complete images --sort r
	is "${lines[0]}" "repository"
	run_cove __complete images --sort=
	is "${lines[${#lines[@]}-1]}" ":4"
	run_cove __complete image ""
	like "$output" "inspect"
	run_cove __complete
	is "$output" ":4"
}

@test "completion scripts load" {
	run_cove completion bash
	bash -n <<<"$output"
	cove completion bash >"$T/c"
	PATH=$COVE_BUILD:$PATH run bash -c ". $T/c; COMP_LINE='cove ima' COMP_POINT=8 COMP_WORDS=(cove ima) COMP_CWORD=1
		_cove; echo \${COMPREPLY[*]}"
	is "$output" "images image"
	run_cove 125 completion nosuch
}

@test "a full disk is told" {
	[ -w /dev/full ] || skip "no /dev/full"
	run bash -c "'$COVE' --help >/dev/full"
	is "$status" 125
	like "$output" "No space left on device"
}

@test "options of cove are taken among those of a command" {
	run_cove 0 images --root "$T/elsewhere" -q --log-level=error
	[ -d "$T/elsewhere" ]
	run_cove 125 images -v
	like "$output" "unknown shorthand flag: 'v'"
	run_cove 1 images --log-level=telepathic
	is "$output" 'Error: Log Level "telepathic" is not supported, choose from: trace, debug, info, warn, warning, error, fatal, panic'
	run_cove 0 __complete ps --log-level pa
	like "$output" '^panic'
	run_cove 0 __complete ps --root ''
	is "$output" ":16"
}

@test "--out and --noout take standard output, also of a command in the foreground" {
	run_cove 0 version
	said=$output
	run_cove 0 --out "$T/out" version
	is "$output" ""
	is "$(cat "$T/out")" "$said"
	run_cove 0 unshare --out "$T/out" echo hello
	is "$(cat "$T/out")" "hello"
	run_cove 0 --noout unshare echo hello
	is "$output" ""
	run_cove 125 --out "$T/none/out" version
	is "$output" "Error: open $T/none/out: No such file or directory"
}

@test "without standard output and the like nothing else takes their place" {
	"$COVE" images >&-
	"$COVE" --out "$T/out" version <&- >&- 2>&-
	like "$(cat "$T/out")" "^Client: *cove"
}

@test "what is of Podman alone is taken" {
	run_cove 0 --tmpdir "$T/t" --conmon /bin/true --syslog --storage-driver vfs --db-backend sqlite images -q
	is "$output" ""
}
