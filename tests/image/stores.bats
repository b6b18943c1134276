#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# storage.conf, and additional image stores: of another cove, and of Podman.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	SHARED=$T/shared
	unset STORAGE_OPTS CONTAINERS_STORAGE_CONF_OVERRIDE
}

teardown() {
	[ ! -d "$SHARED" ] || CONTAINERS_STORAGE_CONF=/dev/null cove unshare chown -R 0:0 "$SHARED" >/dev/null 2>&1 || true
	[ ! -d "$T/podman" ] || podman_overlay rmi -fa >/dev/null 2>&1 || true
	chmod -R u+w "$T" 2>/dev/null || true
	cove_teardown
}

# conf LINE...: what the user's storage.conf says.
conf() {
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '%s\n' "$@" >"$XDG_CONFIG_HOME/containers/storage.conf"
}

# use STORE...: as additional ones, by storage.conf.
use() {
	conf "[storage.options]" "additionalimagestores = [ $(printf '"%s", ' "$@") ]"
}

# shared ARG...: cove as the owner of the other store.
shared() {
	CONTAINERS_STORAGE_CONF=/dev/null timeout 120 "$COVE" --root "$SHARED" --runroot "$R/shared" "$@"
}

# shared_busybox: that has the image busybox, with two layers.
shared_busybox() {
	need_userns
	shared load -q -i "$(test_file docker-archive)" >/dev/null
}

podman_overlay() {
	printf '[storage]\ndriver = "overlay"\ngraphroot = "%s"\nrunroot = "%s"\n' "$T/podman" "$R/podman" >"$T/podman.conf"
	CONTAINERS_STORAGE_CONF=$T/podman.conf podman --root "$T/podman" --runroot "$R/podman" --storage-driver overlay --cgroup-manager cgroupfs "$@"
}

# podman_busybox: an image of Podman's, localhost/top:1, with a layer of its own making.
podman_busybox() {
	need podman
	need_userns
	podman_overlay load -q -i "$(test_file docker-archive)" >/dev/null 2>&1 || skip "podman's overlay does not work here"
	podman_overlay run --name c --network none "$IMAGE" sh -c 'echo new >/new; rm /bin/vi; chown 5:6 /new' ||
		skip "podman does not work here"
	podman_overlay commit -q c localhost/top:1 >/dev/null
	podman_overlay rm c >/dev/null
	use "$T/podman"
}

# tree DIR: one line that changes when any file there does.
tree() {
	(cd "$1" && find . -printf '%p %s %T@ %C@ %m\n' | sort | sha256sum)
}

@test "storage.conf says where the store and the runtime directory are" {
	conf '[storage]' 'driver = "overlay"' "graphroot = \"$T/g-\$UID\"" "runroot = \"\${XDG_RUNTIME_DIR}/r\""
	run_cove info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'
	is "$output" "$T/g-$(id -u) $R/r"
	run_cove --root "$T/cli" info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'
	is "$output" "$T/cli $R/r" "the command line has the last word"
	printf '[storage]\nrootless_storage_path = "$HOME/here"\n' >"$T/other.conf"
	CONTAINERS_STORAGE_CONF=$T/other.conf run_cove info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'
	is "$output" "$HOME/here $R/cove" "CONTAINERS_STORAGE_CONF stands in for the others"
	mkdir "$XDG_CONFIG_HOME/containers/storage.conf.d"
	printf '[storage]\ngraphroot = "%s/drop"\n' "$T" >"$XDG_CONFIG_HOME/containers/storage.conf.d/1.conf"
	run_cove info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'
	is "$output" "$T/drop $R/r" "drop-in files count"
}

@test "a store of Podman's is not mixed with ours, and its defaults are not ours" {
	mkdir -p "$T/theirs/overlay-layers"
	conf '[storage]' "graphroot = \"$T/theirs\""
	run_cove info --format '{{.Store.GraphRoot}}'
	is "$output" "$T/theirs/cove"
	conf '[storage]' "graphroot = \"$XDG_DATA_HOME/containers/storage\"" "runroot = \"$R/containers\""
	run_cove info --format '{{.Store.GraphRoot}} {{.Store.RunRoot}}'
	is "$output" "$XDG_DATA_HOME/cove $R/cove"
}

@test "mistakes in storage.conf and --storage-opt are told" {
	conf '[storage'
	run_cove 125 images
	is "$output" "Error: $XDG_CONFIG_HOME/containers/storage.conf: line 1: table header without an end"
	conf '[storage]' 'graphroot = 5'
	run_cove 125 images
	is "$output" "Error: storage.conf: graphroot is not as it should be"
	conf '[storage]' 'graphroot = "here"'
	run_cove 125 images
	like "$output" "graphroot: here is no absolute path"
	conf
	run_cove 125 --storage-opt color=red images
	like "${lines[0]}" "unknown storage option color=red"
	run_cove --storage-opt overlay.mountopt=nodev --storage-opt .size=1G images -q
	is "$output" ""
}

@test "images of an additional store are used as ours are" {
	local before
	shared_busybox
	before=$(tree "$SHARED")
	run_cove images -q
	is "$output" "" "nothing is shared yet"
	use "$SHARED"
	run_cove images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'
	is "$output" "$IMAGE true"
	run_cove images
	like "${lines[0]}" "SIZE +R/O"
	run_cove images --filter readonly=true -q
	is "${#lines[@]}" 1
	run_cove --root "$XDG_DATA_HOME/cove" --runroot "$R/cove" --storage-opt "additionalimagestore=$SHARED" images -q
	is "${#lines[@]}" 1
	run_cove images --filter readonly=false -q
	is "$output" ""
	is "$(cove images --format json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["ReadOnly"])')" True
	run_cove run --rm --network none busybox sh -c 'echo over >/bin/sh2; cat /bin/sh2'
	is "$output" over
	cove save -q -o "$T/ours.tar" "$IMAGE"
	is "$(tree "$SHARED")" "$before" "nothing was changed there"
	is "$(cove image inspect "$IMAGE" | grep -v '/layers/')" "$(shared image inspect "$IMAGE" | grep -v '/layers/')" "inspect"
	is "$(cove history -q "$IMAGE")" "$(shared history -q "$IMAGE")" "history"
	is "$(cove image tree "$IMAGE")" "$(shared image tree "$IMAGE")" "tree"
	shared save -q -o "$T/theirs.tar" "$IMAGE"
	cmp "$T/ours.tar" "$T/theirs.tar"
	mkdir "$T/dir1" "$T/dir2"
	cove push -q "$IMAGE" "dir:$T/dir1" && shared push -q "$IMAGE" "dir:$T/dir2"
	cmp "$T/dir1/manifest.json" "$T/dir2/manifest.json"
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "nothing was copied"
}

@test "what is not ours is not removed" {
	local before id
	shared_busybox
	use "$SHARED"
	before=$(tree "$SHARED")
	id=$(cove image inspect --format '{{.Id}}' "$IMAGE")
	run_cove 125 rmi "$IMAGE"
	is "$output" "Error: cannot remove read-only image \"$id\""
	run_cove 125 rmi -f "$id"
	is "$output" "Error: cannot remove read-only image \"$id\""
	run_cove 125 untag "$IMAGE"
	is "$output" "Error: cannot untag read-only image \"$id\""
	run_cove rmi -a
	is "$output" ""
	run_cove image prune -af
	is "$output" ""
	run_cove system prune -af
	run_cove system df --format '{{.Total}} {{.Size}}'
	is "${lines[0]}" "0 0B"
	run_cove system check
	run_cove system reset -f
	run_cove images -q
	is "$output" "${id:0:12}"
	is "$(tree "$SHARED")" "$before" "nothing was changed there"
}

@test "an image of ours on top of one that is not" {
	local before
	shared_busybox
	use "$SHARED"
	before=$(tree "$SHARED")
	cove create --name c --network none busybox sh -c 'echo one >/one; rm /bin/vi' >/dev/null
	cove start -a c
	run_cove diff c
	is "$(grep -v ' /etc$' <<<"$output")" $'C /bin\nD /bin/vi\nA /one'
	like "$(cove export c | tar t)" $'\none\n'
	cove commit -q c localhost/ours >/dev/null
	run_cove image diff localhost/ours busybox
	is "$(grep -v ' /etc$' <<<"$output")" $'C /bin\nD /bin/vi\nA /one'
	run_cove images --format '{{.Repository}} {{.ReadOnly}}'
	is "${lines[0]}" "localhost/ours false"
	like "$(cove inspect --format "{{.GraphDriver.Data.LowerDir}}" c)" "^$SHARED/layers/[0-9a-f]*/diff$"
	run_cove run --rm --network none localhost/ours sh -c 'cat /one; ls /bin/vi 2>/dev/null || echo gone'
	is "$output" $'one\ngone'
	run_cove system check
	cove tag busybox localhost/mine
	run_cove images --format '{{.Repository}} {{.ReadOnly}}' --filter reference=localhost/mine
	is "$output" "localhost/mine false"
	cove rm c >/dev/null
	is "$(ls "$XDG_DATA_HOME/cove/layers" | wc -l)" 1 "only what is new is here"
	run_cove rmi localhost/ours localhost/mine
	is "$(ls "$XDG_DATA_HOME/cove/layers")" ""
	is "$(tree "$SHARED")" "$before" "nothing was changed there"
}

@test "layers that an additional store has are not fetched again" {
	need python3
	need_userns
	start_server
	shared pull -q --tls-verify=false "$SERVER/good:1" >/dev/null
	use "$SHARED"
	: >"$LOG"
	run_cove pull -q --tls-verify=false "$SERVER/good:1"
	like "$output" '^[0-9a-f]{64}$'
	is "$(grep -c 'GET /v2/good/manifests/' "$LOG")" 1 "manifests"
	is "$(grep 'GET /v2/good/blobs/' "$LOG" | wc -l)" "$(grep -c 'GET /v2/good/blobs/sha256:'"${output:-x}" "$LOG")" "blobs beside the config"
	run_cove images --format '{{.ReadOnly}}'
	is "$output" true
	shared load -q -i "$(test_file docker-archive)" >/dev/null
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	run_cove images --filter readonly=false --format '{{.Names}}'
	is "$output" "[$IMAGE]"
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "nothing was unpacked here"
	run_cove run --rm --network none busybox echo fine
	is "$output" fine
}

@test "an additional store that goes away, and comes back" {
	shared_busybox
	use "$SHARED"
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	cove create --name c --network none busybox echo here >/dev/null
	is "$(ls "$XDG_DATA_HOME/cove/layers")" ""
	mv "$SHARED" "$T/away"
	run_cove 125 start -a c
	like "${lines[0]}" "layer $SHARED/layers/[0-9a-f]* is not there"
	run_cove "?" system check
	like "$output" "its additional image store has it no more, or is not mounted"
	run_cove images --format '{{.Names}}'
	is "${lines[0]}" "additional image store $SHARED is left out: open it: No such file or directory"
	like "${lines[1]}" "$IMAGE"
	mv "$T/away" "$SHARED"
	run_cove start -a c
	is "$output" here
	mv "$SHARED" "$T/away"
	cove rm c >/dev/null
	cove load -q -i "$(test_file docker-archive)" >/dev/null
	run_cove --storage-opt "" run --rm --network none busybox echo healed
	is "$output" healed "loading again puts the layers here"
	run_cove --storage-opt "" system check
	mv "$T/away" "$SHARED"
}

@test "a store may be read-only, in use, and change" {
	shared_busybox
	use "$SHARED"
	shared tag "$IMAGE" localhost/second
	run_cove images --format '{{.Repository}}' --sort repository
	is "$output" $'localhost/busybox\nlocalhost/second'
	shared untag localhost/second localhost/second
	run_cove images --format '{{.Repository}}'
	is "$output" "localhost/busybox"
	chmod -R a-w "$SHARED" 2>/dev/null || true
	rm -rf "$R/cove/stores"
	run_cove images --format '{{.Repository}}'
	is "$output" "localhost/busybox"
	for _ in {1..8}; do
		cove run --rm --network none busybox echo together >>"$T/out" &
	done
	wait
	is "$(grep -c together "$T/out")" 8
}

@test "more layers elsewhere than a page of mount options has room for" {
	need python3
	need_userns
	SHARED=$T/$(printf 'a%.0s' {1..120})/$(printf 'b%.0s' {1..60})
	mkdir -p "$SHARED"
	python3 - "$(test_file tar)" "$T/many.tar" 60 <<-'END'
		import hashlib, io, json, sys, tarfile
		def digest(b):
		    return hashlib.sha256(b).hexdigest()
		def put(t, name, data):
		    entry = tarfile.TarInfo(name)
		    entry.size = len(data)
		    t.addfile(entry, io.BytesIO(data))
		layers = [open(sys.argv[1], "rb").read()]
		for i in range(1, int(sys.argv[3])):
		    b = io.BytesIO()
		    with tarfile.open(fileobj=b, mode="w") as t:
		        put(t, "f%d" % i, b"%d\n" % i)
		    layers.append(b.getvalue())
		config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
		    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest(l) for l in layers]}}).encode()
		with tarfile.open(sys.argv[2], "w") as t:
		    for l in layers:
		        put(t, digest(l) + ".tar", l)
		    put(t, "config.json", config)
		    put(t, "manifest.json", json.dumps([{"Config": "config.json", "RepoTags": ["localhost/many:1"],
		        "Layers": [digest(l) + ".tar" for l in layers]}]).encode())
	END
	shared load -q -i "$T/many.tar" >/dev/null
	use "$SHARED"
	run_cove run --name c --network none localhost/many:1 /bin/busybox sh -c 'cat /f1 /f59; echo new >/f1; rm /f2'
	is "$output" $'1\n59'
	run_cove diff c
	like "$output" $'C /f1\nD /f2'
}

@test "rubbish in place of a store costs one line, and no image of others" {
	local i
	shared_busybox
	mkdir -p "$T"/{empty,db,vfs/vfs-images,bad/overlay-images,bad/overlay-layers,odd/overlay-images,odd/overlay-layers}
	head -c 70000 /dev/urandom >"$T/db/db.sqlite"
	echo '[{' >"$T/bad/overlay-images/images.json"
	echo '[{"id":"../../etc","layer":"x","names":7},{"id":3},4,[],{"layer":"l"}]' >"$T/odd/overlay-images/images.json"
	echo '[{"id":"ab","parent":"ab","diff-digest":"sha256:zz"},null,{"id":"/etc"}]' >"$T/odd/overlay-layers/layers.json"
	mkfifo "$T/empty/fifo"
	for i in empty db vfs bad; do
		use "$T/$i" "$SHARED"
		run_cove images --format '{{.Names}}'
		is "${#lines[@]}" 2 "$i: lines"
		like "${lines[0]}" "^additional image store $T/$i is left out: "
		like "${lines[1]}" "$IMAGE"
	done
	use "$T/odd" "$SHARED" "$XDG_DATA_HOME/cove"
	run_cove images --format '{{.Names}}'
	is "${#lines[@]}" 1 "odd: lines"
	cp -r "$SHARED/db.sqlite" "$T/db/db.sqlite"
	truncate -s 3000 "$T/db/db.sqlite"
	use "$T/db" "$SHARED"
	run_cove images --format '{{.Names}}'
	like "${lines[-1]}" "$IMAGE"
}

# shared_list: a list in that store, localhost/app:1, of an image for this host and one for another.
shared_list() {
	shared_busybox
	echo x >"$T/x"
	tar -C "$T" -cf "$T/x.tar" x
	shared import -q --arch mips64le "$T/x.tar" localhost/far >/dev/null
	shared manifest create app:1 "$IMAGE" >/dev/null
	shared manifest add app:1 localhost/far >/dev/null
}

@test "lists of an additional store are shown and used, and not changed" {
	need skopeo jq
	shared_list
	start_registry
	use "$SHARED"
	want=$(shared manifest inspect app:1)
	before=$(tree "$SHARED")
	run_cove images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'
	like "$output" "localhost/app:1 true"
	run_cove manifest inspect app:1
	is "$output" "$want"
	run_cove run --rm --network none app:1 echo of a list
	is "$output" "of a list"
	run_cove manifest push -q --tls-verify=false --digestfile "$T/digest" app:1 "$REGISTRY/app:1"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app:1" | sha256sum | cut -c-64)" "$(cut -c8- "$T/digest")"
	is "$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/app:1" | jq '.manifests | length')" 2
	run_cove push -q app:1 "oci:$T/layout:app"
	cove manifest create mine:1 >/dev/null
	run_cove manifest add --all mine:1 app:1
	is "$(cove manifest inspect mine:1 | jq '.manifests | length')" 2
	digest=$(cove manifest inspect app:1 | jq -r '.manifests[0].digest')
	while read -r words; do
		# shellcheck disable=SC2086
		run_cove 125 $words
		like "$output" "^Error: .*read-only image"
	done <<-END
		manifest add app:1 localhost/far
		manifest annotate --variant v1 app:1 $digest
		manifest remove app:1 $digest
		manifest rm app:1
		rmi app:1
		tag app:1 other:1
		untag app:1
	END
	run_cove 125 manifest create --amend app:1
	like "$output" "already in use"
	run_cove rmi -a -f
	is "$(tree "$SHARED")" "$before" "the other store"
}

@test "artifacts of an additional store are shown and used, and not changed" {
	need skopeo
	shared_busybox
	start_registry
	head -c 3000 /dev/urandom >"$T/blob"
	id=$(shared artifact add "$REGISTRY/thing:1" "$T/blob")
	use "$SHARED"
	run_cove artifact ls
	like "$output" "$REGISTRY/thing"
	run_cove artifact inspect "$REGISTRY/thing:1"
	is "$output" "$(shared artifact inspect "$REGISTRY/thing:1")"
	run_cove artifact extract "$REGISTRY/thing:1" "$T/out"
	cmp "$T/blob" "$T/out"
	run_cove artifact push -q --tls-verify=false "$REGISTRY/thing:1"
	is "sha256:$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/thing:1" | sha256sum | cut -c-64)" "$id"
	run_cove 125 artifact rm "$REGISTRY/thing:1"
	is "$output" "Error: cannot remove read-only artifact \"$REGISTRY/thing:1\""
	run_cove 125 artifact add --append "$REGISTRY/thing:1" "$T/blob"
	like "$output" "cannot change read-only artifact"
	run_cove artifact rm --all
	is "$output" ""
	# One of our own goes first.
	echo mine >"$T/mine"
	cove artifact add --replace "$REGISTRY/thing:1" "$T/mine" >/dev/null
	run_cove artifact extract "$REGISTRY/thing:1" "$T/out"
	is "$(cat "$T/out")" mine
	shared artifact ls | grep -q "$REGISTRY/thing"
}

@test "lists of a store of Podman's" {
	need skopeo jq
	podman_busybox
	start_registry
	podman_overlay manifest create localhost/app:1 >/dev/null
	podman_overlay manifest add localhost/app:1 containers-storage:localhost/top:1 >/dev/null
	run_cove images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}'
	like "$output" "localhost/app:1 true"
	run_cove manifest inspect localhost/app:1
	is "$(jq -c '.manifests[].digest' <<<"$output")" "$(podman_overlay manifest inspect localhost/app:1 | jq -c '.manifests[].digest')"
	run_cove run --rm --network none localhost/app:1 cat /new
	is "$output" new
	run_cove manifest push -q --tls-verify=false localhost/app:1 "$REGISTRY/app:1"
	skopeo copy -q --all --src-tls-verify=false "docker://$REGISTRY/app:1" "dir:$T/copy"
	run_cove 125 manifest rm localhost/app:1
	like "$output" "cannot remove read-only image"
}

@test "artifacts of a store of Podman's" {
	need skopeo
	podman_busybox
	start_registry
	head -c 3000 /dev/urandom >"$T/blob"
	id=$(cove artifact add "$REGISTRY/thing:1" "$T/blob")
	cove artifact push -q --tls-verify=false "$REGISTRY/thing:1"
	cove artifact rm --all >/dev/null
	# As Podman keeps them since version 5.4.
	skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/thing:1" "oci:$T/podman/artifacts:$REGISTRY/thing:1"
	run_cove artifact ls --noheading
	like "$output" "$REGISTRY/thing"
	run_cove artifact inspect "$REGISTRY/thing:1"
	like "$output" "$id"
	run_cove artifact extract "$REGISTRY/thing:1" "$T/out"
	cmp "$T/blob" "$T/out"
	run_cove artifact push -q --tls-verify=false "$REGISTRY/thing:1"
	run_cove 125 artifact rm "$REGISTRY/thing:1"
	like "$output" "read-only artifact"
	run_cove run --rm --network none localhost/top:1 cat /new
	# A manifest that is not what its digest says is no artifact; a broken index costs no image.
	echo '{}' >"$T/podman/artifacts/blobs/sha256/${id#sha256:}"
	touch "$T/podman/artifacts/index.json"
	run_cove artifact ls -n
	is "$output" ""
	echo '{' >"$T/podman/artifacts/index.json"
	run_cove images -q
	is "${#lines[@]}" 2 "images"
}

@test "a store of Podman's is read" {
	local id
	podman_busybox
	id=$(podman_overlay image inspect --format '{{.Id}}' localhost/top:1)
	run_cove images --format '{{.ID}} {{.Names}} {{.ReadOnly}} {{.Digest}}' --sort repository
	is "$output" "$(podman_overlay images --format '{{.ID}} {{.Names}} true {{.Digest}}' --sort repository)"
	is "$(cove image inspect --format '{{.Id}} {{.Digest}} {{.RepoTags}} {{.RootFS.Layers}} {{.Config.Env}}' localhost/top:1)" \
		"$(podman_overlay image inspect --format '{{.Id}} {{.Digest}} {{.RepoTags}} {{.RootFS.Layers}} {{.Config.Env}}' localhost/top:1)"
	run_cove run --rm --network none localhost/top:1 sh -c 'cat /new; ls -ln /new; ls /bin/vi 2>/dev/null || echo gone'
	is "${lines[0]}" new
	like "${lines[1]}" '-rw-r--r-- +1 5 +6 '
	is "${lines[2]}" gone
	mkdir "$T/dir1" "$T/dir2"
	cove push -q localhost/top:1 "dir:$T/dir1"
	is "sha256:$(sha256sum <"$T/dir1/manifest.json" | cut -d ' ' -f 1)" \
		"$(podman_overlay image inspect --format '{{.Digest}}' localhost/top:1)" "the manifest's digest"
	cove save -q -o "$T/top.tar" localhost/top:1
	podman_overlay rmi -fa >/dev/null
	run_cove images -q
	is "$output" ""
	is "$(podman_overlay load -q -i "$T/top.tar")" "Loaded image: localhost/top:1"
	is "$(podman_overlay image inspect --format '{{.Id}}' localhost/top:1)" "$id" "there and back"
}

# mask: make the layers of Podman's store those of force_mask = "shared": all belongs to the user, and may be read by
# everybody; the truth is in attributes.
mask() {
	cat >"$T/mask.py" <<-'END'
		import os, stat, sys
		for layer in os.listdir(sys.argv[1]):
		    top = os.path.join(sys.argv[1], layer, "diff")
		    paths = [top] + [os.path.join(d, n) for d, dirs, files in os.walk(top) for n in dirs + files]
		    for path in paths if os.path.isdir(top) else []:
		        st = os.lstat(path)
		        if stat.S_ISDIR(st.st_mode) or stat.S_ISREG(st.st_mode):
		            os.chown(path, 0, 0)
		            os.chmod(path, 0o755)
		            for name in os.listxattr(path):
		                if name.endswith(".override_stat"):
		                    os.removexattr(path, name)
		            os.setxattr(path, "user." + sys.argv[2], b"%d:%d:%04o" % (st.st_uid, st.st_gid, st.st_mode & 0o7777))
	END
	podman_overlay unshare python3 "$T/mask.py" "$T/podman/overlay" "$1"
}

@test "owners and modes that a store of Podman's keeps in attributes" {
	local name
	need python3
	podman_busybox
	for name in containers.override_stat fuseoverlayfs.override_stat; do
		mask "$name"
		run_cove run --rm --network none localhost/top:1 sh -c 'ls -ln /new; ls /bin/vi 2>/dev/null || echo gone'
		like "${lines[0]}" '-rw-r--r-- +1 5 +6 '
		is "${lines[1]}" gone
		# Once more from what was made of it; and nothing of it is believed to be a layer as it lies there.
		is "$(cove images -q --filter readonly=false | wc -l)" 1 "our own ($name)"
		run_cove create --name c localhost/top:1
		is "$(cove images -q --filter readonly=false | wc -l)" 1
		is "$(cove ps -a --format '{{.Image}}')" localhost/top:1
		cove export c | tar -tvf - --numeric-owner | grep -q '^-rw-r--r-- 5/6 .* new$'
		cove rm c >/dev/null
		run_cove tag localhost/top:1 localhost/mine:1
		run_cove run --rm --network none localhost/mine:1 ls -ln /new
		like "$output" '-rw-r--r-- +1 5 +6 '
		run_cove system check
		is "$output" ""
		run_cove rmi -f localhost/mine:1
		is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "layers"
	done
}

@test "layers of another user's are copied, with the right owners" {
	shared_busybox
	shared run --name c --network none busybox sh -c 'mkdir /d; echo 1 >/d/f; chown 5:6 /d/f; chmod 4700 /d/f' >/dev/null
	shared commit -q c localhost/top:1 >/dev/null
	shared rm c >/dev/null
	shared unshare chown -R 1000:1000 "$SHARED"
	cove unshare chmod -R a+rX "$SHARED"
	use "$SHARED"
	run_cove images --format '{{.Names}} {{.ReadOnly}}'
	like "$output" "localhost/top:1.* true"
	# What a killed copy leaves: it goes before the next one needs the room.
	mkdir -p "$XDG_DATA_HOME/cove/tmp/0123456789abcdef/diff" "$XDG_DATA_HOME/cove/layers/0123456789abcdef/diff"
	touch "$XDG_DATA_HOME/cove/tmp/0123456789abcdef.lease"
	run_cove run --rm --network none localhost/top:1 sh -c 'touch /etc/new; stat -c "%U %n" / /etc; stat -c "%u:%g %a" /d/f'
	is "$output" "root /
root /etc
5:6 4700"
	is "$(ls "$XDG_DATA_HOME"/cove/{tmp,layers} | grep -c 0123456789abcdef)" 0 "leftovers"
	is "$(cove images -q --filter readonly=false | wc -l)" 1 "our own"
	run_cove tag localhost/top:1 localhost/mine:1
	run_cove run --rm --network none localhost/mine:1 stat -c "%u:%g %a" /d/f
	is "$output" "5:6 4700"
	run_cove system check
	is "$output" ""
	run_cove rmi -f localhost/mine:1
	is "$(ls "$XDG_DATA_HOME/cove/layers")" "" "layers"
	# What cannot be read as a whole is used where it lies.
	cove unshare sh -c 'rm "$1"/layers/*/split' sh "$SHARED"
	run_cove run --rm --network none localhost/top:1 stat -c "%u:%g" /bin
	is "$output" "1000:1000"
	is "$(cove images -q --filter readonly=false | wc -l)" 0
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "images of additional stores are pushed, and nothing is noted there" {
	local before store
	shared_busybox
	start_registry
	use "$SHARED"
	before=$(tree "$SHARED")
	run_cove push -q --tls-verify=false "$IMAGE" "$REGISTRY/a:1"
	run_cove push -q --tls-verify=false --compression-format zstd "$IMAGE" "$REGISTRY/b:1"
	is "$(tree "$SHARED")" "$before" "nothing was changed there"
	podman_busybox
	before=$(tree "$T/podman")
	run_cove push -q --tls-verify=false localhost/top:1 "$REGISTRY/top:1"
	is "$(tree "$T/podman")" "$before" "nothing was changed there"
	use "$T/nothing"
	run_cove run --rm --tls-verify=false --network none "$REGISTRY/top:1" cat /new
	like "$output" "new\$"
}

@test "the words about read-only images are podman's" {
	local word podman2
	podman_busybox
	podman2=(env "CONTAINERS_STORAGE_CONF=$T/podman.conf" podman --root "$T/podman2" --runroot "$R/podman2" --storage-driver overlay --storage-opt "additionalimagestore=$T/podman")
	for word in "images --format {{.Repository}}={{.ReadOnly}}" "images -q --filter readonly=true" "images --filter readonly=false" \
		"rmi localhost/top:1" "rmi -f localhost/top:1" "rmi -a" "info --format {{.Store.GraphOptions}}"; do
		# shellcheck disable=SC2086
		is "$(cove --storage-opt "additionalimagestore=$T/podman" $word 2>&1)" "$("${podman2[@]}" $word 2>&1 | grep -v '^time=')" "$word"
	done
}

@test "containers-storage:[...] copies images from and to other stores" {
	load_busybox
	there="containers-storage:[overlay@$SHARED+$R/shared]"
	run_cove push -q "$IMAGE" "${there}given:1"
	is "$(shared images --format '{{.Repository}}:{{.Tag}} {{.ID}}' --no-trunc)" "docker.io/library/given:1 sha256:$(image_id)"
	is "$(shared system check)" "" "system check there"
	run_cove image exists given:1 || true
	is "$(cove images --format '{{.Names}}')" "[$IMAGE]" "names here"
	fresh
	run_cove pull -q "${there}given:1"
	is "$output" "$(shared images -q --no-trunc | sed s/sha256://)"
	run_cove 125 pull -q "${there}nosuch"
	like "$output" "^Error: .*nosuch: image not known"
	# Nothing is used where it lies.
	mv "$SHARED" "$T/elsewhere"
	run_cove run --rm --network none given:1 cat /etc/passwd
	is "$(cove system check)" "" "system check here"
	mv "$T/elsewhere" "$SHARED"
	fresh
	run_cove run --rm --network none "${there}given:1" echo hello
	is "${lines[-1]}" hello
	printf '{"default": [{"type": "insecureAcceptAnything"}], "transports": {"containers-storage": {"[overlay@%s]": [{"type": "reject"}]}}}' \
		"$SHARED" >"$T/policy.json"
	fresh
	run_cove 125 run --rm --network none --signature-policy "$T/policy.json" "${there}given:1" true
	like "$output" "rejected by policy"
	run_cove 125 pull -q --signature-policy "$T/policy.json" "${there}given:1"
	like "$output" "rejected by policy"
	is "$(cove images -q)" "" "images"
}

@test "containers-storage:[...] reads a store of Podman's, and does not write to it" {
	podman_busybox
	conf ""
	fresh
	there="containers-storage:[overlay@$T/podman+$R/podman]"
	before=$(tree "$T/podman/overlay")
	run_cove pull -q "${there}localhost/top:1"
	is "$output" "$(podman_overlay images -q --no-trunc localhost/top:1 | sed s/sha256://)"
	is "$(cove images --format '{{.Repository}}:{{.Tag}}')" localhost/top:1
	run_cove 125 push -q top:1 "${there}mine:1"
	like "$output" "is a store of Podman, which is only read"
	is "$(tree "$T/podman/overlay")" "$before" "Podman's layers"
	mv "$T/podman" "$T/gone"
	run_cove 1 run --rm --network none top:1 sh -c 'cat /new; stat -c %u:%g /new; ls /bin/vi'
	like "$output" "^new"
	like "$output" "5:6"
	like "$output" "No such file"
	mv "$T/gone" "$T/podman"
}
