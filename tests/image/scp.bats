#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Images to and from other hosts and users, by an ssh and a sudo that run the command here, in the store of somebody else.
load ../setup

setup() {
	cove_setup
	need_userns
	mkdir "$T/bin" "$T/there" "$T/there/bin" "$T/there/data"
	mkdir -m 700 "$R/there"
	ln -s "$COVE" "$T/there/bin/cove"
	for name in ssh sudo; do
		cat >"$T/bin/$name" <<-END
			#!/bin/sh
			printf '%s\n' "$name" "\$@" >>"$T/args"
			for last; do :; done
			XDG_DATA_HOME=$T/there/data XDG_RUNTIME_DIR=$R/there PATH=$T/there/bin:/usr/bin:/bin exec sh -c "\$last"
		END
		chmod +x "$T/bin/$name"
	done
	PATH=$T/bin:$PATH
}

# there ARG...: cove in that other store.
there() {
	XDG_DATA_HOME=$T/there/data XDG_RUNTIME_DIR=$R/there cove "$@"
}

@test "image scp: to another host and back" {
	load_busybox
	id=$(cove image inspect --format '{{.Id}}' "$IMAGE")
	run_cove image scp "$IMAGE" me@far.example.org:2222::
	is "$output" "Loaded image: $IMAGE"
	is "$(sed -n 1,4p "$T/args" | tr '\n' ' ')" "ssh -T -- ssh://me@far.example.org:2222 "
	is "$(there image inspect --format '{{.Id}}' "$IMAGE")" "$id"
	cove rmi "$IMAGE" >/dev/null
	there tag "$IMAGE" "localhost/back:1"
	run_cove image scp --format oci-archive far::localhost/back:1
	is "$output" "Loaded image: localhost/back:1"
	is "$(cove image inspect --format '{{.Id}}' back:1)" "$id"
	run_cove image scp -q back:1 far::
	is "$output" ""
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}

@test "image scp: between two hosts, to another user, by the name of a connection" {
	load_busybox
	run_cove image scp "$IMAGE" other@localhost::
	is "$(sed -n 1,7p "$T/args" | tr '\n' ' ')" "sudo --login --user other -- sh -c "
	run_cove image scp "one::$IMAGE" two::
	is "$output" "Loaded image: $IMAGE"
	mkdir -p "$XDG_CONFIG_HOME/containers"
	echo '{"Connection":{"Connections":{"box":{"URI":"ssh://core@box.example.org:22/run/podman.sock","Identity":"/key"}}}}' \
		>"$XDG_CONFIG_HOME/containers/podman-connections.json"
	: >"$T/args"
	run_cove image scp "$IMAGE" box::
	is "$(sed -n 1,6p "$T/args" | tr '\n' ' ')" "ssh -i /key -T -- ssh://core@box.example.org:22 "
}

@test "image scp: podman there, where there is no cove" {
	need podman
	load_busybox
	rm "$T/there/bin/cove"
	cat >"$T/there/bin/podman" <<-END
		#!/bin/sh
		XDG_RUNTIME_DIR=$R exec /usr/bin/podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs "\$@"
	END
	chmod +x "$T/there/bin/podman"
	run_cove image scp "$IMAGE" far::
	like "$output" "Loaded image: $IMAGE"
	id=$(cove image inspect --format '{{.Id}}' "$IMAGE")
	is "$(podman_like image inspect --format '{{.Id}}' "$IMAGE" 2>/dev/null)" "$id"
	cove rmi "$IMAGE" >/dev/null
	run_cove image scp "far::$IMAGE"
	is "$(cove image inspect --format '{{.Id}}' "$IMAGE")" "$id"
}

@test "image scp: what cannot be is told in one line" {
	load_busybox
	run_cove 125 image scp nosuch far::
	like "$output" "nosuch: image not known"
	run_cove 125 image scp far::nosuch
	like "$output" "Error: saving the image at far failed with status 125"
	run_cove 125 image scp "far::a'; touch $T/broken; '"
	[ ! -e "$T/broken" ]
	run_cove 125 image scp "$IMAGE"
	like "$output" "the image is in this store already"
	run_cove 125 image scp "$IMAGE" far::name
	is "$output" "Error: cannot specify an image rename"
	run_cove 125 image scp -- "$IMAGE" "-oProxyCommand=touch::"
	like "$output" 'invalid host "-oProxyCommand=touch"'
	run_cove 125 image scp -- "$IMAGE" "-x@far::"
	like "$output" 'invalid user "-x"'
	printf '#!/bin/sh\necho no route to host >&2\nexit 255\n' >"$T/bin/ssh"
	run_cove 125 image scp "$IMAGE" far::
	is "$output" "no route to host"$'\n'"Error: loading the image at far failed with status 255"
	is "$(ls -A "$XDG_DATA_HOME/cove/tmp")" "" "temporary files"
}
