#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pull (quick, slow enough that bytes are kept for the next one, and in parts), load, commit, rmi and prune, ended by SIGINT, SIGTERM or SIGKILL at random moments: `system check` finds nothing
# but leftovers, and the next command removes those.  KILLS=200 for a longer run; SEED=N for the same moments again.
load ../setup
load faults

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_userns
}

# end_after SIGNAL MS COMMAND...: started in a session of its own, all of which gets SIGNAL after MS milliseconds; ALONE is
# SIGKILL for the command's own process, whose helpers have to notice.
end_after() {
	local signal=$1 ms=$2 pid
	shift 2
	case $signal in
	KILL) kill_after "$ms" "$@" && return ;;
	ALONE) kill_only_after "$ms" "$@" && return ;;
	esac
	# What a shell starts in the background ignores SIGINT.
	setsid env --default-signal=INT "$@" </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	sleep "$(printf '%d.%03d' $((ms / 1000)) $((ms % 1000)))"
	# As a terminal does it: the group of the foreground, helpers and all.
	pkill "-$signal" -g "$pid" 2>/dev/null || kill "-$signal" "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

# whole [OPTION...]: nothing is damaged, nothing but leftovers of the last command.
whole() {
	run_cove system check "$@"
	! grep -vE '^Leftover |^	\* no record names it$|^$' <<<"$output" || die "after: $last" "$output"
}

@test "nothing is lost, whatever is ended when" {
	local kills=${KILLS:-14} seed=${SEED:-$RANDOM} i ms signal last leftovers=0 file what ref kept=0
	local signals=(INT TERM KILL KILL ALONE) whats=(load commit rmi prune)
	file=$(test_file docker-archive)
	echo "SEED=$seed"
	RANDOM=$seed
	cove load -q -i "$file" >/dev/null
	# On a layer of its own: what is loaded and removed below has no container, and is unpacked each time.
	cove run --network none --name first busybox touch /first
	cove commit -q -s first base >/dev/null
	cove rm first >/dev/null
	cove run --network none --name keep base sh -c 'dd if=/dev/urandom of=/big bs=1000 count=3000 2>/dev/null; mkdir /d; ln /big /d/l'
	cove commit -q keep kept >/dev/null
	cove create --network none --name user kept true >/dev/null
	if command -v docker-registry >/dev/null; then
		start_registry
		push_busybox pulled:latest
		whats+=(pull)
	fi
	if command -v python3 >/dev/null; then
		start_server
		start_chunked
		cove pull -q --tls-verify=false "$CHUNKED/base:1" >/dev/null
		whats+=(slow slow parts)
	fi
	for ((i = 0; i < kills; i++)); do
		what=${whats[RANDOM % ${#whats[@]}]}
		signal=${signals[RANDOM % ${#signals[@]}]}
		ms=$((RANDOM % 120))
		[ "$what" != pull ] || ms=$((RANDOM % 250))
		[ "$what" != slow ] || ms=$((RANDOM % 700))
		[ "$what" != parts ] || ms=$((RANDOM % 200))
		[ "$what" != commit ] || ms=$((RANDOM % 200))
		last="$i: $what ended by SIG$signal after $ms ms"
		echo "# $last"
		case $what in
		load)
			cove rmi -f "$IMAGE" >/dev/null 2>&1 || true
			end_after "$signal" "$ms" "$COVE" load -q -i "$file"
			;;
		pull)
			cove rmi -f "$REGISTRY/pulled" >/dev/null 2>&1 || true
			end_after "$signal" "$ms" "$COVE" pull -q --tls-verify=false "$REGISTRY/pulled"
			;;
		slow | parts)
			ref=$SERVER/slow:1
			[ "$what" = slow ] || ref=$CHUNKED/zstd:1
			cove rmi -f "$ref" >/dev/null 2>&1 || true
			end_after "$signal" "$ms" "$COVE" pull -q --tls-verify=false "$ref"
			;;
		commit)
			end_after "$signal" "$ms" "$COVE" commit -q keep "made:$i"
			;;
		rmi)
			cove commit -q keep made:rmi >/dev/null
			end_after "$signal" "$((ms / 3))" "$COVE" rmi -f made:rmi "$IMAGE"
			;;
		prune)
			cove commit -q keep >/dev/null # without a name
			end_after "$signal" "$((ms / 3))" "$COVE" image prune -af
			;;
		esac
		# Contents cost more than all the rest.
		if ((i % 7 == 6)); then whole; else whole --quick; fi
		[ -z "$output" ] || leftovers=$((leftovers + 1))
		[ -z "$(ls -A "$XDG_DATA_HOME/cove/partial" 2>/dev/null)" ] || kept=$((kept + 1))
		run_cove image exists kept
		run_cove images -q
	done
	echo "# $leftovers of $kills left something over, $kept bytes for the next pull (SEED=$seed)" >&3
	whole
	# Each goes through, afterwards, and nothing is left over.
	cove load -q -i "$file" >/dev/null
	cove commit -q keep last >/dev/null
	for ref in ${SERVER:+"$SERVER/slow:1"} ${CHUNKED:+"$CHUNKED/zstd:1"}; do
		run_cove pull -q --tls-verify=false "$ref"
	done
	run_cove image prune -f
	run_cove rm user keep
	run_cove system check
	is "$output" ""
	store_works
	run_cove run --rm --network none kept sh -c 'cmp /big /d/l && wc -c </big'
	is "$output" 3000000
	nothing_left
	run_cove rmi -fa
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "left in layers/"
	is "$(ls -A "$XDG_DATA_HOME/cove/partial")" "" "left in partial/"
	is "$(ls "$XDG_DATA_HOME/cove/blobs/sha256")" "" "left in blobs/"
}
