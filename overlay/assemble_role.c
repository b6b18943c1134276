/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/assemble_role.h"

#include <errno.h>
#include <linux/capability.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "overlay/assemble.h"
#include "overlay/sandbox.h"
#include "src/util/fd.h"
#include "src/util/strbuf.h"

#define MEMORY_MAX (224U << 20) /* a zstd window of 128 MiB is legal */
#define CONTROL_FD 3
#define LAYERS_FD  4

static const int caps[] = { CAP_DAC_READ_SEARCH };
static const int syscalls[] = {
	SCMP_SYS(read),		 SCMP_SYS(write),	   SCMP_SYS(close),
	SCMP_SYS(fstat),	 SCMP_SYS(newfstatat),	   SCMP_SYS(lseek),
	SCMP_SYS(openat),	 SCMP_SYS(openat2),	   SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),	 SCMP_SYS(mmap),	   SCMP_SYS(munmap),
	SCMP_SYS(mremap),	 SCMP_SYS(mprotect),	   SCMP_SYS(madvise),
	SCMP_SYS(brk),		 SCMP_SYS(futex),	   SCMP_SYS(exit),
	SCMP_SYS(exit_group),	 SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendto),	 SCMP_SYS(fcntl),	   SCMP_SYS(getrandom),
	SCMP_SYS(getpid),	 SCMP_SYS(gettid),	   SCMP_SYS(tgkill),
	SCMP_SYS(clock_gettime),
};

static int say(const struct assemble_message *m)
{
	ssize_t n;

	do
		n = send(CONTROL_FD, m, sizeof(*m), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int ask(void *arg, const struct toc_range *r, size_t n, struct err *e)
{
	struct assemble_message *m = arg;
	int bad;

	memset(m, 0, sizeof(*m));
	m->n = n;
	memcpy(m->ranges, r, n * sizeof(*r));
	bad = say(m);
	return bad < 0 ? err_errno(e, bad, "ask for parts of a layer") : 0;
}

static ssize_t read_stdin(void *arg, void *bytes, size_t n, struct err *e)
{
	ssize_t got;

	(void)arg;
	do
		got = read(0, bytes, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(e, "read parts of a layer") : got;
}

static int write_stdout(void *arg, const void *bytes, size_t n, struct err *e)
{
	int r = fd_write_all(1, bytes, n);

	(void)arg;
	return r < 0 ? err_errno(e, r, "write the layer's stream") : 0;
}

static int run(const struct assemble_options *o, struct assemble_message *m, struct err *e)
{
	const struct sandbox box = { .root_fd = LAYERS_FD,
				     .keep_caps = caps,
				     .n_keep_caps = ARRAY_LEN(caps),
				     .memory = MEMORY_MAX,
				     .syscalls = syscalls,
				     .n_syscalls = ARRAY_LEN(syscalls) };
	const struct assemble_io io = {
		.arg = m, .ask = ask, .read = read_stdin, .write = write_stdout
	};

	/* The configuration would be looked for in the new root. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	(void)EVP_sha256();
	(void)signal(SIGPIPE, SIG_IGN);
	if (sandbox_enter(&box, e) < 0 || sandbox_seal(&box, e) < 0)
		return e->code;
	return assemble(o, &io, LAYERS_FD, e);
}

int role_assemble_main(int argc, char **argv)
{
	struct assemble_options o = { 0 };
	struct assemble_message m;
	struct err e = { 0 };
	unsigned long long size;

	if (argc != 6 || str_to_u64(argv[2], INT64_MAX, &size) < 0) {
		(void)fprintf(stderr, "cove-assemble: started by cove only\n");
		return 2;
	}
	o.kind = strcmp(argv[1], "zstd") == 0 ? TOC_ZSTD_CHUNKED : TOC_ESTARGZ;
	o.size = (int64_t)size;
	o.digest = argv[3];
	o.place = argv[4];
	o.split = *argv[5] ? argv[5] : NULL;
	if (run(&o, &m, &e) == 0)
		err_clear(&e);
	memset(&m, 0, sizeof(m));
	m.e = e;
	return say(&m) < 0 || e.code < 0;
}
