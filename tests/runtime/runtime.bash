# SPDX-License-Identifier: Apache-2.0
# Sourced by the tests of cove-runtime ("load runtime"): a bundle and a state directory of their own.

# shellcheck source=tests/setup.bash
source "$BATS_TEST_DIRNAME/../setup.bash"
RUNTIME=$COVE_BUILD/cove-runtime

# Ids of containers of this test, removed at its end.
setup() {
	cove_setup
	need python3
	unshare --user true 2>/dev/null || skip "user namespaces are not allowed here"
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	B=$T/bundle ROOT=$R/state
	make_bundle "$B"
	cd "$B" || return
}

teardown() {
	local id
	for id in $(rt list -q 2>/dev/null); do
		rt delete --force "$id" >/dev/null 2>&1 || true
	done
	cd /
	cove_teardown
}

# make_bundle DIR: rootfs with busybox, config.json that the caller can run, its program /bin/sleep 1000.
make_bundle() {
	local d
	mkdir -p "$1"/rootfs/{bin,dev,etc,proc,sys,tmp,root}
	cp "${BUSYBOX:-/bin/busybox}" "$1/rootfs/bin/busybox"
	for d in sh sleep cat echo id ls true false env readlink stat tty kill head wc pwd grep sort touch mkdir; do
		ln -sf busybox "$1/rootfs/bin/$d"
	done
	(cd "$1" && "$RUNTIME" spec --rootless)
	cd "$1" && config 'p["terminal"]=False; p["args"]=["/bin/sleep","1000"]; c["root"]["readonly"]=False'
}

# config STATEMENTS: change config.json of the bundle in the working directory; c is the document, p its process, l its
# linux object.
config() {
	python3 -c 'import json, sys
c = json.load(open("config.json"))
p, l = c["process"], c["linux"]
exec(sys.argv[1])
json.dump(c, open("config.json", "w"))' "$1"
}

# args COMMAND...: what the container's first process executes.
args() {
	config "p['args'] = $(python3 -c 'import sys; print(repr(sys.argv[1:]))' "$@")"
}

# rt ARG...: the program under test, never hanging.
rt() {
	timeout --kill-after=5 60 "$RUNTIME" --root "$ROOT" "$@"
}

# run_rt [STATUS] ARG...: as run_cove.
run_rt() {
	local expected=0
	case ${1-} in
	[0-9] | [0-9][0-9] | [0-9][0-9][0-9] | \?)
		expected=$1
		shift
		;;
	esac
	status=0
	output=$(rt "$@" 2>&1) || status=$?
	printf '$ cove-runtime %s\n%s\n' "$*" "$output"
	[ "$expected" = "?" ] || [ "$status" = "$expected" ] || die "exit status $status, not $expected"
}

# create ARG...: rt create with streams of its own, which the container keeps.
create() {
	rt create "$@" </dev/null >"$T/create.out" 2>&1 || {
		cat "$T/create.out"
		return 1
	}
}

# status_of ID
status_of() {
	rt state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["status"])'
}

# pid_of ID
pid_of() {
	rt state "$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["pid"])'
}

# has_status ID STATUS
has_status() {
	[ "$(status_of "$1")" = "$2" ]
}

# gone PID: no such process, or only what is left of it for its parent.
gone() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.*[ZX]' "/proc/$1/status" 2>/dev/null
}

# nothing_left: no state directory of a container.
nothing_left() {
	is "$(ls "$ROOT" 2>/dev/null)" "" "state directories left"
}
