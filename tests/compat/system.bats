#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# system df and prune, image prune and tree by podman and by cove, over the same images.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need podman
	load_busybox
	cove run --network none --name base busybox sh -c 'echo 1 >/x'
	cove commit -q base one >/dev/null
	cove rm base >/dev/null
	cove save -q -m -o "$T/all.tar" busybox one
	podman_load "$T/all.tar"
	cove create --name c --label a=b --network none one true >/dev/null
	podman_like create --name c --label a=b --network none one true >/dev/null || skip "podman makes no containers here"
}

# same ANSWER ARG...: output and status agree, with ANSWER on standard input; IDs of containers apart.
same() {
	local answer=$1 ours theirs our_status=0 their_status=0
	shift
	ours=$(cove "$@" <<<"$answer" 2>&1) || our_status=$?
	theirs=$(podman_like "$@" <<<"$answer" 2>&1 | grep -v ^time=; exit "${PIPESTATUS[0]}") || their_status=$?
	ours=$(sed -E 's/^[0-9a-f]{64}$/ID/; s/: .*(kB|MB|B)$/: SIZE/' <<<"$ours")
	theirs=$(sed -E 's/^[0-9a-f]{64}$/ID/; s/: .*(kB|MB|B)$/: SIZE/; s/([`"])podman/\1cove/g' <<<"$theirs")
	[ "$our_status" = "$their_status" ] && [ "$ours" = "$theirs" ] && return
	printf '%s\n' "$*" "    ours   $our_status: $ours" "    theirs $their_status: $theirs" >>"$T/differences"
}

@test "system df, system prune, image prune, image tree" {
	same "" system df --format '{{.Type}} {{.Total}} {{.Active}}'
	same "" image tree one
	same "" image tree nosuch
	same "" image prune -f
	same n image prune
	same n image prune -a
	same "" image prune -f --filter bad=x
	same "" image prune x
	same n system prune
	same n system prune --all --volumes
	same "" system prune -f --filter bad=1
	same "" system prune -f --filter label=other
	same "" container prune -f --filter label=a=b
	same "" system df --format '{{.Type}} {{.Total}} {{.Active}}'
	same y image prune -a --filter label=x
	same "" system prune -f
	same "" system prune -af
	same "" system df
	same "" system renumber
	same "" mount nosuch
	same "" image unmount
	same "" unmount
	[ ! -s "$T/differences" ] || die "$(cat "$T/differences")"
}
