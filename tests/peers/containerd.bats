# SPDX-License-Identifier: Apache-2.0
# containerd with cove-runtime in the place of runc.  Needs root: COVE_TEST_AS_ROOT=1 bats tests/peers/containerd.bats

load ../setup

IMAGE=docker.io/library/busybox:latest

setup() {
	[ "$(id -u)" = 0 ] || skip "containerd needs root: COVE_TEST_AS_ROOT=1 bats tests/peers/containerd.bats"
	export COVE_TEST_AS_ROOT=1
	cove_setup
	need containerd ctr python3
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	cat >"$T/config.toml" <<-END
		version = 2
		root = "$T/root"
		state = "$R/state"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		  address = "$R/sock"
		[ttrpc]
		  address = "$R/ttrpc"
	END
	containerd -c "$T/config.toml" >"$T/log" 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 ctr -a "$R/sock" version || skip "containerd does not run here: $(tail -n 1 "$T/log")"
	"$MKIMAGE" docker-archive "$BATS_FILE_TMPDIR/ctr.tar" "$IMAGE"
	c image import --snapshotter native "$BATS_FILE_TMPDIR/ctr.tar" >/dev/null
}

teardown() {
	local id
	if [ -n "${T-}" ] && [ -e "$R/sock" ]; then
		for id in $(c container ls -q); do
			c task kill -s KILL "$id" || true
			wait_for 5 stopped "$id" || true
			c task rm -f "$id" || true
			c container rm "$id" || true
		done >/dev/null 2>&1
	fi
	cove_teardown
}

# c ARG...: ctr of this containerd.
c() {
	timeout --kill-after=5 60 ctr -a "$R/sock" "$@" 3>&-
}

# run_c [STATUS] ARG...: as run_cove.
run_c() {
	local expected=0
	case ${1-} in
	[0-9] | [0-9][0-9] | [0-9][0-9][0-9])
		expected=$1
		shift
		;;
	esac
	status=0
	output=$(c "$@" 2>&1) || status=$?
	printf '$ ctr %s\n%s\n' "$*" "$output"
	[ "$status" = "$expected" ] || die "exit status $status, not $expected"
}

# start OPTION... ID COMMAND...: through cove-runtime.
ctr_run() {
	c run --snapshotter native --runc-binary "$COVE_BUILD/cove-runtime" "$@"
}

stopped() {
	c task ls | grep -q "^$1 .*STOPPED"
}

@test "ctr run: output, status, failure" {
	is "$(ctr_run --rm "$IMAGE" c1 echo hi)" hi output
	local status=0
	ctr_run --rm "$IMAGE" c2 sh -c 'exit 5' || status=$?
	is $status 5 "exit status"
	status=0
	ctr_run --rm "$IMAGE" c3 nope >"$T/out" 2>&1 || status=$?
	is $status 1 "exit status"
	like "$(cat "$T/out")" 'executable file `nope` not found'
	ctr_run --rm --memory-limit 50000000 "$IMAGE" c4 true
	is "$(ctr_run --rm --env A=b --cwd /tmp "$IMAGE" c5 sh -c 'echo $A; pwd')" $'b\n/tmp' output
}

@test "ctr task: exec, ps, pause, resume, metrics, kill, rm" {
	ctr_run -d "$IMAGE" c1 sleep 1000
	run_c task ls
	like "$output" "c1 +[0-9]+ +RUNNING"
	run_c 4 task exec --exec-id x1 c1 sh -c 'echo in; exit 4'
	like "$output" in
	run_c 1 task exec --exec-id x2 c1 nope
	like "$output" 'executable file `nope` not found'
	run_c task ps c1
	like "$output" "[0-9]+ +-"
	run_c task metrics c1
	run_c task pause c1
	run_c task ls
	like "$output" "PAUSED"
	run_c task resume c1
	run_c task ls
	like "$output" "RUNNING"
	run_c task kill -s KILL c1
	wait_for 10 stopped c1
	c task rm c1 || true # its status is that of the program
	run_c container rm c1
	run_c task ls
	! grep -q c1 <<<"$output" || die "the task is still there"
}

@test "ctr run -t and task exec -t have a terminal" {
	cat >"$T/terminal.py" <<-'END'
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[1], sys.argv[1:])
		out = b""
		try:
		    while True:
		        out += os.read(fd, 1000)
		except OSError:
		    pass
		assert b"/dev/" in out, out
		sys.exit(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))
	END
	local status=0
	timeout 30 python3 "$T/terminal.py" ctr -a "$R/sock" run --rm -t --snapshotter native --runc-binary "$COVE_BUILD/cove-runtime" \
		"$IMAGE" c1 sh -c 'tty; exit 3' || status=$?
	is $status 3 "exit status"
	ctr_run -d "$IMAGE" c2 sleep 1000
	status=0
	timeout 30 python3 "$T/terminal.py" ctr -a "$R/sock" task exec -t --exec-id x1 c2 sh -c 'tty; exit 4' || status=$?
	is $status 4 "exit status"
}
