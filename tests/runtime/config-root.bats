# SPDX-License-Identifier: Apache-2.0
# What only root gets of config.json.  Run by hand: COVE_TEST_AS_ROOT=1 bats tests/runtime/config-root.bats

load runtime

setup_root() {
	[ "$(id -u)" = 0 ] || skip "for root"
	config "l['namespaces'] = [{'type': t} for t in ('mount', 'pid', 'ipc', 'uts', 'network', 'cgroup')]
l.pop('uidMappings', None); l.pop('gidMappings', None)"
	chmod 755 "$T" "$B" "$B/rootfs"
}

inside() {
	args sh -c "$1; true"
	run_rt run "c$RANDOM"
}

# in_user_namespace: the container's ids are the host's from 100000 on.
in_user_namespace() {
	config "l['namespaces'].append({'type': 'user'})
l['uidMappings'] = l['gidMappings'] = [{'containerID': 0, 'hostID': 100000, 'size': 65536}]"
	chown -R 100000:100000 rootfs
}

@test "devices are made, with owner and mode" {
	setup_root
	config "l['devices'] = [{'type': 'c', 'path': '/dev/made', 'major': 1, 'minor': 3, 'fileMode': 0o640, 'uid': 3, 'gid': 4},
{'type': 'b', 'path': '/dev/deep/block', 'major': 7, 'minor': 99}]
l.setdefault('resources', {})['devices'] = [{'allow': True, 'access': 'rwm'}]"
	inside 'stat -c "%n %t:%T %a %u:%g" /dev/made; stat -c "%F %t:%T" /dev/deep/block'
	is "$output" $'/dev/made 1:3 640 3:4\nblock special file 7:63'
}

@test "idmapped mounts: by mappings of the mount, and by those of the container" {
	setup_root
	mkdir -p src/below
	touch src/file src/below/file
	chown 1000:1000 src/file src/below/file
	config "c['mounts'] += [{'destination': '/plain', 'source': '$PWD/src', 'options': ['bind']},
{'destination': '/mapped', 'source': '$PWD/src', 'options': ['rbind', 'ridmap'], 'uidMappings': [{'containerID': 1000, 'hostID': 5, 'size': 1}], 'gidMappings': [{'containerID': 1000, 'hostID': 6, 'size': 1}]},
{'destination': '/inline', 'source': '$PWD/src', 'options': ['bind', 'idmap=uids=1000-7-1;gids=1000-8-1']}]"
	inside 'stat -c %u:%g /plain/file /mapped/file /mapped/below/file /inline/file'
	if [[ $output == *"map the ids of a mount: Invalid argument"* ]]; then
		skip "the file system of $PWD has no idmapped mounts"
	fi
	is "$output" $'1000:1000\n5:6\n5:6\n7:8'
	in_user_namespace
	config "c['mounts'][-2:] = [{'destination': '/own', 'source': '$PWD/src', 'options': ['bind', 'idmap']}]"
	inside 'stat -c %u:%g /plain/file /own/file'
	is "$output" $'65534:65534\n1000:1000'
}

@test "a source that the container's root cannot reach" {
	setup_root
	mkdir -p closed/src
	echo content >closed/src/file
	chmod 700 closed
	in_user_namespace
	config "c['mounts'] += [{'destination': '/src', 'source': '$PWD/closed/src', 'options': ['bind', 'ro']}]"
	inside 'cat /src/file; touch /src/x; touch /etc/fine && ls /etc/fine'
	like "$output" $'^content\n.*Read-only.*\n/etc/fine'
}

@test "the hierarchies of cgroup v1 and hybrid hosts, each in its place" {
	setup_root
	[ "$(stat -f -c %T /sys/fs/cgroup)" = tmpfs ] || skip "this host has cgroup v2 alone"
	config "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/sys/fs/cgroup'] + [{'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup', 'options': ['ro', 'nosuid', 'noexec', 'nodev']}]"
	inside 'ls /sys/fs/cgroup; for d in /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo writable $d; done; cat /sys/fs/cgroup/memory/tasks'
	like "$output" "memory"
	like "$output" "pids"
	[[ $output != *writable* ]] || die "a hierarchy can be written"
	# Only what is in the container's own cgroup is seen.
	like "$output" $'\n1\n'
	config "l['namespaces'] = [n for n in l['namespaces'] if n['type'] != 'cgroup']"
	inside 'wc -l </sys/fs/cgroup/memory/tasks'
	[ "$output" -lt 5 ] || die "the host's cgroup is seen: $output processes"
}

@test "no mount namespace: the caller's, and nothing stays mounted" {
	setup_root
	config "l['namespaces'] = [{'type': 'pid'}, {'type': 'ipc'}, {'type': 'network'}]; c.pop('hostname', None)"
	inside 'readlink /proc/self/ns/mnt; ls /; stat -c %t:%T /dev/null'
	[[ $output == "$(readlink /proc/self/ns/mnt)"* ]] || die "another namespace: $output"
	like "$output" "1:3"
	[[ $output != *$'\nhome\n'* ]] || die "the root is the host's: $output"
	! grep "$PWD" /proc/self/mountinfo || die "mounts stayed"
	config "c['mounts'].append({'destination': '/x', 'type': 'nosuchfs', 'source': 'x'})"
	run_rt 1 run c2
	! grep "$PWD" /proc/self/mountinfo || die "mounts stayed after a failure"
}

@test "a mount namespace by path" {
	setup_root
	unshare --mount --propagation private sleep 100 3>&- &
	PIDS+=($!)
	local pid=$!
	wait_for 5 sh -c "[ \"\$(readlink /proc/$pid/ns/mnt)\" != \"\$(readlink /proc/self/ns/mnt)\" ]"
	config "l['namespaces'][0]['path'] = '/proc/$pid/ns/mnt'"
	inside 'readlink /proc/self/ns/mnt; ls /bin/busybox'
	is "$output" "$(readlink "/proc/$pid/ns/mnt")"$'\n/bin/busybox'
}

# on_shared_host COMMAND...: where every mount is shared, as on hosts with systemd.
on_shared_host() {
	unshare --mount --propagation private sh -c 'mount --make-rshared / && before=$(sort /proc/self/mountinfo) && "$@"
[ "$before" = "$(sort /proc/self/mountinfo)" ] || { echo "mounts of the host have changed:"; cut -d" " -f5 /proc/self/mountinfo; }' sh "$@" 2>&1
}

@test "mounts of the host stay as they are, whatever the root's propagation" {
	setup_root
	args true
	local p
	for p in shared rshared slave rslave private rprivate unbindable; do
		config "l['rootfsPropagation'] = '$p'"
		output=$(on_shared_host timeout 60 "$RUNTIME" --root "$ROOT" run "c$p")
		is "$output" "" "$p"
	done
	config "del l['rootfsPropagation']"
	is "$(on_shared_host timeout 60 "$RUNTIME" --root "$ROOT" run c1)" "" "without"
}

@test "a shared bind takes mounts of the container to the host, a private one does not" {
	setup_root
	mkdir -p src/{shared,private}
	config "l['rootfsPropagation'] = 'rshared'; p['capabilities'] = {k: ['CAP_SYS_ADMIN'] for k in ('bounding', 'effective', 'permitted')}
c['mounts'] += [{'destination': '/s', 'source': '$PWD/src/shared', 'options': ['rbind', 'rshared']}, {'destination': '/p', 'source': '$PWD/src/private', 'options': ['rbind', 'rprivate']}]"
	args /bin/busybox sh -c 'busybox mkdir /s/m /p/m && busybox mount -t tmpfs in-s /s/m && busybox mount -t tmpfs in-p /p/m'
	output=$(on_shared_host timeout 60 "$RUNTIME" --root "$ROOT" run c1)
	like "$output" "src/shared/m"
	[[ $output != *src/private/m* ]] || die "private went out: $output"
}

@test "systemd's hierarchy of v1 alone, by annotation" {
	setup_root
	grep -q ':name=systemd:' /proc/self/cgroup || skip "the host has no such hierarchy"
	config "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/sys/fs/cgroup'] + [
{'destination': '/sys/fs/cgroup', 'type': 'cgroup', 'source': 'cgroup', 'options': ['nosuid', 'noexec', 'nodev']}]
c['annotations'] = {'run.oci.systemd.force_cgroup_v1': '/sys/fs/cgroup'}"
	inside 'ls /sys/fs/cgroup; grep " /sys/fs/cgroup/systemd " /proc/self/mountinfo'
	is "$(head -n 1 <<<"$output")" systemd "nothing else"
	like "$output" "- cgroup cgroup rw.*name=systemd"
}
