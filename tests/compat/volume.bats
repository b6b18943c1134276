#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Volumes by podman and by cove: output, exit status, and what is in the archives.
load ../setup
load compare

setup() {
	compare_setup
	podman_like volume create probe >/dev/null 2>&1 || skip "podman has no volumes here"
	podman_like volume rm probe >/dev/null
}

plain() {
	sed -E 's/\b[0-9a-f]{64}\b/ID/g; s/[0-9]{4}-[0-9]{2}-[0-9]{2}.[0-9:.]+/TIME/g; s|/[^ ",]*/volumes/|ROOT/|g; s/^ +//; s/  +/ /g; s/`(cove|podman) /`/
		s/"(cove|podman) /"/'
}

@test "volume: sentences that scripts use" {
	same volume create one
	same volume create one
	same volume create --label a=b --label c -o type=none -o o=bind -o device=/tmp two
	same volume create -o o=uid=5,gid=6 three
	same volume create -o o=noquota four
	same volume create -o nosuch=bar x
	same volume create -o o=size=10m x
	same volume create -o o=timeout=10 x
	same volume create --label =v x
	same volume create -o = x
	same volume create bad/name
	same volume create a b
	same volume ls
	same volume ls -q
	same volume ls --noheading --filter driver=local
	same volume ls --filter name=t
	same volume ls --filter name=^o
	same volume ls --filter label=a -q
	same volume ls --filter label=a=c -q
	same volume ls --filter opt=type -q
	same volume ls --filter opt=type=none -q
	same volume ls --filter scope=local -q
	same volume ls --filter dangling=true -q
	same volume ls --filter dangling=maybe
	same volume ls --filter nosuch=bar
	same volume ls --filter until=1h
	same volume ls --format '{{.Name}}|{{.Driver}}|{{.Scope}}'
	same volume ls --format 'table {{.Name}}\t{{.Labels}}\t{{.Mountpoint}}'
	same volume ls -q --format json
	same volume ls x
	same volume inspect one
	same volume inspect thr
	same volume inspect
	same volume inspect --all one
	same volume inspect --format '{{.Name}} {{.Labels}} {{.Options}} {{.MountCount}} {{.Anonymous}} {{.UID}}' one two three four
	same volume exists one
	same volume exists on
	same volume exists
	same volume mount one
	same volume unmount one
	same volume export nosuch -o "$T/x.tar"
	same volume import nosuch "$T/all.tar"
	same volume import one "$T/nosuch"
	same volume reload
	same volume rm nosuch
	same volume rm --force nosuch
	same volume rm
	same volume rm --all one
	same volume prune --force --filter nosuch=bar
	same volume prune --force --filter label=nosuch
	same volume prune
	same volume rm four
	same volume prune --force --filter label=a
	same volume prune --force
	same volume prune
	same volume ls
	no_differences
}

@test "volume: in use, and by force" {
	same create -q --network none --name c -v data:/d busybox true
	same volume rm data
	same volume rm nosuch data
	same volume ls -f dangling=false
	same volume inspect --format '{{.Anonymous}}' data
	same volume prune --force
	same volume rm -f -t 0 data
	same ps -aq
	same volume ls
	same create -q --network none --name d -v data:/d -v /a busybox true
	same rm -v d
	same volume ls -q --filter name=data
	no_differences
}

@test "volume: one's archive is the other's" {
	local make='mkdir -p /d/sub; echo one >/d/sub/f; ln -s sub/f /d/link; chown -R 7:8 /d/sub; chmod 640 /d/sub/f'
	local look='cd /d; for f in $(find . -mindepth 1 | sort); do stat -c "%n %u:%g %a %F" $f; done; cat link'
	cove run --rm --network none -v data:/d busybox sh -c "$make"
	podman_like run --rm --network none -v data:/d busybox sh -c "$make"
	cove volume export -o "$T/ours.tar" data
	podman_like volume export -o "$T/theirs.tar" data
	list() {
		tar tvf "$1" --numeric-owner | awk '{print $1, $2, $6, $7, $8}' | sed 's| \./| |; s|/ *$||' | sort
	}
	is "$(list "$T/ours.tar")" "$(list "$T/theirs.tar")"
	cove volume create copy >/dev/null
	podman_like volume create copy >/dev/null
	cove volume import copy "$T/theirs.tar"
	podman_like volume import copy "$T/ours.tar"
	is "$(cove run --rm --network none -v copy:/d busybox sh -c "$look")" \
		"$(podman_like run --rm --network none -v copy:/d busybox sh -c "$look")"
}
