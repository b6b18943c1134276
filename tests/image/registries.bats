#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# registries.conf as a user meets it (short names, mirrors, blocks), and search.
load ../setup

setup() {
	cove_setup
	need_userns
	CONF=$XDG_CONFIG_HOME/containers
	mkdir -p "$CONF/registries.conf.d"
}

# images_at REPOSITORY:TAG...: push the busybox image as each of them to $REGISTRY.
images_at() {
	local name
	load_busybox
	for name; do
		cove push -q --tls-verify=false "$IMAGE" "$REGISTRY/$name"
	done
	cove rmi -fa >/dev/null
}

# on_terminal INPUT COMMAND...: with a terminal for input and output; what is seen there in $output.
on_terminal() {
	local input=$1
	shift
	need script
	output=$(printf '%s' "$input" | timeout 60 script -qec "$(printf '%q ' "$@")" /dev/null | tr -d '\r') || true
	echo "$output"
}

@test "search: catalogue, tags, limits, filters, formats" {
	start_registry
	images_at a/bb:1 a/bb:2 zz/bbox:1 other:1
	run_cove search --tls-verify=false "$REGISTRY/bb"
	is "$(awk '{ print $1 }' <<<"$output" | xargs)" "NAME $REGISTRY/a/bb $REGISTRY/zz/bbox"
	run_cove search --tls-verify=false --limit 1 --format '{{.Index}} {{.Name}} {{.Stars}}' "$REGISTRY/bb"
	is "$output" "$REGISTRY $REGISTRY/a/bb 0"
	run_cove search --tls-verify=false --format '{{.Name}}' "$REGISTRY/"
	is "${#lines[@]}" 3
	run_cove search --tls-verify=false --list-tags "$REGISTRY/a/bb"
	is "$(awk '{ print $2 }' <<<"$output" | sort | xargs)" "1 2 TAG"
	run_cove search --tls-verify=false --list-tags --format json "$REGISTRY/a/bb"
	is "$(tr -d ' \n' <<<"$output" | sed 's/"2","1"/"1","2"/')" '[{"Name":"'"$REGISTRY"'/a/bb","Tags":["1","2"]}]'
	run_cove search --tls-verify=false --filter stars=1 "$REGISTRY/bb"
	is "$output" ""
	run_cove search --tls-verify=false --filter is-official=false "$REGISTRY/bb"
	is "${#lines[@]}" 3
	run_cove 125 search --tls-verify=false --filter stars=x "$REGISTRY/bb"
	run_cove 125 search --tls-verify=false --filter nope=1 "$REGISTRY/bb"
	like "$output" 'invalid filter type "nope=1"'
	run_cove 125 search --tls-verify=false --list-tags "$REGISTRY/a/none"
	like "$output" "^Error: .*fetching tags list"
	run_cove 125 search
	if command -v podman >/dev/null; then
		for args in "$REGISTRY/bb" "$REGISTRY/other" "--list-tags $REGISTRY/a/bb" "--format json $REGISTRY/bb" \
			"--list-tags --format json $REGISTRY/a/bb"; do
			# shellcheck disable=SC2086 # several words
			is "$(cove search --tls-verify=false $args)" "$(podman_like search --tls-verify=false $args)" "as podman: $args"
		done
	fi
}

@test "search: long lists come in pages, and the Hub's form is read" {
	need python3
	python3 "$COVE_SRC/tests/registry/search.py" "$T/port" 3>&- &
	PIDS+=($!)
	wait_for 20 test -e "$T/port"
	server=127.0.0.1:$(cat "$T/port")
	run_cove search --tls-verify=false --list-tags --limit 1000 --format '{{.Tag}}' "$server/many/tags"
	is "$(sort -n <<<"$output" | xargs)" "$(seq 0 99 | xargs)"
	run_cove search --tls-verify=false --format '{{.Name}}|{{.Stars}}|{{.Official}}|{{.Description}}' "$server/web"
	is "${lines[0]}" "$server/web|7|[OK]|a description of several lines that is so lo..."
	run_cove search --tls-verify=false --no-trunc --format '{{.Description}}' "$server/web"
	is "${lines[0]}" "a description of several lines that is so long that it is cut"
	run_cove search --tls-verify=false --filter stars=8 --format '{{.Name}}' "$server/web"
	is "$output" "$server/webs"
	run_cove search --tls-verify=false --filter is-official --format '{{.Name}}' "$server/web"
	is "$output" "$server/web"
	run_cove 125 search --tls-verify=false --list-tags "$server/broken/tags"
	like "$output" "^Error: .*the registry's list is broken"
	run_cove 125 search --tls-verify=false --list-tags "$server/endless/tags"
	like "$output" "^Error: .*the list has more than 1000 pages"
}

@test "short names: order, aliases, drop-ins, and what a person chose" {
	start_registry
	images_at lib/one:1 lib/two:1
	cat >"$CONF/registries.conf" <<-END
		unqualified-search-registries = ["127.0.0.1:1", "$REGISTRY/lib"]
		[[registry]]
		location = "$REGISTRY"
		insecure = true
	END
	run_cove pull one:1
	like "$output" "Resolving \"one\" using unqualified-search registries \($CONF/registries.conf\)"
	like "$output" "Trying to pull 127.0.0.1:1/one:1.*Trying to pull $REGISTRY/lib/one:1"
	printf '[aliases]\n"nick" = "%s/lib/two"\n"one" = "%s/lib/two"\n' "$REGISTRY" "$REGISTRY" >"$CONF/registries.conf.d/10.conf"
	printf '[aliases]\n"one" = ""\n' >"$CONF/registries.conf.d/20.conf"
	run_cove pull nick:1
	like "$output" "Resolved \"nick\" as an alias \($CONF/registries.conf.d/10.conf\)"
	run_cove pull one:1
	like "$output" "Trying to pull 127.0.0.1:1/one:1" "an alias that was taken away"
	echo 'short-name-mode = "enforcing"' >"$CONF/registries.conf.d/30.conf"
	run_cove 125 pull one:1
	like "$output" "^Error: short-name resolution enforced but cannot prompt without a TTY"
	on_terminal $'7\n2\n' "$COVE" pull one:1
	like "$output" "1\) 127.0.0.1:1/one:1.*2\) $REGISTRY/lib/one:1"
	is "$(cat "$XDG_CACHE_HOME/containers/short-name-aliases.conf")" $'[aliases]\n"one" = "'"$REGISTRY/lib/one"'"'
	run_cove pull one:1
	like "$output" "Resolved \"one\" as an alias \($XDG_CACHE_HOME/containers/short-name-aliases.conf\)"
	rm "$XDG_CACHE_HOME/containers/short-name-aliases.conf"
	echo 'short-name-mode = "disabled"' >"$CONF/registries.conf.d/30.conf"
	on_terminal "" "$COVE" pull one:1
	like "$output" "Trying to pull 127.0.0.1:1/one:1.*Trying to pull $REGISTRY/lib/one:1"
	printf 'unqualified-search-registries = ["127.0.0.1:2"]\n' >"$T/other.conf"
	export CONTAINERS_REGISTRIES_CONF=$T/other.conf
	run_cove 125 pull one:1
	like "$output" "127.0.0.1:2/one:1"
	run_cove 125 pull nick:1
	like "$output" "$REGISTRY/lib/two" "drop-ins hold beside the file of the variable"
}

@test "mirrors, prefixes and blocks decide where a pull goes" {
	need skopeo
	start_registry
	images_at mirror/app:1 real/app:1
	digest=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/mirror/app:1" | sha256sum | cut -c-64)
	conf() {
		printf '[[registry]]\nprefix = "reg.invalid/x"\nlocation = "%s/real"\ninsecure = true\n%s\n' "$REGISTRY" "$1" >"$CONF/registries.conf"
	}
	# asked PATTERN: has the registry been asked for that since the last call?
	asked() {
		local n
		n=$(wc -l <"$REGISTRY_DIR/log")
		tail -n "+$((${seen-0} + 1))" "$REGISTRY_DIR/log" | grep -q "GET /v2/$1/" || { seen=$n && return 1; }
		seen=$n
	}
	mirror="[[registry.mirror]]"$'\n'"location = \"$REGISTRY/mirror\""$'\n'"insecure = true"
	conf ""
	run_cove pull -q reg.invalid/x/app:1
	is "$(cove images --format '{{.Repository}}')" reg.invalid/x/app
	asked real/app || die "the prefix was not replaced"
	conf "$mirror"
	run_cove pull -q reg.invalid/x/app:1
	asked mirror/app || die "the mirror was not asked"
	conf "$mirror"$'\npull-from-mirror = "digest-only"'
	run_cove pull -q reg.invalid/x/app:1
	! asked mirror/app || die "a mirror for digests was asked for a tag"
	run_cove pull -q "reg.invalid/x/app@sha256:$digest"
	asked mirror/app || die "the mirror was not asked for a digest"
	conf "mirror-by-digest-only = true"$'\n'"$mirror"
	run_cove pull -q reg.invalid/x/app:1
	! asked mirror/app || die "a mirror for digests was asked for a tag"
	conf "[[registry.mirror]]"$'\n'"location = \"127.0.0.1:1/gone\""
	run_cove pull -q reg.invalid/x/app:1
	asked real/app || die "the place itself was not asked after its mirror"
	printf '[[registry]]\nprefix = "*.wild.invalid"\nlocation = "%s"\ninsecure = true\n' "$REGISTRY" >"$CONF/registries.conf"
	run_cove pull -q a.wild.invalid/real/app:1
	conf "blocked = true"
	run_cove 125 pull -q reg.invalid/x/app:1
	like "$output" "registry reg.invalid/x is blocked in $CONF/registries.conf"
	run_cove 125 run --rm reg.invalid/x/app:2
	like "$output" "is blocked in"
	run_cove 125 push -q reg.invalid/x/app:1
	like "$output" "is blocked in"
}

@test "credential helpers are asked in the order of registries.conf" {
	start_registry --auth user secret
	load_busybox
	run_cove push -q --tls-verify=false --creds user:secret "$IMAGE" "$REGISTRY/a:1"
	mkdir "$T/bin"
	printf '#!/bin/sh\necho "$0 $(cat)" >>%s/asked\necho '"'"'{"Username":"user","Secret":"secret"}'"'"'\n' "$T" >"$T/bin/docker-credential-knows"
	printf '#!/bin/sh\necho "$0 $(cat)" >>%s/asked\necho "credentials not found in native keychain"\nexit 1\n' "$T" >"$T/bin/docker-credential-empty"
	chmod +x "$T"/bin/*
	export PATH=$T/bin:$PATH
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:1"
	echo 'credential-helpers = ["containers-auth.json", "empty", "knows"]' >"$CONF/registries.conf"
	run_cove pull -q --tls-verify=false "$REGISTRY/a:1"
	is "$(uniq "$T/asked" | sed 's|.*credential-||' | xargs)" "empty $REGISTRY knows $REGISTRY"
	echo 'credential-helpers = ["empty"]' >"$CONF/registries.conf"
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:1"
	echo 'credential-helpers = ["nosuch", "knows"]' >"$CONF/registries.conf"
	run_cove pull -q --tls-verify=false "$REGISTRY/a:1"
	echo 'credential-helpers = "knows"' >"$CONF/registries.conf"
	run_cove 125 pull -q --tls-verify=false "$REGISTRY/a:1"
	like "$output" "credential-helpers' has the wrong type"
}
