#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Hooks directories: which hooks a container gets, when they run, what their failure does.
load ../setup

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	load_busybox
	mkdir "$T/hooks.d"
	# Notes the stage, the state it was given, and whether the root is there to be seen.
	cat >"$T/hook" <<-EOF
		#!/bin/sh
		echo "\$1 \$(cat | tr -d '\\n ' | sed 's/.*"status":"\\([a-z]*\\)".*/\\1/')" >>"$T/log"
	EOF
	chmod +x "$T/hook"
	: >"$T/log"
}

# hook NAME STAGES WHEN: a file of the directory, whose hook tells its own name and the first stage.
hook() {
	printf '{"version":"1.0.0","hook":{"path":"%s","args":["hook","%s"]},"when":%s,"stages":[%s]}\n' \
		"$T/hook" "$1" "$3" "$2" >"$T/hooks.d/$1.json"
}

with() {
	run_cove "$1" --hooks-dir "$T/hooks.d" run --rm --network none "${@:2}"
}

@test "all stages, in order, with the state" {
	hook a '"prestart"' '{"always":true}'
	hook b '"createRuntime"' '{"always":true}'
	hook c '"poststart"' '{"always":true}'
	hook d '"poststop"' '{"always":true}'
	with 0 busybox echo inside
	is "$output" inside
	wait_for 20 grep -q '^d ' "$T/log"
	is "$(cat "$T/log")" "$(printf 'a created\nb creating\nc running\nd stopped')"
	is "$(ls "$XDG_RUNTIME_DIR/cove/c")" ""
}

@test "conditions: annotations, commands, bind mounts; all that are there must hold" {
	hook annotated '"poststart"' '{"annotations":{"^org\\.example\\.":"^yes$"}}'
	hook commanded '"poststart"' '{"commands":["/echo$"]}'
	hook bound '"poststart"' '{"hasBindMounts":true}'
	hook both '"poststart"' '{"commands":["echo"],"annotations":{"x":"y"}}'
	hook never '"poststart"' '{"always":false}'
	hook none '"poststart"' '{}'
	with 0 busybox true
	is "$(cat "$T/log")" ""
	with 0 --annotation org.example.a=yes busybox true
	is "$(cat "$T/log")" "annotated running"
	: >"$T/log"
	with 0 --annotation org.example.a=yes,no busybox true
	with 0 --annotation orgXexample.a=yes busybox true
	is "$(cat "$T/log")" ""
	with 0 -v "$T:/t" busybox /bin/echo
	is "$(cat "$T/log")" "$(printf 'bound running\ncommanded running')"
}

@test "a later directory takes the place of a file of an earlier one" {
	mkdir "$T/more.d"
	hook a '"poststart"' '{"always":true}'
	hook b '"poststart"' '{"always":true}'
	sed 's/"a"/"other"/' "$T/hooks.d/a.json" >"$T/more.d/a.json"
	run_cove --hooks-dir "$T/hooks.d" --hooks-dir "$T/more.d" run --rm --network none busybox true
	is "$(cat "$T/log")" "$(printf 'other running\nb running')"
}

@test "a hook sees the bundle and the root, and can reach into it" {
	cat >"$T/reach" <<-'EOF'
		#!/bin/sh
		bundle=$(cat | tr -d '\n' | sed 's/.*"bundle": *"\([^"]*\)".*/\1/')
		root=$(sed -n 's/.*"path": *"\(.*merged\)".*/\1/p' "$bundle/config.json")
		echo from the hook >"$root/left"
	EOF
	chmod +x "$T/reach"
	hook a '"createRuntime"' '{"always":true}'
	sed -i "s|$T/hook|$T/reach|" "$T/hooks.d/a.json"
	with 0 busybox cat /left
	is "$output" "from the hook"
}

@test "a precreate hook changes the config" {
	need jq
	cat >"$T/change" <<-'EOF'
		#!/bin/sh
		jq '.process.env += ["ADDED=by hook"]'
	EOF
	chmod +x "$T/change"
	hook a '"precreate"' '{"always":true}'
	sed -i "s|$T/hook|$T/change|" "$T/hooks.d/a.json"
	with 0 busybox sh -c 'echo $ADDED'
	is "$output" "by hook"
	printf '#!/bin/sh\necho rubbish\n' >"$T/change"
	with 125 busybox true
	like "$output" "precreate hook $T/change: what it wrote"
}

@test "a hook that fails stops the start and leaves nothing" {
	printf '#!/bin/sh\necho no luck >&2\nexit 3\n' >"$T/hook"
	for stage in prestart createRuntime createContainer; do
		rm -f "$T/hooks.d"/*
		hook a "\"$stage\"" '{"always":true}'
		with 125 busybox echo inside
		is "$output" "Error: $stage hook 0 ($T/hook): exit status 3: no luck"
		[[ $output != *inside* ]]
	done
	run_cove ps -aq
	is "$output" ""
	is "$(ls "$XDG_RUNTIME_DIR/cove/c")" ""
}

@test "files that are not understood" {
	echo '{' >"$T/hooks.d/a.json"
	with 125 busybox true
	like "$output" "hook file $T/hooks.d/a.json"
	echo '{"version":"9"}' >"$T/hooks.d/a.json"
	with 125 busybox true
	like "$output" "version '9' is not 1.0.0"
	hook a '"sometime"' '{"always":true}'
	with 125 busybox true
	like "$output" "stage 'sometime' is not known"
	hook a '"poststart"' '{"commands":["("]}'
	with 125 busybox true
	like "$output" "pattern '[(]'"
	run_cove 125 --hooks-dir "$T/none" run --rm --network none busybox true
	like "$output" "hooks directory $T/none: No such file or directory"
	run_cove ps -aq
	is "$output" ""
}

@test "another runtime runs them too" {
	has_runtime crun || skip "crun is not installed, or not for these cgroups"
	hook a '"createRuntime"' '{"always":true}'
	hook d '"poststop"' '{"always":true}'
	run_cove --runtime crun --hooks-dir "$T/hooks.d" run --rm --network none busybox true
	wait_for 20 grep -q '^d ' "$T/log"
	is "$(cut -d' ' -f1 "$T/log" | tr '\n' ' ')" "a d "
}
