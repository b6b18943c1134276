#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every transport, both ways, with skopeo and podman on the other side; digests equal.
load ../setup

setup() {
	cove_setup
	need_userns
}

digest_of() {
	sha256sum <"$1" | cut -c-64
}

@test "what skopeo and podman write is pulled from every transport" {
	need skopeo
	load_busybox
	want=$(image_id)
	cove push -q "$IMAGE" "dir:$T/first"
	for to in "dir:$T/d" "oci:$T/o" "oci:$T/named:x/y:z" "oci-archive:$T/o.tar" "oci-archive:$T/on.tar:some:name" \
		"docker-archive:$T/d.tar" "docker-archive:$T/dn.tar:some/thing:1"; do
		skopeo copy -q "dir:$T/first" "$to"
		fresh
		run_cove pull -q "$to"
		if [[ $to == *oci* ]]; then
			# skopeo writes another config for this format; its own word for the ID is the one
			want_now=$(skopeo inspect --raw "$to" | grep -oE '"config":\{[^}]*' | grep -oE '[0-9a-f]{64}')
		else
			want_now=$want
		fi
		is "$output" "$want_now" "ID from $to"
		is "$(image_id)" "$want_now"
	done
	podman_like load -q -i "$(test_file docker-archive)"
	for format in docker-archive oci-archive docker-dir oci-dir; do
		podman_like save -q --format $format -o "$T/p.$format" "$IMAGE"
		fresh
		run_cove load -q -i "$T/p.$format"
		like "$output" "^Loaded image: "
	done
}

@test "what cove writes skopeo and podman read, to the same ID" {
	need skopeo
	load_busybox
	want=$(image_id)
	for to in "dir:$T/d" "oci:$T/o" "oci:$T/named:x/y:z" "oci-archive:$T/o.tar" "oci-archive:$T/on.tar:some:name" \
		"docker-archive:$T/d.tar" "docker-archive:$T/dn.tar:some/thing:1"; do
		run_cove push -q "$IMAGE" "$to"
		rm -rf "$T/copy"
		skopeo copy -q "$to" "dir:$T/copy" # it compares all digests
		[ -e "$T/copy/$want" ] || die "another config from $to"
	done
	for format in docker-archive oci-archive docker-dir oci-dir; do
		run_cove save --format $format -o "$T/s.$format" "$IMAGE"
		podman_like rmi -fa >/dev/null 2>&1 || true
		(cd "$T" && podman_like load -q -i "s.$format") >&2 # it makes names of paths, which have no capitals
		is "$(podman_like images -q --no-trunc)" "sha256:$want" "what podman has of $format"
	done
}

@test "names: oci: is called by its directory, dir: not at all, archives say themselves" {
	load_busybox
	cd "$T"
	cove push -q "$IMAGE" dir:some/dir
	cove push -q "$IMAGE" oci:some/layout:x:y
	cove push -q "$IMAGE" oci-archive:named.tar:foo
	cove push -q "$IMAGE" docker-archive:named.docker:foo:y
	for row in "dir:some/dir <none>:<none>" "oci:some/layout localhost/some/layout:latest" \
		"oci:some/layout:x:y localhost/some/layout:latest" "oci-archive:named.tar localhost/foo:latest" \
		"docker-archive:named.docker docker.io/library/foo:y" "docker-archive:named.docker:foo:y docker.io/library/foo:y" \
		"docker-archive:named.docker:@0 docker.io/library/foo:y"; do
		fresh
		run_cove pull -q "${row% *}"
		is "$(cove images --format '{{.Repository}}:{{.Tag}}')" "${row#* }" "name from ${row% *}"
	done
	fresh
	for row in "dir:nosuch No such file" "oci:some/layout:z no descriptor found" "oci-archive:named.tar:bar no descriptor found" \
		"docker-archive:named.docker:bar Tag .*bar:latest.* not found" "docker-archive:named.docker:@7 Invalid source index @7" \
		"dir: a path is missing" "containers-storage:nosuch image not known" "sif:x not read" \
		"docker-daemon:foo neither a tag nor a digest" \
		"containers-storage:[vfs@/x]y driver vfs: there are only overlay stores" \
		"containers-storage:[overlay@x]y path name is not absolute" \
		"containers-storage:[/x]y store /x: .*No such file" "containers-storage:[/x] invalid reference" \
		"containers-storage:[/x invalid reference" "containers-storage:[overlay@]y invalid reference" \
		"containers-storage:[/x+]y invalid reference"; do
		run_cove 125 pull -q "${row%% *}"
		like "$output" "^Error: .*${row#* }"
		is "$(cove images -q)" "" "images"
	done
}

@test "archives of several images" {
	need skopeo
	load_busybox
	cove import -q "$(test_file tar)" other:1 >/dev/null
	cove import -q -m second "$(test_file tar)" another:2 >/dev/null
	cove save -m -o "$T/multi.tar" "$IMAGE" other:1 another:2
	skopeo copy -q "docker-archive:$T/multi.tar:localhost/other:1" "dir:$T/one"
	fresh
	run_cove pull -q "docker-archive:$T/multi.tar"
	is "${#lines[@]}" 3
	is "$(cove images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)" \
		"localhost/another:2 $IMAGE localhost/other:1" "names"
	fresh
	run_cove pull -q "docker-archive:$T/multi.tar:@1"
	is "$(cove images --format '{{.Repository}}:{{.Tag}}')" "localhost/other:1" "the second"
	podman_like load -q -i "$T/multi.tar" >&2
	is "$(podman_like images -q | sort -u | wc -l)" 3 "images of podman"
	podman_like save -m -o "$T/theirs.tar" "$IMAGE" localhost/other:1 2>/dev/null
	fresh
	run_cove load -q -i "$T/theirs.tar"
	is "${#lines[@]}" 2
	run_cove 125 save --format oci-dir -m -o "$T/x" "$IMAGE" other:1
	run_cove 125 save --format docker-dir "$IMAGE"
	run_cove 125 save --compress -o "$T/x" "$IMAGE"
	[ ! -e "$T/x" ] || die "something was written"
}

@test "an unmodified image keeps its digest from registry to registry, layout and directory" {
	need skopeo
	load_busybox
	start_registry
	first=$REGISTRY
	first_pid=$REGISTRY_PID
	cove push -q "$IMAGE" "dir:$T/plain"
	# compressed by somebody else, so that no compression of ours gives these bytes
	skopeo copy -q --dest-tls-verify=false --format v2s2 "dir:$T/plain" "docker://$first/v2:1"
	skopeo copy -q --dest-tls-verify=false --format oci "dir:$T/plain" "docker://$first/oci:1"
	start_registry
	for kind in v2 oci; do
		want=$(skopeo inspect --raw --tls-verify=false "docker://$first/$kind:1" | sha256sum | cut -c-64)
		fresh
		cove pull -q --tls-verify=false "$first/$kind:1" >/dev/null
		run_cove push -q --tls-verify=false --digestfile "$T/digest" "$first/$kind:1" "$REGISTRY/$kind:1"
		is "$(cat "$T/digest")" "sha256:$want" "digest at the other registry"
		is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$kind:1" | sha256sum | cut -c-64)" "$want" "and its own word"
		skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/$kind:1" "dir:$T/$kind.copy" # it compares all digests
		run_cove push -q --tls-verify=false "$first/$kind:1" "dir:$T/$kind.dir"
		is "$(digest_of "$T/$kind.dir/manifest.json")" "$want" "digest in dir:"
		skopeo copy -q "dir:$T/$kind.dir" "dir:$T/$kind.dir.copy"
		is "$(find "$T/$kind.dir" -name '*tmp*')" "" "temporary files"
	done
	run_cove push -q --tls-verify=false "$first/oci:1" "oci:$T/layout:1"
	is "$(skopeo inspect --raw "oci:$T/layout:1" | sha256sum | cut -c-64)" "$want" "digest in oci:"
	# where the source is gone the image is pushed all the same, and says what it is now
	kill "$first_pid"
	wait "$first_pid" 2>/dev/null || true
	run_cove push -q --tls-verify=false --digestfile "$T/digest" "$first/oci:1" "$REGISTRY/alone:1"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/alone:1" | sha256sum | cut -c-64)" \
		"$(cut -d: -f2 "$T/digest")" "digest without the source"
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/alone:1" "dir:$T/alone"
}

@test "an image of a directory or archive keeps its digest as long as that is there" {
	need skopeo
	load_busybox
	start_registry
	cove push -q "$IMAGE" "dir:$T/plain"
	skopeo copy -q --dest-tls-verify=false --format oci "dir:$T/plain" "docker://$REGISTRY/seed:1" # compressed by somebody else
	for place in "oci:$T/layout:x" "dir:$T/dir" "oci-archive:$T/a.tar"; do
		skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/seed:1" "$place"
		want=$(skopeo inspect --raw "$place" | sha256sum | cut -c-64)
		fresh
		cove pull -q "$place" >/dev/null
		name=to/$(echo "$place" | cut -d: -f1)
		run_cove push -q --tls-verify=false "$(cove images -q)" "$REGISTRY/$name:1"
		is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$name:1" | sha256sum | cut -c-64)" "$want" "from $place"
		run_cove push -q "$(cove images -q)" "dir:$T/$name"
		is "$(digest_of "$T/$name/manifest.json")" "$want" "from $place to dir:"
		skopeo copy -q "dir:$T/$name" "dir:$T/$name.copy"
	done
	# what was changed there since is not taken
	fresh
	cove pull -q "dir:$T/dir" >/dev/null
	blob=$(jq -r '.layers[0].digest' "$T/dir/manifest.json" | cut -d: -f2)
	printf x | dd of="$T/dir/$blob" bs=1 seek=100 conv=notrunc 2>/dev/null
	run_cove push -q "$(cove images -q)" "dir:$T/changed"
	skopeo copy -q "dir:$T/changed" "dir:$T/changed.copy"
	rm -r "$T/dir"
	run_cove push -q "$(cove images -q)" "dir:$T/gone"
	skopeo copy -q "dir:$T/gone" "dir:$T/gone.copy"
}

@test "run, create and push take references with a transport" {
	load_busybox
	cove push -q "$IMAGE" "oci:$T/layout"
	cove save -q -o "$T/a.tar" "$IMAGE"
	run_cove push -q "containers-storage:$IMAGE" "dir:$T/d"
	run_cove tag "$IMAGE" kept:1
	run_cove push -q "$IMAGE" containers-storage:named:3
	run_cove image exists docker.io/library/named:3
	fresh
	for from in "oci:$T/layout" "docker-archive:$T/a.tar" "dir:$T/d"; do
		run_cove run --rm --network none "$from" echo hello
		is "${lines[-1]}" hello "output of $from"
		run_cove create "$from" true
		cove rm -fa >/dev/null
		fresh
	done
	cove load -q -i "$T/a.tar" >/dev/null
	run_cove run --rm --network none "containers-storage:$IMAGE" echo hello
	is "${lines[-1]}" hello
	run_cove pull -q "containers-storage:$IMAGE"
	is "$output" "$(image_id)"
	run_cove run --rm --network none --override-os linux --no-healthcheck --retry 1 --retry-delay 1ms --disable-content-trust "$IMAGE" true
	run_cove 125 run --rm --arch s390x --platform linux/amd64 "$IMAGE" true
	run_cove 125 run --rm --arch s390x --pull never "$IMAGE" true
}

@test "docker-daemon: gives and takes images" {
	need python3
	load_busybox
	want=$(image_id)
	cp "$(test_file docker-archive)" "$T/archive.tar"
	python3 "$COVE_SRC/tests/registry/daemon.py" "$T/docker.sock" "$T/archive.tar" "$T/given.tar" 3>&- &
	PIDS+=($!)
	wait_for 20 test -S "$T/docker.sock"
	export DOCKER_HOST=unix://$T/docker.sock
	fresh
	run_cove pull -q docker-daemon:some/thing:1
	is "$output" "$want"
	is "$(cove images --format '{{.Repository}}:{{.Tag}}')" docker.io/some/thing:1 "name"
	run_cove push -q some/thing:1 docker-daemon:else:2
	fresh
	run_cove load -q -i "$T/given.tar"
	is "$output" "Loaded image: docker.io/library/else:2"
	run_cove 125 pull -q docker-daemon:nosuch:1
	like "$output" "No such image: nosuch:1"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
	export DOCKER_HOST=unix://$T/nosuch.sock
	run_cove 125 pull -q docker-daemon:some/thing:1
	like "$output" "^Error: .*Cannot connect to the Docker daemon at unix://$T/nosuch.sock"
	export DOCKER_HOST=ssh://there
	run_cove 125 pull -q docker-daemon:some/thing:1
	like "$output" "^Error: .*DOCKER_HOST ssh://there"
}

@test "a hostile directory reads nothing outside of itself" {
	need python3
	load_busybox
	cove push -q "$IMAGE" "oci:$T/layout:x"
	fresh
	blob=$(cd "$T/layout/blobs/sha256" && ls -S | head -1)
	cp "$T/layout/blobs/sha256/$blob" "$T/outside"
	ln -sf "$T/outside" "$T/layout/blobs/sha256/$blob"
	run_cove 125 pull -q "oci:$T/layout:x"
	rm "$T/layout/blobs/sha256/$blob"
	mkfifo "$T/layout/blobs/sha256/$blob"
	run_cove 125 pull -q "oci:$T/layout:x"
	rm "$T/layout/blobs/sha256/$blob"
	head -c "$(stat -c %s "$T/outside")" /dev/urandom >"$T/layout/blobs/sha256/$blob"
	run_cove 125 pull -q "oci:$T/layout:x"
	is "$(cove images -q)" "" "images"
	is "$(ls -A "$XDG_DATA_HOME/cove/layers")" "" "layers"
	cp "$T/outside" "$T/layout/blobs/sha256/$blob"
	run_cove pull -q "oci:$T/layout:x"
}

@test "pull --all-tags, and what pull refuses" {
	need skopeo
	load_busybox
	start_registry
	cove import -q "$(test_file tar)" other:1 >/dev/null
	cove push -q --tls-verify=false "$IMAGE" "$REGISTRY/a/bb:1"
	cove push -q --tls-verify=false other:1 "$REGISTRY/a/bb:2"
	fresh
	run_cove pull -q -a --tls-verify=false "$REGISTRY/a/bb"
	is "${#lines[@]}" 2 "IDs"
	is "$(cove images --format '{{.Tag}}' | sort | xargs)" "1 2" "tags"
	run_cove 125 pull -q -a --tls-verify=false "$REGISTRY/a/nosuch"
	like "$output" "^Error: .*fetching tags list"
	fresh
	cove import -q "$(test_file tar)" other:1 >/dev/null
	cove push -q other:1 "dir:$T/x"
	fresh
	run_cove 125 pull -a "dir:$T/x"
	is "$output" "Error: pulling all tags is not supported for dir:$T/x"
	is "$(cove images -q)" "" "images"
	run_cove 125 pull --decryption-key x "$REGISTRY/a/bb"
	like "$output" "invalid decryption keys: open x: No such file"
	run_cove pull -q --disable-content-trust --retry 1 --retry-delay 10ms --policy newer --tls-verify=false "$REGISTRY/a/bb:1"
	run_cove 125 pull --policy sometimes "$REGISTRY/a/bb:1"
	id=sha256:$(cove image inspect --format '{{.Id}}' "$REGISTRY/a/bb:1")
	run_cove pull -q --policy missing "$id"
	run_cove 125 pull "$id"
	is "$output" "Error: pull policy is always but image has been referred to by ID ($id)"
	run_cove 125 pull --policy missing "sha256:$(printf %064d 0)"
	is "$output" "Error: sha256:$(printf %064d 0): image not known"
	run_cove 125 tag "$id" sha256:x
	is "$output" "Error: sha256:x: tag by digest not supported"
	# what a script gives without a value
	run_cove pull -q --authfile "" --creds "" --cert-dir "" --arch "" --os "" --variant "" \
		--tls-verify=false "$REGISTRY/a/bb:1"
	run_cove push -q --authfile "" --creds "" --cert-dir "" --sign-by "" --sign-passphrase-file "" --digestfile "" \
		--tls-verify=false "$REGISTRY/a/bb:1" "$REGISTRY/a/bb:3"
}
