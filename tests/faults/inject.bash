# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/faults/inject*.bats: let each system call of a command fail, one at a time (strace -e inject).

# Calls that are nobody's step: memory and signals (their failure in a C library's start cannot be told), ends, and what
# the loader of programs calls before us is recognized by what it says.
LEFT_OUT=" brk mmap munmap mprotect madvise exit exit_group rt_sigaction rt_sigprocmask rt_sigreturn arch_prctl \
set_tid_address set_robust_list rseq prlimit64 futex close execve wait4 waitid restart_syscall sched_yield gettid getpid \
getppid sigaltstack clock_nanosleep "

# error_for CALL: an error that the call has in life.
error_for() {
	case $1 in
	openat | open | socket | socketpair | pipe2 | memfd_create | dup | dup2 | dup3 | accept4 | epoll_create1) echo EMFILE ;;
	write | pwrite64 | mkdirat | mkdir | mknodat | symlinkat | renameat | renameat2 | fsync | fdatasync | ftruncate) echo ENOSPC ;;
	clone | clone3 | fork | vfork) echo EAGAIN ;;
	read | pread64 | getdents64) echo EIO ;;
	*) echo ENOMEM ;;
	esac
}

# points COMMAND...: "CALL N" for every N-th CALL that any process of the command makes before it is done.
points() {
	strace -f -qq -o "$T/calls" "$@" >/dev/null 2>&1 </dev/null || true
	awk -v out="$LEFT_OUT" '
		$2 ~ /^[a-z0-9_]+\(/ {
			call = $2; sub(/\(.*/, "", call)
			if (index(out, " " call " ")) next
			n = ++count[$1, call]
			if (n > most[call]) most[call] = n
		}
		END { for (c in most) for (i = 1; i <= most[c]; i++) print c, i }' "$T/calls" | sort -k1,1 -k2,2n
}

# every_point CHECK COMMAND...: run the command once for each of its points (INJECT_STEP: each that many-th), CHECK after
# each with the status in $status and what was said in $output.
every_point() {
	local check=$1 call n i=0 bad=() step=${INJECT_STEP:-7}
	shift
	points "$@" >"$T/points"
	[ "$(wc -l <"$T/points")" -gt 50 ] || die "strace shows no calls: $(head -n 3 "$T/calls")"
	while read -r call n; do
		[ $((i++ % step)) = 0 ] || continue
		status=0
		output=$(timeout --kill-after=5 20 strace -f -qq -o "$T/trace" -e trace="$call" \
			-e inject="$call:error=$(error_for "$call"):when=$n" "$@" 2>&1 </dev/null) || status=$?
		echo "$call $n: $status $output" >>"$T/said"
		"$check" && continue
		bad+=("$call $n ($(error_for "$call")): status $status: $output")
		[ ${#bad[@]} -lt 10 ] || break
	done <"$T/points"
	[ -z "${INJECT_LOG-}" ] || cp "$T/said" "$INJECT_LOG"
	[ ${#bad[@]} = 0 ] || die "$(printf '%s\n' "${bad[@]}")"
	echo "$i points, each ${step}th tried"
}

# can_inject: strace works here.
can_inject() {
	need strace
	strace -f -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
}
