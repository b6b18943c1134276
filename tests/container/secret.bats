#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Secrets: kept, given to containers, and found nowhere else.
load ../setup

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	WORD=s3cr3t-$RANDOM$RANDOM
	STORE=$XDG_DATA_HOME/cove
}

# create ARG...: a secret with $WORD in it.
create() {
	printf %s "$WORD" >"$T/word"
	run_cove secret create "$@" - <"$T/word"
}

# show NAME: its data.
show() {
	cove secret inspect --showsecret --format '{{.SecretData}}' "$1"
}

# nowhere [DIR]: no file of the store (or DIR) has $WORD.
nowhere() {
	! cove unshare grep -rlqF "$WORD" "${1:-$STORE}" || die "$(cove unshare grep -rlF "$WORD" "${1:-$STORE}")"
}

@test "create, ls, inspect, exists, rm" {
	create --label team=web -l x one
	like "$output" '^[0-9a-f]{25}$'
	id=$output
	create two
	run_cove secret ls
	is "$(awk '{print $2, $3}' <<<"$output" | tr '\n' ' ')" "NAME DRIVER one file two file "
	run_cove secret ls -n --filter name=^o
	like "$output" "^$id  one .* ago$"
	run_cove secret ls -q -f "id=${id:0:6}" -f name=o
	is "$output" "$id"
	run_cove secret list --noheading --filter "id=$id" --filter name=two
	is "$output" ""
	run_cove secret ls --format json
	is "$(python3 -c 'import json,sys; print([s["Name"] for s in json.load(sys.stdin)])' <<<"$output")" "['one', 'two']"
	run_cove 125 secret ls --filter label=x
	is "$output" 'Error: invalid filter "label"'
	run_cove 125 secret ls --filter 'name=('
	run_cove 125 secret ls --format '{{.Spec.Name}}'
	like "$output" "can't evaluate field Spec"
	run_cove secret inspect one "${id:0:8}" --format '{{.ID}} {{.Spec.Driver.Name}} {{.Spec.Labels}}{{.SecretData}}'
	is "$output" "$id file map[team:web x:]"$'\n'"$id file map[team:web x:]"
	run_cove secret inspect --pretty one
	like "$output" $'Name: +one\nLabels:\n - team=web\n - x\nDriver: +file'
	is "$(cove secret inspect --showsecret one | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["SecretData"], end="")')" "$WORD"
	run_cove secret inspect one
	[[ $output != *SecretData* ]]
	run_cove 125 secret inspect nope one nope2
	like "$output" '"Name": "one"'
	like "$output" $'error inspecting secret: no secret with name or id "nope2": no such secret\nError: inspecting secret: no secret with name or id "nope": no such secret$'
	run_cove secret exists one
	run_cove secret exists "${id:0:10}"
	run_cove 1 secret exists three
	is "$output" ""
	run_cove 125 secret rm three
	is "$output" 'Error: no secret with name or id "three": no such secret'
	run_cove secret rm --ignore three "$id"
	is "$output" "$id"
	run_cove 125 secret rm
	run_cove 125 secret rm --all two
	run_cove secret rm -a
	run_cove secret ls -q
	is "$output" ""
	nowhere
	! grep -q "$(base64 <<<"$WORD" | cut -c1-16)" "$STORE/secrets/filedriver/secretsdata.json"
	run_cove events --stream=false --filter type=secret
	like "${lines[0]}" "secret create $id"
	like "${lines[2]}" "secret remove $id"
}

@test "what cannot be a secret" {
	local name
	for name in a/b a=b a,b "" "$(printf 'a%.0s' {1..254})" "a b" -a .a $'a\nb'; do
		run_cove 125 secret create -- "$name" - <<<x
		like "$output" ": invalid secret name$" "$name"
	done
	create "$(printf 'a%.0s' {1..253})"
	run_cove 125 secret create none - </dev/null
	is "$output" "Error: secret data must be larger than 0 and less than 512000 bytes"
	head -c 512000 /dev/zero >"$T/big"
	run_cove 125 secret create big "$T/big"
	is "$output" "Error: secret data must be larger than 0 and less than 512000 bytes"
	truncate -s 511999 "$T/big"
	run_cove secret create big "$T/big"
	is "$(cove secret inspect --showsecret big | python3 -c 'import json,sys; print(len(json.load(sys.stdin)[0]["SecretData"]))')" 511999
	run_cove 125 secret create x "$T/missing"
	like "$output" "missing: No such file"
	run_cove 125 secret create --env x NO_SUCH_VARIABLE
	is "$output" "Error: cannot create store secret data: environment variable NO_SUCH_VARIABLE is not set"
	run_cove 125 secret create --driver vault x - <<<x
	is "$output" "Error: invalid driver"
	run_cove 125 secret create --driver shell x - <<<x
	is "$output" "Error: missing config value"
	run_cove 125 secret create --driver shell --driver-opts list=a,lookup=a,store=a,delete=a,path=/x x - <<<x
	is "$output" 'Error: invalid shell driver option: "path"'
	run_cove 125 secret create --driver-opts path=relative x - <<<x
	like "$output" "invalid driver option$"
	run_cove 125 secret create --driver-opts word x - <<<x
	like "$output" 'invalid argument "word" for "--driver-opts" flag'
	run_cove 125 secret create --label =x x - <<<x
	is "$output" 'Error: unable to process labels: invalid label format: "=x"'
	run_cove 125 secret create x
	run_cove secret ls -q
	is "${#lines[@]}" 2
}

@test "one of that name: refused, kept, replaced" {
	create s
	first=$output
	run_cove 125 secret create s - <<<other
	is "$output" "Error: s: secret name in use"
	run_cove secret create --ignore s - <<<other
	is "$output" "$first"
	is "$(show s)" "$WORD"
	VALUE=new run_cove secret create --env --replace --driver-opts opt=val s VALUE
	[ "$output" != "$first" ]
	is "$(show s)" new
	run_cove secret inspect --format '{{index .Spec.Driver.Options "opt"}}' s
	is "$output" val
	run_cove 1 secret exists "$first"
	run_cove 125 secret create --ignore --replace s - <<<x
	is "$output" "Error: cannot use --ignore and --replace flags together"
	is "$(python3 -c 'import json,sys; print(len(json.load(open(sys.argv[1]))))' "$STORE/secrets/filedriver/secretsdata.json")" 1 "pieces of data"
}

@test "nobody else can read them" {
	umask 000
	create s
	is "$(stat -c %a "$STORE/secrets" "$STORE/secrets/filedriver" | tr '\n' ' ')" "700 700 "
	is "$(find "$STORE/secrets" -type f ! -perm 600)" "" "files that are not 0600"
	run_cove secret create --driver-opts "path=$T/my/place" t - <<<x
	is "$(stat -c %a "$T/my/place" "$T/my/place/secretsdata.json" | tr '\n' ' ')" "700 600 "
	is "$(show t)" x
}

@test "a file in a container" {
	load_busybox
	create s
	run_cove run --rm --secret s busybox sh -c 'cat /run/secrets/s; echo; stat -c "%a %u %g" /run/secrets/s /run/secrets'
	is "$output" "$WORD"$'\n444 0 0\n755 0 0'
	run_cove run --rm --secret source=s,target=a/../b/c,uid=3,gid=4,mode=0140 busybox stat -c '%a %u %g %s' /run/secrets/b/c
	is "$output" "140 3 4 ${#WORD}"
	run_cove run --rm --secret s,target=/opt/x/y --user 200:300 busybox cat /opt/x/y
	is "$output" "$WORD"
	run_cove run --rm --read-only --secret s busybox cat /run/secrets/s
	is "$output" "$WORD"
	run_cove run --rm --userns keep-id --secret s,mode=400 busybox stat -c '%a %u %g' /run/secrets/s
	is "$output" "400 0 0"
	run_cove run --rm --userns keep-id --secret "s,mode=400,uid=$(id -u)" busybox cat /run/secrets/s
	is "$output" "$WORD"
	echo other >"$T/other"
	cove secret create t "$T/other" >/dev/null
	run_cove run --rm --secret s,target=x --secret t,target=x busybox cat /run/secrets/x
	is "$output" other "the later one"
	run_cove run --rm --secret s -v "$T/other:/run/secrets/s" busybox cat /run/secrets/s
	is "$output" other "a mount of the user's"
	run_cove 125 run --rm --secret s,uid=4000000000 busybox true
	like "$output" "secret s: the container has no user 4000000000"
	run_cove ps -aq
	is "$output" ""
	if has_runtime crun; then
		run_cove --runtime crun run --rm --secret s,mode=404 busybox sh -c 'cat /run/secrets/s; echo; stat -c %a /run/secrets/s'
		is "$output" "$WORD"$'\n404'
	fi
}

@test "options of --secret that cannot be" {
	load_busybox
	create s
	local row
	while IFS='|' read -r option text; do
		run_cove 125 run --rm --secret "$option" busybox true
		is "$output" "Error: $text" "$option"
	done <<-'END'
		s,type=other|type other is invalid: parsing secret
		s,invalid=invalid|option invalid=invalid invalid: parsing secret
		s,type|option type must be in form option=value: parsing secret
		s,type=env,uid=1000|UID, GID, Mode options cannot be set with secret type env: parsing secret
		type=env,target=X|no source found type=env,target=X: parsing secret
		type=env|no secret with name or id "type=env": no such secret
		s,mode=9|mode 9 invalid: parsing secret
		s,uid=x|UID x invalid: parsing secret
		s,target=/|target / invalid: parsing secret
		s,target=..|target .. invalid: parsing secret
		s,type=env,target=A=B|target A=B invalid: parsing secret
		none|no secret with name or id "none": no such secret
	END
	printf 'a\0b' | cove secret create nul - >/dev/null
	run_cove 125 run --rm --secret nul,type=env busybox true
	like "$output" "secret nul has a NUL byte"
	run_cove run --rm --secret nul busybox stat -c %s /run/secrets/nul
	is "$output" 3
}

@test "a variable in a container, which only its processes see" {
	load_busybox
	create s
	run_cove run --rm --secret s,type=env --secret s,type=env,target=OTHER -e s=x busybox sh -c 'echo "$s $OTHER"'
	is "$output" "$WORD $WORD"
	cove run -d --name c --secret s,type=env busybox sleep 1000 >/dev/null
	run_cove exec c sh -c 'echo $s'
	is "$output" "$WORD"
	run_cove exec -e s=mine c sh -c 'echo $s'
	is "$output" mine
	run_cove inspect c
	like "$output" '"s=\*\*\*\*\*\*\*"'
	[[ $output != *"$WORD"* ]]
	cove secret rm s >/dev/null
	nowhere
	nowhere "$XDG_RUNTIME_DIR"
	run_cove 125 exec c true
	is "$output" 'Error: no secret with name or id "s": no such secret'
	cove stop -t 0 c >/dev/null
	run_cove 125 start c
	like "$output" 'no secret with name or id "s": no such secret'
	run_cove inspect --format '{{.State.Status}}' c
	is "$output" exited
	printf later | cove secret create s - >/dev/null
	cove start c >/dev/null
	run_cove exec c sh -c 'echo $s'
	is "$output" later
}

@test "a file stays what it was when the container was made" {
	load_busybox
	create s
	cove create --name c --secret s busybox cat /run/secrets/s >/dev/null
	echo other | cove secret create --replace s - >/dev/null
	run_cove start -a c
	is "$output" "$WORD"
	cove secret rm s >/dev/null
	run_cove start -a c
	is "$output" "$WORD"
	run_cove inspect --format '{{(index .Config.Secrets 0).Name}} {{(index .Config.Secrets 0).Mode}}' c
	is "$output" "s 292"
	cove rm c >/dev/null
	nowhere
}

@test "no image, archive or list of changes has them" {
	load_busybox
	create s
	cove run --name c --secret s --secret s,target=/opt/s --secret s,type=env,target=V busybox true
	run_cove diff c
	[[ $output != *"/run/secrets"* ]]
	cove export -o "$T/c.tar" c
	! grep -qF "$WORD" "$T/c.tar"
	is "$(tar -tvf "$T/c.tar" | awk '/secrets|opt.s/ {print $3, $6}' | grep -v '/$')" "0 opt/s"
	cove commit -q c localhost/committed >/dev/null
	cove save -o "$T/image.tar" --uncompressed localhost/committed 2>/dev/null || cove save -o "$T/image.tar" localhost/committed
	! grep -qF "$WORD" "$T/image.tar"
	run_cove run --rm localhost/committed sh -c 'ls /run/secrets; cat /opt/s; echo "$V"'
	is "$output" ""
	cove start c >/dev/null
	cove cp c:/opt/s - >"$T/cp.tar" || true
	[[ $(cove logs c) != *"$WORD"* ]]
}

@test "driver shell" {
	mkdir "$T/kept"
	opts="list=ls $T/kept,lookup=cat $T/kept/\$SECRET_ID,store=cat >$T/kept/\$SECRET_ID,delete=rm $T/kept/\$SECRET_ID"
	create --driver shell --driver-opts "$opts" s
	id=$output
	is "$(cat "$T/kept/$id")" "$WORD"
	is "$(show s)" "$WORD"
	run_cove secret create --replace -d shell --driver-opts "$opts" s - < <(printf new)
	is "$(ls "$T/kept")" "$output" "the data of the first is gone"
	is "$(show s)" new
	load_busybox
	run_cove run --rm --secret s --secret s,type=env busybox sh -c 'cat /run/secrets/s; echo " $s"'
	is "$output" 'new new'
	mv "$T/kept" "$T/away"
	run_cove 125 secret inspect --showsecret s
	like "$output" "no such secret"
	run_cove 125 secret rm s
	like "$output" "^.*Error: deleting secret s: [0-9a-f]{25}: no such secret$"
	run_cove secret exists s
	mv "$T/away" "$T/kept"
	run_cove secret rm s
	is "$(ls "$T/kept")" ""
	run_cove 125 secret create -d shell --driver-opts "${opts/cat >/exit 3;cat >}" s - <<<x
	is "$output" "Error: creating secret s: exit status 3"
	run_cove secret ls -q
	is "$output" ""
}

@test "driver pass" {
	need gpg
	export GNUPGHOME=$R/gpg # short: it has sockets
	mkdir -m 700 "$GNUPGHOME"
	gpg --batch --quiet --passphrase '' --quick-gen-key 'test <t@example.org>' default default never 2>/dev/null ||
		skip "gpg makes no key here"
	mkdir -p "$T/pass/below"
	create --driver pass --driver-opts "root=$T/pass/below,key=t@example.org,gpghomedir=$GNUPGHOME" s
	[ -s "$T/pass/below/$output.gpg" ]
	! grep -qF "$WORD" "$T/pass/below/$output.gpg"
	is "$(show s)" "$WORD"
	run_cove 125 secret create --driver pass --driver-opts "root=$T/pass/below" t - <<<x
	like "$output" "no .gpg-id"
	echo t@example.org >"$T/pass/.gpg-id"
	run_cove secret create --driver pass --driver-opts "root=$T/pass/below" t - <<<x
	is "$(show t)" x
	run_cove 125 secret create --driver pass --driver-opts "root=$T/pass,key=nobody@example.org" u - <<<x
	like "$output" "Error: creating secret u: gpg: exit status 2"
	cove secret rm -a >/dev/null
	is "$(ls "$T/pass/below")" ""
	mkdir "$HOME/.password-store"
	echo t@example.org >"$HOME/.password-store/.gpg-id"
	run_cove secret create -d pass v - <<<y
	[ -s "$HOME/.password-store/$output.gpg" ]
	is "$(show v)" y
	gpgconf --kill all
}

@test "containers.conf names a driver and its options" {
	mkdir -p "$XDG_CONFIG_HOME/containers"
	printf '[secrets]\ndriver = "file"\n[secrets.opts]\npath = "%s/place"\n' "$T" >"$XDG_CONFIG_HOME/containers/containers.conf"
	create s
	[ -e "$T/place/secretsdata.json" ]
	run_cove secret create --driver-opts "path=$T/other" t - <<<x
	[ -e "$T/other/secretsdata.json" ]
	run_cove 125 secret create --driver shell u - <<<x
	is "$output" "Error: missing config value" "its options are not those of another driver"
	printf '[secrets]\ndriver = "vault"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	run_cove 125 secret create u - <<<x
	is "$output" "Error: invalid driver"
	printf '[secrets]\nopts = "x"\n' >"$XDG_CONFIG_HOME/containers/containers.conf"
	run_cove 125 secret create u - <<<x
	like "$output" "containers.conf: opts of \[secrets\]"
}

@test "Podman's store of secrets is read, and ours by it" {
	create s
	mkdir -p "$T/podman"
	cp -r "$STORE/secrets" "$T/podman/"
	podman_like secret inspect --format '{{.Spec.Name}}' s >"$T/out" 2>/dev/null || skip "podman does not work here"
	is "$(cat "$T/out")" s
	echo podmans | podman_like secret create --label a=b p - >/dev/null 2>&1
	rm -r "$STORE/secrets"
	cp -r "$T/podman/secrets" "$STORE/"
	is "$(show p)" podmans
	is "$(show s)" "$WORD"
	run_cove secret inspect --format '{{.Spec.Labels}}' p
	is "$output" "map[a:b]"
	run_cove secret rm p
}

@test "damage is told, and mended where that can be" {
	create s
	create t
	run_cove system check
	data=$STORE/secrets/filedriver/secretsdata.json
	sed -i "s/\"$(cove secret inspect --format '{{.ID}}' s)\"/\"0\"/" "$data"
	run_cove 125 system check
	like "$output" "Damaged secret s:"
	run_cove 125 secret inspect --showsecret s
	run_cove secret inspect --showsecret t
	run_cove 125 system check --repair
	run_cove system check --repair --force
	run_cove secret ls -q
	is "${#lines[@]}" 1
	create u # what no entry names goes
	[[ $(cat "$data") != *'"0"'* ]]
	for text in '' '{' '[]' '{"secrets":{"x":1}}' '{"secrets":{"../x":{"name":"n","id":"../x","createdAt":"","driver":"file"}}}'; do
		printf %s "$text" >"$STORE/secrets/secrets.json"
		run_cove 125 secret ls
		like "$output" "^Error: .*/secrets/secrets.json: " "$text"
		run_cove 125 secret create v - <<<x
		run_cove 125 system check
		like "$output" "Damaged secret secrets.json:"
	done
	rm "$STORE/secrets/secrets.json"
	printf x >"$data"
	run_cove 125 secret create v - <<<x
	like "$output" "filedriver/secretsdata.json: "
}

@test "killed at any moment, the old secret or the new one is there" {
	need strace
	strace -f -qq -o /dev/null true 2>/dev/null || skip "strace may not trace here"
	create s
	echo new >"$T/new"
	local call n
	for call in renameat fsync openat write; do
		for n in {1..40}; do
			strace -f -qq -o "$T/trace" -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
				"$COVE" secret create --replace s "$T/new" >"$T/out" 2>&1 && break
			word=$(show s)
			[ "$word" = "$WORD" ] || [ "$word" = new ] || die "$call $n: $word"
			run_cove secret ls -q
			is "${#lines[@]}" 1 "$call $n"
		done
		[ "$n" -gt 1 ] || die "$call: never called"
	done
	cove secret create --replace s "$T/new" >/dev/null
	is "$(python3 -c 'import json,sys; print(len(json.load(open(sys.argv[1]))))' "$STORE/secrets/filedriver/secretsdata.json")" 1 "pieces of data"
	is "$(find "$STORE/secrets" -name '*.tmp')" "" "what was being written when a command was killed"
	run_cove system check
}

@test "several at once lose nothing" {
	local i
	for i in {1..12}; do
		cove secret create "s$i" - <<<"$i" >/dev/null &
		pids[i]=$!
	done
	for i in {1..12}; do
		wait "${pids[i]}"
	done
	for i in {1..12}; do
		is "$(show "s$i")" "$i"
	done
	for i in {1..12}; do
		cove secret rm "s$i" >/dev/null &
		pids[i]=$!
	done
	for i in {1..12}; do
		wait "${pids[i]}"
	done
	run_cove secret ls -q
	is "$output" ""
}

@test "completion and system reset" {
	create one
	create two
	run_cove __complete secret rm ""
	is "$output" $'one\ntwo\n:4'
	run_cove __complete run --secret t
	is "$output" $'two\n:4'
	run_cove __complete login --secret o
	is "$output" $'one\n:4'
	cove system reset --force >/dev/null
	[ ! -e "$STORE" ]
}
