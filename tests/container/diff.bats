#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# diff: what containers and images changed.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

change='echo hi >/etc/new; mkdir -p /d/e; echo x >/d/e/f; rm /bin/ls; chmod 700 /tmp; mv /etc/group /g; ln -s /g /l;
	rm -rf /www; mkdir /www; echo n >/www/n'

@test "diff of a container, as Podman has it" {
	cove run --network none --name c busybox sh -c "$change"
	run_cove diff c
	for line in 'A /etc/new' 'A /d' 'A /d/e/f' 'D /bin/ls' 'C /bin' 'C /tmp' 'D /etc/group' 'A /g' 'A /l' 'A /www/n'; do
		[[ $'\n'$output$'\n' == *$'\n'"$line"$'\n'* ]] || die "no line '$line'"
	done
	[[ $output != *resolv.conf* && $output != *hostname* ]] || die "the engine's own files are listed"
	ours=$output
	need podman
	podman_load "$(test_file docker-archive)"
	podman_like run --network none --name changed "$IMAGE" sh -c "$change" >/dev/null 2>&1 || skip "podman does not work here"
	is "$ours" "$(podman_like diff changed | LC_ALL=C sort -k2)"
	is "$(cove diff --format json c | tr -d ' \n')" "$(podman_like diff --format json changed | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(json.dumps({k: sorted(v) for k, v in d.items()}, separators=(",", ":")))')"
}

@test "diff of running, of new containers, of images" {
	cove create --network none --name new busybox true >/dev/null
	run_cove diff new
	is "$output" ""
	cove run -d --network none --name r busybox sh -c 'echo x >/x; sleep 1000' >/dev/null
	wait_for 10 cove exec r test -s /x
	run_cove diff r
	like "$output" "A /x"
	run_cove diff r new
	like "$output" "A /x"
	run_cove diff new r
	like "$output" "D /x"
	run_cove diff -l
	like "$output" "A /x"
	run_cove image diff busybox
	like "$output" "A /bin/busybox"
	run_cove diff r busybox
	like "$output" "A /x"
}

@test "diff: what is refused" {
	run_cove 125 diff nosuch
	is "$output" "Error: nosuch not found: layer not known"
	run_cove 125 container diff busybox
	is "$output" 'Error: no container with name or ID "busybox" found: no such container'
	run_cove 125 image diff nosuch
	like "$output" "image not known"
	run_cove 125 diff --format '{{.}}' busybox
	is "$output" "Error: only supported value for '--format' is 'json'"
	run_cove 125 diff
}
