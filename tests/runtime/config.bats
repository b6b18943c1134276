# SPDX-License-Identifier: Apache-2.0
# config.json, member by member: what is asked for is there, and what cannot be had is an error that says so.

load runtime

# mount_line TARGET: its line of the container's mountinfo, from the last output.
mount_line() {
	grep " $1 " <<<"$output" || die "no mount on $1"
}

# inside COMMAND: run it in the container by its shell; the output is in $output.
inside() {
	args sh -c "$1; true"
	run_rt run "c$RANDOM"
}

# mounts LIST: add to the mounts of the config.
mounts() {
	config "c['mounts'] += $1"
}

@test "mount options: flags, propagation, data" {
	mkdir src
	mounts "[{'destination':'/a','type':'tmpfs','source':'t','options':['nosuid','noexec','nodev','noatime','size=64k','mode=700']},
		{'destination':'/b','source':'$PWD/src','options':['bind','ro','nosymfollow','shared']},
		{'destination':'/c','source':'$PWD/src','options':['rbind','rslave','noexec']},
		{'destination':'/d','source':'$PWD/src','options':['bind','unbindable']},
		{'destination':'/e','type':'tmpfs','source':'t','options':['ro','sync','shared']}]"
	inside 'cat /proc/self/mountinfo; stat -c %a /a; touch /b/x'
	like "$(mount_line /a)" "rw,nosuid,nodev,noexec,noatime - tmpfs t rw.*size=64k"
	like "$(mount_line /b)" " ro,.*nosymfollow.* shared:"
	like "$(mount_line /c)" "noexec"
	[[ $(mount_line /c) != *shared* ]] || die "/c is shared"
	like "$(mount_line /d)" "unbindable"
	like "$(mount_line /e)" " ro.* shared:.* - tmpfs t .*sync"
	like "$output" $'\n700\n'
	like "$output" "Read-only file system"
}

@test "recursive attributes hold for the mounts below, the plain ones do not" {
	mkdir -p src/below
	cat >setup.sh <<-END
		mount -t tmpfs below "$PWD/src/below" && exec "\$@"
	END
	config "l['namespaces'] = [n for n in l['namespaces'] if n['type'] != 'user']"
	mounts "[{'destination':'/plain','source':'$PWD/src','options':['rbind','ro']},
		{'destination':'/deep','source':'$PWD/src','options':['rbind','rro','rnoexec']},
		{'destination':'/open','source':'$PWD/src','options':['rbind','rro','rrw']}]"
	args sh -c 'for d in plain deep open; do touch /$d/below/f 2>/dev/null && echo $d is open; done; cat /proc/self/mountinfo'
	output=$(unshare --user --map-root-user --mount sh setup.sh timeout 60 "$RUNTIME" --root "$ROOT" run c1 2>&1)
	printf '%s\n' "$output"
	like "$output" "plain is open"
	like "$output" "open is open"
	[[ $output != *"deep is open"* ]] || die "rro did not reach the mount below"
	like "$(mount_line /deep/below)" " ro,.*noexec"
}

@test "bind mounts of files, by relative source, through links of the image, and of links themselves" {
	echo content >file
	ln -s /target link
	mkdir rootfs/real
	ln -s /real rootfs/alias
	ln -s "$T" rootfs/out
	mkdir -p "rootfs$T"
	mounts "[{'destination':'/etc/one','source':'file','options':['bind']},
		{'destination':'/alias/two','source':'$PWD/file','options':['bind']},
		{'destination':'/out/three','source':'file','options':['bind']},
		{'destination':'/etc/four','source':'link','options':['bind','copy-symlink']}]"
	inside 'cat /etc/one /real/two /out/three; readlink /etc/four'
	is "$output" $'content\ncontent\ncontent\n/target'
	[ ! -e "$T/three" ] || die "a link of the image led out of the container"
	[ -e "rootfs$T/three" ] || die "the link was not followed inside the root"
}

@test "tmpcopyup fills a file system with what the image has" {
	mkdir rootfs/data
	echo kept >rootfs/data/file
	mounts "[{'destination':'/data','type':'tmpfs','source':'t','options':['tmpcopyup','ro']}]"
	inside 'cat /data/file; touch /data/x; grep " /data " /proc/self/mountinfo'
	like "$output" "^kept"
	like "$output" "Read-only"
	like "$output" "- tmpfs t"
}

@test "nothing is mounted over /proc but the files of lxcfs" {
	echo 'cpu: none' >file
	mounts "[{'destination':'/proc/cpuinfo','source':'file','options':['bind']}]"
	inside 'cat /proc/cpuinfo'
	is "$output" "cpu: none"
	config "c['mounts'][-1]['destination'] = '/proc/self/attr/exec'"
	run_rt 1 run c1
	like "$output" "inside /proc: nothing may be mounted there"
	mkdir src
	config "c['mounts'][-1].update({'destination': '/proc//', 'source': '$PWD/src'})"
	run_rt 1 run c2
	like "$output" "nothing may be mounted there"
	config "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/proc']"
	run_rt 1 run c2
	like "$output" "only procfs may be mounted on /proc"
	config "c['mounts'].insert(0, {'destination': '/proc', 'type': 'proc', 'source': 'proc'})"
	ln -s /proc/sys rootfs/innocent
	config "c['mounts'][-1].update({'destination': '/innocent', 'source': '$PWD/src'})"
	run_rt 1 run c3
	like "$output" "inside /proc"
	nothing_left
}

@test "rootfsPropagation" {
	local p want
	for p in shared slave private unbindable; do
		config "l['rootfsPropagation'] = '$p'"
		case $p in
		shared) want=' shared:' ;;
		unbindable) want=' unbindable' ;;
		*) want='' ;;
		esac
		inside 'grep " / / \| [^ ]*/rootfs / " /proc/self/mountinfo'
		if [ -n "$want" ]; then
			like "$output" "$want" "$p"
		else
			[[ $output != *shared:* && $output != *unbindable* ]] || die "$p: $output"
		fi
		is "$(wc -l <<<"$output")" 1 "mounts on /"
	done
	config "l['rootfsPropagation'] = 'sharde'"
	run_rt 1 run c1
	like "$output" "rootfsPropagation 'sharde' is not known"
}

@test "a time namespace with offsets" {
	unshare --user --map-root-user --time true 2>/dev/null || skip "time namespaces are not allowed here"
	config "l['namespaces'].append({'type': 'time'}); l['timeOffsets'] = {'boottime': {'secs': 864000}}"
	inside 'cat /proc/uptime /proc/self/timens_offsets; readlink /proc/self/ns/time'
	local up now
	up=${output%%.*}
	now=$(cut -d. -f1 /proc/uptime)
	[ $((up - now)) -ge 864000 ] && [ $((up - now)) -lt 864100 ] || die "uptime $up, outside $now"
	[[ $output != *"$(readlink /proc/self/ns/time)"* ]] || die "the host's time namespace"
}

@test "sysctls of the container's namespaces, and of no other" {
	config "l['namespaces'].append({'type': 'network'}); l['sysctl'] = {'net.ipv4.ip_forward': '1', 'kernel.shm_rmid_forced': '1', 'net/ipv4/conf/lo.x/none': '1'}"
	run_rt 1 run c1
	like "$output" "open sysctl net/ipv4/conf/lo.x/none"
	config "del l['sysctl']['net/ipv4/conf/lo.x/none']"
	inside 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shm_rmid_forced'
	is "$output" $'1\n1'
	config "l['namespaces'] = [n for n in l['namespaces'] if n['type'] != 'network']"
	run_rt 1 run c2
	like "$output" "sysctl '.*ip_forward' is the host's: the container has no network namespace"
	config "l['sysctl'] = {'kernel.panic': '1'}"
	run_rt 1 run c3
	like "$output" "sysctl 'kernel.panic' belongs to no namespace"
	config "l['sysctl'] = {'kernel.hostname': 'other'}"
	run_rt 1 run c4
	like "$output" "sysctl 'kernel/hostname' is there beside the name itself"
}

@test "scheduler, ioPriority, personality, umask, oomScoreAdj, rlimits" {
	config "p['scheduler'] = {'policy': 'SCHED_BATCH', 'nice': 19}; p['ioPriority'] = {'class': 'IOPRIO_CLASS_IDLE', 'priority': 7}
l['personality'] = {'domain': 'LINUX32'}; p['user']['umask'] = 0o27; p['oomScoreAdj'] = 900
p['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'soft': 200, 'hard': 300}]"
	args sleep 100
	create c1
	run_rt start c1
	local pid
	pid=$(pid_of c1)
	is "$(chrt -p "$pid" | sed -n 's/.*policy: //p')" SCHED_BATCH policy
	is "$(ionice -p "$pid" | cut -d: -f1)" idle "I/O class"
	is "$(awk '{ print $19 }' "/proc/$pid/stat")" 19 nice
	is "$(cat "/proc/$pid/oom_score_adj")" 900 oom_score_adj
	rt kill c1 KILL
	inside 'umask; ulimit -n; ulimit -Hn; exec /bin/busybox uname -m'
	like "$output" $'^0?027\n200\n300\ni686$'
	config "p['scheduler'] = {'policy': 'SCHED_FIFO', 'priority': 10}"
	run_rt "?" run c2
	[ "$status" = 0 ] || like "$output" "set the scheduler: Operation not permitted"
}

@test "capabilities that are not known are told and left out" {
	config "p['capabilities']['bounding'] += ['CAP_NOT_THERE']"
	inside 'grep CapBnd /proc/self/status'
	like "$output" "capability 'CAP_NOT_THERE' is not known and left out"
	like "$output" "CapBnd:"
}

@test "masked and read-only paths, also where the image's /dev/null is something else" {
	config "c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
	rm -rf rootfs/dev
	mkdir -p rootfs/dev rootfs/secret
	echo hidden >rootfs/secret/file
	echo hidden >rootfs/secret.txt
	echo trap >rootfs/dev/null
	config "l['maskedPaths'] = ['/secret', '/secret.txt', '/proc/version', '/not/there']; l['readonlyPaths'] = ['/proc/sys', '/etc']"
	inside 'ls /secret; wc -c </secret.txt; stat -c %F /proc/version; touch /etc/x; stat -c %t:%T /secret.txt'
	like "$output" $'^0\ncharacter special file\n'
	like "$output" "/etc/x: Read-only file system"
	like "$output" "1:3"
}

@test "devices: those of the host, bound where they cannot be made" {
	config "l['devices'] = [{'type': 'c', 'path': '/dev/null2', 'major': 1, 'minor': 3}]"
	run_rt 1 run c1
	like "$output" "device /dev/null2: open /dev/null2 of the host: No such file"
	config "l['devices'] = [{'type': 'c', 'path': '/dev/zero', 'major': 1, 'minor': 3}]"
	run_rt 1 run c2
	like "$output" "device /dev/zero"
	config "l['devices'] = [{'type': 'c', 'path': '/dev/null', 'major': 1, 'minor': 3}, {'type': 'p', 'path': '/run/fifo', 'fileMode': 0o640}]"
	inside 'for d in null zero full random urandom tty; do stat -c "%n %t:%T" /dev/$d; done; readlink /dev/ptmx; readlink /dev/fd; stat -c "%F %a" /run/fifo'
	like "$output" $'/dev/null 1:3\n/dev/zero 1:5\n/dev/full 1:7\n/dev/random 1:8\n/dev/urandom 1:9\n/dev/tty 5:0\npts/ptmx\n/proc/self/fd'
	like "$output" "fifo 640"
}

@test "a /dev without a mount of its own has the devices too" {
	config "c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
	inside 'echo gone >/dev/null; stat -c %t:%T /dev/null; readlink /dev/fd'
	is "$output" $'1:3\n/proc/self/fd'
}

@test "a read-only /dev is filled before it is closed" {
	config "[m['options'].append('ro') for m in c['mounts'] if m['destination'] == '/dev']"
	inside 'touch /dev/x; stat -c %t:%T /dev/null'
	like "$output" "Read-only"
	like "$output" "1:3"
}

@test "the cgroup file system is there, read-only, and shows nothing above the container" {
	config "c['mounts'].append({'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup', 'options': ['ro', 'nosuid']})"
	inside 'grep " /sys/fs/cgroup " /proc/self/mountinfo | tail -n 1; mkdir /sys/fs/cgroup/x; cat /proc/self/cgroup'
	like "$output" " ro,.* - (cgroup2|tmpfs)"
	like "$output" "mkdir: can't create directory"
}

@test "seccomp of the config: errno, default errno, comparisons, flags" {
	config "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_AARCH64'],
'flags': ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW', 'SECCOMP_FILTER_FLAG_TSYNC'],
'syscalls': [{'names': ['mkdir', 'mkdirat', 'no_such_call'], 'action': 'SCMP_ACT_ERRNO', 'errnoRet': 28},
	{'names': ['kill'], 'action': 'SCMP_ACT_ERRNO', 'args': [{'index': 1, 'value': 15, 'valueTwo': 9, 'op': 'SCMP_CMP_MASKED_EQ'}]}]}"
	inside 'mkdir /tmp/x; kill -9 1; kill -0 1 && echo signal 0; grep "^Seccomp:" /proc/self/status'
	like "$output" "No space left on device"
	like "$output" "Operation not permitted"
	like "$output" "signal 0"
	like "$output" $'Seccomp:\t2'
	local bad
	for bad in "'flags': ['X']" "'defaultErrnoRet': 5" "'architectures': ['SCMP_ARCH_Z80']"; do
		config "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', $bad}"
		run_rt 1 run c1
		like "$output" "seccomp"
	done
	nothing_left
}

@test "seccomp agent: its listener, the state and the metadata; also for the calls of the start itself" {
	cat >agent.py <<-'END'
		import array, json, os, socket, struct, sys, fcntl
		s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
		s.bind(sys.argv[1]); s.listen(1); print("ready", flush=True)
		c, _ = s.accept()
		data, anc, _, _ = c.recvmsg(1 << 16, socket.CMSG_SPACE(64))
		fds = array.array("i"); [fds.frombytes(d[:len(d) - len(d) % 4]) for _, _, d in anc]
		state = json.loads(data)
		assert state["fds"] == ["seccompFd"] and len(fds) == 1, (state, fds)
		print(state["metadata"], state["state"]["status"], state["state"]["id"], flush=True)
		listener = fds[0]
		while True:  # seccomp_unotify(2): answer mkdir with a made-up errno, let the rest go on
		    buf = bytearray(80)
		    try:
		        fcntl.ioctl(listener, 0xC0502100, buf)
		    except OSError:
		        break
		    id, pid, flags, nr = struct.unpack_from("=QIIi", buf)
		    mkdir = nr in (83, 258, 34) and os.uname().machine == "x86_64" and nr != 34 or nr == 34 and os.uname().machine == "aarch64"
		    resp = bytearray(struct.pack("=QqiI", id, 0, -122 if mkdir else 0, 0 if mkdir else 1))
		    try:
		        fcntl.ioctl(listener, 0xC0182101, resp)
		    except OSError:
		        pass
	END
	python3 agent.py "$R/agent" >agent.out 2>&1 3>&- &
	PIDS+=($!)
	wait_for 5 grep -q ready agent.out
	# execve, sendmsg and the rest are asked for as well: the agent has to have its listener before the first of them.
	config "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'listenerPath': '$R/agent', 'listenerMetadata': 'meta data',
'flags': ['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV', 'SECCOMP_FILTER_FLAG_TSYNC'],
'syscalls': [{'names': ['mkdir', 'mkdirat', 'execve', 'execveat', 'sendmsg', 'close_range', 'capset', 'prctl'], 'action': 'SCMP_ACT_NOTIFY'}]}"
	args sh -c 'mkdir /tmp/x'
	run_rt "?" run agent1
	cat agent.out
	like "$output" "mkdir: can't create directory '/tmp/x': (Disk q|Q)uota exceeded"
	like "$(cat agent.out)" "meta data (creating|created|running) agent1"
}

@test "a seccomp profile that notifies needs an agent" {
	config "l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW', 'syscalls': [{'names': ['mkdir'], 'action': 'SCMP_ACT_NOTIFY'}]}"
	run_rt 1 run c1
	like "$output" "listenerPath"
	config "l['seccomp']['listenerPath'] = '/nowhere/agent'"
	run_rt 1 run c2
	like "$output" "/nowhere/agent"
	nothing_left
}

@test "namespaces by path: joined, and checked for their type" {
	unshare --user --map-root-user --net --uts sleep 100 3>&- &
	PIDS+=($!)
	local pid=$!
	wait_for 5 sh -c "[ \"\$(readlink /proc/$pid/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
	config "l['namespaces'] = [{'type': 'mount'}, {'type': 'pid'}, {'type': 'ipc'}, {'type': 'user', 'path': '/proc/$pid/ns/user'},
{'type': 'network', 'path': '/proc/$pid/ns/net'}, {'type': 'uts', 'path': '/proc/$pid/ns/uts'}]
l.pop('uidMappings', None); l.pop('gidMappings', None); c.pop('hostname', None)"
	inside 'for n in user net uts; do readlink /proc/self/ns/$n; done'
	is "$output" "$(for n in user net uts; do readlink "/proc/$pid/ns/$n"; done)" namespaces
	config "l['namespaces'][4]['path'] = '/proc/$pid/ns/uts'"
	run_rt 1 run c1
	like "$output" "is of another type"
}

@test "annotations of crun: what they ask for, or a refusal" {
	local a
	for a in "'run.oci.handler': 'krun'|run.oci.handler 'krun' is not supported" \
		"'run.oci.seccomp.plugins': 'p.so'|run.oci.seccomp.plugins 'p.so' is not supported" \
		"'run.oci.timens_offset': 'monotonic 1 0'|needs a new time namespace" \
		"'run.oci.pidfd_receiver': '/nowhere/x'|run.oci.pidfd_receiver: open socket /nowhere/x" \
		"'run.oci.systemd.force_cgroup_v1': 'x'|is not absolute"; do
		config "c['annotations'] = {${a%%|*}}"
		run_rt 1 run c1
		like "$output" "${a#*|}"
	done
	nothing_left
	config "c['annotations'] = {}; l['seccomp'] = {'defaultAction': 'SCMP_ACT_ALLOW',
'syscalls': [{'names': ['nosuchcall'], 'action': 'SCMP_ACT_ERRNO'}]}"
	inside 'echo works'
	is "$output" works "an unknown system call is left out"
	config "c['annotations'] = {'run.oci.seccomp_fail_unknown_syscall': '1'}"
	run_rt 1 run c1
	like "$output" "system call 'nosuchcall' is not known"
}

@test "a time offset by annotation" {
	unshare --user --map-root-user --time true 2>/dev/null || skip "time namespaces are not allowed here"
	config "l['namespaces'].append({'type': 'time'}); c['annotations'] = {'run.oci.timens_offset': 'boottime 864000 5'}"
	inside 'cat /proc/self/timens_offsets'
	like "$output" "boottime +864000 +5"
}

@test "the pidfd of the first process goes to a socket" {
	cat >receive.py <<-'END'
		import array, os, select, signal, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1])
		s.listen(1)
		print("ready", flush=True)
		c, _ = s.accept()
		fds = array.array("i")
		_, anc, _, _ = c.recvmsg(10, socket.CMSG_LEN(4))
		fds.frombytes(anc[0][2])
		print(open("/proc/self/fdinfo/%d" % fds[0]).read(), flush=True)
		signal.pidfd_send_signal(fds[0], 0)
		select.select([fds[0]], [], [])
		print("ended", flush=True)
	END
	python3 receive.py "$R/pidfd" >receive.out 2>&1 3>&- &
	PIDS+=($!)
	wait_for 5 grep -q ready receive.out
	config "c['annotations'] = {'run.oci.pidfd_receiver': '$R/pidfd'}"
	create c1
	wait_for 5 grep -q "^Pid:.$(pid_of c1)\$" receive.out
	run_rt delete --force c1
	wait_for 5 grep -q ended receive.out
}

@test "supplementary groups: those asked for, or those of the caller by annotation" {
	config "c['annotations'] = {'run.oci.keep_original_groups': '1'}"
	inside 'grep Groups /proc/self/status'
	is "$(wc -w <<<"$output")" "$(($(id -G | wc -w) + 1))" "groups"
}

@test "a working directory that is missing is made, inside the root" {
	config "p['cwd'] = '/new/dir'; p['args'] = ['/bin/sh', '-c', 'pwd; stat -c %a .']"
	ln -s "$T/outside" rootfs/link
	run_rt run c1
	is "$output" $'/new/dir\n755' output
	config "p['cwd'] = '/link/x'"
	run_rt \? run c2
	[ ! -e "$T/outside" ] || die "made outside"
	config "p['cwd'] = '/ro'; c['root']['readonly'] = True"
	run_rt run c3
	like "$output" "^/ro"
	[ -d rootfs/ro ] || die "not made in the root"
}

@test "what cannot be had is refused by name" {
	local t
	for t in "l['intelRdt'] = {'closID': 'x'}|intelRdt is not supported" \
		"p['apparmorProfile'] = 'not-there'|AppArmor" \
		"l['namespaces'] = [n for n in l['namespaces'] if n['type'] != 'mount']|needs a mount namespace of its own" \
		"p['selinuxLabel'] = 'system_u:system_r:x_t:s0'|SELinux label" \
		"l['personality'] = {'domain': 'BSD'}|personality 'BSD' is not known" \
		"c['mounts'].append({'destination': '/x', 'source': '/', 'options': ['bind', 'idmap']})|idmapped mount /x" \
		"c['ociVersion'] = '2.0.0'|ociVersion '2.0.0' is not supported" \
		"p['cwd'] = 'x'|cwd 'x' is not absolute" \
		"p['terminal'] = 'yes'|'terminal' of process has the wrong type"; do
		cp config.json saved
		config "${t%%|*}"
		run_rt 1 run c1
		like "$output" "${t##*|}"
		mv saved config.json
	done
	config "c['unknown'] = {}; p['unknown'] = 1; l['unknown'] = []; c['annotations'] = {'unknown.key': 'x'}"
	inside 'echo fine'
	is "$output" fine
	nothing_left
}

@test "exec joins the time namespace, and runs on the CPUs it is given" {
	unshare --user --map-root-user --time true 2>/dev/null || skip "time namespaces are not allowed here"
	config "l['namespaces'].append({'type': 'time'}); p['execCPUAffinity'] = {'initial': '0', 'final': '0'}"
	create c1
	run_rt start c1
	run_rt exec c1 /bin/readlink /proc/self/ns/time
	is "$output" "$(readlink "/proc/$(pid_of c1)/ns/time")" "time namespace"
	[ "$output" != "$(readlink /proc/self/ns/time)" ] || die "the host's"
	run_rt exec c1 /bin/grep Cpus_allowed_list /proc/self/status
	is "${output##*[[:space:]]}" 0 "CPUs of an exec"
	is "$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' "/proc/$(pid_of c1)/status")" \
		"$(sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/self/status)" "CPUs of the container"
}
