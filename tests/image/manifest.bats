#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Lists of images: made here, pushed to Debian's docker-registry, read by skopeo and podman.
load ../setup

setup() {
	cove_setup
	need_userns
}

# field DOCUMENT EXPRESSION: of a JSON document in a file, as python has it ("d" is the document).
field() {
	python3 -c 'import json,sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$1" "$2"
}

# raw NAME: the manifest there, as skopeo reads it, in the file $T/raw.
raw() {
	skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1" >"$T/raw"
}

# two_images: localhost/one and localhost/two, with different configs.
two_images() {
	load_busybox
	cove import -c 'ENV A=1' "$(test_file tar)" localhost/one >/dev/null 2>&1
	cove import -c 'ENV A=2' "$(test_file tar)" localhost/two >/dev/null 2>&1
}

# manifest_of IMAGE: the digest of its manifest in the store.
manifest_of() {
	cove image inspect --format '{{.Digest}}' "$1"
}

@test "manifest: create, inspect, exists, rm tell what podman tells" {
	run_cove manifest create foo
	like "$output" '^[0-9a-f]{64}$'
	id=$output
	run_cove 125 manifest create foo
	like "$output" "image name \"localhost/foo:latest\" is already associated with image \"$id\": that name is already in use"
	run_cove manifest create --amend foo
	is "$output" "$id"
	run_cove manifest exists foo
	run_cove image exists foo
	like "$(cove __complete manifest rm fo)" "^foo:latest"
	run_cove 1 manifest exists nosuch
	run_cove manifest inspect foo
	echo "$output" >"$T/doc"
	is "$(field "$T/doc" 'd["schemaVersion"], d["mediaType"], d["manifests"]')" \
		"(2, 'application/vnd.docker.distribution.manifest.list.v2+json', [])"
	run_cove images --format '{{.Repository}}:{{.Tag}} {{.ID}}'
	is "$output" "localhost/foo:latest ${id:0:12}"
	run_cove 1 manifest rm nosuch
	is "$output" "Error: nosuch: image not known"
	run_cove manifest rm --ignore nosuch
	run_cove 125 manifest remove foo sha256:1234
	is "$output" 'Error: removing from manifest list foo: invalid image digest "sha256:1234"'
	run_cove 125 manifest add nosuch "docker://127.0.0.1:1/x"
	is "$output" "Error: nosuch: image not known"
	run_cove manifest rm foo
	is "$output" "Untagged: localhost/foo:latest"$'\n'"Deleted: $id"
	run_cove 1 manifest exists foo
	is "$(ls "$XDG_DATA_HOME/cove/blobs/sha256")" "" "blobs left behind"
}

@test "manifest: entries are added, annotated and removed; the store keeps its documents" {
	need python3
	two_images
	run_cove manifest create list localhost/one
	run_cove manifest add --arch arm64 --variant v8 --os linux --os-version 1.2 --features sse,avx --annotation k=v=w list localhost/two
	cove manifest inspect list >"$T/doc"
	is "$(field "$T/doc" '[m["digest"] for m in d["manifests"]]')" "['$(manifest_of one)', '$(manifest_of two)']"
	is "$(field "$T/doc" 'd["manifests"][1]["platform"]')" \
		"{'architecture': 'arm64', 'os': 'linux', 'variant': 'v8', 'os.version': '1.2', 'features': ['sse', 'avx']}"
	is "$(field "$T/doc" 'd["manifests"][1]["annotations"]')" "{'k': 'v=w'}"
	run_cove manifest annotate --arch s390x --os-features x list "$(manifest_of two)"
	run_cove manifest annotate --index --annotation whole=list list
	cove manifest inspect list >"$T/doc"
	is "$(field "$T/doc" 'd["manifests"][1]["platform"]["architecture"], d["annotations"]')" "('s390x', {'whole': 'list'})"
	run_cove 125 manifest annotate --arch x list "sha256:$(printf 1%.0s {1..64})"
	like "$output" "no instance matching digest \"sha256:1{64}\" found in manifest list"
	run_cove 125 manifest add --annotation nothing list localhost/one
	run_cove 125 manifest rm localhost/one
	is "$output" "Error: localhost/one: image is not a manifest list"
	run_cove system check
	run_cove image prune -af
	run_cove system check
	run_cove manifest inspect list
	# A list as what another one is made of; and by its other name.
	run_cove manifest create other list
	cove manifest inspect other >"$T/doc"
	is "$(field "$T/doc" 'len(d["manifests"])')" 2
	run_cove manifest remove list "$(field "$T/doc" 'd["manifests"][0]["digest"]')"
	cove manifest inspect list >"$T/doc"
	is "$(field "$T/doc" 'len(d["manifests"])')" 1
	run_cove tag list third:1
	run_cove manifest rm list
	is "$output" "Untagged: localhost/list:latest"
	run_cove rmi third:1
	like "$output" "^Untagged: localhost/third:1"$'\n'"Deleted: [0-9a-f]{64}$"
	run_cove system check
}

@test "manifest: an image that gets a list's name takes it" {
	load_busybox
	run_cove manifest create name
	run_cove tag "$IMAGE" name
	run_cove 1 manifest exists name
	run_cove image inspect --format '{{.Id}}' name
	run_cove 125 manifest create name
	like "$output" "that name is already in use"
}

@test "manifest push: podman pulls each platform of what was pushed, digests as skopeo reads them" {
	need skopeo python3
	two_images
	start_registry
	cove manifest create app localhost/one >/dev/null
	cove manifest add --arch arm64 --os linux app localhost/two >/dev/null
	run_cove manifest push -q --tls-verify=false --digestfile "$T/digest" app "docker://$REGISTRY/app:1"
	is "$output" ""
	raw app:1
	is "sha256:$(sha256sum <"$T/raw" | cut -c-64)" "$(cat "$T/digest")" "digest of the list"
	is "$(field "$T/raw" 'd["mediaType"]')" "application/vnd.oci.image.index.v1+json"
	for i in 0 1; do
		raw "app@$(field "$T/raw" "d['manifests'][$i]['digest']")"
		is "sha256:$(sha256sum <"$T/raw" | cut -c-64) $(stat -c %s "$T/raw")" \
			"$(raw app:1 && field "$T/raw" "d['manifests'][$i]['digest']") $(field "$T/raw" "d['manifests'][$i]['size']")"
	done
	for arch in amd64:one arm64:two; do
		run_cove pull -q --tls-verify=false --arch "${arch%:*}" "$REGISTRY/app:1"
		is "${lines[-1]}" "$(cove image inspect --format '{{.Id}}' "${arch#*:}")" "ID for $arch"
	done
	if command -v podman >/dev/null; then
		id=$(podman_like pull -q --tls-verify=false --arch arm64 "$REGISTRY/app:1")
		is "$id" "$(cove image inspect --format '{{.Id}}' two)" "ID of what podman pulled"
	fi
	# push is for lists, too; and --rm.
	run_cove push -q --tls-verify=false --digestfile "$T/digest2" app "$REGISTRY/app:2"
	is "$(cat "$T/digest2")" "$(cat "$T/digest")"
	run_cove manifest push -q --rm --tls-verify=false app "$REGISTRY/app:3"
	run_cove 1 manifest exists app
	run_cove 125 manifest push nosuch "docker://$REGISTRY/x"
	like "$output" "nosuch: image not known"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "manifest: what a registry has stays there, and goes from place to place as it is" {
	need skopeo python3
	two_images
	start_registry
	cove manifest create app localhost/one >/dev/null
	cove manifest add --arch arm64 --os linux app localhost/two >/dev/null
	cove manifest push -q --tls-verify=false app "docker://$REGISTRY/app:1"
	cove manifest rm app >/dev/null
	cove rmi -fa >/dev/null
	raw app:1
	cp "$T/raw" "$T/first"
	run_cove manifest create --tls-verify=false --all copy "docker://$REGISTRY/app:1"
	run_cove images -q
	is "${#lines[@]}" 1 "images beside the list"
	cove manifest inspect copy >"$T/doc"
	is "$(field "$T/doc" '[m["digest"] for m in d["manifests"]]')" "$(field "$T/first" '[m["digest"] for m in d["manifests"]]')"
	# Without --all: that for the host, or for the one that is asked for.
	run_cove manifest create --tls-verify=false one "docker://$REGISTRY/app:1"
	cove manifest inspect one >"$T/doc"
	is "$(field "$T/doc" '[m["digest"] for m in d["manifests"]]')" "['$(field "$T/first" 'd["manifests"][0]["digest"]')']"
	run_cove manifest create two
	run_cove manifest add --tls-verify=false --arch arm64 two "docker://$REGISTRY/app:1"
	cove manifest inspect two >"$T/doc"
	is "$(field "$T/doc" 'd["manifests"][0]["digest"]')" "$(field "$T/first" 'd["manifests"][1]["digest"]')"
	# To the same registry (mounted), and to another.
	run_cove manifest push -q --tls-verify=false copy "docker://$REGISTRY/copy:1"
	raw copy:1
	is "$(field "$T/raw" 'd["manifests"]')" "$(field "$T/first" 'd["manifests"]')"
	first=$REGISTRY
	start_registry
	run_cove manifest push -q --tls-verify=false copy "docker://$REGISTRY/copy:1"
	raw copy:1
	is "$(field "$T/raw" 'd["manifests"]')" "$(field "$T/first" 'd["manifests"]')"
	run_cove pull -q --tls-verify=false "$REGISTRY/copy:1"
	cove rmi -fa >/dev/null
	# Another format: the images are converted on the way, and not left here.
	run_cove manifest create --tls-verify=false --all docker "docker://$first/app:1"
	run_cove manifest push -q --tls-verify=false --format v2s2 docker "docker://$REGISTRY/docker:1"
	raw docker:1
	is "$(field "$T/raw" 'd["mediaType"], d["manifests"][0]["mediaType"]')" \
		"('application/vnd.docker.distribution.manifest.list.v2+json', 'application/vnd.docker.distribution.manifest.v2+json')"
	skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/docker:1" "dir:$T/copy"
	run_cove images -q
	is "${#lines[@]}" 1 "images beside the list"
	run_cove manifest inspect --tls-verify=false "docker://$REGISTRY/docker:1"
	run_cove 125 manifest add --tls-verify=false docker "docker://$REGISTRY/nosuch:1"
	like "${lines[0]}" "^Error: reading docker://$REGISTRY/nosuch: reading manifest 1: "
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "manifest add --artifact: files go into a list, and with it to a registry" {
	need skopeo python3
	load_busybox
	start_registry
	echo hello >"$T/NOTES"
	cove manifest create app "$IMAGE" >/dev/null
	run_cove manifest add --artifact --artifact-type text/x-notes --annotation a=b app "$T/NOTES"
	cove manifest inspect app >"$T/doc"
	is "$(field "$T/doc" 'd["manifests"][1]["artifactType"], d["manifests"][1]["annotations"]')" "('text/x-notes', {'a': 'b'})"
	run_cove system check
	run_cove run --rm app true # the image for this host
	run_cove manifest push -q --tls-verify=false app "docker://$REGISTRY/app:1"
	raw "app@$(field "$T/doc" 'd["manifests"][1]["digest"]')"
	is "$(field "$T/raw" 'd["artifactType"], d["layers"][0]["annotations"]["org.opencontainers.image.title"]')" "('text/x-notes', 'NOTES')"
	is "$(field "$T/raw" 'd["layers"][0]["mediaType"], d["config"]["mediaType"]')" "('text/plain', 'application/vnd.oci.empty.v1+json')"
	run_cove manifest rm app
	run_cove rmi -fa
	is "$(ls "$XDG_DATA_HOME/cove/blobs/sha256")" "" "blobs left behind"
	run_cove system check
}

@test "manifest push to an OCI archive, which skopeo and cove read" {
	need skopeo jq
	two_images
	cove manifest create app localhost/one >/dev/null
	cove manifest add --arch arm64 --os linux app localhost/two >/dev/null
	run_cove manifest push -q --digestfile "$T/digest" app "oci-archive:$T/x.tar:app"
	is "$(skopeo inspect --raw "oci-archive:$T/x.tar:app" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")" "digest of the list"
	skopeo copy -q --all "oci-archive:$T/x.tar" "oci:$T/layout:app"
	is "$(skopeo inspect --raw "oci:$T/layout:app" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")"
	# Another one takes its place, whole.
	run_cove manifest push -q app "oci-archive:$T/x.tar"
	is "$(skopeo inspect --raw "oci-archive:$T/x.tar" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")"
	mkfifo "$T/pipe"
	cat "$T/pipe" >"$T/piped" &
	run_cove manifest push -q app "oci-archive:$T/pipe"
	[ -p "$T/pipe" ] || die "the pipe was replaced"
	wait $!
	is "$(skopeo inspect --raw "oci-archive:$T/piped" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")" "through a pipe"
	run_cove 125 manifest push --format v2s2 app "oci-archive:$T/y.tar"
	run_cove 125 manifest push app oci-archive:
	run_cove 125 manifest push -q app "oci-archive:$T/none/y.tar"
	like "$output" "^Error: .*$T/none/y.tar: No such file or directory"
	is "$(cd "$T" && ls -d *.tar*)" x.tar
	id=$(cove image inspect --format '{{.Id}}' localhost/one)
	cove manifest rm app >/dev/null
	cove rmi -fa >/dev/null
	run_cove pull -q "oci-archive:$T/x.tar"
	is "$output" "$id"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "manifest push to a directory or an OCI layout, which skopeo and cove read" {
	need skopeo python3
	two_images
	start_registry
	cove manifest create app localhost/one >/dev/null
	cove manifest add --arch arm64 --os linux app localhost/two >/dev/null
	cove manifest push -q --tls-verify=false app "docker://$REGISTRY/app:1"
	cove manifest rm app >/dev/null
	echo hello >"$T/NOTES"
	# One image that is here, one that is in the registry only, and a file.
	arm=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app:1" | jq -r '.manifests[1].digest')
	cove manifest create mixed localhost/one >/dev/null
	cove manifest add --tls-verify=false --arch arm64 mixed "docker://$REGISTRY/app@$arm" >/dev/null
	cove rmi two >/dev/null
	run_cove manifest push -q --tls-verify=false --digestfile "$T/digest" mixed "oci:$T/layout:mixed"
	is "$(skopeo inspect --raw "oci:$T/layout:mixed" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")" "digest of the list"
	is "$(skopeo inspect --raw "oci:$T/layout:mixed" | jq -r '.manifests[1].digest')" "$arm" "digest of what came as it was"
	skopeo copy -q --all --dest-tls-verify=false "oci:$T/layout:mixed" "docker://$REGISTRY/from-layout:1"
	run_cove pull -q --tls-verify=false --arch arm64 "$REGISTRY/from-layout:1"
	# Again, under another name, beside the first.
	cove manifest add --artifact --artifact-type text/x-notes mixed "$T/NOTES" >/dev/null
	run_cove manifest push -q --tls-verify=false mixed "oci:$T/layout:other"
	is "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | sort | join(" ")' "$T/layout/index.json")" "mixed other"
	notes=$(skopeo inspect --raw "oci:$T/layout:other" | jq -r '.manifests[2].digest')
	blob=$(jq -r '.layers[0].digest' "$T/layout/blobs/sha256/${notes#sha256:}")
	is "$(cat "$T/layout/blobs/sha256/${blob#sha256:}")" hello
	is "$(stat -c %h "$T/layout/blobs/sha256/${blob#sha256:}")" 1 "links of a file that is also the store's"
	cove manifest rm mixed >/dev/null
	run_cove pull -q "oci:$T/layout:mixed"

	cove manifest create plain localhost/one >/dev/null
	cove manifest add --tls-verify=false plain "docker://$REGISTRY/app@$arm" >/dev/null
	run_cove manifest push -q --tls-verify=false --digestfile "$T/digest" plain "dir:$T/dir"
	is "$(sha256sum <"$T/dir/manifest.json" | cut -c-64)" "$(cut -c8- "$T/digest")"
	[ -e "$T/dir/${arm#sha256:}.manifest.json" ] || die "$(ls "$T/dir")"
	skopeo copy -q --all --dest-tls-verify=false "dir:$T/dir" "docker://$REGISTRY/from-dir:1"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/from-dir:1" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")"
	run_cove 125 manifest push --sign-by x plain "dir:$T/dir2"
	like "$output" "signatures of a list can go to a registry only"
	run_cove 125 manifest push --format v2s2 plain "oci:$T/layout2"
	for name in docker-archive docker-daemon containers-storage; do
		run_cove 125 manifest push plain "$name:x:latest"
		is "$output" "Error: copying multiple images: destination transport \"$name\" does not support copying multiple images as a group"
	done
	[ ! -e x ]
	run_cove 125 manifest push plain dir:
	is "$(find "$T/layout" "$T/dir" -name '.*' -type f)" "" "temporary files"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "manifest push without a destination goes where the name that was given leads" {
	start_registry
	cove manifest create aaa.invalid/list
	cove tag aaa.invalid/list "$REGISTRY/list:1"
	run_cove 0 manifest push -q --tls-verify=false "$REGISTRY/list:1"
	run_cove 0 manifest inspect --tls-verify=false "docker://$REGISTRY/list:1"
	run_cove 125 manifest inspect --tls-verify=false "docker://$REGISTRY/none:1"
	like "$output" "^Error: reading image \"docker://$REGISTRY/none:1\": "
}

@test "manifest push --add-compression: each platform once more, behind what the list names" {
	need jq
	need skopeo
	start_registry
	mkdir "$T/r"
	echo hello >"$T/r/f"
	tar -C "$T/r" -cf "$T/a.tar" .
	cove import -q --arch amd64 "$T/a.tar" one
	cove import -q --arch arm64 "$T/a.tar" two
	cove manifest create app
	cove manifest add app containers-storage:localhost/one
	cove manifest add app containers-storage:localhost/two
	before=$(cove manifest inspect app)
	run_cove 125 manifest push -q --tls-verify=false --add-compression lzma app "$REGISTRY/app:1"
	like "$output" 'invalid compression format "lzma"'
	run_cove 0 manifest push -q --tls-verify=false --compression-format gzip --add-compression zstd:chunked app "$REGISTRY/app:1"
	is "$(cove manifest inspect app)" "$before"
	skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:1" >"$T/list"
	is "$(jq -r '.manifests[] | .platform.architecture + " " + (.annotations["io.github.containers.compression.zstd"] // "none")' "$T/list" | tr '\n' ' ')" \
		"amd64 none arm64 none amd64 true arm64 true "
	for i in 0 1 2 3; do
		skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app@$(jq -r ".manifests[$i].digest" "$T/list")" | jq -r '.layers[0].mediaType'
	done >"$T/types"
	is "$(tr '\n' ' ' <"$T/types")" "$(printf 'application/vnd.oci.image.layer.v1.tar+%s ' gzip gzip zstd zstd)"
	# The list that was pushed has both already.
	cove rmi -fa
	cove manifest create again
	cove manifest add --all --tls-verify=false again "docker://$REGISTRY/app:1"
	run_cove 0 manifest push -q --tls-verify=false --add-compression gzip,zstd again "$REGISTRY/app:2"
	is "$(skopeo inspect --tls-verify=false --raw "docker://$REGISTRY/app:2" | jq '.manifests | length')" 4
	cove pull -q --tls-verify=false "$REGISTRY/app:2"
}
