# SPDX-License-Identifier: Apache-2.0
# Many at once, and commands that are killed in the middle.

load runtime

@test "100 containers at the same time: none is lost, nothing is left" {
	local i
	cat >"$T/one" <<-'END'
		set -e
		"$1" --root "$2" create --bundle "$3" "c$4" </dev/null >/dev/null
		"$1" --root "$2" start "c$4"
		"$1" --root "$2" kill "c$4" KILL
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			"$1" --root "$2" state "c$4" | grep -q '"stopped"' && break
			sleep 0.1
		done
		"$1" --root "$2" delete "c$4"
		echo "done $4"
	END
	for i in {1..100}; do echo "$i"; done |
		timeout 200 xargs -P 100 -I{} bash "$T/one" "$RUNTIME" "$ROOT" "$B" {} >"$T/log" 2>&1 || die "$(cat "$T/log")"
	is "$(grep -c "^done " "$T/log")" 100 containers
	nothing_left
}

@test "create killed at any moment leaves what delete --force removes" {
	local i d
	config 'c["hooks"] = {"createRuntime": [{"path": "/bin/sleep", "args": ["sleep", "0.02"]}]}'
	for i in {1..40}; do
		d=$(printf '0.%03d' $((i * 2)))
		timeout -s KILL "$d" "$RUNTIME" --root "$ROOT" create --bundle "$B" "${R##*.}-$i" </dev/null >/dev/null 2>&1 || true
		run_rt delete --force "${R##*.}-$i"
	done
	nothing_left
	# Whatever its state was, no process of it is left: a first process that waits has our command line.
	no_process() {
		! pgrep -f -- "--root $ROOT" >/dev/null
	}
	wait_for 10 no_process
	is "$(find "/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)" -maxdepth 1 -name "cove-${R##*.}-*" 2>/dev/null)" "" "cgroups left"
}

@test "a cgroup that nobody has noted goes with its container" {
	local own
	own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	mkdir "$own/cove-c1" 2>/dev/null || skip "no cgroup is delegated to this user"
	mkdir -p "$ROOT/c1"
	cp config.json "$ROOT/c1/"
	run_rt delete --force c1
	[ ! -e "$own/cove-c1" ] || die "the cgroup is still there"
	nothing_left
}

@test "start killed in the middle leaves a container that can be deleted" {
	config 'c["hooks"] = {"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}'
	create c1
	timeout -s KILL 0.3 "$RUNTIME" --root "$ROOT" start c1 || true
	run_rt delete --force c1
	nothing_left
}

@test "delete --force does not wait for a start that hangs" {
	config 'c["hooks"] = {"startContainer": [{"path": "/bin/sleep", "args": ["sleep", "1000"]}]}'
	create c1
	rt start c1 >"$T/out" 2>&1 &
	local pid=$! status=0
	wait_for 5 has_status c1 running
	run_rt delete --force c1
	wait $pid || status=$?
	is $status 1 "exit status of start"
	nothing_left
}

@test "a start that dies before it says anything ends the container" {
	create c1
	python3 - "$ROOT/c1" <<-'END'
		import os, socket, sys
		os.chdir(sys.argv[1])
		s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		s.connect("start")
	END
	wait_for 5 has_status c1 stopped
	run_rt delete c1
}

@test "a damaged state is an error, and delete --force still works on the others" {
	create c1
	create c2
	local pid
	pid=$(pid_of c1)
	echo '{"id": 3}' >"$ROOT/c1/state.json"
	run_rt 1 state c1
	like "$output" "container c1"
	run_rt list -q
	is "$output" c2 list
	run_rt delete --force c2
	kill -9 "$pid"
	rm -rf "${ROOT:?}/c1"
}

@test "a pid that is another process by now is not believed" {
	create c1
	local pid
	pid=$(pid_of c1)
	kill -9 "$pid"
	sleep 1000 &
	PIDS+=($!)
	python3 - "$ROOT/c1/state.json" $! <<-'END'
		import json, sys
		s = json.load(open(sys.argv[1]))
		s["pid"] = int(sys.argv[2])
		json.dump(s, open(sys.argv[1], "w"))
	END
	is "$(status_of c1)" stopped status
	run_rt 1 kill c1 KILL
	run_rt delete --force c1
	kill -0 "${PIDS[-1]}" || die "a stranger was killed"
}
