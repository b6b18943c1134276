# SPDX-License-Identifier: Apache-2.0
# Commands that start nothing, few and many containers.
# shellcheck shell=bash

bench_small() {
	local all label worst=""
	say "version, help, completion; ps, create and rm of one container"
	cove create --name bench-one --network none "$IMAGE" true >/dev/null
	cove run -d --name bench-two --network none "$IMAGE" sleep 100000 >/dev/null
	all=(-n "$RUNS" -w 2 -- fork-exec "$FLOOR" true
		-- version "$COVE" version -- help "$COVE" --help -- complete "$COVE" __complete rm bench-
		-- ps-1 "$COVE" ps)
	if [ ${#PODMAN[@]} != 0 ]; then
		podman_do create --name bench-one --network none "$IMAGE" true >/dev/null 2>&1
		all+=(-- podman-version "${PODMAN[@]}" --version -- podman-ps-1 "${PODMAN[@]}" ps -a)
	fi
	time_all "${all[@]}"
	for label in version help complete; do
		worst=$(printf '%s\n' "$(ratio "$(of $label)" "$(of fork-exec)")" "$worst" | sort -g | tail -n 1)
	done
	row "version, --help, completion of a name" "$worst" fork-exec "<= 3" "<= 1.5"
	row "ps with 1 container" "$(ratio "$(of ps-1)" "$(of fork-exec)")" fork-exec "<= 6" "<= 3"
	cove rm -f -t 0 bench-one bench-two >/dev/null

	time_all -n "$RUNS" -w 2 -p "'$COVE' rm -f bench-c" -- create "$COVE" create --name bench-c --network none "$IMAGE" true
	time_all -n "$RUNS" -w 2 -p "'$COVE' create --name bench-c --network none $IMAGE true" -- rm "$COVE" rm bench-c
	row "create + rm of one container" "$(awk -v a="$(of create)" -v b="$(of rm)" -v f="$(of fork-exec)" \
		'BEGIN { printf "%.2f", (a + b) / f }')" fork-exec "<= 10" "<= 5"
}

# Fill the store with containers, and take them away again.
bench_many() {
	local n=$MANY begin
	say "ps with $n containers"
	begin=$(now_ms)
	seq "$n" | xargs -I{} "$COVE" create --name bench-{} --network none "$IMAGE" true >/dev/null
	echo "creating them took $(($(now_ms) - begin)) ms"
	time_all -n "$RUNS" -w 1 -- fork-exec "$FLOOR" true -- ps-many "$COVE" ps -- ps-many-a "$COVE" ps -a \
		-- ps-many-q "$COVE" ps -aq -- complete-many "$COVE" __complete rm bench-
	if [ "$n" = 1000 ]; then
		row "ps with 1,000 containers" "$(ratio "$(of ps-many-a)" "$(of fork-exec)")" "fork-exec (ps -a)" "<= 30" "<= 10"
	fi
	begin=$(now_ms)
	cove rm -a >/dev/null
	echo "removing them took $(($(now_ms) - begin)) ms"
}

# at_once LABEL COMMAND...: $PARALLEL detached containers, eight commands at a time; $running is how many run then.
at_once() {
	local label=$1 begin
	shift
	begin=$(now_ms)
	seq "$PARALLEL" | xargs -P 8 -I{} "$@" run -d --network none "$IMAGE" sleep 100000 >/dev/null 2>&1
	put "$label" $(($(now_ms) - begin))
	running=$("$@" ps -q | wc -l)
	echo "$label: $PARALLEL started in $(of "$label") ms, $running run"
}

bench_parallel() {
	local running first
	say "$PARALLEL containers at once"
	at_once cove "$COVE"
	first=$running
	cove rm -fa -t 0 >/dev/null
	if [ ${#PODMAN[@]} != 0 ]; then
		at_once podman "${PODMAN[@]}"
		podman_do rm -fa -t 0 >/dev/null 2>&1
	fi
	[ "$first" = "$PARALLEL" ] || put cove ""
	row "$PARALLEL containers started at once, until all run" "$(ratio "$(of cove)" "$(of podman)")" \
		"of podman, $((PARALLEL - first)) lost" "<= 0.3" "<= 0.1"
}
