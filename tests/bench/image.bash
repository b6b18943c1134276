# SPDX-License-Identifier: Apache-2.0
# Pulling: a large image made of this machine's own /usr, and one of small files, from a registry on loopback.
# shellcheck shell=bash disable=SC2034

# layer FILE LIST: a gzip'ed tar of the files in LIST, root's; prints "digest diff_id size".
layer() {
	local diff
	tar -cf "$1.tar" --owner=0 --group=0 --numeric-owner --no-recursion -C / -T "$2" --ignore-failed-read 2>/dev/null
	diff=$(sha256sum "$1.tar" | cut -d' ' -f1)
	gzip -6 <"$1.tar" >"$1"
	rm -f "$1.tar"
	echo "$(sha256sum "$1" | cut -d' ' -f1) $diff $(stat -c %s "$1")"
}

# layout DIR LIST...: an OCI layout with a layer for each list of files.
layout() {
	local dir=$1 list digest diff size layers="" diffs="" config manifest arch
	shift
	arch=$(uname -m)
	mkdir -p "$dir/blobs/sha256"
	export -f layer
	printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -c 'layer "$1.gz" "$1" >"$1.sums"' layer {}
	for list; do
		read -r digest diff size <"$list.sums"
		mv "$list.gz" "$dir/blobs/sha256/$digest"
		layers="$layers,{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"
		diffs="$diffs,\"sha256:$diff\""
	done
	printf '{"architecture":"%s","os":"linux","config":{"Cmd":["true"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' \
		"$(case $arch in x86_64) echo amd64 ;; aarch64) echo arm64 ;; *) echo "$arch" ;; esac)" "${diffs#,}" >"$dir/config"
	config=$(sha256sum "$dir/config" | cut -d' ' -f1) size=$(stat -c %s "$dir/config")
	mv "$dir/config" "$dir/blobs/sha256/$config"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"%s","digest":"sha256:%s","size":%s},"layers":[%s]}' \
		application/vnd.oci.image.config.v1+json "$config" "$size" "${layers#,}" >"$dir/manifest"
	manifest=$(sha256sum "$dir/manifest" | cut -d' ' -f1) size=$(stat -c %s "$dir/manifest")
	mv "$dir/manifest" "$dir/blobs/sha256/$manifest"
	echo '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
	printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"latest"}}]}' \
		"$manifest" "$size" >"$dir/index.json"
}

# Files of /usr in six lists of equal size, $1 MiB in all, whole directories together.
usr_lists() {
	find /usr/bin /usr/lib /usr/share /usr/include /usr/sbin -xdev -type f -readable -links 1 -printf '%s %P\t%p\n' 2>/dev/null |
		awk -v total=$(($1 << 20)) -v dir="$2" '
			{ size = $1; sub(/^[^\t]*\t\//, "") }
			sum >= total { exit }
			{ print > (dir "/list" int(sum * 6 / total)); sum += size }'
}

small_lists() {
	local i
	for i in 0 1 2; do
		mkdir -p "$1/small$i"
		head -c $((20000 * 2048)) /dev/urandom | base64 -w 0 | head -c $((20000 * 2048)) |
			split -b 2048 -a 5 -d - "$1/small$i/f"
		find "$1/small$i" -type f -printf '%P\n' | sort | awk -v d="${1#/}/small$i" '{ print d "/" $0 }' >"$1/list$i"
	done
}

# The registry's data, made once; they are kept for the next time.
make_images() {
	local size=$1 t=$CACHE/new
	rm -rf "$t"
	mkdir -p "$t/big" "$t/small"
	echo "making the images, once ($size MiB of files; they stay in $CACHE)"
	usr_lists "$size" "$t/big"
	layout "$t/big/oci" "$t"/big/list?
	skopeo copy -q --dest-tls-verify=false "oci:$t/big/oci:latest" "docker://$REGISTRY/big:latest" || return
	if [ -z "$QUICK" ]; then
		small_lists "$t/small"
		layout "$t/small/oci" "$t"/small/list?
		skopeo copy -q --dest-tls-verify=false "oci:$t/small/oci:latest" "docker://$REGISTRY/small:latest" || return
	fi
	rm -rf "$t"
	touch "$CACHE/registry/done"
}

# serve_registry DIR ADDRESS: its data in DIR; the process is $!.
serve_registry() {
	cat >"$W/registry.yml" <<-END
		version: 0.1
		log: { accesslog: { disabled: true }, level: error }
		storage: { filesystem: { rootdirectory: $1 } }
		http: { addr: $2 }
	END
	docker-registry serve "$W/registry.yml" >"$W/registry.log" 2>&1 &
	wait_port "${2%:*}" "${2#*:}"
}

start_registry() {
	REGISTRY=127.0.0.1:$(free_port)
	serve_registry "$CACHE/registry" "$REGISTRY" || return
	REGISTRY_PID=$!
}

# pull NAME: cove and podman in turn, into empty stores on $FAST.
pull() {
	local all gone ref=$REGISTRY/$1
	gone="'$COVE' --root $FAST/cove rmi -f $ref"
	all=(-- "cove $1" "$COVE" --root "$FAST/cove" pull -q --tls-verify=false "$ref")
	if [ ${#PODMAN[@]} != 0 ]; then
		gone="$gone; podman --root $FAST/podman --runroot $R/podman2 rmi -f $ref"
		all+=(-- "podman $1" podman --root "$FAST/podman" --runroot "$R/podman2" pull -q --tls-verify=false "$ref")
	fi
	time_all -n "$PULLS" -w 0 -p "$gone" "${all[@]}"
}

bench_pull() {
	local size=1500 kind=full
	[ -z "$QUICK" ] || size=200 kind=quick
	say "pull from a registry on loopback, stores on tmpfs"
	has docker-registry && has skopeo || { echo "docker-registry or skopeo is not installed: left out"; return; }
	[ "$(stat -f -c %T /dev/shm)" = tmpfs ] && [ "$(df -Pm /dev/shm | awk 'NR == 2 { print $4 }')" -gt 5000 ] ||
		{ echo "/dev/shm is no tmpfs with 5 GB free: left out"; return; }
	CACHE=/var/tmp/cove-bench-$(id -u)-$kind
	FAST=$(mktemp -d /dev/shm/cove-bench.XXXXXX)
	mkdir -p "$CACHE"
	start_registry || return
	[ -e "$CACHE/registry/done" ] || make_images $size || return
	pull big
	if [ -n "$QUICK" ]; then
		echo "(an image of $size MiB of files only: no row of the budget)"
	else
		row "pull of a 6-layer image, wall" "$(ratio "$(of 'cove big')" "$(of 'podman big')")" "of podman" "<= 0.4" ""
		row "pull of a 6-layer image, CPU" "$(ratio "$(of 'cove big' cpu)" "$(of 'podman big' cpu)")" "of podman" "<= 0.4" ""
		pull small
		row "pull of 60,000 small files" "$(ratio "$(of 'cove small')" "$(of 'podman small')")" "of podman" "<= 0.6" "<= 0.3"
	fi
	time_all -n 1 -w 0 -m -p "'$COVE' --root $FAST/cove rmi -f $REGISTRY/big" \
		-- "cove memory" "$COVE" --root "$FAST/cove" pull -q --tls-verify=false "$REGISTRY/big"
	row "peak memory of that pull" "$(awk -v k="$(of 'cove memory' memory)" 'BEGIN { printf "%.0f", k / 1024 }')" MiB "<= 128" "<= 48"
	local again=(-- "cove unchanged" "$COVE" --root "$FAST/cove" pull -q --tls-verify=false "$REGISTRY/big")
	[ ${#PODMAN[@]} = 0 ] || again+=(-- "podman unchanged" podman --root "$FAST/podman" --runroot "$R/podman2" pull -q
		--tls-verify=false "$REGISTRY/big")
	time_all -n 7 -w 1 "${again[@]}"
	row "pull of an unchanged image" "$(ratio "$(of 'cove unchanged')" "$(of 'podman unchanged')")" "of podman" "<= 0.3" "<= 0.1"
	[ -z "$QUICK" ] || return 0
	bench_archives
}

# peak NAME COMMAND...: a row with the peak memory of one more run.
peak() {
	local name=$1
	shift
	time_all -n 1 -w 0 -m -p "rm -rf $FAST/a.tar $FAST/registry/docker" -- "$name memory" "$@"
	row "peak memory of $name" "$(awk -v k="$(of "$name memory" memory)" 'BEGIN { printf "%.0f", k / 1024 }')" MiB "<= 128" "<= 48"
}

# save, load and push of the same image, beside podman.
bench_archives() {
	local ref=$REGISTRY/big
	say "save, load and push of the same image"
	[ ${#PODMAN[@]} != 0 ] || { echo "podman is missing: left out"; return; }
	local c=("$COVE" --root "$FAST/cove") p=(podman --root "$FAST/podman" --runroot "$R/podman2")
	time_all -n 1 -w 0 -p "rm -f $FAST/*.tar" \
		-- "cove save" "${c[@]}" save -q -o "$FAST/a.tar" "$ref" -- "podman save" "${p[@]}" save -q -o "$FAST/b.tar" "$ref"
	row "save of the same image" "$(ratio "$(of 'cove save')" "$(of 'podman save')")" "of podman" "<= 1.0" "<= 0.4"
	peak "that save" "${c[@]}" save -q -o "$FAST/a.tar" "$ref"
	rm -f "$FAST/a.tar"
	bench_push "$ref"
	time_all -n 1 -w 0 -p "${c[*]} rmi -f $ref; ${p[*]} rmi -f $ref" \
		-- "cove load" "${c[@]}" load -q -i "$FAST/b.tar" -- "podman load" "${p[@]}" load -q -i "$FAST/b.tar"
	row "load of the same image" "$(ratio "$(of 'cove load')" "$(of 'podman load')")" "of podman" "<= 1.0" "<= 0.4"
	"${c[@]}" rmi -f "$ref" >/dev/null
	peak "that load" "${c[@]}" load -q -i "$FAST/b.tar"
}

# push IMAGE: into a registry that has nothing; once as the blobs are where it came from, once compressed anew, as podman
# always does it.
bench_push() {
	local c=("$COVE" --root "$FAST/cove" push -q --tls-verify=false) to pid
	local p=(podman --root "$FAST/podman" --runroot "$R/podman2" push -q --tls-verify=false)
	local anew=(--compression-format gzip --force-compression)
	to=127.0.0.1:$(free_port)
	mkdir -p "$FAST/registry"
	serve_registry "$FAST/registry" "$to" || return
	pid=$!
	time_all -n 1 -w 0 -p "rm -rf $FAST/registry/docker" \
		-- "cove push" "${c[@]}" "$1" "$to/one" -- "cove push anew" "${c[@]}" "${anew[@]}" "$1" "$to/two" \
		-- "podman push" "${p[@]}" "$1" "$to/three"
	row "push of the same image" "$(ratio "$(of 'cove push')" "$(of 'podman push')")" "of podman" "<= 1.0" "<= 0.4"
	row "push, compressed anew" "$(ratio "$(of 'cove push anew')" "$(of 'podman push')")" "of podman" "<= 1.0" "<= 0.4"
	peak "that push" "${c[@]}" "${anew[@]}" "$1" "$to/four"
	kill "$pid"
	rm -rf "$FAST/registry"
}

# commit and export of a container that has 300 MB of its own, beside podman.
bench_commit() {
	local make gone="'$COVE' rmi -f made"
	make='i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo $i >/tmp/f$i; done; head -c 300000000 /dev/urandom >/tmp/blob'
	say "commit and export of a container with 300 MB of its own"
	cove run --network none --name changed "$IMAGE" sh -c "$make" || return
	local export=(-- "cove export" "$COVE" export -o "$W/a.tar" changed) commit=(-- "cove commit" "$COVE" commit changed made)
	if [ ${#PODMAN[@]} != 0 ] && podman_do run --network none --name changed "$IMAGE" sh -c "$make" >/dev/null 2>&1; then
		export+=(-- "podman export" "${PODMAN[@]}" export -o "$W/b.tar" changed)
		commit+=(-- "podman commit" "${PODMAN[@]}" commit -q changed made)
		gone="$gone; ${PODMAN[*]} rmi -f made"
	fi
	time_all -n 3 -w 0 -p "rm -f $W/[ab].tar" "${export[@]}"
	row "export of a container" "$(ratio "$(of 'cove export')" "$(of 'podman export')")" "of podman" "<= 1.0" "<= 0.4"
	time_all -n 3 -w 0 -p "$gone" "${commit[@]}"
	row "commit of a container" "$(ratio "$(of 'cove commit')" "$(of 'podman commit')")" "of podman" "<= 1.0" "<= 0.4"
	time_all -n 1 -w 0 -m -p "'$COVE' rmi -f made" -- "commit memory" "$COVE" commit changed made
	row "peak memory of that commit" "$(awk -v k="$(of 'commit memory' memory)" 'BEGIN { printf "%.0f", k / 1024 }')" MiB "<= 128" "<= 48"
	cove rm changed >/dev/null
}
