#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# login and logout, against Debian's docker-registry with a password file.
load ../setup

setup() {
	cove_setup
	start_registry --auth u 'p:w"\é'
	AUTH=$XDG_RUNTIME_DIR/containers/auth.json
	PASSWORD='p:w"\é'
}

# log_in ARG...: with the right password, through a pipe.
log_in() {
	run_cove login --tls-verify=false -u u --password-stdin "$@" <<<"$PASSWORD"
}

# at_terminal INPUT COMMAND...: run it on a terminal of its own, type INPUT once it asks for a password; leaves $output.
at_terminal() {
	need python3
	output=$(python3 - "$@" <<-'END'
		import os, pty, signal, sys, select
		pid, fd = pty.fork()
		if pid == 0:
		    os.execvp(sys.argv[2], sys.argv[2:])
		out, sent = b"", False
		signal.alarm(60)
		while select.select([fd], [], [], 30)[0]:
		    try:
		        got = os.read(fd, 4096)
		    except OSError:
		        break
		    out += got
		    if b"Password: " in out and not sent:
		        sent = True
		        os.write(fd, sys.argv[1].encode() + b"\n")
		sys.stdout.write(out.decode().replace("\r", ""))
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
	)
}

@test "login keeps what the registry has taken, 0600, and nothing else" {
	run_cove 125 login --tls-verify=false -u u -p wrong "$REGISTRY"
	is "$output" "Error: logging into \"$REGISTRY\": invalid username/password"
	[ ! -e "$AUTH" ]
	log_in "$REGISTRY"
	is "$output" "Login Succeeded!"
	is "$(stat -c %a "$AUTH")" 600 "mode"
	is "$(stat -c %a "$(dirname "$AUTH")")" 700 "mode of the directory"
	is "$(ls -A "$(dirname "$AUTH")")" auth.json "files"
	is "$(python3 -c 'import json,sys,base64; print(base64.b64decode(json.load(open(sys.argv[1]))["auths"][sys.argv[2]]["auth"]).decode())' \
		"$AUTH" "$REGISTRY")" "u:$PASSWORD"
	run_cove login --get-login "$REGISTRY"
	is "$output" u
	run_cove login --tls-verify=false "$REGISTRY" </dev/null
	is "${lines[1]}" "Existing credentials are valid. Already logged in to $REGISTRY"
	run_cove logout "$REGISTRY"
	is "$output" "Removed login credentials for $REGISTRY"
	run_cove 125 logout "$REGISTRY"
	is "$output" "Error: not logged into $REGISTRY"
	run_cove 125 login --get-login "$REGISTRY"
	is "$output" "Error: not logged into $REGISTRY"
}

@test "login: credentials of a namespace beside those of the registry" {
	log_in -v "$REGISTRY/team"
	is "${lines[0]}" "Used:  $AUTH"
	run_cove 125 login --get-login "$REGISTRY"
	run_cove login --get-login "$REGISTRY/team"
	log_in "https://$REGISTRY/v2/"
	run_cove login --get-login "$REGISTRY"
	run_cove logout "$REGISTRY"
	run_cove login --get-login "$REGISTRY/team"
	run_cove logout --all
	is "$output" "Removed login credentials for all registries"
	run_cove 125 login --get-login "$REGISTRY/team"
}

@test "login: the file that was named, and what else is in it" {
	echo '{"credHelpers":{"other.example":"x"},"HttpHeaders":{"a":"b"}}' >"$T/f.json"
	chmod 644 "$T/f.json"
	echo "of a killed login" >"$T/.f.json.0123abcd.tmp"
	log_in --authfile "$T/f.json" "$REGISTRY"
	[ ! -e "$T/.f.json.0123abcd.tmp" ]
	like "$(tr -d ' \n' <"$T/f.json")" '"credHelpers":\{"other.example":"x"\},"HttpHeaders":\{"a":"b"\}'
	is "$(stat -c %a "$T/f.json")" 600
	export REGISTRY_AUTH_FILE=$T/f.json
	run_cove login --get-login "$REGISTRY"
	[ ! -e "$AUTH" ]
	ln -s "$T/f.json" "$T/link.json"
	run_cove logout --authfile "$T/link.json" "$REGISTRY"
	[ -L "$T/link.json" ]
	run_cove 125 login --get-login "$REGISTRY"
	echo '{"auths": [' >"$T/f.json"
	run_cove 125 login --tls-verify=false -u u --password-stdin "$REGISTRY" <<<"$PASSWORD"
	like "$output" "^Error: .*f.json: "
	is "$(cat "$T/f.json")" '{"auths": ['
}

@test "login: docker's file" {
	log_in --compat-auth-file "$T/config.json" "$REGISTRY"
	DOCKER_CONFIG=$T run_cove login --get-login "$REGISTRY"
	is "$output" u
	run_cove 125 login --tls-verify=false -u u --password-stdin --compat-auth-file "$T/config.json" "$REGISTRY/ns" \
		<<<"$PASSWORD"
	like "$output" "a namespace cannot be kept"
	for verb in login logout; do
		run_cove 125 "$verb" --authfile "$T/config.json" --compat-auth-file "$T/config.json" "$REGISTRY"
		is "$output" "Error: options for paths to the credential file and to the Docker-compatible credential file can not be set simultaneously"
	done
	run_cove 125 login --authfile "$T/a" --compat-auth-file "$T/b" "$REGISTRY"
	DOCKER_CONFIG=$T run_cove logout "$REGISTRY"
	like "$output" "docker logout"
	run_cove logout --compat-auth-file "$T/config.json" "$REGISTRY"
	DOCKER_CONFIG=$T run_cove 125 login --get-login "$REGISTRY"
}

@test "login: credential helpers store, get and erase" {
	mkdir "$T/bin"
	cat >"$T/bin/docker-credential-test" <<-END
		#!/bin/sh
		server=\$(cat)
		echo "\$1" >>"$T/verbs"
		case \$1 in
		store) printf "%s\\n" "\$server" >"$T/kept" ;;
		get) cat "$T/kept" 2>/dev/null || { echo credentials not found in native keychain; exit 1; } ;;
		erase) [ "\$server" = "$REGISTRY" ] && rm "$T/kept" ;;
		esac
	END
	chmod +x "$T/bin/docker-credential-test"
	export PATH=$T/bin:$PATH
	mkdir -p "$(dirname "$AUTH")"
	for kind in "\"credHelpers\":{\"$REGISTRY\":\"test\"}" '"credsStore":"test"'; do
		echo "{$kind}" >"$AUTH"
		: >"$T/verbs"
		log_in "$REGISTRY"
		like "$(cat "$T/kept")" '"Username":"u"'
		[[ $(cat "$AUTH") != *"$REGISTRY\": {"* ]]
		run_cove login --get-login "$REGISTRY"
		is "$output" u
		run_cove login --tls-verify=false "$REGISTRY" </dev/null
		run_cove logout "$REGISTRY"
		[ ! -e "$T/kept" ]
		run_cove 125 login --get-login "$REGISTRY"
		like "$(tr '\n' ' ' <"$T/verbs")" "store get get erase get $"
	done
}

@test "login asks at a terminal, and shows no password" {
	need_userns
	at_terminal "$PASSWORD" "$COVE" login --tls-verify=false -u u "$REGISTRY"
	like "$output" "Password: "
	like "$output" "Login Succeeded!"
	[[ $output != *"$PASSWORD"* ]] || die "the password was shown"
	run_cove 125 login -u other --tls-verify=false "$REGISTRY" </dev/null
	like "$output" "reading password: inappropriate ioctl for device"
	run_cove 125 login --tls-verify=false -p x 127.0.0.1:1 </dev/null
	like "$output" "reading username: EOF"
}

@test "login: certificates decide whom the password is sent to" {
	start_registry --auth u p --tls
	run_cove 125 login -u u -p p "$REGISTRY"
	like "$output" "certificate signed by unknown authority"
	run_cove login -u u -p p --cert-dir "$REGISTRY_DIR/cert" "$REGISTRY"
	run_cove login -u u -p p --tls-verify=false "$REGISTRY"
}

@test "login and logout refuse what makes no sense" {
	for bad in "" "a b" "-x/y" "x/../../etc" "http://" 'x"y'; do
		run_cove 125 login -u u -p p -- "$bad"
		like "${lines[0]}" "^Error: '.*' is not the name of a registry|^Error: "
	done
	run_cove 125 login -p x --password-stdin -u u "$REGISTRY"
	is "$output" "Error: Can't specify both --password-stdin and --password"
	run_cove 125 login --password-stdin "$REGISTRY"
	is "$output" "Error: Must provide --username with --password-stdin"
	run_cove 125 login --password-stdin -u u "$REGISTRY" </dev/null
	is "$output" "Error: there is no password on standard input"
	run_cove 125 logout --authfile "$T/nosuch" "$REGISTRY"
	is "$output" "Error: credential file is not accessible: $T/nosuch: No such file or directory"
	run_cove 125 search --authfile "$T/nosuch" "$REGISTRY/x"
	is "$output" "Error: credential file is not accessible: $T/nosuch: No such file or directory"
	run_cove 125 image sign --sign-by "" "$REGISTRY/x"
	is "$output" "Error: no identity provided"
	run_cove 125 logout --all "$REGISTRY"
	is "$output" "Error: --all takes no arguments"
	run_cove 125 login
	is "$output" "Error: no registries found in registries.conf, a registry must be provided"
}

@test "login and skopeo read each other's files" {
	need skopeo
	log_in "$REGISTRY"
	is "$(skopeo login --get-login "$REGISTRY")" u
	skopeo logout "$REGISTRY"
	run_cove 125 login --get-login "$REGISTRY"
	skopeo login --tls-verify=false -u u --password-stdin "$REGISTRY" <<<"$PASSWORD"
	run_cove login --get-login "$REGISTRY"
	is "$output" u
}

@test "--config names a directory for credentials, as docker's does" {
	start_registry --auth u p
	run_cove 0 --config "$T/docker" login --tls-verify=false -u u -p p "$REGISTRY"
	like "$(cat "$T/docker/config.json")" "\"$REGISTRY\""
	run_cove 0 logout --config "$T/docker" "$REGISTRY"
	[[ $(cat "$T/docker/config.json") != *"$REGISTRY"* ]] || die "$(cat "$T/docker/config.json")"
}

@test "login: the data of a secret is the password" {
	local id
	id=$(printf %s "$PASSWORD" | cove secret create u -)
	run_cove login --tls-verify=false --secret "$id" --username u "$REGISTRY"
	is "$output" "Login Succeeded!"
	run_cove logout "$REGISTRY"
	run_cove login --tls-verify=false --secret u "$REGISTRY"
	is "$output" "Login Succeeded!" "its name is the user's"
	run_cove login --get-login "$REGISTRY"
	is "$output" u
	run_cove logout "$REGISTRY"
	printf wrong | cove secret create --replace u - >/dev/null
	run_cove 125 login --tls-verify=false --secret u "$REGISTRY"
	is "$output" "Error: logging into \"$REGISTRY\": invalid username/password"
	run_cove 125 login --secret u --password x "$REGISTRY"
	is "$output" "Error: --secret can not be used with --password options"
	run_cove 125 login --secret u --username u --password-stdin "$REGISTRY" <<<x
	is "$output" "Error: Can't specify both --password-stdin and --password"
	run_cove 125 login --secret none "$REGISTRY"
	is "$output" 'Error: no secret with name or id "none": no such secret'
	printf 'a\0b' | cove secret create nul - >/dev/null
	run_cove 125 login --secret nul "$REGISTRY"
	like "$output" "secret nul has a NUL byte"
	[ ! -s "$AUTH" ] || ! grep -qF "$REGISTRY" "$AUTH"
}
