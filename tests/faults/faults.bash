# SPDX-License-Identifier: Apache-2.0
# Sourced by the files of tests/faults: killing at chosen moments, and what must hold afterwards.

# kill_after MS COMMAND...: start it in a session of its own and kill -9 the whole session after MS milliseconds.
kill_after() {
	local ms=$1 pid
	shift
	setsid "$@" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	pkill -KILL -s "$pid" 2>/dev/null || true
	kill -KILL "$pid" 2>/dev/null || true # where it was too early for a session
	wait "$pid" 2>/dev/null || true
}

# kill_only_after MS COMMAND...: the command's own process alone; what it started goes on.
kill_only_after() {
	local ms=$1 pid
	shift
	"$@" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# ours: pids of processes that work for this test's store (the holder apart).
ours() {
	local p text
	for p in /proc/[0-9]*; do
		[ "${p#/proc/}" != "$$" ] && [ "${p#/proc/}" != "$BASHPID" ] || continue
		text=$({ tr '\0' ' ' <"$p/environ"; tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null) || continue
		[[ $text == *"XDG_RUNTIME_DIR=$R "* || $text == *"$R/cove"* || $text == *"$T/data"* ]] || continue
		text=$({ tr '\0' ' ' <"$p/cmdline"; } 2>/dev/null) || continue
		[[ $text == cove* || $text == "$COVE"* || $text == "$COVE_BUILD"/cove* || $text == "sleep 98765"* ]] || continue
		[[ $text != cove-holder* ]] || continue
		echo "${p#/proc/}"
	done
}

# nothing_left: after everything was removed and one more writing command ran.
nothing_left() {
	run_cove rm -fa -t 0
	run_cove pull -q --policy never "$IMAGE" >/dev/null 2>&1 || true
	cove create --network none --name sweep "$IMAGE" true >/dev/null
	run_cove rm -f -t 0 sweep
	is "$(ls "$XDG_DATA_HOME/cove/containers")" "" "left in containers/"
	is "$(ls "$XDG_DATA_HOME/cove/tmp")" "" "left in tmp/"
	is "$(ls "$R/cove/c")" "" "left in the runtime directory"
	wait_for 5 no_process
	[[ $(cat /proc/self/mountinfo) != *"$XDG_DATA_HOME"* ]] || die "a mount is left"
}

no_process() {
	[ -z "$(ours)" ]
}

# store_works: listing, and the image gives exact content.
store_works() {
	run_cove images
	run_cove ps -a
	run_cove run --rm --network none "$IMAGE" sha256sum /bin/busybox
	is "${output%% *}" "$(sha256sum <"${BUSYBOX:-/bin/busybox}" | cut -d' ' -f1)" "content"
}
