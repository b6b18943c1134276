# SPDX-License-Identifier: Apache-2.0
# How long until a container runs, and a command in one.
# shellcheck shell=bash

# An OCI bundle for crun: the floor's namespaces and maps, and the seccomp profile that podman would load.
crun_bundle() {
	local uid gid sub gsub
	has crun && has jq || return
	mkdir -p "$W/bundle" && ln -sfn "$ROOTFS" "$W/bundle/rootfs"
	uid=$(id -u) gid=$(id -g)
	sub=$(sed -n "s/^$USER:\([0-9]*\):\([0-9]*\)$/{\"containerID\":1,\"hostID\":\1,\"size\":\2}/p" /etc/subuid | head -n 1)
	gsub=$(sed -n "s/^$USER:\([0-9]*\):\([0-9]*\)$/{\"containerID\":1,\"hostID\":\1,\"size\":\2}/p" /etc/subgid | head -n 1)
	(cd "$W/bundle" && rm -f config.json && crun spec --rootless) || return
	jq --argjson s "$sub" --argjson g "$gsub" '.process.terminal = false | .process.args = ["/bin/true"]
		| .root.readonly = true | del(.linux.resources)
		| .linux.uidMappings = [{containerID: 0, hostID: '"$uid"', size: 1}, $s]
		| .linux.gidMappings = [{containerID: 0, hostID: '"$gid"', size: 1}, $g]
		| .linux.namespaces = [("pid", "ipc", "uts", "mount", "cgroup", "network", "user") | {type: .}]
		| .mounts = [.mounts[] | select(.destination != "/sys/fs/cgroup")]' "$W/bundle/config.json" >"$W/c.json" &&
		mv "$W/c.json" "$W/bundle/config.json" || return
	cat >"$W/crun" <<-END
		#!/bin/sh
		exec crun --root $R/crun run --bundle $W/bundle bench\$\$
	END
	chmod +x "$W/crun" && "$W/crun" >/dev/null 2>&1
}

bench_start() {
	local all
	say "run --rm IMAGE true"
	all=(-n "$RUNS" -w 2 -- floor-helper "$FLOOR" helper "$ROOTFS" "$W" /bin/true
		-- floor-single "$FLOOR" single "$ROOTFS" "$W" /bin/true -- fork-exec "$FLOOR" true
		-- run-none "$COVE" run --rm --network none "$IMAGE" true
		-- run-private "$COVE" run --rm --network private "$IMAGE" true)
	[ ${#PODMAN[@]} = 0 ] || all+=(-- podman-none "${PODMAN[@]}" run --rm --network none "$IMAGE" true
		-- podman-private "${PODMAN[@]}" run --rm --network slirp4netns "$IMAGE" true)
	! crun_bundle || all+=(-- crun-noseccomp "$W/crun")
	! has bwrap || all+=(-- bwrap bwrap --unshare-all --ro-bind "$ROOTFS" / --proc /proc --dev /dev --tmpfs /tmp /bin/true)
	time_all "${all[@]}"
	row "run --rm IMAGE true, network none" "$(ratio "$(of run-none)" "$(of floor-helper)")" floor-helper "<= 2.0" "<= 1.0"
	row "run --rm IMAGE true, private network" "$(ratio "$(of run-private)" "$(of floor-helper)")" floor-helper "<= 2.5" "<= 1.3"
}

# It returns when the container's program has been executed: before that it could not tell a failure.
# The same bundle by any runtime, with the profile that podman would load.
runtime_bundle() {
	local profile=/usr/share/containers/seccomp.json
	[ -e $profile ] && crun_bundle || return
	mkdir -p "$W/sbundle" && ln -sfn "$ROOTFS" "$W/sbundle/rootfs"
	jq --slurpfile p $profile '$p[0] as $p | .linux.seccomp = {defaultAction: $p.defaultAction,
		architectures: ([$p.archMap[0].architecture] + $p.archMap[0].subArchitectures),
		syscalls: [$p.syscalls[] | select((.includes.caps // []) == [] and ((.includes.arches // ["amd64"]) | index("amd64")))
			| {names, action} + (if (.args // []) == [] then {} else {args} end)
			+ (if .errnoRet then {errnoRet} else {} end)]}' "$W/bundle/config.json" >"$W/sbundle/config.json"
}

# runtime_script NAME RUNTIME: a program that runs the bundle.
runtime_script() {
	cat >"$W/rt-$1" <<-END
		#!/bin/sh
		exec $2 --root $R/rt-$1 run --bundle $W/sbundle bench\$\$
	END
	chmod +x "$W/rt-$1" && "$W/rt-$1" >/dev/null 2>&1
}

bench_runtime() {
	local all=() r
	say "cove-runtime run of a bundle, seccomp on"
	runtime_bundle || return 0
	all=(-n "$RUNS" -w 2 -- floor-helper "$FLOOR" helper "$ROOTFS" "$W" /bin/true)
	local PATH=$PATH:/usr/sbin # runc is there
	for r in "$COVE_BUILD/cove-runtime" crun runc; do
		has "$r" && runtime_script "$(basename "$r")" "$r" && all+=(-- "$(basename "$r")" "$W/rt-$(basename "$r")")
	done
	time_all "${all[@]}"
	row "cove-runtime run of a bundle, seccomp on" "$(ratio "$(of cove-runtime)" "$(of floor-helper)")" floor-helper \
		"<= 1.5" "<= 1.1"
	row "the same, beside crun" "$(ratio "$(of cove-runtime)" "$(of crun)")" crun "<= 1.0" ""
}

bench_detached() {
	local all
	say "run -d IMAGE sleep, until the program runs"
	all=(-n "$RUNS" -w 2 -- floor-helper "$FLOOR" helper "$ROOTFS" "$W" /bin/true
		-- run-d "$COVE" run -d --network none "$IMAGE" sleep 1000)
	[ ${#PODMAN[@]} = 0 ] || all+=(-- podman-run-d "${PODMAN[@]}" run -d --network none "$IMAGE" sleep 1000)
	time_all "${all[@]}"
	cove rm -fa -t 0 >/dev/null
	[ ${#PODMAN[@]} = 0 ] || podman_do rm -fa -t 0 >/dev/null 2>&1
	row "run -d, until the container's program runs" "$(ratio "$(of run-d)" "$(of floor-helper)")" floor-helper "<= 2.0" "<= 1.0"
}

bench_exec() {
	local all
	say "exec C true"
	cove run -d --name bench-exec --network none "$IMAGE" sleep 100000 >/dev/null
	all=(-n "$RUNS" -w 2 -- floor-helper "$FLOOR" helper "$ROOTFS" "$W" /bin/true
		-- exec "$COVE" exec bench-exec true)
	if [ ${#PODMAN[@]} != 0 ]; then
		podman_do run -d --name bench-exec --network none "$IMAGE" sleep 100000 >/dev/null 2>&1
		all+=(-- podman-exec "${PODMAN[@]}" exec bench-exec true)
	fi
	time_all "${all[@]}"
	row "exec C true" "$(ratio "$(of exec)" "$(of floor-helper)")" floor-helper "<= 1.5" "<= 0.6"
	cove rm -f -t 0 bench-exec >/dev/null
	[ ${#PODMAN[@]} = 0 ] || podman_do rm -f -t 0 bench-exec >/dev/null 2>&1
}
