#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# checkpoint and restore without root: what is refused, and how.  With root and criu: the part "checkpoint" of tests/lab.
load ../setup

@test "without root it is refused, in one line and a hint, and the container runs on" {
	COVE_CONTAINERS=1
	load_busybox
	cove run -d --name c --network none busybox sleep 1000
	for verb in checkpoint "checkpoint --leave-running" "checkpoint --pre-checkpoint" restore; do
		# shellcheck disable=SC2086 # words
		run_cove 125 container $verb c
		is "${lines[0]}" "Error: checkpoint and restore need root" "$verb"
		like "${lines[1]}" "criu\(8\)"
		is "${#lines[@]}" 2 "lines"
	done
	run_cove exec c echo works
	is "$output" works
}

@test "inspect tells that there is no checkpoint" {
	COVE_CONTAINERS=1
	load_busybox
	cove create --name c --network none busybox true
	run_cove inspect --format '{{.State.Checkpointed}} {{.State.Restored}} {{.State.CheckpointedAt}} {{.State.RestoredAt}} [{{.State.CheckpointPath}}{{.State.CheckpointLog}}{{.State.RestoreLog}}]' c
	is "$output" "false false 0001-01-01T00:00:00Z 0001-01-01T00:00:00Z []"
}

@test "options that do not go together, and those that there are not" {
	run_cove 125 container checkpoint --pre-checkpoint --with-previous c
	like "$output" "--with-previous cannot be used together with --pre-checkpoint"
	run_cove 125 container checkpoint
	like "$output" "at least one name or id"
	for option in "--compress gzip" --ignore-rootfs --ignore-volumes; do
		# shellcheck disable=SC2086 # words
		run_cove 125 container checkpoint $option c
		like "$output" "${option%% *} can only be used with --export"
	done
	run_cove 125 container checkpoint --export "$T/x.tar" --compress foo c
	is "$output" 'Error: selected compression algorithm ("foo") not supported. Please select one from: gzip, none, zstd'
	run_cove 125 container checkpoint --export "$T/x.tar" c d
	like "$output" "the archive of one container"
	[ ! -e "$T/x.tar" ]
	for option in "--name n" "--import-previous x" --ignore-rootfs --ignore-volumes --ignore-static-ip "--publish 80" "--volume /a:/b"; do
		# shellcheck disable=SC2086 # words
		run_cove 125 container restore $option c
		like "$output" "${option%% *}.* can only be used with --import"
	done
	run_cove 125 container restore --import "$T/x.tar" c
	like "$output" "none can be named beside it"
	run_cove 125 container restore --import "$T/x.tar"
	like "$output" "need root"
}
