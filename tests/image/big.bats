#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A real distribution in five layers, from a real registry: Debian with python3 and gcc.
# The image is made once by mmdebstrap, from the mirrors that apt uses here, and kept in /var/tmp/cove-big-image-UID.
load ../setup

# The tar archive ROOT.tar as an OCI layout of five layers of equal size.  A hard link goes where its target is.
split_layers() {
	python3 - "$1" "$2" <<-'END'
		import hashlib, json, os, sys, tarfile
		source, out = sys.argv[1:]
		blobs = os.path.join(out, "blobs", "sha256")
		os.makedirs(blobs, exist_ok=True)
		total = os.path.getsize(source)
		paths = [os.path.join(out, "layer%d" % i) for i in range(5)]
		layers = [tarfile.open(p, "w", format=tarfile.PAX_FORMAT) for p in paths]
		where = {}
		with tarfile.open(source) as root:
		    done = 0
		    for m in root:
		        if m.isdev():
		            continue
		        n = where.get(m.linkname) if m.islnk() else min(4, done * 5 // total)
		        where[m.name] = n
		        layers[n].addfile(m, root.extractfile(m) if m.isreg() else None)
		        done += m.size + 512
		def put(data, kind):
		    digest = hashlib.sha256(data).hexdigest()
		    open(os.path.join(blobs, digest), "wb").write(data)
		    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest, "size": len(data)}
		described = []
		for layer, path in zip(layers, paths):
		    layer.close()
		    digest = hashlib.sha256()
		    with open(path, "rb") as f:
		        for part in iter(lambda: f.read(1 << 20), b""):
		            digest.update(part)
		    size = os.path.getsize(path)
		    os.rename(path, os.path.join(blobs, digest.hexdigest()))
		    described.append({"mediaType": "application/vnd.oci.image.layer.v1.tar",
		                      "digest": "sha256:" + digest.hexdigest(), "size": size})
		arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
		config = put(json.dumps({"architecture": arch, "os": "linux", "config": {"Cmd": ["/bin/bash"], "Env": [
		    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}, "rootfs": {"type": "layers",
		    "diff_ids": [d["digest"] for d in described]}}).encode(), "config.v1+json")
		manifest = put(json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		    "config": config, "layers": described}).encode(), "manifest.v1+json")
		manifest["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
		open(os.path.join(out, "index.json"), "w").write(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
		open(os.path.join(out, "oci-layout"), "w").write('{"imageLayoutVersion": "1.0.0"}')
		print(sum(d["size"] for d in described))
	END
}

# serve [--tls]: the kept registry; with --tls it wants a password, too.  Sets REGISTRY, REGISTRY_PID, CERTS.
serve() {
	local dir=$1 tls="" auth="" config
	CERTS=$BATS_FILE_TMPDIR/certs
	config=$(mktemp "$BATS_FILE_TMPDIR/registry.XXXXXX")
	if [ "${2-}" = --tls ]; then
		if [ ! -d "$CERTS" ]; then
			mkdir "$CERTS"
			htpasswd -Bbn user secret >"$BATS_FILE_TMPDIR/htpasswd"
			openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
				-addext subjectAltName=IP:127.0.0.1 -keyout "$BATS_FILE_TMPDIR/key.pem" -out "$CERTS/ca.crt" 2>/dev/null
		fi
		tls="tls: { certificate: $CERTS/ca.crt, key: $BATS_FILE_TMPDIR/key.pem }"
		auth="auth: { htpasswd: { realm: test, path: $BATS_FILE_TMPDIR/htpasswd } }"
	fi
	REGISTRY=127.0.0.1:$(free_port)
	cat >"$config" <<-END
		version: 0.1
		log: { level: error, accesslog: { disabled: true } }
		storage: { filesystem: { rootdirectory: $dir/registry } }
		http:
		  addr: $REGISTRY
		  $tls
		$auth
	END
	docker-registry serve "$config" >"$config.log" 2>&1 3>&- &
	REGISTRY_PID=$!
	wait_for 20 curl -sk -o /dev/null "http${tls:+s}://$REGISTRY/v2/" || die "$(cat "$config.log")"
}

make_image() {
	local dir=$1 t=$1/new
	rm -rf "$t" "$dir/registry"
	mkdir -p "$t"
	timeout 600 mmdebstrap --quiet --mode=unshare --variant=minbase --include=python3-minimal,gcc,g++,libc6-dev bookworm \
		"$t/root.tar" >"$t/log" 2>&1 || return
	[ "$(split_layers "$t/root.tar" "$t/oci")" -ge 400000000 ] || die "the image has less than 400 MB" || return
	rm "$t/root.tar"
	serve "$dir"
	skopeo copy -q --dest-tls-verify=false --dest-compress --dest-compress-format gzip "oci:$t/oci:latest" \
		"docker://$REGISTRY/big:gzip" >>"$t/log" 2>&1 || return
	kill "$REGISTRY_PID"
	serve "$dir" --tls
	# With a cache of its own: or skopeo would reuse the blobs that it knows as the same layers' gzip.
	XDG_DATA_HOME=$t skopeo copy -q --dest-cert-dir "$CERTS" --dest-creds user:secret --format oci --dest-compress \
		--dest-compress-format zstd "oci:$t/oci:latest" "docker://$REGISTRY/bigzstd:zstd" >>"$t/log" 2>&1 || return
	kill "$REGISTRY_PID"
	rm -rf "$t" && touch "$dir/done"
}

setup_file() {
	local dir program
	dir=/var/tmp/cove-big-image-$(id -u)
	for program in mmdebstrap skopeo docker-registry htpasswd openssl curl python3 newuidmap; do
		command -v $program >/dev/null 2>&1 || { echo "$program is not installed" >"$BATS_FILE_TMPDIR/skip"; return 0; }
	done
	[ "$(id -u)" != 0 ] || { echo "tests run as an unprivileged user" >"$BATS_FILE_TMPDIR/skip"; return 0; }
	mkdir -p "$dir"
	exec 8>"$dir/lock"
	flock 8
	[ -e "$dir/done" ] || HOME=$BATS_FILE_TMPDIR make_image "$dir" 8>&- ||
		echo "the image cannot be made (no mirror?): $(tail -n 1 "$dir/new/log" 2>/dev/null)" >"$BATS_FILE_TMPDIR/skip"
	if [ -e "$BATS_FILE_TMPDIR/skip" ]; then
		[ -z "${REGISTRY_PID-}" ] || kill "$REGISTRY_PID" 2>/dev/null
		rm -rf "$dir/new"
		return 0
	fi
	# Every test has a store of its own: pull once for all that only run something.
	serve "$dir"
	echo "$REGISTRY_PID" >"$BATS_FILE_TMPDIR/pid"
	export BIG=$REGISTRY/big:gzip BIG_DIR=$dir
	export BIG_STORE=$BATS_FILE_TMPDIR/store
	HOME=$BATS_FILE_TMPDIR XDG_RUNTIME_DIR=$BATS_FILE_TMPDIR timeout 300 "$COVE" --root "$BIG_STORE" pull -q --tls-verify=false \
		"$BIG" >"$BATS_FILE_TMPDIR/pulled" 2>&1 || true
}

teardown_file() {
	[ ! -e "$BATS_FILE_TMPDIR/pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/pid")"
	rm -rf "$BATS_FILE_TMPDIR/store" 2>/dev/null ||
		unshare --user --map-root-user --map-auto rm -rf "$BATS_FILE_TMPDIR/store"
}

setup() {
	cove_setup
	COVE_CONTAINERS=1
	[ ! -e "$BATS_FILE_TMPDIR/skip" ] || skip "$(cat "$BATS_FILE_TMPDIR/skip")"
	need_userns
	run=(--root "$BIG_STORE" run --rm --network none)
}

@test "five gzip layers are pulled over plain HTTP, and python runs" {
	like "$(cat "$BATS_FILE_TMPDIR/pulled")" '^[0-9a-f]{64}$'
	run_cove --root "$BIG_STORE" image inspect --format '{{len .RootFS.Layers}}' "$BIG"
	is "$output" 5
	run_cove "${run[@]}" "$BIG" python3 -c 'import sys; print(sum(range(10)), sys.version_info[0])'
	is "$output" "45 3"
}

@test "five zstd layers are pulled over TLS with a password, and python runs" {
	serve "$BIG_DIR" --tls
	PIDS+=("$REGISTRY_PID")
	run_cove 125 pull -q --cert-dir "$CERTS" "$REGISTRY/bigzstd:zstd"
	like "$output" "nauthorized|authentication required"
	run_cove 125 pull -q --creds user:secret "$REGISTRY/bigzstd:zstd"
	like "$output" "certificate"
	run_cove pull -q --cert-dir "$CERTS" --creds user:secret "$REGISTRY/bigzstd:zstd"
	run_cove run --rm --network none "$REGISTRY/bigzstd:zstd" python3 -c 'print("from zstd")'
	is "$output" "from zstd"
}

@test "a package is installed by dpkg" {
	need dpkg-deb
	mkdir -p "$T/deb/DEBIAN" "$T/deb/usr/bin"
	printf '%s\n' 'Package: cove-test' 'Version: 1' 'Architecture: all' 'Maintainer: nobody <nobody@example.org>' \
		'Description: test' >"$T/deb/DEBIAN/control"
	printf '#!/bin/sh\nset -e\nadduser --version >/dev/null 2>&1 || true\nchown 33:33 /usr/bin/cove-says\n' >"$T/deb/DEBIAN/postinst"
	printf '#!/bin/sh\necho says\n' >"$T/deb/usr/bin/cove-says"
	chmod 0755 "$T/deb" "$T/deb/DEBIAN" "$T/deb/DEBIAN/postinst" "$T/deb/usr" "$T/deb/usr/bin" "$T/deb/usr/bin/cove-says"
	dpkg-deb --build --root-owner-group "$T/deb" "$T/cove-test.deb" >/dev/null
	run_cove "${run[@]}" -v "$T/cove-test.deb:/cove-test.deb:ro" "$BIG" sh -c \
		'dpkg -i /cove-test.deb >/dev/null && cove-says && stat -c %u:%g:%a /usr/bin/cove-says && dpkg -s cove-test | grep ^Status'
	is "$output" $'says\n33:33:755\nStatus: install ok installed'
	# It was in that container's layer only.
	run_cove 127 "${run[@]}" "$BIG" cove-says
}

@test "files belong to whom they should, inside and outside" {
	local gid uid pid
	run_cove "${run[@]}" "$BIG" stat -c '%n %u:%g:%a' /etc/shadow /var/mail /usr/bin/passwd /usr/bin/chage /tmp /root
	is "$output" $'/etc/shadow 0:42:640\n/var/mail 0:8:2775\n/usr/bin/passwd 0:0:4755\n/usr/bin/chage 0:42:2755\n/tmp 0:0:1777\n/root 0:0:700'
	gid=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subgid)
	is "$(find "$BIG_STORE" -path '*/etc/shadow' -printf '%U:%G\n' | head -n 1)" "$(id -u):$((gid + 42 - 1))"

	uid=$(awk -F: -v u="$(id -un)" '$1 == u { print $2; exit }' /etc/subuid)
	mkdir -m 0777 "$T/shared"
	chmod 0777 "$T/shared" # whatever the umask is
	run_cove --root "$BIG_STORE" run -d --name owner --network none -u 1000:1000 -v "$T/shared:/shared" "$BIG" \
		sh -c 'touch /shared/file; exec sleep 100'
	run_cove --root "$BIG_STORE" inspect --format '{{.State.Pid}}' owner
	pid=$output
	is "$(stat -c %u:%g "/proc/$pid")" "$((uid + 999)):$((gid + 999))" "the process outside"
	wait_for 10 test -e "$T/shared/file"
	is "$(stat -c %u:%g "$T/shared/file")" "$((uid + 999)):$((gid + 999))" "its file outside"
	run_cove --root "$BIG_STORE" rm -f -t 0 owner
}

@test "gcc compiles, and what it made runs" {
	run_cove "${run[@]}" "$BIG" sh -c \
		'printf "#include <stdio.h>\nint main(void) { return puts(\"compiled\") < 0; }\n" >/tmp/a.c && gcc -O2 -o /tmp/a /tmp/a.c && /tmp/a'
	is "$output" compiled
}
