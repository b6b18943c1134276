# SPDX-License-Identifier: Apache-2.0
# What a hostile bundle must not get from cove-runtime.

load ../runtime/runtime

inside() {
	args sh -c "$1; true"
	run_rt run "c$RANDOM"
}

without_dev() {
	config "c['mounts'] = [m for m in c['mounts'] if not m['destination'].startswith('/dev')]"
}

@test "no working directory outside: descriptors of the caller and of ours" {
	local n
	exec 7</ 8<"$T"
	args readlink /proc/self/cwd
	for n in {3..20}; do
		config "p['cwd'] = '/proc/self/fd/$n'"
		run_rt "?" run "c$n"
		[ "$status" != 0 ] || [[ $output == /proc/* ]] || die "descriptor $n was a working directory: $output"
		like "$output" "workdir"
	done
	config "p['cwd'] = '/proc/self/root'"
	run_rt "?" run root
	[ "$status" != 0 ] || is "$output" / "working directory"
	config "p['cwd'] = '/'"
	args sleep 100
	create c1
	run_rt start c1
	for n in {3..20}; do
		run_rt "?" exec --cwd "/proc/self/fd/$n" c1 /bin/pwd
		[ "$status" != 0 ] || die "descriptor $n was a working directory of exec: $output"
	done
}

@test "labels are written to procfs or not at all" {
	config "c['mounts'] = [m for m in c['mounts'] if m['destination'] != '/proc']
l['maskedPaths'] = l['readonlyPaths'] = []; p['apparmorProfile'] = 'anything'"
	mkdir -p rootfs/proc/thread-self/attr/apparmor rootfs/proc/self/attr
	touch rootfs/proc/{thread-self,self}/attr/exec rootfs/proc/thread-self/attr/apparmor/exec
	args sh -c 'echo unconfined'
	run_rt 1 run c1
	like "$output" "AppArmor profile 'anything'.*Invalid cross-device link"
	[ -z "$(cat rootfs/proc/*/attr/exec rootfs/proc/*/attr/apparmor/exec)" ] || die "a file of the image got the label"
	config "del p['apparmorProfile']; p['selinuxLabel'] = 'anything'"
	run_rt 1 run c2
	like "$output" "SELinux label 'anything'.*Invalid cross-device link"
}

@test "the terminal is one of the container's devpts" {
	without_dev
	rm -rf rootfs/dev
	mkdir -p rootfs/dev/pts
	touch rootfs/dev/pts/ptmx
	config "p['terminal'] = True"
	args tty
	output=$(script -qec "timeout 20 '$RUNTIME' --root '$ROOT' run c1" /dev/null </dev/null) && die "it started: $output"
	like "$output" "not in a devpts"
	[ ! -s rootfs/dev/pts/ptmx ] || die "the file was written"
}

@test "/dev/console is no link out of /dev" {
	without_dev
	rm -rf rootfs/dev
	mkdir -p rootfs/dev
	echo secret >rootfs/etc/target
	ln -s ../etc/target rootfs/dev/console
	config "p['terminal'] = True; c['mounts'].append({'destination': '/dev/pts', 'type': 'devpts', 'source': 'devpts', 'options': ['newinstance', 'ptmxmode=0666']})"
	args sh -c 'cat /etc/target'
	output=$(script -qec "timeout 20 '$RUNTIME' --root '$ROOT' run c1" /dev/null </dev/null) || true
	like "$output" "secret|/dev/console"
}

@test "a process that waits for its start shows nothing to others of the user" {
	create c1
	local pid
	pid=$(pid_of c1)
	readlink "/proc/$pid/exe" && die "the program can be reached"
	cat "/proc/$pid/environ" >/dev/null 2>&1 && die "the environment can be read"
	[ ! -e "/proc/$pid/root/bin" ] || die "its root can be reached"
	run_rt start c1
	readlink "/proc/$pid/exe"
}

@test "no image of ours is executed or reached inside" {
	local lib
	# All that our program needs to run is there.
	for lib in $(ldd "$RUNTIME" | grep -o '/[^ ]*'); do
		mkdir -p "rootfs${lib%/*}"
		cp -L "$lib" "rootfs$lib"
	done
	config "p['args'] = ['/proc/self/exe', '--version']"
	run_rt "?" run c1
	[ "$status" != 0 ] || die "it ran: $output"
	[[ $output != *"cove-runtime version"* ]] || die "cove-runtime ran inside: $output"
	printf '#!/proc/self/exe\n' >rootfs/bin/script
	chmod +x rootfs/bin/script
	args /bin/script
	run_rt "?" run c2
	[ "$status" != 0 ] || die "it ran: $output"
	[[ $output != *"Usage"* && $output != *"cove-runtime version"* ]] || die "cove-runtime ran inside: $output"
}

@test "the caller's terminal is not the container's controlling one" {
	args sh -c 'cut -d" " -f7 /proc/self/stat; ls /dev/console; sh -c "exec </dev/tty" || echo no tty'
	python3 - "$RUNTIME" "$ROOT" >out <<-'END'
		import os, pty, sys
		pid, fd = pty.fork()
		if pid == 0:
		    os.execv(sys.argv[1], [sys.argv[1], "--root", sys.argv[2], "run", "c1"])
		data = b""
		try:
		    while chunk := os.read(fd, 4096):
		        data += chunk
		except OSError:
		    pass
		os.waitpid(pid, 0)
		print(data.decode().replace("\r", ""))
	END
	output=$(cat out)
	like "$output" "^0"$'\n'
	like "$output" "no tty"
}

@test "masked paths and mount points that are exchanged all the time" {
	mkdir -p vol/a vol/b canary
	echo secret >vol/a/file
	echo canary >canary/file
	ln -s "$PWD/canary" vol/link
	cat >swap.py <<-'END'
		import ctypes, sys, time
		libc = ctypes.CDLL(None, use_errno=True)
		end = time.monotonic() + 8
		a, b = sys.argv[1].encode(), sys.argv[2].encode()
		while time.monotonic() < end:
		    libc.renameat2(-100, a, -100, b, 2)  # RENAME_EXCHANGE
	END
	python3 swap.py vol/b vol/link 3>&- &
	PIDS+=($!)
	config "c['mounts'] += [{'destination': '/vol', 'source': '$PWD/vol', 'options': ['rbind']},
{'destination': '/vol/b/deep', 'type': 'tmpfs', 'source': 't'}]; l['maskedPaths'] = ['/vol/a/file', '/vol/b/file', '/proc/version']; l['readonlyPaths'] = ['/vol/b']"
	args sh -c 'wc -c </vol/a/file; wc -c </proc/version'
	local i
	for i in {1..15}; do
		run_rt "?" run "c$i"
		if [ "$status" = 0 ]; then
			is "$output" $'0\n0' "masked files"
		fi
		is "$(ls canary)" file "the directory outside"
		is "$(cat canary/file)" canary "the file outside"
	done
	grep -q "$PWD" /proc/self/mountinfo && die "a mount stayed on the host"
	true
}

@test "32-bit programs make no sockets that the profile does not see" {
	[ "$(uname -m)" = x86_64 ] || skip "for x86-64"
	cat >s.c <<-'END'
		static long call(long nr, long a, long b, long c)
		{
			long r;
			__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
			return r;
		}
		void _start(void)
		{
			unsigned long alg[3] = { 38, 5, 0 }, inet[3] = { 2, 1, 0 };
			int r = 0;
			if (call(102, 1, (long)alg, 0) != -38 || call(102, 1, (long)inet, 0) != -38)
				r |= 1; /* socketcall: ENOSYS, so that the next call is tried */
			if (call(359, 38, 5, 0) >= 0)
				r |= 2; /* AF_ALG */
			if (call(359, 2, 1, 0) < 0)
				r |= 4; /* AF_INET */
			call(1, r, 0, 0);
		}
	END
	"${CC:-gcc}" -m32 -nostdlib -static -ffreestanding -fno-pie -no-pie -fno-stack-protector -o rootfs/bin/s s.c 2>cc.out ||
		skip "no 32-bit programs can be made here: $(head -n 1 cc.out)"
	local native=0
	rootfs/bin/s || native=$?
	case $native in
	1 | 3) ;; # there socketcall works
	*) skip "32-bit programs do not run here: $native" ;;
	esac
	COVE_CONTAINERS=1
	run_cove "?" run --rm --network none --rootfs "$PWD/rootfs" /bin/s
	is "$status" 0 "exit status"
	# An image of nothing else gets its sockets as it always has.
	source "$BATS_TEST_DIRNAME/hostile.bash"
	ARCHITECTURE=386 make_image localhost/i386 '{}' "$PWD/rootfs"
	run_cove "?" run --rm --network none localhost/i386 /bin/s
	is "$status" 1 "exit status in a 32-bit image"
	ARCHITECTURE=amd64 make_image localhost/amd64 '{}' "$PWD/rootfs"
	run_cove 0 run --rm --network none localhost/amd64 /bin/s
}
