# SPDX-License-Identifier: Apache-2.0
# What only shows when real root runs cove-runtime: COVE_TEST_AS_ROOT=1 bats tests/runtime/root.bats

load runtime

setup() {
	[ "$(id -u)" = 0 ] || skip "this is about root: COVE_TEST_AS_ROOT=1 bats tests/runtime/root.bats"
	export COVE_TEST_AS_ROOT=1
	cove_setup
	need python3
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	B=$T/bundle ROOT=$R/state
	make_bundle "$B"
	rm config.json
	"$RUNTIME" spec
	config 'p["terminal"]=False; p["args"]=["/bin/true"]; c["root"]["readonly"]=False'
}

@test "the host's devices stay the host's when they are a user's standard streams" {
	local before
	before=$(stat -c '%u %g %a' /dev/null)
	config 'p["user"] = {"uid": 10, "gid": 11}'
	args sh -c 'id -u; exit 3'
	local status=0
	rt run c1 </dev/null >/dev/null 2>&1 || status=$?
	is $status 3 "exit status"
	is "$(stat -c '%u %g %a' /dev/null)" "$before" "owner and mode of /dev/null"
}

@test "devices are made, /dev/ptmx is the container's own" {
	config 'l["devices"] = [{"path": "/dev/extra", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "uid": 7, "gid": 8},
		{"path": "/dev/ptmx", "type": "c", "major": 5, "minor": 2}]'
	args sh -c 'stat -c "%t:%T %a %u %g" /dev/extra; readlink /dev/ptmx'
	run_rt run c1
	is "$output" $'1:3 640 7 8\npts/ptmx' devices
}
