# SPDX-License-Identifier: Apache-2.0
# srun --container with an oci.conf that names cove-runtime, on a cluster of one node that the test makes.  slurmd needs
# root: COVE_TEST_AS_ROOT=1 bats tests/peers/slurm.bats; the jobs are those of the user "daemon".

load ../setup

setup() {
	[ "$(id -u)" = 0 ] || skip "slurmd needs root: COVE_TEST_AS_ROOT=1 bats tests/peers/slurm.bats"
	export COVE_TEST_AS_ROOT=1
	cove_setup
	need munged slurmctld slurmd srun scancel python3
	[ -x "${BUSYBOX:-/bin/busybox}" ] || skip "busybox-static is not installed"
	setpriv --reuid daemon --regid daemon --clear-groups unshare --user true 2>/dev/null ||
		skip "user namespaces are not allowed here"
	S=$R/slurm
	mkdir -p "$S"/{munge,spool,state,bin}
	mkdir -m 1777 "$S/sock" "$S/jobs"
	chmod 755 "$R" "$S" "$S/bin"
	chmod 700 "$S/munge"
	# Where the user can execute it.
	cp "$COVE_BUILD"/cove-runtime "$COVE_BUILD"/cove-stage "$S/bin/"
	make_bundle
}

teardown() {
	if [ -n "${S-}" ] && [ -e "$S/slurm.conf" ]; then
		timeout 10 scancel --user daemon 2>/dev/null || true
	fi
	cove_teardown
}

# A bundle that is the user's.
make_bundle() {
	B=$S/jobs/bundle
	mkdir -p "$B"/rootfs/{bin,dev,proc,sys,tmp}
	cp "${BUSYBOX:-/bin/busybox}" "$B/rootfs/bin/busybox"
	for d in sh sleep cat echo id tty hostname; do
		ln -s busybox "$B/rootfs/bin/$d"
	done
	chown -R daemon:daemon "$B"
	setpriv --reuid daemon --regid daemon --clear-groups "$S/bin/cove-runtime" spec --rootless --bundle "$B"
	python3 - "$B/config.json" <<-'END'
		import json, sys
		c = json.load(open(sys.argv[1]))
		c["process"]["terminal"] = False
		json.dump(c, open(sys.argv[1], "w"))
	END
}

# start_cluster LINE...: with these lines in oci.conf.
start_cluster() {
	local host key
	host=$(hostname -s)
	key=$S/munge/key
	head -c 1024 /dev/urandom >"$key"
	chmod 600 "$key"
	munged --force -F --socket="$S/sock/munge" --key-file="$key" --pid-file="$S/munge/pid" --log-file="$S/munge/log" \
		--seed-file="$S/munge/seed" >"$S/munged.out" 2>&1 3>&- &
	PIDS+=($!)
	wait_for 10 test -S "$S/sock/munge" || skip "munged does not run here: $(tail -n 1 "$S/munged.out")"
	cat >"$S/slurm.conf" <<-END
		ClusterName=cove
		SlurmctldHost=$host(127.0.0.1)
		SlurmUser=root
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$S/sock/munge
		CryptoType=crypto/munge
		SlurmctldPort=$(free_port)
		SlurmdPort=$(free_port)
		StateSaveLocation=$S/state
		SlurmdSpoolDir=$S/spool
		SlurmctldPidFile=$S/ctld.pid
		SlurmdPidFile=$S/d.pid
		SlurmdLogFile=$S/d.log
		SlurmctldLogFile=$S/ctld.log
		SlurmdDebug=debug
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		JobAcctGatherType=jobacct_gather/none
		AccountingStorageType=accounting_storage/none
		MpiDefault=none
		SwitchType=switch/none
		ReturnToService=2
		SchedulerType=sched/builtin
		SelectType=select/linear
		NodeName=$host NodeAddr=127.0.0.1 State=UNKNOWN
		PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP
	END
	printf '%s\n' "$@" >"$S/oci.conf"
	chmod 644 "$S/slurm.conf" "$S/oci.conf"
	export SLURM_CONF=$S/slurm.conf
	slurmctld -D -f "$SLURM_CONF" >"$S/ctld.out" 2>&1 3>&- &
	PIDS+=($!)
	slurmd -D -f "$SLURM_CONF" -N "$host" >"$S/d.out" 2>&1 3>&- &
	PIDS+=($!)
	wait_for 20 job true || skip "slurm does not run here: $(grep -h error "$S/ctld.log" "$S/d.log" | tail -n 1)"
}

# job ARG...: srun as the user.
job() {
	(cd "$S/jobs" && timeout --kill-after=5 60 setpriv --reuid daemon --regid daemon --clear-groups srun "$@" 3>&-)
}

# jobs_run: what every set-up must do.
jobs_run() {
	local status=0
	like "$(job --container="$B" /bin/sh -c 'echo in; id -u; hostname')" $'^in\n0\ncove-runtime$' "output"
	job --container="$B" /bin/sh -c 'exit 6' || status=$?
	is $status 6 "exit status"
	status=0
	job --container="$B" /bin/nope >"$T/out" 2>&1 || status=$?
	[ $status != 0 ] || die "a program that is not there: $(cat "$T/out")"
	status=0
	job --container="$S/jobs/nothing" /bin/true >"$T/out" 2>&1 || status=$?
	[ $status != 0 ] || die "a bundle that is not there"
}

nothing_left() {
	[ -z "$(ls "$S/jobs/daemon" 2>/dev/null)" ]
}

@test "srun --container: output, status, input, failure, cancel" {
	local rt="$S/bin/cove-runtime --rootless=true --root=$S/jobs/%u"
	start_cluster "RunTimeQuery=\"$rt state %n.%u.%j.%s.%t\"" "RunTimeKill=\"$rt kill -a %n.%u.%j.%s.%t\"" \
		"RunTimeDelete=\"$rt delete --force %n.%u.%j.%s.%t\"" "RunTimeRun=\"$rt run %n.%u.%j.%s.%t -b %b\""
	jobs_run
	is "$(echo text | job --container="$B" /bin/cat)" text "standard input"
	wait_for 10 nothing_left
	# A job that is cancelled leaves nothing either.  (Process 1 of a pid namespace only gets signals that it handles.)
	job --container="$B" --job-name long /bin/sh -c 'trap "exit 1" TERM; echo up; sleep 1000 & wait' >"$T/out" 2>&1 &
	local pid=$!
	wait_for 20 grep -q up "$T/out"
	[ -n "$(ls "$S/jobs/daemon")" ] || die "no container"
	scancel --name long
	wait $pid || true
	wait_for 20 nothing_left
}

# Slurm reads the output of RunTimeCreate to its end, and the container has it: it must be led elsewhere, with every
# runtime; then its process group is killed, which the container must not be in.  The exit status of the job is that of RunTimeStart then, and scancel does not reach the container, which is
# none of slurmstepd's processes.
@test "srun --container with RunTimeCreate and RunTimeStart" {
	local rt="$S/bin/cove-runtime --rootless=true --root=$S/jobs/%u" status=0
	start_cluster "RunTimeQuery=\"$rt state %n.%u.%j.%s.%t\"" "RunTimeKill=\"$rt kill --all %n.%u.%j.%s.%t\"" \
		"RunTimeDelete=\"$rt delete --force %n.%u.%j.%s.%t\"" "RunTimeStart=\"$rt start %n.%u.%j.%s.%t\"" \
		"RunTimeCreate=\"$rt create --bundle %b %n.%u.%j.%s.%t </dev/null >>$S/jobs/out.%j.%s 2>&1\""
	job --container="$B" /bin/sh -c 'echo in; id -u; hostname'
	is "$(cat "$S"/jobs/out.2.0)" $'in\n0\ncove-runtime' output
	wait_for 10 nothing_left
	job --container="$B" /bin/nope >"$T/out" 2>&1 || status=$?
	[ $status != 0 ] || die "a program that is not there: $(cat "$T/out")"
	wait_for 10 nothing_left
}
