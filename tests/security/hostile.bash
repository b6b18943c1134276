# SPDX-License-Identifier: Apache-2.0
# Sourced by the files of tests/security: images that are up to no good, and the canary that tells.

PROBE=$COVE_BUILD/tests/security/probe

# need_probe: skip where it could not be linked statically.
need_probe() {
	[ -x "$PROBE" ] || skip "tests/security/probe was not built"
	! ldd "$PROBE" >/dev/null 2>&1 || skip "no static libc"
}

# json_escape TEXT: as a JSON string, without the quotes.
json_escape() {
	printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'
}

# make_image NAME CONFIG [DIR [HISTORY]]: load an image whose config object is CONFIG and whose files are DIR's (a
# busybox tree by default), for $ARCHITECTURE.
make_image() {
	local name=$1 config=$2 dir=${3-} history=${4:-[]} t diff
	t=$(mktemp -d "$T/image.XXXXXX")
	if [ -z "$dir" ]; then
		dir=$BATS_FILE_TMPDIR/rootfs
		[ -d "$dir" ] || "$MKIMAGE" rootfs "$dir"
	fi
	tar -C "$dir" --owner=0 --group=0 --numeric-owner -cf "$t/layer.tar" .
	diff=$(sha256sum <"$t/layer.tar" | cut -d' ' -f1)
	printf '{"architecture":"%s","os":"linux","created":"2023-11-14T22:13:20Z","config":%s,"rootfs":{"type":"layers",
		"diff_ids":["sha256:%s"]},"history":%s}' "${ARCHITECTURE:-amd64}" "$config" "$diff" "$history" >"$t/config.json"
	printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$name" >"$t/manifest.json"
	tar -C "$t" -cf "$t/image.tar" manifest.json config.json layer.tar
	status=0
	output=$(cove load -q -i "$t/image.tar" 2>&1) || status=$?
	rm -rf "$t"
	return "$status"
}

# make_canary: a tree outside that must stay as it is.
make_canary() {
	CANARY=$T/canary
	mkdir -p "$CANARY"/{sub,pts,shm,mqueue,fs/cgroup,sys,secrets}
	echo canary >"$CANARY/file"
	echo 'root:x:0:0:canary:/:/bin/sh' >"$CANARY/passwd"
	echo canary >"$CANARY/hosts"
	echo canary >"$CANARY/null"
	chmod 0750 "$CANARY/sub"
	CANARY_BEFORE=$(canary_state)
}

canary_state() {
	(cd "$CANARY" && find . -printf '%p %y %m %U %G %n %s %l %T@\n' | sort && find . -type f -exec sha256sum {} + | sort)
}

# check_canary WHAT: nothing has changed.
check_canary() {
	is "$(canary_state)" "$CANARY_BEFORE" "the canary after: $1"
}

# busybox_tree DIR: a root file system to be spoilt.
busybox_tree() {
	[ -d "$BATS_FILE_TMPDIR/rootfs" ] || "$MKIMAGE" rootfs "$BATS_FILE_TMPDIR/rootfs"
	cp -a "$BATS_FILE_TMPDIR/rootfs" "$1"
}
