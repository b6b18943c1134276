#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# containers.conf: whose word counts, and what it is for.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
	unset CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE
	conf=$XDG_CONFIG_HOME/containers
	mkdir -p "$conf/containers.conf.d"
}

@test "what the user does not say comes from the file" {
	cat >"$conf/containers.conf" <<-'EOF2'
		[containers]
		env = ["COLOUR=blue", "SIZE=small"]
		dns_servers = ["192.0.2.53"]
		dns_searches = ["lab.example"]
		annotations = ["from=file"]
		netns = "none"
		utsns = "private"
		no_hosts = true
	EOF2
	run_cove run --rm -e SIZE=large busybox sh -c 'echo $COLOUR $SIZE; ls /sys/class/net'
	is "$output" $'blue large\nlo'
	run_cove run --rm --network host busybox cat /etc/resolv.conf
	like "$output" "search lab.example"
	like "$output" "nameserver 192.0.2.53"
	run_cove run --rm --network host --dns 192.0.2.54 busybox cat /etc/resolv.conf
	[[ $output != *192.0.2.53* ]] || die "$output"
	run_cove create --name c busybox
	run_cove inspect c --format '{{index .Config.Annotations "from"}} {{.HostConfig.NetworkMode}}'
	is "$output" "file none"
}

@test "drop-ins in their order, a list that goes on, one file for all, one on top" {
	printf '[containers]\nenv = ["A=1", "B=1"]\nnetns = "none"\n' >"$conf/containers.conf"
	printf '[containers]\nenv = ["B=2", {append=true}]\n' >"$conf/containers.conf.d/10.conf"
	printf '[containers]\nenv = ["C=3", {append=true}]\n' >"$conf/containers.conf.d/20.conf"
	printf '[containers]\nenv = ["C=4"]\n' >"$conf/containers.conf.d/30.not"
	run_cove run --rm busybox sh -c 'echo $A $B $C'
	is "$output" "1 2 3"
	printf '[containers]\nenv = ["D=5"]\nnetns = "none"\n' >"$T/one.conf"
	CONTAINERS_CONF=$T/one.conf run_cove run --rm busybox sh -c 'echo $A $B $C $D'
	is "$output" 5
	CONTAINERS_CONF_OVERRIDE=$T/one.conf run_cove run --rm busybox sh -c 'echo $A $B $C $D'
	is "$output" 5
}

@test "a broken file is told with its line, a wrong value with its key" {
	printf '[containers]\nenv = [\n' >"$conf/containers.conf"
	run_cove 125 run --rm busybox true
	is "${#lines[@]}" 1 "lines"
	like "$output" "containers.conf: line"
	printf '[containers]\nenv = [1]\n' >"$conf/containers.conf"
	run_cove 125 run --rm busybox true
	like "$output" "containers.conf: env is not as it should be"
}

@test "a value of another type is refused, and never taken for a yes" {
	local row
	for row in 'privileged = "no"' 'init = 1' 'env = "A=1"' 'volumes = true' 'tz = 5' 'pids_limit = "5"' \
		'log_size_max = 1.5' 'log_driver = false' 'netns = ["none"]' 'annotations = {a = 1}'; do
		printf '[containers]\n%s\n' "$row" >"$conf/containers.conf"
		run_cove 125 create busybox true
		is "$output" "Error: containers.conf: ${row%% *} is not as it should be" "$row"
	done
	for row in 'default_rootless_network_cmd = 5' 'pasta_options = "-4"' 'pasta_options = [4]'; do
		printf '[network]\n%s\n' "$row" >"$conf/containers.conf"
		run_cove 125 create busybox true
		is "$output" "Error: containers.conf: ${row%% *} is not as it should be" "$row"
	done
	printf 'containers = 5\n' >"$conf/containers.conf"
	run_cove 125 create busybox true
	is "$output" "Error: containers.conf: [containers] is no table"
}

@test "the log driver and the size of logs" {
	printf '[containers]\nlog_driver = "none"\nlog_size_max = 4294967297\n' >"$conf/containers.conf"
	cove create --name c busybox true
	run_cove inspect --format '{{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Size}}' c
	is "$output" "none 4.295GB"
	cove create --name d --log-driver k8s-file busybox true
	run_cove inspect --format '{{.HostConfig.LogConfig.Type}}' d
	is "$output" k8s-file
	printf '[containers]\nlog_driver = "nosuch"\n' >"$conf/containers.conf"
	run_cove 125 create busybox true
	like "$output" 'log driver "nosuch" is not available'
}

@test "the program of the private network" {
	need pasta
	[ -r /dev/net/tun ] && [ -w /dev/net/tun ] || skip "/dev/net/tun cannot be opened"
	[ -n "$(hostname -I)" ] || skip "this host has no address but loopback"
	printf '[network]\ndefault_rootless_network_cmd = "pasta"\n' >"$conf/containers.conf"
	run_cove run --rm busybox cat /etc/resolv.conf
	like "$output" "nameserver 169.254.1.1"
	printf '[network]\ndefault_rootless_network_cmd = "slirp4netns"\n' >"$conf/containers.conf"
	run_cove run --rm busybox cat /etc/resolv.conf
	like "$output" "nameserver 10.0.2.3"
}

@test "base_hosts_file and host_containers_internal_ip" {
	printf '192.0.2.7\tfront\n' >"$T/hosts"
	printf '[containers]\nbase_hosts_file = "%s"\nhost_containers_internal_ip = "192.0.2.99"\n' "$T/hosts" >"$conf/containers.conf"
	run_cove run --rm busybox cat /etc/hosts
	is "${lines[0]}" $'192.0.2.7\tfront'
	like "$output" $'192.0.2.99\thost.containers.internal'
	run_cove run --rm --hosts-file none --add-host back:host-gateway busybox cat /etc/hosts
	[[ $output != *front* ]] || die "$output"
	like "$output" $'192.0.2.99\tback'
	printf '[containers]\nhost_containers_internal_ip = "none"\n' >"$conf/containers.conf"
	run_cove run --rm busybox cat /etc/hosts
	[[ $output != *host.containers.internal* ]] || die "$output"
	printf '[containers]\nhost_containers_internal_ip = "here"\n' >"$conf/containers.conf"
	run_cove 125 run --rm busybox true
	like "$output" "is not a valid IP address"
}

@test "namespaces, limits and mounts of the file, and options over them" {
	mkdir "$T/a" "$T/b" "$T/c"
	touch "$T/a/a" "$T/b/b" "$T/c/c"
	cat >"$conf/containers.conf" <<-EOF2
		[containers]
		cgroupns = "private"
		default_sysctls = ["net.ipv4.ping_group_range=0 5"]
		default_ulimits = ["nofile=100:200", "core=0:0"]
		devices = ["/dev/full:/dev/full2:rw"]
		dns_options = ["ndots:3"]
		env_host = true
		http_proxy = false
		init = true
		ipcns = "host"
		log_driver = "journald"
		log_size_max = 400000000
		mounts = ["type=bind,src=$T/a,destination=/m"]
		oom_score_adj = 321
		pidns = "private"
		pids_limit = 77
		read_only = true
		shm_size = "3m"
		tz = "Asia/Tokyo"
		umask = "0027"
		volumes = ["$T/b:/v"]
	EOF2
	export HTTP_PROXY=http://proxy.example FROM_HOST=yes
	run_cove 1 run --rm busybox sh -c 'ulimit -n; ulimit -c; cat /proc/self/oom_score_adj; ls /dev/full2; ls /m; ls /v; umask; echo $FROM_HOST; cat /proc/1/comm; touch /x'
	is "${lines[*]/limits kept*/}" " 100 0 321 /dev/full2 a b 0027 yes cove-init touch: /x: Read-only file system"
	run_cove run --rm --network host busybox true # the sysctl is of its network: left out
	cove run -d --name s busybox sleep 60
	run_cove run --rm --network container:s busybox true
	run_cove run --rm busybox sh -c 'cat /proc/sys/net/ipv4/ping_group_range; date +%Z; grep ndots /etc/resolv.conf'
	is "${lines[*]:1}" $'0\t5 JST options ndots:3'
	run_cove run --rm --read-only=false --mount "type=bind,src=$T/c,destination=/m" -v "$T/c:/v" --ulimit nofile=50 --oom-score-adj 400 --umask 0 --init=false busybox sh -c 'touch /x; ls /m; ls /v; ulimit -n; ulimit -c; cat /proc/self/oom_score_adj; umask; cat /proc/1/comm'
	is "${lines[*]:1}" "c c 50 0 400 0000 cat"
	cove create --name c busybox
	run_cove inspect c --format '{{.HostConfig.IpcMode}} {{.HostConfig.PidsLimit}} {{.HostConfig.ShmSize}} {{.HostConfig.LogConfig.Type}} {{.HostConfig.LogConfig.Size}} {{.HostConfig.CgroupMode}}'
	is "$output" "host 77 3145728 k8s-file 400MB private"
	run_cove create --name d --log-opt max-size=8000 --pids-limit 5 busybox
	run_cove inspect d --format '{{.HostConfig.LogConfig.Size}} {{.HostConfig.PidsLimit}}'
	is "$output" "8kB 5"
	printf '[containers]\nmounts = ["type=nosuch,src=/,destination=/m"]\n' >"$conf/containers.conf"
	run_cove 125 run --rm busybox true
	is "$output" 'Error: parsing containers.conf mounts: invalid filesystem type "nosuch"'
	printf '[containers]\nuserns = "keep-id"\n' >"$conf/containers.conf"
	run_cove run --rm busybox id -u
	is "$output" "$(id -u)"
}
