#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# autogen.sh          make ./configure (autoreconf)
# autogen.sh demo     install what is missing, build, and show the main job as an unprivileged user
# autogen.sh check    install what is missing, build, and run the tests
#
# demo and check are for Debian 12 and its relatives.  They build in build/ (or below /var/tmp, where the checkout
# cannot be written), may be repeated, and ask for root (or sudo) only to install packages.
set -eu

src=$(cd "$(dirname "$0")" && pwd)
scratch=""

BUILD_NEEDS="build-essential autoconf automake pkg-config libcap-dev libseccomp-dev libjson-c-dev libsqlite3-dev
	libslirp-dev libglib2.0-dev libcurl4-openssl-dev libssl-dev libarchive-dev libisal-dev libdeflate-dev libsystemd-dev
	libyaml-dev libzstd-dev libsubid-dev uidmap"
DEMO_NEEDS="busybox-static docker-registry curl"
CHECK_NEEDS="$DEMO_NEEDS bats jq apache2-utils gpg gpgv openssl skopeo attr procps groff-base socat python3"

say() {
	printf '\n== %s\n' "$*"
}

die() {
	printf 'autogen.sh: %s\n' "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		die "these packages are missing and there is no sudo; as root: apt-get install --no-install-recommends $missing"
	fi
}

install_missing() {
	local package
	missing=""
	for package; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	command -v apt-get >/dev/null 2>&1 || die "please install:$missing"
	say "Installing:$missing"
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086 # a list of words
	as_root apt-get install -y -q --no-install-recommends $missing >/dev/null 2>&1 || {
		as_root apt-get update -q
		as_root apt-get install -y -q --no-install-recommends $missing
	}
}

cleanup() {
	[ -z "$scratch" ] || rm -rf "$scratch"
}

reconf() {
	(cd "$src" && autoreconf --force --install)
}

# Sets $build; works on a copy of the source where the checkout is read-only or was configured in place.
build_tree() {
	if [ ! -w "$src" ] || [ -e "$src/config.status" ]; then
		scratch=$(mktemp -d /var/tmp/cove-build.XXXXXX)
		trap cleanup EXIT
		mkdir "$scratch/src"
		(cd "$src" && tar -cf - --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.a' \
			--exclude=./config.status .) | tar -C "$scratch/src" -xf -
		src=$scratch/src
	fi
	build=$src/build
	say "Building in $build"
	if [ ! -x "$src/configure" ] || [ "$src/configure.ac" -nt "$src/configure" ] ||
		[ "$src/Makefile.am" -nt "$src/Makefile.in" ]; then
		reconf 2>&1 | grep -v -e 'installing' -e 'overrides Automake' -e 'copying file' -e '^lib.*Consider' || true
	fi
	mkdir -p "$build"
	if ! (cd "$build" && { [ -e config.status ] || "$src/configure" -q; } && make -s V=1 -j"$(nproc)"); then
		# What an older checkout left there may be in the way.
		rm -rf "$build"
		mkdir -p "$build"
		(cd "$build" && "$src/configure" -q && make -s V=1 -j"$(nproc)")
	fi
}

case ${1-} in
"")
	reconf
	;;
demo)
	# shellcheck disable=SC2086 # lists of words
	install_missing $BUILD_NEEDS $DEMO_NEEDS
	build_tree
	COVE_SRC=$src COVE_BUILD=$build "$src/tests/run-user" "$src/tests/demo"
	;;
check)
	# shellcheck disable=SC2086
	install_missing $BUILD_NEEDS $CHECK_NEEDS
	build_tree
	say "Testing"
	make -s V=1 -C "$build" --no-print-directory -j"$(nproc)" check
	;;
*)
	sed -n 's/^# \(autogen.sh.*\)/\1/p' "$0" >&2
	exit 2
	;;
esac
