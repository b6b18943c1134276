# SPDX-License-Identifier: Apache-2.0
# exec, and what it gives the process.

load runtime

start_sleep() {
	create c1
	run_rt start c1
}

@test "exec runs another process and gives its status" {
	start_sleep
	run_rt exec c1 echo hello
	is "$output" hello output
	run_rt 9 exec c1 sh -c 'exit 9'
	run_rt 137 exec c1 sh -c 'kill -9 $$'
	run_rt 255 exec c1 nope
	like "$output" 'executable file `nope` not found in \$PATH'
	run_rt 255 exec c1
	like "$output" "exec wants a command or --process"
	run_rt 255 exec gone true
	like "$output" "container gone does not exist"
	is "$(echo text | rt exec c1 cat)" text "standard input"
}

@test "exec takes cwd, env, user and no-new-privs" {
	start_sleep
	run_rt exec --cwd /etc --env A=1 -e B=2 c1 sh -c 'pwd; echo $A$B'
	is "$output" $'/etc\n12' output
	run_rt 255 exec --cwd /nowhere c1 true
	like "$output" "/nowhere"
	run_rt exec --user 0:0 c1 id -u
	is "$output" 0 uid
	run_rt 255 exec --user root c1 true
	like "$output" "'root' is no id"
	run_rt exec --no-new-privs c1 grep NoNewPrivs /proc/self/status
	like "$output" "1$"
	run_rt exec --cap CAP_SYS_CHROOT c1 grep CapEff /proc/self/status
	is "$(($((16#${output##*[^0-9a-f]})) >> 18 & 1))" 1 "CAP_SYS_CHROOT"
	run_rt exec c1 grep CapEff /proc/self/status
	is "$(($((16#${output##*[^0-9a-f]})) >> 18 & 1))" 0 "CAP_SYS_CHROOT unasked"
	run_rt 255 exec --cap NOPE c1 true
	like "$output" "unknown capability 'NOPE'"
}

@test "exec --process runs what the file says, --detach and --pid-file" {
	start_sleep
	cat >"$T/process.json" <<-'END'
		{"args": ["sh", "-c", "echo $X; pwd"], "cwd": "/tmp", "env": ["PATH=/bin", "X=7"], "user": {"uid": 0, "gid": 0}}
	END
	run_rt exec --process "$T/process.json" c1
	is "$output" $'7\n/tmp' output
	echo '{"args": 3}' >"$T/process.json"
	run_rt 255 exec -p "$T/process.json" c1
	run_rt 255 exec -p "$T/none" c1
	rt exec --detach --pid-file "$T/pid" c1 sleep 999 </dev/null >/dev/null 2>&1
	is "$(tr '\0' ' ' <"/proc/$(cat "$T/pid")/cmdline")" "sleep 999 " "detached process"
	kill "$(cat "$T/pid")"
}

@test "exec joins all namespaces and the cgroup of the container" {
	start_sleep
	local pid ns
	pid=$(pid_of c1)
	for ns in user mnt pid ipc uts net cgroup; do
		run_rt exec c1 readlink /proc/self/ns/$ns
		is "$output" "$(readlink "/proc/$pid/ns/$ns")" "$ns namespace"
	done
	run_rt exec c1 cat /proc/self/cgroup
	is "$output" "$(rt exec c1 cat /proc/1/cgroup)" cgroup
}

@test "nothing of the caller's reaches exec or run but what is asked for" {
	exec 7<"$B/config.json" 8<"$B/config.json"
	args sh -c 'ls /proc/self/fd | wc -l; ls /proc/1/fd; true'
	run_rt run c1
	is "$output" "$(printf '4\n0\n1\n2')" "descriptors in run"
	args sleep 1000
	start_sleep
	run_rt exec c1 sh -c 'ls /proc/self/fd | sort -n | head -n 3; ls /proc/$$/fd; true'
	is "$output" "$(printf '0\n1\n2\n0\n1\n2')" "descriptors in exec"
	is "$(ls "/proc/$(pid_of c1)/fd" | sort -n | tr '\n' ' ')" "0 1 2 " "descriptors after create and start"
}

@test "--preserve-fds hands descriptors on, and wants them to be there" {
	args sh -c 'cat <&3; cat <&4; for n in 2 3 4 5 6 7 8 9 10 11 12; do [ ! -e /proc/$$/fd/$n ] || echo $n; done'
	run_rt run --preserve-fds 2 c1 3<<<"three" 4<<<"four"
	is "$output" "$(printf 'three\nfour\n2\n3\n4')" descriptors
	args sleep 1000
	start_sleep
	run_rt exec --preserve-fds 1 c1 sh -c 'cat <&3' 3<<<"again"
	is "$output" again descriptor
	run_rt 1 run --preserve-fds 2 c2 3<&- 4<&-
	like "$output" "descriptor [34] is not open"
}

@test "descriptors of systemd's protocol are handed on and announced" {
	args sh -c 'echo $LISTEN_FDS $LISTEN_PID; cat <&3'
	LISTEN_FDS=1 run_rt run c1 3<<<"socket"
	is "$output" "$(printf '1 1\nsocket')" output
	args sh -c 'echo "<$LISTEN_FDS>"'
	LISTEN_FDS=1 LISTEN_PID=1 run_rt run c1 3<<<"socket"
	is "$output" "<>" "meant for somebody else"
}

@test "a terminal: run relays it, create and exec send it over the socket" {
	config 'p["terminal"] = True'
	args sh -c 'tty; stty size 2>/dev/null; exit 4'
	python3 - "$RUNTIME" "$ROOT" <<-'END'
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], [sys.argv[1], "--root", sys.argv[2], "run", "c1"])
		out = b""
		try:
		    while True:
		        out += os.read(fd, 1000)
		except OSError:
		    pass
		_, status = os.waitpid(pid, 0)
		assert os.WEXITSTATUS(status) == 4, status
		assert b"/dev/pts/0" in out or b"/dev/console" in out, out
	END
	run_rt 1 create c1
	like "$output" "needs --console-socket"
	run_rt 1 create --console-socket "$T/none" c1
	like "$output" "$T/none"
	args sh -c 'tty; read x; echo got $x; exec sleep 1000'
	local long
	long=$T/$(printf 'd%.0s' {1..120})
	mkdir "$long"
	cat >"$T/console.py" <<-'END'
		import array, os, socket, subprocess, sys
		runtime, root, path, mode = sys.argv[1:]
		os.chdir(path)
		s = socket.socket(socket.AF_UNIX)
		s.bind("sock")
		s.listen(1)
		if mode == "create":
		    command = ["create", "--bundle", os.environ["B"], "--console-socket", path + "/sock", "c1"]
		else:
		    command = ["exec", "--detach", "--tty", "--console-socket", path + "/sock", "c1", "sh", "-c", "tty; read x; echo got $x"]
		p = subprocess.Popen([runtime, "--root", root] + command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
		c, _ = s.accept()
		fds = array.array("i")
		_, data, _, _ = c.recvmsg(100, socket.CMSG_LEN(4))
		fds.frombytes(data[0][2])
		assert p.wait() == 0
		assert p.stdout.read() == b"" # and its end: nobody holds it open
		if mode == "create":
		    assert subprocess.call([runtime, "--root", root, "start", "c1"]) == 0
		os.write(fds[0], b"word\n")
		out = b""
		while b"got word" not in out:
		    out += os.read(fds[0], 1000)
		assert b"/dev/" in out, out
		os.unlink("sock")
	END
	B=$B timeout 60 python3 "$T/console.py" "$RUNTIME" "$ROOT" "$long" create
	is "$(status_of c1)" running status
	B=$B timeout 60 python3 "$T/console.py" "$RUNTIME" "$ROOT" "$long" exec
}
