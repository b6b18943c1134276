#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Volumes whose archives and containers mean harm: nothing outside of the volume is read, written or waited for.
load ../setup
load hostile

setup() {
	cove_setup
	# shellcheck disable=SC2034 # setup.bash looks at it
	COVE_CONTAINERS=1
	need_userns
	need python3
	mkdir -p "$T/host/dir"
	echo secret-of-the-host >"$T/host/f"
	echo secret-of-the-host >"$T/host/dir/g"
	chmod 755 "$T" "$T/host" "$T/host/dir"
	STORE=$XDG_DATA_HOME/cove
}

# host: what the host's files are.
host() {
	find "$T/host" -printf '%P %y %m %n %s %U %T@ %l\n' | sort
	find "$T/host" -type f -exec sha256sum {} + | sort
}

# quiet NAME: no file of the host's is in what is exported.
quiet() {
	COVE_TIMEOUT=30 cove volume export data >"$T/out.tar" || [ $? = 125 ] || die "$1: export"
	! grep -aq secret-of-the-host "$T/out.tar" || die "$1: a file of the host is in the volume"
}

@test "import: names, links and headers of archives" {
	local name before others
	cove volume create other >/dev/null
	before=$(host)
	others=$(cd "$STORE" && find volumes tmp layers | sort)
	for name in $(python3 "$COVE_SRC/tests/security/archives.py" list layers); do
		python3 "$COVE_SRC/tests/security/archives.py" make "layers/$name" "$T/archive" "$T/host"
		cove volume create data >/dev/null
		COVE_TIMEOUT=60 run_cove "?" volume import data "$T/archive" >"$T/said"
		[ "$status" = 0 ] || [ "$status" = 125 ] || die "$name: status $status" "$output"
		[ "$status" = 0 ] || [ "${#lines[@]}" -le 2 ] || die "$name: more than an error and a hint" "$output"
		[[ $output != *$'\x1b'* ]] || die "$name: a control character is printed"
		COVE_TIMEOUT=60 run_cove "?" volume import data - <"$T/archive" >"$T/said"
		is "$(host)" "$before" "the host's files after $name"
		quiet "$name"
		cove volume rm data >/dev/null
		is "$(cd "$STORE" && find volumes tmp layers | sort)" "$others" "the store after $name"
	done
	is "$(cove volume ls -q)" other
}

@test "import and export of a volume whose containers laid links" {
	load_busybox
	local before
	before=$(host)
	cove run --rm --network none -v data:/d busybox sh -c "cd /d; ln -s $T/host abs; ln -s $T/host/f file; ln -s /proc/self/root root
		ln -s ../../../../../../../../../../../../../..$T/host rel; ln -s /proc/1/cwd cwd; ln -s loop loop; mkfifo fifo"
	quiet links
	[[ $(tar tf "$T/out.tar") == *abs* ]]
	mkdir -p "$T/evil/abs" "$T/evil/rel" "$T/evil/root$T/host"
	for dir in abs rel root"$T/host"; do
		echo evil >"$T/evil/$dir/f"
		echo evil >"$T/evil/$dir/new"
	done
	echo evil >"$T/evil/file"
	echo evil >"$T/evil/fifo"
	tar -C "$T/evil" -cf "$T/evil.tar" .
	COVE_TIMEOUT=30 run_cove "?" volume import data "$T/evil.tar"
	[ "$status" != 124 ] || die "it hung"
	(cd "$T/evil" && tar -cf "$T/deep.tar" abs/f rel/new "root$T/host/f" file)
	COVE_TIMEOUT=30 run_cove "?" volume import data - <"$T/deep.tar"
	is "$(host)" "$before" "the host's files"
	is "$(cove volume ls -q)" data
}

@test "a volume that its container has closed" {
	load_busybox
	cove run --rm --network none -u 5 -v data:/d busybox true
	cove run --rm --network none -v data:/d busybox sh -c 'mkdir /d/x; echo y >/d/x/y; chmod 0 /d/x/y /d/x; chown -R 5:5 /d; chmod 0 /d'
	cove volume inspect data >/dev/null
	cove volume export data >"$T/out.tar"
	[[ $(tar tf "$T/out.tar") == *x/y* ]]
	cove volume import data "$T/out.tar"
	cove system df -v >/dev/null
	run_cove volume rm data
	is "$output" data
	is "$(ls -A "$STORE/volumes")$(ls -A "$STORE/tmp")" ""
}
