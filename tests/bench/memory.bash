# SPDX-License-Identifier: Apache-2.0
# What a detached container costs while it does nothing: proportional memory of everything but its own program.
# shellcheck shell=bash

# Processes that were started here: those in our cgroup where it is known, else this user's.
own_processes() {
	local d
	if [ -n "$BENCH_CGROUP" ]; then
		find "$BENCH_CGROUP" -name cgroup.procs -exec cat {} + 2>/dev/null | sort
		return
	fi
	for d in /proc/[0-9]*; do
		[ "$(stat -c %u "$d" 2>/dev/null)" = "$UID" ] && echo "${d#/proc/}"
	done | sort
}

# new_memory FILE: programs of engines that run now and did not when FILE was written: "PROGRAM COUNT KiB-each" a line.
new_memory() {
	local pid name pss
	comm -13 "$1" <(own_processes) | while read -r pid; do
		name=$(cat "/proc/$pid/comm" 2>/dev/null) || continue
		pss=$(awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup" 2>/dev/null)
		case $name in
		cove-* | conmon | slirp4netns | rootlessport* | exe | pasta* | catatonit) echo "$name ${pss:-unreadable}" ;;
		esac
	done | awk '
		$2 == "unreadable" { hidden[$1]++; next }
		{ n[$1]++; sum[$1] += $2 }
		END {
			for (p in n) printf "%s %d %.0f\n", p, n[p], sum[p] / n[p]
			for (p in hidden) printf "%s %d unreadable\n", p, hidden[p]
		}' | sort
}

# each FILE N: the sum over all but the holder for each of N containers.
each() {
	awk -v n="$2" '$1 !~ /holder/ { sum += $2 * $3 } END { printf "%.0f", sum / n }' "$1"
}

bench_memory() {
	local n=10
	say "idle memory of $n detached containers, KiB"
	own_processes >"$W/before"
	for _ in $(seq $n); do cove run -d --network none "$IMAGE" sleep 100000 >/dev/null; done
	sleep 1
	new_memory "$W/before" | tee "$W/memory"
	row "idle memory per detached container (monitor)" "$(each "$W/memory" $n)" "KiB PSS" "<= 600" "<= 250"
	row "holder" "$(new_memory /dev/null | awk '$1 == "cove-holder" { print $3 }')" "KiB PSS" "<= 200" "<= 100"
	cove rm -fa -t 0 >/dev/null

	own_processes >"$W/before"
	for _ in $(seq $n); do cove run -d -p "127.0.0.1:$(free_port):80" "$IMAGE" sleep 100000 >/dev/null; done
	sleep 1
	new_memory "$W/before" | tee "$W/memory"
	row "the same with private network and a published port" "$(each "$W/memory" $n)" "KiB PSS" "<= 1536" "<= 700"
	cove rm -fa -t 0 >/dev/null
	[ ${#PODMAN[@]} != 0 ] && [ -z "$QUICK" ] || return 0
	own_processes >"$W/before"
	for _ in $(seq 3); do podman_do run -d --network slirp4netns -p "127.0.0.1:$(free_port):80" "$IMAGE" sleep 100000 >/dev/null 2>&1; done
	sleep 1
	new_memory "$W/before" >"$W/memory"
	echo "podman: $(each "$W/memory" 3) KiB for each container: $(tr '\n' ';' <"$W/memory")"
	podman_do rm -fa -t 0 >/dev/null 2>&1
}
