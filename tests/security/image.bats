#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Image metadata configures the workload and nothing else.
load ../setup
load hostile

setup() {
	cove_setup
	COVE_CONTAINERS=1
	need_userns
}

none=(run --rm --network none)

@test "Env cannot name variables of the caller" {
	local env
	export CANARY_SECRET=canary
	for env in CANARY_SECRET 'CANARY*' '*' '=canary' ''; do
		make_image localhost/env "{\"Cmd\":[\"/bin/env\"],\"Env\":[\"A=1\",\"$env\"]}" || continue
		run_cove "?" "${none[@]}" localhost/env
		[[ $output != *canary* ]] || die "Env '$env': $output"
	done
	make_image localhost/env '{"Cmd":["/bin/sh","-c","env"],"Env":["A=$CANARY_SECRET","B=${CANARY_SECRET}","C=`id`"]}'
	run_cove "${none[@]}" localhost/env
	[[ $output != *canary* && $output != *uid=* ]] || die "$output"
}

@test "Env does not steer the engine" {
	make_image localhost/env '{"Cmd":["/bin/true"],"Env":["LD_PRELOAD=/evil.so","COVE_DEBUG=1","XDG_RUNTIME_DIR=/evil",
		"TMPDIR=/evil","PATH=/evil:/bin","LISTEN_FDS=3","NOTIFY_SOCKET=/evil","container=evil","GCONV_PATH=/evil"]}'
	run_cove "${none[@]}" localhost/env
	is "$output" ""
	cove run -d --network none --name c localhost/env /bin/sleep 100 >/dev/null
	run_cove exec c /bin/true
	is "$output" ""
}

@test "reserved labels and annotations of an image change nothing" {
	local clean keys="" k
	for k in run.oci.keep_original_groups run.oci.systemd.subgroup run.oci.handler run.oci.hooks.stderr \
		run.oci.mount_context_type run.oci.delegate-cgroup run.oci.seccomp.receiver run.oci.seccomp_fail_unknown_syscall \
		io.podman.annotations.privileged io.podman.annotations.seccomp io.podman.annotations.init \
		io.podman.annotations.autoremove io.podman.annotations.userns io.containers.autoupdate io.containers.capabilities \
		io.podman.annotations.label org.systemd.property.ExecStart org.cove.privileged; do
		keys+="${keys:+,}\"$k\":\"1\""
	done
	make_image localhost/clean '{"Cmd":["/bin/sh","-c","grep -E \"^(Cap|Seccomp|NoNew|Groups|Uid|Gid)\" /proc/self/status"]}'
	make_image localhost/labels "{\"Cmd\":[\"/bin/sh\",\"-c\",\"grep -E '^(Cap|Seccomp|NoNew|Groups|Uid|Gid)' /proc/self/status\"],\"Labels\":{$keys}}"
	clean=$(cove "${none[@]}" localhost/clean)
	[[ $clean == *CapEff* ]]
	is "$(cove "${none[@]}" localhost/labels)" "$clean"
	cove create --network none --name c localhost/labels >/dev/null
	run_cove inspect --format '{{json .Config.Annotations}}' c
	[[ $output != *run.oci* && $output != *podman.annotations.privileged* ]] || die "$output"
}

@test "config members of the wrong type" {
	local c
	for c in '{"Cmd":"true"}' '{"Cmd":[1]}' '{"Entrypoint":{}}' '{"Env":{}}' '{"Env":[5]}' '{"User":5}' '{"WorkingDir":[]}' \
		'{"Volumes":[]}' '{"Volumes":{"relative":{}}}' '{"Volumes":{"/":{}}}' '{"Volumes":{"/a:/b":{}}}' \
		'{"Volumes":{"/../..":{}}}' '{"ExposedPorts":[]}' '{"ExposedPorts":{"99999/tcp":{}}}' '{"StopSignal":"SIGNOSUCH"}' \
		'{"StopSignal":5}' '{"Labels":[]}' '{"Labels":{"a":5}}' '{"Healthcheck":5}' '[]' '5' 'null' '"x"'; do
		make_image localhost/odd "$c" || { [ "$status" -lt 126 ] && continue; } || die "load: $c: $output"
		COVE_TIMEOUT=10 run_cove "?" "${none[@]}" localhost/odd /bin/echo ran
		[ "$status" -lt 128 ] || die "$c: $status"
		COVE_TIMEOUT=10 run_cove "?" inspect localhost/odd
		[ "$status" -lt 126 ] || die "$c: $status"
		COVE_TIMEOUT=10 run_cove "?" history localhost/odd
		[ "$status" -lt 126 ] || die "$c: $status"
		run_cove images
		run_cove rmi -f localhost/odd
	done
}

@test "commands that are not there, paths that leave" {
	make_image localhost/up '{"Cmd":["../../../../../../bin/sh","-c","echo ran; ls /"],"WorkingDir":"/../../../.."}'
	run_cove "?" "${none[@]}" localhost/up
	[[ $output != *"/home"* ]]
	make_image localhost/host "{\"Cmd\":[\"$BATS_TEST_FILENAME\"]}"
	run_cove "?" "${none[@]}" localhost/host
	[ "$status" = 127 ] || die "$status $output"
	make_image localhost/self '{"Entrypoint":["/proc/self/exe"],"Cmd":["version"]}'
	COVE_TIMEOUT=10 run_cove "?" "${none[@]}" localhost/self
	[[ $output != *"API Version"* && $output != *cove* || $status != 0 ]] || die "our program ran inside: $output"
}

@test "a set-user-ID program and device nodes of a layer stay in their place" {
	busybox_tree "$T/root"
	cp "$T/root/bin/busybox" "$T/root/bin/suid"
	chmod 6755 "$T/root/bin/suid"
	make_image localhost/suid '{"Cmd":["/bin/sh","-c","ls -l /bin/suid"]}' "$T/root"
	run_cove "${none[@]}" localhost/suid
	like "$output" "-rwsr-sr-x"
	# Its parents keep others out.
	is "$(stat -c %a "$XDG_DATA_HOME/cove")" 700
	printf '%s' "$(python3 - "$T/dev.tar" <<-'END'
		import sys, tarfile
		t = tarfile.open(sys.argv[1], "w")
		for n, kind, mode in (("dev/sda", tarfile.BLKTYPE, 0o666), ("etc/mem", tarfile.CHRTYPE, 0o666), ("fifo", tarfile.FIFOTYPE, 0o666)):
		    i = tarfile.TarInfo(n)
		    i.type, i.mode, i.devmajor, i.devminor = kind, mode, 1, 1
		    t.addfile(i)
		t.close()
	END
	)" || skip "python3 is not installed"
	run_cove "?" import -q "$T/dev.tar" localhost/dev
	[ "$status" -lt 126 ]
	output=$(find "$XDG_DATA_HOME" \( -type b -o -type c \) 2>/dev/null)
	is "$output" "" "device nodes in the store"
}
