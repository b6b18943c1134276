# SPDX-License-Identifier: Apache-2.0
# linux.seccomp of config.json, for the first process and for exec, and the agent that decides over system calls.

load runtime

# profile RULES: a linux.seccomp that allows everything but what they say.
profile() {
	config "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'], 'syscalls': $1}"
}

@test "a profile holds for run and for exec" {
	profile "[{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 95}]"
	args sh -c 'mkdir /tmp/x; grep Seccomp: /proc/self/status'
	run_rt run c1
	like "$output" "mkdir: .*Operation not supported"
	like "$output" "Seccomp:.*2"
	# By the cache the second time.
	run_rt run c1
	like "$output" "mkdir: .*Operation not supported"
	args sleep 1000
	create c1
	run_rt start c1
	run_rt 1 exec c1 mkdir /tmp/x
	like "$output" "Operation not supported"
	run_rt exec c1 grep Seccomp: /proc/self/status
	like "$output" "Seccomp:.*2"
}

@test "a profile that is none stops the container" {
	local bad
	for bad in "{'defaultAction': 'SCMP_ACT_NOPE'}" "{}" "{'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': 3}" \
		"{'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_NOPE']}"; do
		config "l['seccomp'] = $bad"
		run_rt 1 run c1
		like "$output" seccomp
	done
	profile "[{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]"
	run_rt 1 run c1
	like "$output" "listenerPath"
	nothing_left
}

@test "the agent gets the listener and the state, and decides" {
	profile "[{'names': ['mkdir', 'mkdirat'], 'action': 'SCMP_ACT_NOTIFY'}]"
	config "l['seccomp']['listenerPath'] = '$R/agent'; l['seccomp']['listenerMetadata'] = 'meta'"
	args sh -c 'mkdir /tmp/x'
	run_rt 1 run c1
	like "$output" "seccomp agent: open socket $R/agent: No such file"
	cat >"$T/agent.py" <<-'END'
		import array, fcntl, json, socket, struct, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen(1)
		print("ready", flush=True)
		c, _ = s.accept()
		fds = array.array("i")
		data, anc, _, _ = c.recvmsg(100000, socket.CMSG_LEN(4))
		fds.frombytes(anc[0][2])
		state = json.loads(data)
		assert state["fds"] == ["seccompFd"] and state.get("metadata") == (sys.argv[3] or None) and state["pid"] > 0, state
		assert state["state"]["id"] == "c1" and state["state"]["bundle"] == sys.argv[2], state
		buf = bytearray(80)
		fcntl.ioctl(fds[0], 0xc0502100, buf) # SECCOMP_IOCTL_NOTIF_RECV
		ident, pid = struct.unpack_from("QI", buf)
		fcntl.ioctl(fds[0], 0xc0182101, struct.pack("QqiI", ident, 0, -122, 0)) # SECCOMP_IOCTL_NOTIF_SEND, EDQUOT
		print("answered", flush=True)
	END
	timeout 30 python3 "$T/agent.py" "$R/agent" "$B" meta >"$T/agent" 2>&1 &
	PIDS+=($!)
	wait_for 10 grep -q ready "$T/agent"
	run_rt 1 run c1
	like "$output" "Disk quota exceeded"
	like "$(cat "$T/agent")" answered
	# By crun's annotation, too, and by its variable.
	config "del l['seccomp']['listenerPath'], l['seccomp']['listenerMetadata']"
	timeout 30 python3 "$T/agent.py" "$R/receiver" "$B" "" >"$T/receiver" 2>&1 &
	PIDS+=($!)
	wait_for 10 grep -q ready "$T/receiver"
	RUN_OCI_SECCOMP_RECEIVER=$R/receiver run_rt 1 run c1
	like "$(cat "$T/receiver")" answered
	config "c['annotations'] = {'run.oci.seccomp.receiver': '$R/receiver2'}"
	timeout 30 python3 "$T/agent.py" "$R/receiver2" "$B" "" >"$T/receiver2" 2>&1 &
	PIDS+=($!)
	wait_for 10 grep -q ready "$T/receiver2"
	run_rt 1 run c1
	like "$output" "Disk quota exceeded"
	like "$(cat "$T/receiver2")" answered
}
