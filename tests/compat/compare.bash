# SPDX-License-Identifier: Apache-2.0
# The same sentence to podman and to cove.  A file that loads this defines plain, a filter that makes
# equal what differs each time: IDs, times.

# compare_setup: both have the image busybox.
compare_setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	need podman
	load_busybox
	cove save -q -o "$T/all.tar" busybox
	podman_load "$T/all.tar"
}

# same ARG...: output and status agree, or no_differences will tell.
same() {
	local ours theirs our_status=0 their_status=0
	# shellcheck disable=SC2034 # for plain
	sentence=("$@")
	ours=$(cove "$@" 2>&1 </dev/null) || our_status=$?
	theirs=$(podman_like "$@" 2>&1 </dev/null | grep -v ^time=; exit "${PIPESTATUS[0]}") || their_status=$?
	ours=$(plain <<<"$ours")
	theirs=$(plain <<<"$theirs")
	[ "$our_status" = "$their_status" ] && [ "$ours" = "$theirs" ] && return
	printf '%s\n' "$*" "    ours   $our_status: $ours" "    theirs $their_status: $theirs" >>"$T/differences"
}

no_differences() {
	[ ! -s "$T/differences" ] || die "$(cat "$T/differences")"
}
