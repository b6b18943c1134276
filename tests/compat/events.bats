#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The same sentences by podman and by cove leave the same events.
load ../setup
load compare

setup() {
	compare_setup
}

sentences() {
	"$@" run --rm --network none --name one -l a=b busybox true
	"$@" create --network none --name two busybox sleep 1000
	"$@" start two
	"$@" exec two true
	"$@" exec two false
	"$@" rename two three
	"$@" kill three
	"$@" wait three
	"$@" rm three
	"$@" create --network none --name four busybox true
	"$@" export four
	"$@" start -a four
	"$@" rm four
	"$@" tag busybox other
	"$@" untag busybox localhost/other:latest
	"$@" rmi -f busybox
}

# events COMMAND...: in the order they came.  podman mounts the root to export it, its cleaning up is a process of
# its own, it notes a pull of what it has, and some things twice.
events() {
	"$@" events --since "$since" --until "$(($(date +%s) + 1))" --filter type=container --filter type=image \
		--format '{{.Type}} {{.Status}} {{if eq .Type "container"}}{{.Name}} {{.Image}} {{.Attributes}}{{end}}' |
		grep -v 'cleanup\|mount\|refresh\|export\|loadfromarchive\|save\|pull' | uniq | paste -sd ,
}

@test "containers and images leave the same events" {
	since=$(date +%s)
	sentences cove >/dev/null 2>&1 || true
	ours=$(events cove)
	sentences podman_like --events-backend file >/dev/null 2>&1 || true
	theirs=$(events podman_like --events-backend file)
	is "$ours" "$theirs"
	like "$ours" "container died one localhost/busybox:latest map\[a:b "
}
