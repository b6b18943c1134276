#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# commit: an image of a container.
load ../setup

setup() {
	cove_setup
	COVE_CONTAINERS=1
	load_busybox
}

# config IMAGE TEMPLATE
config() {
	cove image inspect --format "$2" "$1"
}

@test "a committed image has what the container had, and nothing of what it removed" {
	cove run --network none --name c busybox sh -c '
		mkdir -p /d/e; echo body >/d/f; chown 5:6 /d/f; chmod 4751 /d/f; ln /d/f /d/g; ln -s ../x /d/s; mkfifo /d/p
		rm /etc/group; rm -rf /www; mkdir /www; echo n >/www/n; echo x >/.wh.bin'
	run_cove commit -q c one
	like "$output" '^[0-9a-f]{64}$'
	is "$(config one '{{.Id}}')" "$output"
	is "$(config one '{{len .RootFS.Layers}} {{index .RepoTags 0}}')" "2 localhost/one:latest"
	run_cove run --rm --network none one sh -c 'stat -c "%n %a %u:%g %h %F" /d/f /d/s /d/p; cat /d/g; ls /www; ls /bin/ls; ls /etc/group || :'
	is "$output" "/d/f 4751 5:6 2 regular file
/d/s 777 0:0 1 symbolic link
/d/p 644 0:0 1 fifo
body
n
/bin/ls
ls: /etc/group: No such file or directory"
	# The second view of the same trees says the same.
	cove create --network none --name again one true >/dev/null
	cove export c >"$T/c.tar"
	cove export again >"$T/again.tar"
	names() { tar tvf "$1" | grep -v '\.wh\.bin$' | LC_ALL=C sort; }
	is "$(names "$T/again.tar")" "$(names "$T/c.tar")"
	run_cove diff again c
	is "$output" "D /.wh.bin"
}

@test "the same container gives the same layer" {
	cove run --network none --name c busybox sh -c 'echo x >/x; mkdir /d; touch /d/a /d/b'
	cove commit c one >/dev/null
	cove commit c two >/dev/null
	is "$(config one '{{.RootFS.Layers}}')" "$(config two '{{.RootFS.Layers}}')"
	cove commit --squash c flat >/dev/null
	is "$(config flat '{{len .RootFS.Layers}} {{len .History}}')" "1 1"
	is "$(cove run --rm --network none flat cat /x)" x
}

@test "commit's options" {
	cove run --network none --name c -e SET=yes -l kept=1 -v vol:/data --workdir /tmp --user 7 busybox sh -c true
	echo '{"Env":["FILE=1"],"Labels":{"file":"2"}}' >"$T/config.json"
	run_cove commit -q -f docker -a me -m 'a message' --iidfile "$T/iid" --include-volumes --config "$T/config.json" \
		-c 'CMD ["a","b c"]' -c 'ENTRYPOINT ["/e"]' -c ENV=A=b -c 'EXPOSE 80' -c 'LABEL l=v' -c 'ONBUILD RUN x' \
		-c 'STOPSIGNAL SIGINT' -c 'VOLUME /v' c many
	is "$(cat "$T/iid")" "$output"
	is "$(config many '{{.Author}}|{{.Comment}}|{{json .Config.Cmd}}|{{json .Config.Entrypoint}}|{{.Config.StopSignal}}')" \
		'me|a message|["a","b c"]|["/e"]|SIGINT'
	is "$(config many '{{.Config.User}}|{{.Config.WorkingDir}}|{{json .Config.ExposedPorts}}|{{json .Config.OnBuild}}')" \
		'7|/tmp|{"8080/tcp":{},"80/tcp":{}}|["RUN x"]'
	like "$(config many '{{json .Config.Volumes}}')" '"/data":\{\}.*"/v":\{\}'
	like "$(config many '{{json .Config.Env}}')" 'SET=yes.*A=b'
	like "$(config many '{{json .Config.Env}}')" 'FILE=1'
	like "$(config many '{{json .Config.Labels}}')" '"file":"2"'
	[[ $(config many '{{json .Config.Env}}') != *container=* ]] || die "the engine's variables are in the image"
	is "$(config many '{{.ManifestType}}')" "application/vnd.docker.distribution.manifest.v2+json"
	run_cove commit -q -c 'USER 9' -c 'WORKDIR /home' c
	is "$(config "$output" '{{.Config.User}} {{.Config.WorkingDir}} {{.RepoTags}}')" "9 /home []"
	run_cove commit -q -c 'ONBUILD RUN x' c oci
	like "$output" "ONBUILD is not supported for OCI image format, RUN x will be ignored"
	is "$(config oci '{{.ManifestType}}')" "application/vnd.oci.image.manifest.v1+json"
}

@test "commit of running and of new containers" {
	cove create --network none --name new busybox true >/dev/null
	cove commit new fresh >/dev/null
	is "$(cove run --rm --network none fresh true; echo $?)" 0
	cove run -d --network none --name r busybox sh -c 'echo x >/x; sleep 1000' >/dev/null
	wait_for 10 cove exec r test -s /x
	cove commit r live >/dev/null
	is "$(cove inspect --format '{{.State.Status}}' r)" running
	cove rm -f -t 0 r >/dev/null
	is "$(cove run --rm --network none live cat /x)" x
}

@test "a paused container goes on, also after an interrupt" {
	local ms pid
	cove run -d --network none --name r busybox sh -c 'head -c 60000000 /dev/urandom >/big; echo x >/x; sleep 1000' >/dev/null
	wait_for 30 cove exec r test -s /x
	cove pause r >/dev/null 2>&1 || skip "containers cannot be paused here"
	cove commit r while-paused >/dev/null
	is "$(cove inspect --format '{{.State.Status}}' r)" paused
	cove unpause r >/dev/null
	cove commit -p r live >/dev/null
	is "$(cove inspect --format '{{.State.Status}}' r)" running
	for ms in 02 05 1 2 4; do
		"$COVE" commit -p r cut >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "0.$ms"
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" || true
		is "$(cove inspect --format '{{.State.Status}}' r)" running
	done
}

@test "what is committed skopeo and podman read" {
	need skopeo
	cove run --network none --name c busybox sh -c 'echo x >/x; rm /bin/ls'
	for format in oci docker; do
		cove commit -f "$format" c "made-$format" >/dev/null
		cove save --format "$format-archive" -o "$T/$format.tar" "made-$format"
		is "$(skopeo inspect --config "$format-archive:$T/$format.tar" | python3 -c '
import json, sys
d = json.load(sys.stdin)
print(len(d["rootfs"]["diff_ids"]), len([h for h in d["history"] if not h.get("empty_layer")]))')" "2 2"
	done
	need podman
	podman_load "$T/oci.tar"
	has_runtime crun || skip "crun does not work with these cgroups"
	is "$(podman_like run --rm --network none localhost/made-oci sh -c 'cat /x; [ -e /bin/ls ] || echo gone')" $'x\ngone'
}

@test "commit: what is refused" {
	cove run --network none --name c busybox true
	run_cove 125 commit nosuch
	like "$output" 'no container with name or ID "nosuch" found: no such container'
	run_cove 125 commit c FOO
	like "$output" "lower"
	run_cove 125 commit -f bad c
	like "$output" 'unrecognized image format "bad"'
	run_cove 125 commit -m text c
	like "$output" "messages are only compatible with the docker image format \(-f docker\)"
	run_cove 125 commit -c 'FOO x' c x
	like "$output" "FOO x"
	echo '{"Env":7}' >"$T/bad.json"
	run_cove 125 commit --config "$T/bad.json" c x
	like "$output" "'Env' has the wrong type"
	run_cove 125 commit -c 'EXPOSE http' c x
	like "$output" "'http' is no port"
	run_cove 125 commit -c 'EXPOSE 90-80' c x
	run_cove 125 commit -c 'STOPSIGNAL NOPE' c x
	like "$output" "invalid signal: NOPE"
	run_cove 125 commit --config "$T/none.json" c x
	like "$output" "No such file or directory"
	run_cove 1 image exists x
}

@test "commit of an image whose configuration is no object" {
	need jq
	"$MKIMAGE" layout "$T/layout"
	old=$(jq -r '.manifests[0].digest' "$T/layout/index.json")
	old=${old#sha256:}
	for config in '[]' '"x"'; do
		rm -rf "$T/odd"
		cp -r "$T/layout" "$T/odd"
		blobs=$T/odd/blobs/sha256
		was=$(jq -r .config.digest "$blobs/$old")
		jq -c ".config=$config" "$blobs/${was#sha256:}" >"$T/odd.config"
		new=$(sha256sum <"$T/odd.config" | cut -c-64)
		cp "$T/odd.config" "$blobs/$new"
		jq -c ".config.digest=\"sha256:$new\" | .config.size=$(stat -c %s "$T/odd.config")" "$blobs/$old" >"$T/manifest"
		manifest=$(sha256sum <"$T/manifest" | cut -c-64)
		cp "$T/manifest" "$blobs/$manifest"
		jq -c ".manifests[0].digest=\"sha256:$manifest\" | .manifests[0].size=$(stat -c %s "$T/manifest")" \
			"$T/layout/index.json" >"$T/odd/index.json"
		run_cove pull -q "oci:$T/odd"
		cove create --network none --name odd "$output" true
		run_cove 125 commit -c LABEL=a=b odd x
		is "$output" "Error: the image's configuration is no object"
		cove rm odd
	done
}

@test "commit shows its progress, as plain lines in a pipe" {
	need script
	cove create --network none --name c busybox true >/dev/null
	base=$(config busybox '{{index .RootFS.Layers 0}}' | cut -c8-19)
	run timeout 60 script -qec "'$COVE' commit c one" /dev/null </dev/null
	output=${output//$'\r'/}
	id=$(config one '{{.Id}}')
	top=$(config one '{{index .RootFS.Layers 1}}' | cut -c8-19)
	is "$output" "Getting image source signatures
Copying blob $base skipped: already exists
Copying blob $top done
Copying config ${id:0:12} done
Writing manifest to image destination
Storing signatures
$id"
	run timeout 60 script -qec "'$COVE' commit -q c two" /dev/null </dev/null
	is "${output//$'\r'/}" "$(config two '{{.Id}}')"
	run_cove commit c three
	like "$output" "^Getting image source signatures"
	is "${lines[-1]}" "$(config three '{{.Id}}')"
	is "$(cove commit c four 2>/dev/null)" "$(config four '{{.Id}}')" "standard output"
}
