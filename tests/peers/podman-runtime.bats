# SPDX-License-Identifier: Apache-2.0
# podman with cove-runtime as its runtime gives what it gives with crun: each test runs the same commands with both and
# compares what they print and their exit statuses.

load ../setup

setup() {
	cove_setup
	need podman crun conmon
	need_userns
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	RUNTIMES=("$(command -v crun)" "$COVE_BUILD/cove-runtime")
	TAR=$(test_file docker-archive)
	pod "${RUNTIMES[0]}" load -q -i "$TAR" >/dev/null 2>&1 || skip "podman does not work here"
	pod "${RUNTIMES[0]}" run --rm "$IMAGE" true >/dev/null 2>&1 || skip "podman with crun does not run containers here"
}

teardown() {
	if [ -n "${RUNTIMES-}" ]; then
		pod "${RUNTIMES[1]}" rm -fa -t 0 >/dev/null 2>&1 || true
		podman unshare rm -rf "$T/podman" 2>/dev/null || true
	fi
	cove_teardown
}

# pod RUNTIME ARG...: podman with that runtime.
pod() {
	local runtime=$1
	shift
	timeout --kill-after=5 60 podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs --cgroup-manager cgroupfs \
		--events-backend file --runtime "$runtime" "$@"
}

# same SCRIPT: run it with each runtime ("p" is podman) and compare output and status of every line that says so.
same() {
	local i out=()
	for i in 0 1; do
		out[i]=$(
			p() {
				local status=0
				pod "${RUNTIMES[i]}" "$@" 2>&1 || status=$?
				echo "[$status]"
			}
			eval "$1" 2>&1
			pod "${RUNTIMES[i]}" rm -fa -t 0 >/dev/null 2>&1
		)
		# Ids, times and the runtime's own name differ.
		out[i]=$(sed -E 's/[0-9a-f]{64}/ID/g; s#/[^ ]*/(crun|cove-runtime)#RUNTIME#g; s/\b(crun|cove-runtime): //g' <<<"${out[i]}")
	done
	is "${out[1]}" "${out[0]}" "output (first cove-runtime's, then crun's)"
	printf '%s\n' "${out[1]}"
}

@test "run: output, exit statuses, what cannot be executed" {
	same '
		p run --rm '"$IMAGE"' echo hi
		p run --rm '"$IMAGE"' sh -c "exit 7"
		p run --rm '"$IMAGE"' sh -c "kill -9 \$\$"
		p run --rm -u 5:6 -w /tmp -e A=b '"$IMAGE"' sh -c "id -u; id -g; pwd; echo \$A"
		p run --rm --read-only '"$IMAGE"' touch /x
		p run --rm -t '"$IMAGE"' tty
		echo text | p run --rm -i '"$IMAGE"' cat
		p run --rm '"$IMAGE"' nope | grep -oi "^\[127\]\|no such file" | sort -u
		p run --rm '"$IMAGE"' /etc | grep -o "^\[126\]\|ermission denied" | sort -u
		p run --rm -w /nowhere/at/all '"$IMAGE"' true | tail -n 1'
}

@test "run: what the process has" {
	same '
		p run --rm '"$IMAGE"' sh -c "grep -E \"^(Cap|Seccomp|NoNewPrivs|Groups)\" /proc/self/status"
		p run --rm --privileged '"$IMAGE"' sh -c "grep -E \"^(Cap|Seccomp:|NoNewPrivs)\" /proc/self/status"
		p run --rm --cap-drop all --cap-add net_bind_service '"$IMAGE"' sh -c "grep -E \"^Cap\" /proc/self/status"
		p run --rm -u 1000 '"$IMAGE"' sh -c "grep -E \"^(Cap|Uid|Gid)\" /proc/self/status"
		p run --rm --security-opt no-new-privileges '"$IMAGE"' grep NoNewPrivs /proc/self/status
		p run --rm --ulimit nofile=100:200 '"$IMAGE"' sh -c "ulimit -n; ulimit -Hn"
		p run --rm --hostname myhost '"$IMAGE"' hostname
		p run --rm --sysctl net.ipv4.ip_unprivileged_port_start=81 '"$IMAGE"' cat /proc/sys/net/ipv4/ip_unprivileged_port_start
		p run --rm '"$IMAGE"' sh -c "cat /proc/self/uid_map | wc -l; ls /proc/self/fd | wc -l"
		p run --rm '"$IMAGE"' sh -c "ls /dev | sort"
		p run --rm '"$IMAGE"' sh -c "cut -d\" \" -f 2,3 /proc/mounts | sort"'
}

@test "run: mounts, namespaces, init" {
	mkdir "$T/dir"
	echo content >"$T/dir/file"
	same '
		p run --rm -v '"$T"'/dir:/mnt '"$IMAGE"' cat /mnt/file
		p run --rm -v '"$T"'/dir:/mnt:ro '"$IMAGE"' touch /mnt/x
		p run --rm --tmpfs /scratch:size=1m,mode=700 '"$IMAGE"' sh -c "stat -c %a /scratch; grep -c /scratch /proc/mounts"
		p run --rm --network host --pid host --ipc host --uts host '"$IMAGE"' sh -c "readlink /proc/self/ns/net /proc/self/ns/uts"
		p run --rm --userns keep-id '"$IMAGE"' sh -c "id -u; cat /proc/self/uid_map | wc -l"
		p run --rm --shm-size 1m '"$IMAGE"' sh -c "df -k /dev/shm | tail -n 1 | tr -s \" \" | cut -d\" \" -f 2"'
}

@test "exec" {
	same '
		p run -d --name c '"$IMAGE"' sleep 1000 >/dev/null
		p exec c echo in
		p exec -u 5:6 -w /tmp -e A=b c sh -c "id -u; id -g; pwd; echo \$A"
		p exec c sh -c "exit 9"
		p exec -t c sh -c "tty | cut -c 1-8"
		echo text | p exec -i c cat
		p exec c sh -c "grep -E \"^(Cap|Seccomp:|NoNewPrivs)\" /proc/self/status"
		p exec --privileged c sh -c "grep -E \"^(Cap|NoNewPrivs)\" /proc/self/status"
		p exec c nope | grep -o "^\[127\]\|not found" | sort -u
		p exec -d c sleep 999 | sed "s/[0-9a-f]*//g"
		p exec c sh -c "ls /proc/self/fd | wc -l"
		p exec nosuch true | tail -n 1'
}

@test "a container's life: create, start, pause, kill, stop, wait, restart, logs, rm" {
	same '
		p create --name c '"$IMAGE"' sh -c "echo started; sleep 1000"
		p inspect --format "{{.State.Status}}" c
		p start c
		p inspect --format "{{.State.Status}} {{.State.Running}}" c
		p top c args
		p kill -s USR1 c
		p kill c
		p wait c
		p inspect --format "{{.State.Status}} {{.State.ExitCode}}" c
		p restart -t 0 c
		p stop -t 0 c
		p logs c
		p rm c
		p rm c | tail -n 1
		p run -d --name d '"$IMAGE"' sleep 1000
		p rm -f -t 0 d'
}

@test "pods share namespaces" {
	timeout 60 podman --root "$T/podman" image exists localhost/podman-pause 2>/dev/null || true
	same '
		p pod create --infra=false --name pod
		p run -d --pod pod --name a '"$IMAGE"' sleep 1000
		p run --rm --pod pod '"$IMAGE"' echo in
		p run --rm --network container:a --ipc container:a '"$IMAGE"' sh -c "ls /sys/class/net | sort"
		p pod rm -f -t 0 pod | tail -n 1'
}

@test "stats and update" {
	same '
		p run -d --name c '"$IMAGE"' sleep 1000 >/dev/null
		p stats --no-stream --format "{{.Name}}" c | tail -n 2
		p update --pids-limit 50 c | tail -n 1 | cut -c 1-3'
}

@test "pause and unpause, which crun does not do for users without systemd" {
	local p=${RUNTIMES[1]}
	pod "$p" run -d --name c "$IMAGE" sleep 1000 >/dev/null
	pod "$p" pause c || skip "no cgroup is delegated to this user"
	is "$(pod "$p" inspect --format '{{.State.Status}}' c)" paused status
	pod "$p" unpause c
	is "$(pod "$p" inspect --format '{{.State.Status}}' c)" running status
}
