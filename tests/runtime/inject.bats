#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each system call of `cove-runtime run` fails once: the program runs all the same, or one error names the step, and
# neither a process, a mount nor a directory stays behind.  INJECT_STEP=1 tries every call, not one in seven.
load runtime
load ../faults/inject

# The answer of the program, or one line that says more than the system's words for the error.
answered() {
	[ "$status" = 42 ] && return
	[ "$status" = 1 ] || [ "$status" = 126 ] || [ "$status" = 127 ] || return
	[[ $output == *"error while loading shared libraries"* ]] && return
	[ "$(grep -vc "warning:" <<<"$output")" = 1 ] && [[ $output == *": "* ]] || return
	# What a failed clean-up leaves, the next deletion takes.
	[ -z "$(ls "$ROOT" 2>/dev/null)" ] || rt delete --force c1 || return
	[ -z "$(ls "$ROOT" 2>/dev/null)" ] || return
	[[ $(cat /proc/self/mountinfo) != *"$B"* ]]
}

no_answer_left() {
	! pgrep -u "$(id -u)" -x "answer$$" >/dev/null
}

@test "cove-runtime run, each call" {
	can_inject
	cp "$COVE_BUILD/tests/faults/answer" "rootfs/bin/answer$$" # a name of its own, for no_answer_left
	args "/bin/answer$$"
	every_point answered "$RUNTIME" --root "$ROOT" run c1
	wait_for 5 no_answer_left
	run_rt 42 run c1
	nothing_left
}
