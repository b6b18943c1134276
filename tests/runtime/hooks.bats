# SPDX-License-Identifier: Apache-2.0
# Hooks of all kinds: when, where, with what, and what a failure does.

load runtime

# hook KIND COMMAND: add a hook that runs sh -c COMMAND.
hook() {
	config "c.setdefault('hooks', {}).setdefault('$1', []).append(
		{'path': '${3:-/bin/sh}', 'args': ['sh', '-c', $(python3 -c 'import sys; print(repr(sys.argv[1]))' "$2")], 'env': ['PATH=/usr/bin:/bin', 'OUT=$T']})"
}

@test "hooks run in their order, with the state on standard input" {
	mkdir -p rootfs/hooks && chmod 777 rootfs/hooks
	local kind
	for kind in prestart createRuntime createContainer; do
		hook $kind "echo $kind >>\$OUT/order; cat >\$OUT/$kind"
	done
	hook startContainer 'echo startContainer >>/hooks/order; cat >/hooks/startContainer; readlink /proc/self/ns/mnt >/hooks/mnt'
	hook poststart 'echo poststart >>$OUT/order; cat >$OUT/poststart'
	hook poststop 'echo poststop >>$OUT/order; cat >$OUT/poststop'
	config 'c["annotations"] = {"a": "b"}'
	create c1
	local pid
	pid=$(pid_of c1)
	is "$(cat "$T/order")" $'prestart\ncreateRuntime\ncreateContainer' "before start"
	[ ! -e rootfs/hooks/order ] || die "startContainer ran too early"
	run_rt start c1
	is "$(cat rootfs/hooks/order)" startContainer "startContainer"
	is "$(tail -n 1 "$T/order")" poststart "poststart"
	is "$(cat rootfs/hooks/mnt)" "$(readlink "/proc/$pid/ns/mnt")" "namespace of startContainer"
	run_rt delete --force c1
	is "$(tail -n 1 "$T/order")" poststop "poststop"
	python3 - "$T" "$B" "$pid" <<-'END'
		import json, sys
		out, bundle, pid = sys.argv[1:]
		want = {"prestart": "created", "createRuntime": "creating", "createContainer": "creating", "poststart": "running",
			"poststop": "stopped"}
		files = [(k, out + "/" + k) for k in want] + [("startContainer", bundle + "/rootfs/hooks/startContainer")]
		want["startContainer"] = "created"
		for kind, path in files:
		    s = json.load(open(path))
		    assert s["status"] == want[kind], (kind, s)
		    assert s["id"] == "c1" and s["bundle"] == bundle and s["annotations"] == {"a": "b"}, (kind, s)
		    assert s["pid"] == int(pid), (kind, s)
	END
}

@test "prestart and createRuntime are outside, createContainer is inside before the root changes" {
	hook createRuntime 'readlink /proc/self/ns/mnt /proc/self/ns/pid >$OUT/runtime'
	hook createContainer 'readlink /proc/self/ns/mnt /proc/self/ns/uts >$OUT/container'
	create c1
	run_rt start c1
	is "$(cat "$T/runtime")" "$(readlink /proc/self/ns/mnt /proc/self/ns/pid)" "namespaces of createRuntime"
	is "$(cat "$T/container")" "$(readlink "/proc/$(pid_of c1)/ns/mnt" "/proc/$(pid_of c1)/ns/uts")" "namespaces of createContainer"
}

@test "a hook that fails before the program stops the container and is named" {
	local kind
	cp config.json plain.json
	for kind in prestart createRuntime createContainer; do
		cp plain.json config.json
		hook $kind 'echo something is wrong >&2; exit 3'
		hook poststop 'echo ran >>$OUT/poststop'
		run_rt 1 create c1
		like "$output" "$kind hook 0 \(/bin/sh\): exit status 3: something is wrong"
		nothing_left
	done
	is "$(cat "$T/poststop")" $'ran\nran\nran' "poststop hooks after a failure"
	cp plain.json config.json
	hook startContainer 'exit 4'
	run_rt 1 run c1
	like "$output" "startContainer hook 0 \(/bin/sh\): exit status 4"
	nothing_left
	create c1
	run_rt 1 start c1
	like "$output" "startContainer hook 0"
	wait_for 5 has_status c1 stopped
}

@test "a hook that is not there, is killed, or takes too long" {
	cp config.json plain.json
	config 'c["hooks"] = {"createRuntime": [{"path": "/no/such/hook"}]}'
	run_rt 1 create c1
	like "$output" "createRuntime hook 0 \(/no/such/hook\): .*No such file"
	cp plain.json config.json
	hook prestart 'kill -9 $$'
	run_rt 1 create c1
	like "$output" "prestart hook 0 .*killed by signal 9"
	cp plain.json config.json
	config 'c["hooks"] = {"createContainer": [{"path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1}]}'
	run_rt 1 create c1
	like "$output" "createContainer hook 0 \(/bin/sleep\): not done after 1 s"
	nothing_left
	for t in 0 -1 '"x"'; do
		cp plain.json config.json
		config "c['hooks'] = {'prestart': [{'path': '/bin/true', 'timeout': $t}]}"
		run_rt 1 create c1
		like "$output" "timeout must be greater than zero"
	done
}

@test "poststart and poststop failures are warnings" {
	hook poststart 'exit 1'
	hook poststop 'exit 2'
	args sh -c 'echo runs; exit 5'
	run_rt 5 run c1
	like "$output" runs
	like "$output" "warning: poststart hook 0"
	like "$output" "warning: poststop hook 0"
	nothing_left
}

@test "a hook's environment is what its entry says" {
	config "c['hooks'] = {'prestart': [{'path': '/bin/sh', 'args': ['sh', '-c', 'env >$T/env'], 'env': ['ONLY=this']}]}"
	SECRET=1 create c1
	like "$(cat "$T/env")" "ONLY=this"
	! grep -q SECRET "$T/env" || die "the caller's environment is in it"
}

@test "annotations say where the output of hooks goes" {
	local kind
	for kind in prestart createRuntime createContainer startContainer poststart poststop; do
		hook $kind "echo out $kind; echo err $kind >&2"
	done
	echo before >"$T/hooks.out"
	config "c['annotations'] = {'run.oci.hooks.stdout': '$T/hooks.out', 'run.oci.hooks.stderr': '$T/hooks.err'}"
	create c1
	run_rt start c1
	run_rt delete --force c1
	is "$(cat "$T/hooks.out")" "$(printf '%s\n' before "out "{prestart,createRuntime,createContainer,startContainer,poststart,poststop})" stdout
	is "$(cat "$T/hooks.err")" "$(printf 'err %s\n' prestart createRuntime createContainer startContainer poststart poststop)" stderr
	config "c['annotations'] = {'run.oci.hooks.stdout': 'x'}"
	run_rt 1 create c2
	like "$output" "run.oci.hooks.stdout 'x' is not absolute"
	config "c['annotations'] = {'run.oci.hooks.stderr': '/nowhere/x'}"
	run_rt 1 create c2
	like "$output" "open /nowhere/x of run.oci.hooks.stderr: No such file"
	nothing_left
}

@test "one file for the output is enough, and what failed is still told" {
	hook prestart 'echo out; echo reason >&2; exit 3'
	config "c['annotations'] = {'run.oci.hooks.stdout': '$T/hooks.out'}"
	run_rt 1 create c1
	like "$output" "prestart hook 0 .*exit status 3: reason"
	is "$(cat "$T/hooks.out")" out
	nothing_left
}
