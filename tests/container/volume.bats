#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Volumes: made, listed, used by containers, filled from archives, removed.
load ../setup

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	STORE=$XDG_DATA_HOME/cove
}

# field NAME FIELD: of inspect.
field() {
	cove volume inspect --format "{{.$2}}" "$1"
}

# run_busybox ARG...: a container that is removed.
run_busybox() {
	run_cove run --rm --network none "$@"
}

@test "create, exists, inspect, ls, rm" {
	run_cove volume create --label team=web -l x one
	is "$output" one
	run_cove volume create
	like "$output" '^[0-9a-f]{64}$'
	random=$output
	run_cove 125 volume create one
	is "$output" "Error: volume with name one already exists: volume already exists"
	run_cove volume create --ignore --label other=1 one
	is "$output" one
	is "$(field one Labels)" "map[team:web x:]"
	cove volume exists one
	run_cove 1 volume exists on
	is "$output" ""
	run_cove volume ls
	is "$output" "$(printf 'DRIVER      VOLUME NAME\nlocal       %s\nlocal       one' "$random")"
	run_cove volume list --noheading -q
	is "$output" "$random"$'\n'one
	is "$(field one Mountpoint)" "$STORE/volumes/one/_data"
	is "$(field on Name)" one "the beginning of a name"
	run_cove 125 volume inspect nosuch one
	like "$output" "no such volume nosuch"
	like "$output" '"Name": "one"'
	is "$(cove inspect --type volume --format '{{.Driver}} {{.Scope}}' one)" "local local"
	run_cove 125 volume inspect
	run_cove 125 volume inspect --all one
	is "$(cove volume inspect --all --format '{{.Name}}')" "$random"$'\n'one
	run_cove volume rm one
	is "$output" one
	run_cove 1 volume rm one
	is "$output" 'Error: no volume with name "one" found: no such volume'
	run_cove volume rm --force one
	is "$output" ""
	run_cove 125 volume rm --all one
	run_cove volume rm --all
	is "$output" "$random"
	is "$(cove volume ls)" ""
	is "$(cove events --stream=false --filter type=volume --format '{{.Status}} {{.Name}}')" \
		"$(printf 'create one\ncreate %s\nremove one\nremove %s' "$random" "$random")"
}

@test "names, labels, options and drivers that cannot be" {
	local arg
	for arg in bad/name .hidden -- "a b" ../up; do
		run_cove 125 volume create -- "$arg"
	done
	run_cove 125 volume create one two
	run_cove 125 volume create -l =v one
	is "$output" 'Error: unable to process labels: invalid label format: "=v"'
	run_cove 125 volume create -o nosuch=1 one
	is "$output" "Error: invalid mount option nosuch for driver 'local': invalid argument"
	run_cove 125 volume create -o o=uid=root one
	run_cove 125 volume create -o o=size=x -o type=tmpfs one
	run_cove 125 volume create -o o=size=1m one
	like "$output" "Project Quota"
	run_cove 125 volume create -o o=timeout=1 one
	run_cove 125 volume create -o type=bind -o device=/nosuch one
	like "$output" "faccessat /nosuch: no such file or directory"
	run_cove 125 volume create -d vault one
	is "$output" "Error: no volume plugin with name vault available: required plugin missing"
	run_cove 125 volume create -d image -o image=busybox one
	is "$(cove volume ls -q)" ""
	is "$(ls -A "$STORE/tmp")" ""
}

@test "ls: filters and formats" {
	cove volume create -l a=1 -l b one >/dev/null
	cove volume create -l a=2 two >/dev/null
	cove volume create -o type=tmpfs -o device=tmpfs three >/dev/null
	names() {
		cove volume ls --format '{{.Name}}' "$@" | tr '\n' ' '
	}
	is "$(names -f name=^t)" "three two "
	is "$(names -f name=one -f name=two)" "one two "
	is "$(names -f label=a)" "one two "
	is "$(names -f label=a -f label=b)" "one "
	is "$(names -f label=a=2)" "two "
	is "$(names -f 'label!=a')" "three "
	is "$(names -f opt=type)" "three "
	is "$(names -f opt=type=none)" ""
	is "$(names -f driver=local -f scope=local -f dangling=true)" "one three two "
	is "$(names -f dangling=false)" ""
	is "$(names -f since=one)" "three two "
	is "$(names -f after=two)" "three "
	is "$(names -f until=1h)" ""
	is "$(names -f until=2200-01-01)" "one three two "
	is "$(names -f anonymous=true)" ""
	local bad
	for bad in nosuch=1 name dangling=maybe since=nosuch until=never 'name=('; do
		run_cove 125 volume ls -f "$bad"
	done
	run_cove 125 volume ls -q --format json
	run_cove 125 volume ls --format '{{.NoSuch}}'
	is "$(cove volume ls --format json | python3 -c 'import json,sys; print([v["Name"] for v in json.load(sys.stdin)])')" "['one', 'three', 'two']"
	is "$(cove volume ls -f name=three --format '{{.Options}} {{.UID}} {{.Anonymous}} {{.VolumeConfigResponse.Name}}')" \
		"map[device:tmpfs type:tmpfs] 0 false three"
}

@test "volumes of containers: kept, shared, in use" {
	load_busybox
	cove volume create data >/dev/null
	is "$(field data NeedsCopyUp)" true
	run_busybox -v data:/d busybox sh -c 'echo kept >/d/f'
	is "$(field data NeedsCopyUp)" false
	id=$(cove run -d --network none --name c -v data:/d -v implicit:/i busybox sleep 1000)
	is "$(cove exec c cat /d/f)" kept
	is "$(cove volume ls -q -f dangling=false | tr '\n' ' ')" "data implicit "
	is "$(cove ps -q --no-trunc -f volume=data)" "$id"
	run_cove 2 volume rm data
	is "$output" "Error: volume data is being used by the following container(s): $id: volume is being used"
	run_cove 2 volume rm nosuch data
	cove volume prune --force
	is "$(cove volume ls -q | tr '\n' ' ')" "data implicit "
	run_cove volume rm --force --time 0 data
	is "$output" data
	run_cove 1 container exists c
	run_cove volume prune --force
	is "$output" implicit
	run_cove volume prune
	is "${lines[1]}" "No dangling volumes found"
}

@test "volumes that run makes, or shall not" {
	load_busybox
	run_cove 125 run --rm --network none -v none:/d:nocreate busybox true
	is "$output" "Error: no such volume none"
	run_cove 125 run --rm --network none --mount type=volume,src=none,dst=/d,nocreate busybox true
	is "$(cove volume ls -q)" ""
	run_busybox --mount type=volume,src=made,dst=/d,volume-label=a=1,volume-label=b,volume-opt=type=tmpfs busybox stat -f -c %T /d
	is "$output" tmpfs
	is "$(field made Labels) $(field made Options)" "map[a:1 b:] map[type:tmpfs]"
	run_busybox --mount type=volume,src=made,dst=/d,nocreate,volume-label=other busybox true
	is "$(field made Labels)" "map[a:1 b:]" "what is there stays as it is"
	run_cove 125 run --rm --network none --mount type=volume,src=bad,dst=/d,volume-opt=nosuch=1 busybox true
	like "$output" "invalid mount option nosuch for driver 'local'"
	run_cove 125 run --rm --network none --mount type=bind,src=/tmp,dst=/d,volume-opt=type=tmpfs busybox true
}

@test "what is mounted twice on one place" {
	load_busybox
	run_busybox -v data:/d -v data:/d --tmpfs /t --tmpfs /t busybox true
	cove create --network none --name c -v data:/d -v data:/e busybox true >/dev/null
	is "$(cove system df -v | awk '$1 == "data" {print $2}')" 1 "containers that have it"
	for args in "-v data:/d -v other:/d" "-v data:/d -v data:/d:ro" "--tmpfs /d --tmpfs /d:ro" "-v data:/d --tmpfs /d" "-v /d --mount type=volume,dst=/d"; do
		# shellcheck disable=SC2086 # words
		run_cove 125 run --rm --network none $args busybox true
		is "$output" "Error: /d: duplicate mount destination"
	done
	is "$(cove volume ls -q -f anonymous=true)" "" "what was made in vain"
}

@test "anonymous volumes go with their container, unless another one has them" {
	load_busybox
	run_busybox -v /a busybox true
	is "$(cove volume ls -q)" ""
	cove create --network none --name c -v /a -v named:/b busybox true >/dev/null
	anonymous=$(cove volume ls -q -f anonymous=true)
	like "$anonymous" '^[0-9a-f]{64}$'
	is "$(field "$anonymous" Anonymous)" true
	is "$(field named Anonymous)" false
	cove create --network none --name other -v "$anonymous:/x" busybox true >/dev/null
	cove rm -v c >/dev/null
	cove volume exists "$anonymous"
	cove rm -v other >/dev/null
	cove volume exists "$anonymous" # it had a name there
	cove volume rm "$anonymous" >/dev/null
	cove create --network none --name c -v /a busybox true >/dev/null
	cove rm c >/dev/null
	is "$(cove volume ls -q | wc -l)" 2 "without -v it stays"
	run_cove volume prune -f --filter anonymous=true
	like "$output" '^[0-9a-f]{64}$'
	is "$(cove volume ls -q)" named
}

@test "prune: asks, filters, frees" {
	cove volume create -l keep one >/dev/null
	cove volume create two >/dev/null
	run_cove volume prune <<<n
	like "$output" "WARNING! This will remove all volumes not used by at least one container. The following volumes will be removed:"$'\n'one$'\n'two
	is "$(cove volume ls -q | wc -l)" 2
	run_cove 125 volume prune </dev/null
	run_cove 125 volume prune -f --filter name=one
	is "$output" 'Error: "name" is an invalid volume filter'
	run_cove volume prune --dry-run --filter label=keep
	is "$output" one
	run_cove volume prune -f --filter 'label!=keep'
	is "$output" two
	run_cove system df --format '{{.Type}} {{.Total}}'
	like "$output" "Local Volumes 1"
	run_cove system prune -f --volumes --filter label=nosuch
	cove volume exists one
	run_cove system prune -f --volumes
	like "$output" "Deleted Volumes"$'\n'one
	is "$(cove volume ls -q)" ""
}

@test "options of the local driver: directories and memory" {
	load_busybox
	mkdir "$T/host"
	chmod 755 "$T" "$T/host"
	echo hello >"$T/host/f"
	cove volume create -o type=bind -o device="$T/host" bound >/dev/null
	cove volume create -o type=none -o o=bind,ro -o device="$T/host" readonly >/dev/null
	cove volume create -o type=tmpfs -o device=tmpfs -o o=size=2M,mode=1777 memory >/dev/null
	cove volume create -o type=ext4 -o device=/dev/sda1 disk >/dev/null
	cove volume create -o o=nocopy,noquota plain >/dev/null
	is "$(field plain Options)" "map[NOQUOTA:true o:nocopy]"
	run_busybox -v bound:/v busybox sh -c 'cat /v/f; echo there >/v/g'
	is "$output" hello
	is "$(cat "$T/host/g")" there
	run_cove 1 run --rm --network none -v readonly:/v:rw busybox sh -c 'cat /v/f; echo no >/v/g'
	like "$output" "Read-only file system"
	run_busybox -v memory:/v busybox sh -c 'stat -f -c %T /v; mount | grep " /v "'
	like "$output" "^tmpfs"
	like "$output" "size=2048k"
	run_cove 125 run --rm --network none -v disk:/v busybox true
	like "$output" "volume disk cannot be mounted: type ext4 needs root"
	cove create --network none --name c -v memory:/v busybox true >/dev/null
	is "$(cove inspect --format '{{range .Mounts}}{{.Type}} {{.Name}}{{end}}' c)" "volume memory"
	run_cove volume export bound
	run_cove 125 volume export memory
	run_cove run --rm --network none --volumes-from c:ro busybox stat -f -c %T /v
	is "$output" tmpfs
	rm -rf "$T/host"
	run_cove 125 run --rm --network none -v bound:/v busybox true
	like "$output" "volume bound: its device $T/host"
}

@test "who a volume belongs to" {
	load_busybox
	cove volume create --uid 1000 --gid 1001 mine >/dev/null
	cove volume create -o o=uid=5,gid=6 theirs >/dev/null
	is "$(field mine UID):$(field mine GID)" 1000:1001
	is "$(cove unshare stat -c %u:%g "$STORE/volumes/mine/_data")" 1000:1001
	is "$(cove unshare stat -c %u:%g "$STORE/volumes/theirs/_data")" 5:6
	run_busybox -v theirs:/v busybox stat -c %u:%g /v
	is "$output" 5:6
	cove volume rm mine theirs >/dev/null
}

@test "export and import" {
	load_busybox
	run_busybox -v data:/d busybox sh -c 'mkdir /d/dir; echo one >/d/dir/f; chown -R 33:44 /d/dir; chmod 640 /d/dir/f; ln -s dir/f /d/link; ln /d/dir/f /d/hard; echo x >/d/.wh.name'
	run_cove volume export data -o "$T/data.tar"
	is "$output" ""
	cove volume export data >"$T/again.tar"
	cmp "$T/data.tar" "$T/again.tar"
	cove volume create copy >/dev/null
	run_cove volume import copy "$T/data.tar"
	is "$output" ""
	run_busybox -v copy:/d busybox sh -c 'cd /d; find . | sort | tr "\n" " "; stat -c "%u:%g %a %h" dir/f; readlink link; cat hard .wh.name'
	is "$output" ". ./.wh.name ./dir ./dir/f ./hard ./link 33:44 640 2"$'\n'"dir/f"$'\n'"one"$'\n'"x"
	gzip "$T/again.tar"
	cove volume create zipped >/dev/null
	run_busybox -v zipped:/d busybox sh -c 'echo stays >/d/stays; echo old >/d/link'
	cove volume import zipped - <"$T/again.tar.gz"
	run_busybox -v zipped:/d busybox sh -c 'cat /d/stays /d/link'
	is "$output" stays$'\n'one
	run_cove 125 volume import nosuch "$T/data.tar"
	is "$output" "Error: no such volume nosuch"
	run_cove 125 volume export nosuch
	is "$output" "Error: no such volume nosuch"
	run_cove 125 volume import copy "$T/nosuch"
	is "$output" "Error: open $T/nosuch: no such file or directory"
	run_cove 125 volume import copy "$T"
	run_busybox -v copy:/d busybox rm -r /d/dir
	cove volume import copy <"$T/data.tar"
	run_busybox -v copy:/d busybox cat /d/dir/f
	is "$output" one
	run_cove 125 volume import
	echo garbage >"$T/garbage"
	run_cove 125 volume import copy "$T/garbage"
	is "${#lines[@]}" 1
	! cove volume export -o "$T/nosuch/dir" data 2>/dev/null || die "written nowhere"
}

@test "mount and unmount, in unshare" {
	need_userns
	mkdir "$T/host"
	echo hello >"$T/host/f"
	cove volume create plain >/dev/null
	cove volume create -o type=bind -o device="$T/host" bound >/dev/null
	run_cove 125 volume mount plain
	like "$output" 'cannot run command "cove volume mount" in rootless mode, must execute `cove unshare` first'
	run_cove unshare "$COVE" volume mount plain
	is "$output" "$STORE/volumes/plain/_data"
	run_cove unshare sh -c "cat \$('$COVE' volume mount bound)/f && '$COVE' volume unmount bound && ls '$STORE/volumes/bound/_data'"
	is "$output" hello$'\n'bound
	run_cove unshare sh -c "'$COVE' volume mount bound >/dev/null && '$COVE' volume rm bound"
	is "$output" bound
	is "$(cat "$T/host/f")" hello
	is "$(ls -A "$STORE/tmp")" ""
	run_cove volume reload
	is "$output" ""
}

@test "volumes of earlier versions, and damaged records" {
	load_busybox
	mkdir -p "$STORE/volumes/old/_data"
	is "$(field old Driver):$(field old Labels)" "local:map[]"
	run_busybox -v old:/v busybox sh -c 'echo x >/v/f'
	is "$(cove volume ls -q)" old
	cove volume create -o type=bind -o device=/tmp bad >/dev/null
	echo '{"Driver": 1}' >"$STORE/volumes/bad/volume.json"
	run_cove 125 volume inspect bad
	like "$output" "volume bad: volume.json: 'Driver' has the wrong type"
	run_cove 125 run --rm --network none -v bad:/v busybox true
	run_cove 125 system check --quick
	like "$output" "Damaged volume bad:"
	run_cove "?" system check --quick --repair --force
	run_cove system check --quick
	is "$(field bad Options)" "map[]"
	rm -r "$STORE/volumes/bad/_data"
	run_cove 1 volume exists bad
	run_cove 125 system check --quick
	run_busybox -v bad:/v busybox true
	run_cove system check --quick
	cove volume create -l kept recorded >/dev/null
	rm -r "$STORE/volumes/recorded/_data"
	run_busybox -v recorded:/v busybox true
	is "$(field recorded Labels)" "map[kept:]"
	cove volume rm recorded >/dev/null
	echo '{"Driver": 1}' >"$STORE/volumes/bad/volume.json"
	run_cove volume rm bad
	cove volume rm old >/dev/null
	is "$(ls -A "$STORE/volumes")" ""
}

@test "completion of names" {
	cove volume create one >/dev/null
	cove volume create other >/dev/null
	is "$(cove __complete volume rm o | tr '\n' ' ')" "one other :4 "
}
