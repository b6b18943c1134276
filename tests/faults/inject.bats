#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Each system call of `cove run` fails once: the container runs all the same, or one error says what could not be done,
# and nothing stays behind; and each of `cove secret create`: the old secret is there, or the new one.  INJECT_STEP=1 tries every call, not one in seven.
load ../setup
load faults
load inject

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	can_inject
	load_busybox
}

# The answer of the program, or one error; unless what failed is the writing of it.
answered() {
	local errors
	case $status in
	42) return 0 ;;
	125 | 126 | 127)
		errors=$(grep -o 'Error: ' <<<"$output" | wc -l)
		[ "$errors" = 1 ] || [ "$call" = write ] || [[ $output == *"error while loading shared libraries"* ]] || return 1
		;;
	*) return 1 ;;
	esac
}

@test "cove run, each call" {
	local answer=$COVE_BUILD/tests/faults/answer
	[ -x "$answer" ] || die "make check builds tests/faults/answer"
	cove unshare true # the holder is there: who is traced may not use newuidmap
	every_point answered "$COVE" run --rm --network none -v "$answer:/answer:ro" "$IMAGE" /answer
	store_works
	nothing_left
}

# The secret is the one or the other, and what the command says of it is true.
replaced() {
	local have
	have=$(cove secret inspect --showsecret --format '{{.SecretData}}' s)
	case $status in
	0) [ "$have" = new ] ;;
	125) [ "$(grep -o 'Error: ' <<<"$output" | wc -l)" = 1 ] && [[ $have = old || $have = new ]] ;;
	127) [[ $output == *"error while loading shared libraries"* ]] ;;
	*) false ;;
	esac || return
	[ "$have" = old ] || printf old | cove secret create --replace s - >/dev/null
}

@test "cove secret create, each call" {
	printf old | cove secret create s - >/dev/null
	printf new >"$T/new"
	every_point replaced "$COVE" secret create --replace s "$T/new"
	run_cove secret ls -q
	is "${#lines[@]}" 1
	run_cove system check
}

# It is gone, or can still be removed.
removed() {
	case $status in
	0) ! cove secret exists s ;;
	125) [ "$(grep -o 'Error: ' <<<"$output" | wc -l)" = 1 ] && cove secret rm --ignore s >/dev/null ;;
	127) [[ $output == *"error while loading shared libraries"* ]] ;;
	*) false ;;
	esac || return
	printf old | cove secret create --replace s - >/dev/null
}

@test "cove secret rm, each call" {
	printf old | cove secret create s - >/dev/null
	every_point removed "$COVE" secret rm s
	run_cove system check
}
