# SPDX-License-Identifier: Apache-2.0
# Sourced by every .bats file ("load ../setup"): a store of its own for each test, and the helpers.
#
# A file that needs more says it in its own setup(), which calls cove_setup first; the same for teardown.

: "${COVE_SRC:=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)}" "${COVE_BUILD:=$COVE_SRC}"
COVE=$COVE_BUILD/cove
MKIMAGE=$COVE_SRC/tests/mkimage
IMAGE=localhost/busybox:latest

cove_setup() {
	[ "$(id -u)" != 0 ] || [ -n "${COVE_TEST_AS_ROOT-}" ] || skip "tests run as an unprivileged user"
	T=$BATS_TEST_TMPDIR
	R=$(mktemp -d /tmp/cove-r.XXXXXX) # short: paths of sockets have 108 bytes (unix(7))
	mkdir -p "$T"/{home,data,config,cache}
	export HOME=$T/home XDG_DATA_HOME=$T/data XDG_CONFIG_HOME=$T/config XDG_CACHE_HOME=$T/cache XDG_RUNTIME_DIR=$R
	unset CONTAINERS_CONF CONTAINERS_STORAGE_CONF CONTAINERS_REGISTRIES_CONF REGISTRY_AUTH_FILE CONTAINER_HOST \
		DOCKER_HOST http_proxy https_proxy HTTP_PROXY HTTPS_PROXY all_proxy ALL_PROXY
	PIDS=()
}

cove_teardown() {
	podman_end
	local pid
	if [ -n "${COVE_CONTAINERS-}" ]; then
		timeout 60 "$COVE" rm -fa -t 0 >/dev/null 2>&1 || true
	fi
	for pid in "${PIDS[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
	done
	# Files of subordinate ids can only be removed by whoever has them mapped.
	if [ -n "${T-}" ] && ! rm -rf "$T" "$R" 2>/dev/null; then
		unshare --user --map-root-user --map-auto rm -rf "$T" "$R" 2>/dev/null || true
	fi
}

setup() {
	cove_setup
}

teardown() {
	cove_teardown
}

# die TEXT...: fail the test and say why.
die() {
	printf '%s\n' "$@" >&2
	return 1
}

# cove ARG...: the program under test; never hangs.
cove() {
	timeout --kill-after=5 "${COVE_TIMEOUT:-120}" "$COVE" "$@"
}

# run_cove [STATUS] ARG...: run it, expect STATUS (0; "?" for any), leave $output (both streams), $lines, $status.
run_cove() {
	local expected=0
	case ${1-} in
	[0-9] | [0-9][0-9] | [0-9][0-9][0-9] | \?)
		expected=$1
		shift
		;;
	esac
	status=0
	output=$(cove "$@" 2>&1) || status=$?
	lines=()
	[ -z "$output" ] || mapfile -t lines <<<"$output"
	printf '$ cove %s\n%s\n' "$*" "$output"
	[ "$expected" = "?" ] || [ "$status" = "$expected" ] || die "exit status $status, not $expected"
}

# is GOT WANT WHAT: equal strings.
is() {
	[ "$1" = "$2" ] || die "${3:-value}:" "  got  '$1'" "  want '$2'"
}

# like TEXT REGEX WHAT: TEXT matches the extended regular expression.
like() {
	[[ $1 =~ $2 ]] || die "${3:-text} does not match '$2':" "$1"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || die "waited in vain for: $*" || return
		sleep 0.05
	done
}

# need PROGRAM...: skip the test where one is not installed.
need() {
	local program
	for program; do
		command -v "$program" >/dev/null 2>&1 || skip "$program is not installed"
	done
}

# need_userns: skip where this user cannot have a range of ids.
need_userns() {
	need newuidmap newgidmap
	grep -qs "^$(id -un):" /etc/subuid || skip "no subordinate ids for $(id -un) in /etc/subuid"
	unshare --user true 2>/dev/null || skip "user namespaces are not allowed here"
}

# has_runtime NAME: that OCI runtime is installed, and works on a host with these cgroups (crun refuses the hybrid layout).
has_runtime() {
	command -v "$1" >/dev/null || return
	[ "${1##*/}" != crun ] || [ ! -d /sys/fs/cgroup/unified ]
}

# test_file KIND: path of a busybox image as "tar", "oci-archive" or "docker-archive", made once for each file.
test_file() {
	local file=$BATS_FILE_TMPDIR/busybox.$1
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	[ -e "$file" ] || "$MKIMAGE" "$1" "$file" "$IMAGE"
	echo "$file"
}

# load_busybox [NAME]: the image $IMAGE (or NAME), ready in the test's store.
load_busybox() {
	local file
	need_userns
	file=$(test_file docker-archive)
	cove load -q -i "$file" >/dev/null
	[ -z "${1-}" ] || cove tag "$IMAGE" "$1"
}

# free_port: a port of 127.0.0.1 that nobody listens on just now; below those that the kernel gives to connections
# (ip_local_port_range), which no look for a listener would find.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && echo "$port" && return
	done
	die "no free port"
}

# start_server: the registry that misbehaves (tests/registry/server.py); sets SERVER (host:port), SERVER2 (its second port)
# and LOG.
start_server() {
	mkdir "$T/server"
	python3 "$COVE_SRC/tests/registry/server.py" "$T/server" 3>&- &
	PIDS+=($!)
	wait_for 20 test -e "$T/server/port2"
	SERVER=127.0.0.1:$(cat "$T/server/port")
	SERVER2=$(cat "$T/server/port2")
	LOG=$T/server/log
}

# start_chunked: the registry of layers in parts (tests/registry/chunked.py); sets CHUNKED (host:port), CHUNKED_LOG.
start_chunked() {
	mkdir "$T/chunked"
	python3 "$COVE_SRC/tests/registry/chunked.py" "$T/chunked" 3>&- &
	PIDS+=($!)
	wait_for 20 test -e "$T/chunked/port"
	CHUNKED=127.0.0.1:$(cat "$T/chunked/port")
	CHUNKED_LOG=$T/chunked/log
}

# start_registry [--auth USER PASSWORD] [--tls] [--schema1]: sets REGISTRY (host:port), REGISTRY_PID, REGISTRY_DIR; with --tls the
# certificate is $REGISTRY_DIR/cert/ca.crt.
start_registry() {
	local auth="" tls="" schema1="" log
	need docker-registry curl
	REGISTRY_DIR=$(mktemp -d "$T/registry.XXXXXX")
	while [ $# -gt 0 ]; do
		case $1 in
		--auth)
			need htpasswd
			htpasswd -Bbn "$2" "$3" >"$REGISTRY_DIR/htpasswd"
			auth="auth: { htpasswd: { realm: test, path: $REGISTRY_DIR/htpasswd } }"
			shift 3
			;;
		--tls)
			need openssl
			mkdir "$REGISTRY_DIR/cert"
			openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
				-addext subjectAltName=IP:127.0.0.1,DNS:localhost -keyout "$REGISTRY_DIR/cert/key.pem" \
				-out "$REGISTRY_DIR/cert/ca.crt" 2>/dev/null
			tls="tls: { certificate: $REGISTRY_DIR/cert/ca.crt, key: $REGISTRY_DIR/cert/key.pem }"
			shift
			;;
		--schema1)
			schema1="compatibility: { schema1: { enabled: true } }"
			shift
			;;
		*) die "start_registry: unknown argument $1" || return ;;
		esac
	done
	REGISTRY=127.0.0.1:$(free_port)
	log=$REGISTRY_DIR/log
	cat >"$REGISTRY_DIR/config.yml" <<-END
		version: 0.1
		storage: { filesystem: { rootdirectory: $REGISTRY_DIR/data }, delete: { enabled: true } }
		http:
		  addr: $REGISTRY
		  $tls
		$auth
		$schema1
	END
	docker-registry serve "$REGISTRY_DIR/config.yml" >"$log" 2>&1 3>&- &
	REGISTRY_PID=$!
	PIDS+=("$REGISTRY_PID")
	wait_for 20 curl -sk -o /dev/null "$([ -n "$tls" ] && echo https || echo http)://$REGISTRY/v2/" ||
		die "$(cat "$log")"
}

# stop_registry: before the test's end.
stop_registry() {
	kill "$REGISTRY_PID" && wait "$REGISTRY_PID" 2>/dev/null || true
}

# push_busybox NAME: the busybox image as $REGISTRY/NAME, over plain HTTP.
push_busybox() {
	local layout=$BATS_FILE_TMPDIR/layout
	[ -d "$layout" ] || "$MKIMAGE" layout "$layout"
	"$MKIMAGE" push "$layout" "$REGISTRY/$1"
}

# podman_like ARG...: run podman in this test's directories, for comparing; skips where it is missing.
podman_like() {
	need podman
	podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs "$@"
}

# fresh: a store without images.
fresh() {
	cove rmi -fa >/dev/null 2>&1 || true
	is "$(cove images -q)" "" "images"
}

# image_id: the ID of the one image.
image_id() {
	cove images -q --no-trunc | sed s/sha256://
}

# podman_load FILE: an archive into its store; skips where that does not work.
podman_load() {
	podman_like load -q -i "$1" >/dev/null 2>&1 || skip "podman does not work here"
}

# podman_end: what it has left of this test goes, its pause process too.
podman_end() {
	[ -d "$T/podman" ] || return 0
	timeout 60 podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs rm -fa -t 0 >/dev/null 2>&1 || true
	timeout 20 podman --root "$T/podman" --runroot "$R/podman" --storage-driver vfs system migrate >/dev/null 2>&1 || true
}
