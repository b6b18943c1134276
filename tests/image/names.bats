#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# tag, untag, rmi, exists, inspect, history.
load ../setup

@test "a name can be added and taken away" {
	load_busybox
	run_cove 125 untag busybox other.example/a:b
	is "$output" "Error: other.example/a:b: tag not known"
	is "$(cove image inspect --format '{{.ID}}' busybox)" "$(cove image inspect --format '{{.Id}}' busybox)"
	run_cove tag busybox again other.example/a:b
	run_cove image exists again
	run_cove image exists localhost/again:latest
	run_cove untag again localhost/again
	run_cove 1 image exists again
	run_cove untag other.example/a:b
	run_cove images --format '{{.Repository}}:{{.Tag}}'
	is "$output" "<none>:<none>" "all names are gone, the image is not"
	run_cove 125 tag nosuch x
	is "$output" "Error: nosuch: image not known"
}

@test "rmi takes a name, then the image" {
	load_busybox again
	run_cove rmi again
	is "$output" "Untagged: localhost/again:latest"
	id=$(cove images -q --no-trunc)
	run_cove rmi busybox
	is "$output" "Untagged: $IMAGE
Deleted: ${id#sha256:}"
	run_cove images -q
	is "$output" ""
	[ -z "$(ls "$XDG_DATA_HOME/cove/layers")" ] || die "a layer was left"
}

@test "what an image was made from is shown, hidden from lists, and goes with it" {
	load_busybox
	cove create --name one busybox touch /one >/dev/null
	first=$(cove commit -q one)
	cove create --name two "$first" touch /two >/dev/null
	second=$(cove commit -q two made:here)
	base=$(cove images -q --no-trunc "$IMAGE")
	cove rm one two >/dev/null
	is "$(cove image inspect --format '{{.Parent}}' made:here)" "$first"
	is "$(cove image inspect --format '{{.Parent}}' "$first")" "${base#sha256:}"
	is "$(cove history -q --no-trunc made:here | head -3)" "$second
$first
${base#sha256:}"
	# A hidden one is neither listed nor dangling; --all and a filter show it.
	is "$(cove images -q | wc -l)" 2 "listed"
	is "$(cove images -aq | wc -l)" 3 "listed with --all"
	is "$(cove images -q --filter dangling=true)" ""
	is "$(cove images -q --no-trunc --filter intermediate=true)" "sha256:$first"
	is "$(cove images -a --format '{{.Id}} {{.ParentId}}' | grep "^$second")" "$second $first"
	run_cove image prune -f
	is "$output" ""
	# It stays while something else needs it, and when it is asked for.
	cove create --name three "$first" touch /three >/dev/null
	cove commit -q three made:third >/dev/null
	run_cove rmi made:here
	is "$output" "Untagged: localhost/made:here
Deleted: $second"
	run_cove rmi made:third
	like "$output" "Deleted: "
	run_cove image exists "$first"
	cove commit -q three made:third >/dev/null
	cove rm three >/dev/null
	run_cove rmi --no-prune made:third
	run_cove image exists "$first"
	cove create --name three "$first" touch /three >/dev/null
	cove commit -q three made:third >/dev/null
	cove rm three >/dev/null
	run_cove rmi made:third
	is "${lines[-1]}" "Deleted: $first" "the parent goes, too"
	is "$(cove images -q | wc -l)" 1
	cove create --name one busybox touch /one >/dev/null
	first=$(cove commit -q one)
	cove create --name two "$first" touch /two >/dev/null
	second=$(cove commit -q two)
	cove rm one two >/dev/null
	run_cove image prune -f
	is "$output" "$second
$first"
	run_cove system check
	is "$output" ""
}

@test "rmi tells what is missing by its status" {
	load_busybox
	run_cove 1 rmi nosuch
	is "$output" "Error: nosuch: image not known"
	run_cove 1 rmi busybox nosuch
	like "$output" "Deleted: "
	run_cove rmi -i nosuch
	run_cove rmi -f nosuch
	run_cove 125 rmi
	is "$output" "Error: image name or ID must be specified"
	run_cove 125 rmi -a x
}

@test "the names that an image has had are known, the newest first" {
	load_busybox
	cove tag busybox second
	cove tag second registry.example/third:3
	is "$(cove images --history --format '{{.History}}' busybox | sort -u)" "registry.example/third:3, localhost/second:latest, $IMAGE"
	cove untag busybox localhost/second
	is "$(cove images --history --format '{{.History}}' busybox | sort -u)" "registry.example/third:3, $IMAGE, localhost/second:latest" \
		"a name that goes leaves the others in front"
	cove tag busybox second
	is "$(cove image inspect --format '{{.NamesHistory}}' busybox)" "[localhost/second:latest registry.example/third:3 $IMAGE]"
	cove untag busybox
	is "$(cove images --history --format '{{.Repository}} {{.History}}')" "<none> registry.example/third:3, localhost/second:latest, $IMAGE"
	# A name that went to another image stays in the history of this one.
	id=$(cove images -q)
	cove import -q "$(test_file tar)" second >/dev/null
	is "$(cove images --history --format '{{.History}}' second)" localhost/second:latest
	is "$(cove image inspect --format '{{.NamesHistory}}' "$id")" "[registry.example/third:3 localhost/second:latest $IMAGE]"
	run_cove system check
	is "$output" ""
}

@test "rmi --all" {
	load_busybox again
	id=$(cove images -q --no-trunc busybox)
	run_cove 125 rmi "${id#sha256:}"
	is "$output" "Error: unable to delete image \"${id#sha256:}\" by ID with more than one tag ([localhost/again:latest $IMAGE]): please force removal"
	cove import -q "$(test_file tar)" other >/dev/null
	run_cove rmi -a
	run_cove images -q
	is "$output" ""
}

@test "inspect prints documents and templates" {
	need jq
	load_busybox
	is "$(cove image inspect busybox | jq -r '.[0].RepoTags[0]')" "$IMAGE"
	run_cove image inspect --format '{{.Os}} {{.Config.Cmd}} {{index .Config.Labels "org.example.kind"}} {{.Created}}' busybox
	is "$output" "linux [/bin/sh] test 2023-11-14 22:13:20 +0000 UTC"
	run_cove image inspect --format '{{json .Config.Env}}' busybox
	like "$output" '"GREETING=hello"'
	run_cove 125 image inspect nosuch
	like "$output" "nosuch: image not known"
	is "$(cove image inspect busybox nosuch 2>/dev/null | jq length)" 1
	run_cove 125 image inspect --format '{{.Config.Nope}}' busybox
}

@test "history shows steps, newest first" {
	load_busybox
	run_cove history --format '{{.CreatedBy}}|{{.Size}}|{{.Comment}}' busybox
	like "${lines[0]}" '^CMD .*\|0 B\|$'
	like "${lines[1]}" '^COPY busybox / # mkimage\|[0-9.]+ MB\|busybox$'
	run_cove history -q busybox
	is "${lines[0]}" "$(cove images -q)"
	is "${lines[1]}" "<missing>"
	run_cove history --human=false --format '{{.Created}}' busybox
	is "${lines[0]}" "2023-11-14T22:13:20Z"
}
