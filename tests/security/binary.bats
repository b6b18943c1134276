#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A container cannot write to our programs (CVE-2019-5736), even where they belong to the user.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_probe
	load_busybox
	# Our programs, owned by the user, writable, on a file system of the user.
	mkdir "$T/own"
	cp "$COVE_BUILD/cove" "$COVE_BUILD"/cove-* "$T/own/" 2>/dev/null || true
	rm -f "$T"/own/*.o
	chmod -R u+w "$T/own"
	COVE=$T/own/cove
	(cd "$T/own" && sha256sum -- * >"$T/sums")
}

check_programs() {
	(cd "$T/own" && sha256sum --quiet -c "$T/sums") || die "a program of ours was overwritten"
}

@test "programs of ours while exec runs /proc/self/exe" {
	local i
	run_cove run -d --network none --name c -v "$PROBE:/probe:ro" busybox /probe overwrite 8
	wait_for 5 sh -c "'$COVE' logs c | grep ready"
	for i in {1..15}; do
		timeout 10 "$COVE" exec c /proc/self/exe --version >/dev/null 2>&1 || true
		timeout 10 "$COVE" exec c /proc/self/exe unshare sleep 0.1 >/dev/null 2>&1 || true
		timeout 10 "$COVE" exec c true
	done
	run_cove wait c
	run_cove logs c
	[[ $output != *wrote*cove* ]] || die "written: $output"
	check_programs
}

@test "programs of ours while a container with the host's processes runs" {
	local i
	run_cove run -d --network none --pid host --name c -v "$PROBE:/probe:ro" busybox /probe overwrite 5
	wait_for 5 sh -c "'$COVE' logs c | grep ready"
	for i in {1..10}; do
		timeout 10 "$COVE" exec c true
		timeout 10 "$COVE" run --rm --network none busybox true
	done
	run_cove wait c
	run_cove logs c
	[[ $output != *wrote*cove* ]] || die "written: $output"
	check_programs
}

@test "an image whose entry point is /proc/self/exe" {
	make_image localhost/self '{"Entrypoint":["/proc/self/exe"],"Cmd":["--version"]}'
	run_cove run -d --network none --name c -v "$PROBE:/probe:ro" busybox /probe overwrite 4
	for _ in {1..10}; do
		COVE_TIMEOUT=10 run_cove "?" run --rm --network none localhost/self
		COVE_TIMEOUT=10 run_cove "?" run --rm --network none --pid container:c localhost/self
	done
	run_cove wait c
	run_cove logs c
	[[ $output != *wrote*cove* ]] || die "written: $output"
	check_programs
}

# The attack works where nobody defends: else the tests above prove nothing.
@test "control: a careless program is overwritten" {
	cp "$PROBE" "$T/careless"
	chmod u+w "$T/careless"
	run_cove run -d --network none --name c -v "$PROBE:/probe:ro" -v "$T/careless:/careless" busybox /probe overwrite 4
	wait_for 5 sh -c "'$COVE' logs c | grep ready"
	for _ in {1..10}; do
		timeout 10 "$COVE" exec c /careless calls >/dev/null 2>&1 || true
		timeout 10 "$COVE" exec c /careless swap / / 1 >/dev/null 2>&1 || true
		sleep 0.1
	done
	run_cove wait c
	run_cove logs c
	[[ $output == *"wrote"*careless* ]] || die "the probe does not attack: $output"
}
