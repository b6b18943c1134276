#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The network commands by podman and by cove: output and exit status.
load ../setup
load compare

setup() {
	compare_setup
	podman_like network create probe >/dev/null 2>&1 || skip "podman makes no networks here"
	podman_like network rm probe >/dev/null
	cove network create --subnet 10.97.0.0/24 --label a=b used >/dev/null
	cove create --name c --network used busybox true >/dev/null
	podman_like network create --subnet 10.97.0.0/24 --label a=b used >/dev/null
	podman_like create --name c --network used busybox true >/dev/null || skip "podman makes no containers here"
}

teardown() {
	for n in used one two three; do podman_like network rm -f $n >/dev/null 2>&1 || true; done
	cove_teardown
}

plain() {
	sed -E 's/[0-9a-f]{64}/ID/g; s/^[0-9a-f]{12} /ID /'
}

@test "network: sentences that scripts use" {
	same network create one
	same network create one
	same network create --subnet 10.98.0.0/24 --gateway 10.98.0.9 --internal two
	same network create --subnet 10.98.0.128/25 three
	same network create --subnet 10.98 three
	same network create host
	same network ls
	same network ls -q
	same network ls --noheading
	same network ls --format '{{.Name}}: {{.Driver}}'
	same network ls -q --filter name=on
	same network ls -q --filter label=a=b
	same network ls -q --filter driver=bridge --filter name=two
	same network ls -q --filter dangling=true
	same network ls --filter nosuch=1
	same network inspect two --format '{{.Name}} {{.Driver}} {{.Internal}} {{.IPv6Enabled}}'
	same network inspect two --format '{{range .Subnets}}{{.Gateway}}{{end}}'
	same network exists one
	same network exists nosuch
	same network rm nosuch
	same network rm podman
	run_cove 2 network rm used
	same network rm one two
	same network prune -f
	same network connect nosuch c
	same network disconnect nosuch c
	same network connect used nosuch
	same create --network nosuch busybox
	same create --network none --network used busybox
	same inspect c --format '{{.HostConfig.NetworkMode}}'
	same rm c
	same network rm used
	no_differences
}
