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
