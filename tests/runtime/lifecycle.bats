# SPDX-License-Identifier: Apache-2.0
# create, start, state, kill, delete, run, list.

load runtime

@test "create, start, kill, delete, and the state in between" {
	create --pid-file "$T/pid" --bundle "$B" c1
	is "$(status_of c1)" created status
	is "$(cat "$T/pid")" "$(pid_of c1)" "pid file"
	[ ! -e /proc/"$(pid_of c1)"/root/nothing ] || die "no process"
	run_rt start c1
	is "$(status_of c1)" running status
	is "$(tr '\0' ' ' <"/proc/$(pid_of c1)/cmdline")" "/bin/sleep 1000 " program
	run_rt kill c1 KILL
	wait_for 5 has_status c1 stopped
	is "$(pid_of c1)" 0 "pid of a stopped container"
	run_rt delete c1
	run_rt 1 state c1
	like "$output" "container c1 does not exist"
	nothing_left
}

@test "state has what the specification asks for, and the annotations" {
	config 'c["annotations"] = {"org.example.key": "value"}'
	create c1
	run_rt state c1
	python3 - "$output" "$B" <<-'END'
		import json, sys
		s = json.loads(sys.argv[1])
		assert s["ociVersion"].startswith("1."), s
		assert s["id"] == "c1" and s["bundle"] == sys.argv[2] and s["rootfs"] == sys.argv[2] + "/rootfs", s
		assert s["annotations"] == {"org.example.key": "value"}, s
		assert s["created"].endswith("Z"), s
	END
}

@test "run gives the program's exit status and output, and leaves nothing" {
	args sh -c 'echo out; echo err >&2; exit 7'
	run_rt 7 run c1
	is "$(sort <<<"$output")" "$(printf 'err\nout')" output
	args sh -c 'kill -TERM $$; sleep 5'
	config 'l["namespaces"] = [n for n in l["namespaces"] if n["type"] != "pid"]
c["mounts"] = [dict(m, type="none", source="/proc", options=["rbind"]) if m["destination"] == "/proc" else m for m in c["mounts"]]
l["maskedPaths"] = []; l["readonlyPaths"] = []'
	run_rt 143 run c1
	nothing_left
}

@test "run --keep leaves a stopped container, run --detach a running one" {
	args true
	run_rt run --keep c1
	is "$(status_of c1)" stopped status
	run_rt delete c1
	args sleep 1000
	rt run --detach --pid-file "$T/pid" c2 </dev/null >/dev/null 2>&1
	is "$(status_of c2)" running status
	is "$(cat "$T/pid")" "$(pid_of c2)" "pid file"
}

@test "run passes signals on" {
	args sh -c 'trap "echo got; exit 3" USR1; echo ready; while :; do sleep 0.1; done'
	"$RUNTIME" --root "$ROOT" run c1 >"$T/out" 2>&1 &
	local pid=$! status=0
	wait_for 10 grep -q ready "$T/out"
	kill -USR1 $pid
	wait $pid || status=$?
	is $status 3 "exit status"
	like "$(cat "$T/out")" got
}

@test "a program that cannot be executed is told by create, run and start" {
	args nope
	run_rt 1 create c1
	like "$output" 'executable file `nope` not found in \$PATH: No such file or directory'
	run_rt 1 run c1
	like "$output" 'executable file `nope` not found in \$PATH: No such file or directory'
	args /etc
	run_rt 1 create c1
	like "$output" 'execute `/etc`: Permission denied'
	nothing_left
	printf 'no program\n' >rootfs/bin/broken
	chmod 755 rootfs/bin/broken
	args /bin/broken
	create c1
	run_rt 1 start c1
	like "$output" 'execute `/bin/broken`: Exec format error'
	wait_for 5 has_status c1 stopped
	run_rt delete c1
}

@test "an id in use, a second start, a kill of a stopped one, a delete of a running one" {
	create c1
	run_rt 1 create c1
	like "$output" "container with id exists already: c1"
	is "$(status_of c1)" created status
	run_rt start c1
	run_rt 1 start c1
	like "$output" "cannot start container c1 in the running state"
	run_rt 1 delete c1
	like "$output" "not stopped"
	is "$(status_of c1)" running status
	run_rt delete --force c1
	nothing_left
	run_rt delete --force c1
	run_rt 1 delete c1
	create c1
	local pid
	pid=$(pid_of c1)
	run_rt kill c1 9
	wait_for 5 gone "$pid"
	run_rt 1 kill c1 TERM
	like "$output" "container not running"
	run_rt 1 start c1
	like "$output" "in the stopped state"
}

@test "a container that was never started is deleted without force" {
	create c1
	local pid
	pid=$(pid_of c1)
	run_rt delete c1
	gone "$pid" || die "its first process is still there"
	nothing_left
}

@test "a container that waits for its start is not in the process group of its maker" {
	setsid --wait sh -c '"$@"; kill -TERM 0' sh "$RUNTIME" --root "$ROOT" create c1 </dev/null >"$T/create.out" 2>&1 || true
	is "$(status_of c1)" created status
	run_rt start c1
	is "$(status_of c1)" running status
}

@test "names that are no ids, missing arguments, unknown signals and options" {
	local id
	for id in ../x a/b .x "" "a b" "$(printf 'a%.0s' {1..300})"; do
		run_rt 1 create "$id"
		like "$output" "invalid container id"
		run_rt 1 delete "$id"
		run_rt 1 state "$id"
	done
	run_rt 1 create
	like "$output" "create wants CONTAINER"
	run_rt 1 start a b
	create c1
	run_rt 1 kill c1 NOSUCH
	like "$output" "unknown signal 'NOSUCH'"
	run_rt 1 kill --nope c1
	like "$output" "unknown flag: --nope"
	run_rt 1 frobnicate
	like "$output" "there is no verb 'frobnicate'"
}

@test "bundles that are none" {
	run_rt 1 create --bundle "$T/nothing" c1
	like "$output" "enter the bundle $T/nothing: No such file"
	mv config.json good.json
	run_rt 1 create c1
	like "$output" "config.json"
	local text
	for text in '' '{' '[]' 'null' '{}' '{"ociVersion": "9.0"}' '{"ociVersion": 1}' \
		'{"ociVersion": "1.0.2", "process": 3}' '{"ociVersion": "1.0.2", "hooks": {"prestart": [{"path": "x"}]}}'; do
		printf '%s' "$text" >config.json
		run_rt 1 create c1
		[ "$(wc -l <<<"$output")" = 1 ] || die "not one line"
	done
	head -c 100000 /dev/urandom >config.json
	run_rt 1 create c1
	nothing_left
	create --config good.json c1
}

@test "list shows all, as a table, as JSON and as ids" {
	run_rt list -q
	is "$output" "" "empty list"
	create b2
	create a1
	run_rt start a1
	run_rt list -q
	is "$output" "$(printf 'a1\nb2')" ids
	run_rt list
	like "$output" "NAME +PID +STATUS +BUNDLE PATH +CREATED +OWNER"
	like "$output" "a1 +[0-9]+ +running +$B"
	run_rt list --format json
	is "$(python3 -c 'import json, sys; print([(c["id"], c["status"]) for c in json.loads(sys.argv[1])])' "$output")" \
		"[('a1', 'running'), ('b2', 'created')]" list
}

# all_killed OPTION...: the container of these global options.
all_killed() {
	rm -f "$T/out"
	args sh -c 'trap "echo caught" TERM; sleep 1000 & sleep 1001 & echo up; wait; wait; wait; echo down; sleep 1000'
	"$RUNTIME" --root "$ROOT" "$@" run c1 >"$T/out" 2>&1 &
	PIDS+=($!)
	wait_for 10 grep -q up "$T/out"
	run_rt ps -f json c1
	is "$(tr -cd , <<<"$output" | wc -c)" 2 "three processes"
	run_rt kill --all c1 TERM
	wait_for 10 grep -q down "$T/out"
	is "$(status_of c1)" running "the first process ignores it"
	run_rt kill --all c1 KILL
	wait_for 10 test ! -e "$ROOT/c1"
}

@test "kill --all and ps reach every process of the container, with and without a cgroup" {
	all_killed
	all_killed --cgroup-manager disabled
}

@test "pause and resume" {
	create c1
	run_rt start c1
	run_rt ? pause c1
	[ "$status" = 0 ] || {
		like "$output" "freez|frozen" "reason"
		skip "no freezer is within reach of this user"
	}
	is "$(status_of c1)" paused status
	run_rt 1 pause c1
	run_rt 255 exec c1 true
	rt exec --ignore-paused c1 echo later >"$T/later" &
	local later=$!
	run_rt resume c1
	wait $later
	is "$(cat "$T/later")" later "what began while it was paused"
	is "$(status_of c1)" running status
	run_rt 1 resume c1
	run_rt pause c1
	run_rt delete --force c1
	nothing_left
}

@test "update, stats, events and ps" {
	create c1
	run_rt start c1
	run_rt 1 update c1
	like "$output" "at least one limit"
	run_rt 1 update --memory much c1
	like "$output" "--memory: 'much'"
	run_rt 1 update --resources "$T/none" c1
	like "$output" "No such file"
	echo '[]' >"$T/list"
	run_rt 1 update -r "$T/list" c1
	like "$output" "no object"
	run_rt 1 update --kernel-memory 1 c1
	run_rt 1 update --pids-limit 5 nope
	run_rt ? update --pids-limit 100 c1
	[ "$status" = 0 ] || like "$output" "pids|cgroup"
	echo '{"pids": {"limit": 99}}' | rt update --resources - c1 >"$T/out" 2>&1 || like "$(cat "$T/out")" "pids|cgroup"
	run_rt ? stats c1
	if [ "$status" = 0 ]; then
		python3 -c 'import json, sys
s = json.loads(sys.argv[1])
assert s["type"] == "stats" and s["id"] == "c1" and "cpu" in s["data"], s' "$output"
		run_rt events --stats c1
		like "$output" '"type":"stats"'
		rt events --interval 100ms c1 >"$T/events" 2>&1 &
		local pid=$!
		more_lines() {
			[ "$(wc -l <"$T/events")" -ge 3 ]
		}
		wait_for 10 more_lines
		run_rt ps -f json c1
		is "$output" "[$(pid_of c1)]" pids
		run_rt kill c1 KILL
		wait $pid
	fi
	run_rt 1 events --interval 0 c1
	create c2
	run_rt start c2
	run_rt ps c2
	like "$output" "PID"
	like "$output" "/bin/sleep 1000"
	is "$(wc -l <<<"$output")" 2 "lines of ps"
	run_rt ps c2 -o pid,comm
	like "$output" "sleep"
	run_rt 1 ps c2 -o comm
	run_rt 1 ps gone
}

@test "failures are logged as JSON and as text" {
	run_rt 1 --log "$T/log" --log-format json start nope
	is "$(python3 -c 'import json, sys; m = json.loads(open(sys.argv[1]).read()); print(m["level"], m["msg"])' "$T/log")" \
		"error container nope does not exist" log
	is "$output" "container nope does not exist" stderr
	run_rt 1 --log "$T/text" start nope
	like "$(cat "$T/text")" "^[0-9TZ:-]+ \[error\] container nope does not exist$"
	create --bundle "$B" c1
	[ ! -s "$T/create.out" ] || die "create is not silent"
	run_rt 1 --log "$T/no/such/dir" start nope
	like "$output" "open the log"
}

@test "options of both other runtimes are taken where they stand" {
	args true
	run_rt --debug --log "$T/log" --log-format text --rootless=true --cgroup-manager cgroupfs run -b "$B" --no-new-keyring \
		--no-subreaper --preserve-fds 0 c1
	run_rt --cgroup-manager=disabled run --bundle="$B" --no-pivot c1
	run_rt --version
	like "$output" "^cove-runtime version [0-9]"
	like "$output" $'\nspec: 1\.[0-9.]+'
	like "$output" "\+SECCOMP"
	run_rt --help
	like "$output" "create .*exec .*update "
	run_rt exec --help
	like "$output" "--console-socket SOCKET"
}

@test "features and spec are JSON that tools can read" {
	run_rt features
	python3 -c 'import json, sys
f = json.loads(sys.argv[1])
assert "poststop" in f["hooks"] and "user" in f["linux"]["namespaces"] and f["linux"]["seccomp"]["enabled"]
assert {"ro", "rro", "rrw", "ridmap"} <= set(f["mountOptions"])
s = f["linux"]["seccomp"]
assert s["supportedFlags"] and set(s["supportedFlags"]) <= set(s["knownFlags"])
assert "run.oci." in f["potentiallyUnsafeConfigAnnotations"]' "$output"
	mkdir "$T/new"
	run_rt spec --bundle "$T/new"
	python3 -c 'import json, sys
c = json.load(open(sys.argv[1]))
assert c["process"]["args"] == ["sh"] and not any(n["type"] == "user" for n in c["linux"]["namespaces"])' "$T/new/config.json"
	run_rt 1 spec --bundle "$T/new"
	like "$output" "File exists"
}
