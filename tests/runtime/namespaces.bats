# SPDX-License-Identifier: Apache-2.0
# Namespaces that are joined by path.

load runtime

@test "user, ipc, uts and pid namespaces of another container are joined" {
	create c1
	run_rt start c1
	local pid ns
	pid=$(pid_of c1)
	config "for n in l['namespaces']:
	if n['type'] in ('user', 'ipc', 'uts', 'pid'):
		n['path'] = '/proc/$pid/ns/' + n['type']
l.pop('uidMappings'); l.pop('gidMappings'); c.pop('hostname')"
	args sh -c 'for ns in user ipc uts pid mnt; do readlink /proc/self/ns/$ns; done; id -u'
	run_rt run c2
	local got=()
	mapfile -t got <<<"$output"
	is "${got[0]}" "$(readlink "/proc/$pid/ns/user")" "user namespace"
	is "${got[1]}" "$(readlink "/proc/$pid/ns/ipc")" "ipc namespace"
	is "${got[2]}" "$(readlink "/proc/$pid/ns/uts")" "uts namespace"
	is "${got[3]}" "$(readlink "/proc/$pid/ns/pid")" "pid namespace"
	[ "${got[4]}" != "$(readlink "/proc/$pid/ns/mnt")" ] || die "the mount namespace is the other's"
	is "${got[5]}" 0 uid
	# The hooks of such a container still run where the caller is.
	config "c['hooks'] = {'createRuntime': [{'path': '/bin/sh', 'args': ['sh', '-c', 'readlink /proc/self/ns/ipc /proc/self/ns/user >$T/hook']}]}"
	create c3
	is "$(cat "$T/hook")" "$(readlink /proc/self/ns/ipc /proc/self/ns/user)" "namespaces of the hook"
	run_rt start c3
	run_rt delete --force c3
}

@test "a path that is no namespace, or one of another type, is told" {
	cp config.json plain.json
	config "[n.update(path='$T/none') for n in l['namespaces'] if n['type'] == 'ipc']"
	run_rt 1 run c1
	like "$output" "namespace $T/none: No such file"
	cp plain.json config.json
	config "[n.update(path='/proc/self/ns/uts') for n in l['namespaces'] if n['type'] == 'ipc']"
	run_rt 1 run c1
	like "$output" "/proc/self/ns/uts"
	nothing_left
}
