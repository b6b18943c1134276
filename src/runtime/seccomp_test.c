/* SPDX-License-Identifier: Apache-2.0 */
/* Profiles are compiled and the programs run, by the little machine of bpf_testing.h. */
#include "src/runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/runtime/bpf_testing.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/testing.h"

#define ALLOW  SECCOMP_RET_ALLOW
#define ERR(n) (SECCOMP_RET_ERRNO | (n))

struct program {
	struct sock_filter *f;
	size_t n;
};

static void scoped_program(struct program *p)
{
	free(p->f);
}

static int compile(const char *profile, caps_set caps, struct program *p)
{
	scoped(mem) char *copy = strdup(profile);
	struct err e;
	int r;

	for (char *c = copy; c && *c; c++)
		if (*c == '\'')
			*c = '"';
	err_clear(&e);
	r = copy ? seccomp_compile(copy, strlen(copy), caps, &p->f, &p->n, &e) : -ENOMEM;
	if (r < 0 && !e.text[0])
		TEST_FAIL("no message for %s", profile);
	return r;
}

#ifdef __x86_64__
/* The built-in profile as containers get it. */
static int compile_default(struct program *p)
{
	struct err e;
	return seccomp_program(NULL, caps_default(), -EBADF, &p->f, &p->n, &e);
}

static uint32_t run(const struct program *p, uint32_t arch, const char *name, uint64_t a0,
		    uint64_t a1, uint64_t a2)
{
	struct seccomp_data d = { .arch = arch == SCMP_ARCH_X86 ? AUDIT_ARCH_I386
								: AUDIT_ARCH_X86_64,
				  .args = { a0, a1, a2 } };
	int nr = seccomp_syscall_resolve_name_arch(arch, name);

	/* Linux 4.3 gave i386 the call itself, beside socketcall(2). */
	if (arch == SCMP_ARCH_X86 && strcmp(name, "socket") == 0)
		nr = 359;
	if (nr < 0)
		TEST_FAIL("no number for %s", name);
	d.nr = nr;
	return bpf_run(p->f, p->n, &d);
}

static void expect(const struct program *p, uint32_t arch, const char *name, uint64_t a0,
		   uint64_t a2, uint32_t want)
{
	uint32_t got = run(p, arch, name, a0, 0, a2);
	if (got != want)
		TEST_FAIL("%s(%llx, ..., %llx) on %s: %x, not %x", name, (unsigned long long)a0,
			  (unsigned long long)a2,
			  arch == SCMP_ARCH_X86	  ? "i386"
			  : arch == SCMP_ARCH_X32 ? "x32"
						  : "x86-64",
			  got, want);
}

static const uint32_t abis[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32 };

TEST(default_profile_on_every_abi)
{
	static const char *const allowed[] = { "read",	"write", "openat",   "execve",	"clone",
					       "futex", "ioctl", "mount",    "unshare", "setuid",
					       "chown", "kill",	 "getrandom" };
	static const char *const denied[] = { "kexec_load",
					      "init_module",
					      "delete_module",
					      "swapon",
					      "swapoff",
					      "userfaultfd",
					      "acct",
					      "bpf",
					      "perf_event_open",
					      "open_by_handle_at",
					      "settimeofday",
					      "clock_settime",
					      "iopl",
					      "ioperm",
					      "move_pages",
					      "vmsplice",
					      "quotactl",
					      "fanotify_init",
					      "kcmp" };
	scoped(program) struct program p = { 0 };

	CHECK_INT(compile_default(&p), 0);
	if (!p.f)
		return;
	for (size_t a = 0; a < ARRAY_LEN(abis); a++) {
		for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
			expect(&p, abis[a], allowed[i], 0, 0, ALLOW);
		for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
			uint32_t got = run(&p, abis[a], denied[i], 0, 0, 0);
			if (got != ERR(EPERM) && got != ERR(ENOSYS))
				TEST_FAIL("%s: %x", denied[i], got);
		}
	}
}

/* No program can see the family of a socket that socketcall(2) makes. */
TEST(default_profile_makes_no_socket_by_socketcall)
{
	scoped(program) struct program p = { 0 };

	CHECK_INT(compile_default(&p), 0);
	if (!p.f)
		return;
	expect(&p, SCMP_ARCH_X86, "socketcall", 1 /* SYS_SOCKET */, 0, ERR(ENOSYS));
	expect(&p, SCMP_ARCH_X86, "socketcall", 0xffffffff00000001ULL, 0, ERR(ENOSYS));
	expect(&p, SCMP_ARCH_X86, "socketcall", 2 /* SYS_BIND */, 0, ALLOW);
	expect(&p, SCMP_ARCH_X86_64, "pivot_root", 1, 0, ALLOW); /* no other call has its number */
}

/* The kernel looks at 32 bits of these arguments; so does the program, whatever stands in the
 * others. */
TEST(default_profile_compares_what_the_kernel_looks_at)
{
	static const uint64_t garbage[] = { 0, 0x100000000ULL, 0xffffffff00000000ULL,
					    0xdeadbeef00000000ULL };
	static const uint32_t with_direct_socket[] = { SCMP_ARCH_X86_64, SCMP_ARCH_X32,
						       SCMP_ARCH_X86 };
	scoped(program) struct program p = { 0 };

	CHECK_INT(compile_default(&p), 0);
	if (!p.f)
		return;
	for (size_t a = 0; a < ARRAY_LEN(with_direct_socket); a++)
		for (size_t g = 0; g < ARRAY_LEN(garbage); g++) {
			uint32_t arch = with_direct_socket[a];
			for (uint64_t family = 0; family < 64; family++) {
				uint32_t want =
					family == AF_ALG || family == AF_VSOCK || family > 45
						? ERR(ENOSYS)
						: ALLOW;
				uint32_t got = run(&p, arch, "socket", garbage[g] | family, 0, 0);
				if ((got == ALLOW) != (want == ALLOW))
					TEST_FAIL("socket(%d) with %llx on abi %zu: %x",
						  (int)family, (unsigned long long)garbage[g], a,
						  got);
			}
			/* NETLINK_AUDIT is not for containers. */
			if (run(&p, arch, "socket", garbage[g] | AF_NETLINK, 0, garbage[g] | 9) ==
			    ALLOW)
				TEST_FAIL("netlink audit with %llx",
					  (unsigned long long)garbage[g]);
			expect(&p, arch, "socket", garbage[g] | AF_NETLINK, garbage[g], ALLOW);
			expect(&p, arch, "personality", garbage[g], 0, ALLOW);
			expect(&p, arch, "personality", garbage[g] | 0xffffffff, 0, ALLOW);
			if (run(&p, arch, "personality",
				garbage[g] | 0x0040000 /* ADDR_NO_RANDOMIZE */, 0, 0) == ALLOW)
				TEST_FAIL("personality without randomisation, with %llx",
					  (unsigned long long)garbage[g]);
		}
}

TEST(default_profile_and_strange_numbers)
{
	scoped(program) struct program p = { 0 };
	struct seccomp_data d = { .arch = AUDIT_ARCH_X86_64 };
	static const uint32_t other[] = { AUDIT_ARCH_AARCH64, AUDIT_ARCH_S390X, AUDIT_ARCH_ARM, 0,
					  0xffffffff };

	CHECK_INT(compile_default(&p), 0);
	if (!p.f)
		return;
	for (int nr = 600; nr < 20000; nr += 7) {
		d.nr = nr;
		CHECK(bpf_run(p.f, p.n, &d) != ALLOW);
		d.nr = nr | 0x40000000;
		CHECK(bpf_run(p.f, p.n, &d) != ALLOW);
	}
	d.nr = -1;
	CHECK(bpf_run(p.f, p.n, &d) != ALLOW);
	d.nr = 0;
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		d.arch = other[i];
		CHECK(bpf_run(p.f, p.n, &d) != ALLOW);
	}
}

TEST(capabilities_open_their_calls)
{
	scoped(program) struct program p = { 0 };
	scoped(program) struct program q = { 0 };

	CHECK_INT(compile(seccomp_default_profile,
			  CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_SYS_CHROOT), &p),
		  0);
	CHECK_INT(compile(seccomp_default_profile, 0, &q), 0);
	if (!p.f || !q.f)
		return;
	for (size_t a = 0; a < ARRAY_LEN(abis); a++) {
		expect(&p, abis[a], "bpf", 0, 0, ALLOW);
		expect(&p, abis[a], "chroot", 0, 0, ALLOW);
		expect(&p, abis[a], "init_module", 0, 0, ERR(EPERM));
		expect(&q, abis[a], "bpf", 0, 0, ERR(EPERM));
		expect(&q, abis[a], "chroot", 0, 0, ERR(EPERM));
	}
}

TEST(profiles_do_what_they_say)
{
	scoped(program) struct program p = { 0 };
	scoped(program) struct program q = { 0 };

	CHECK_INT(
		compile("{'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86_64','"
			"SCMP_ARCH_X86'],'syscalls':["
			"{'names':['reboot','nosuchcall'],'action':'SCMP_ACT_ERRNO','errnoRet':5},"
			"{'name':'chroot','action':'SCMP_ACT_KILL_PROCESS'},"
			"{'names':['kill'],'action':'SCMP_ACT_ERRNO','args':[{'index':1,'value':9,'"
			"op':'SCMP_CMP_EQ'}]},"
			"{'names':['dup'],'action':'SCMP_ACT_ERRNO','args':[{'index':0,'value':3,'"
			"op':'SCMP_CMP_EQ'},"
			"{'index':0,'value':4,'op':'SCMP_CMP_EQ'}]}]}",
			0, &p),
		0);
	if (!p.f)
		return;
	expect(&p, SCMP_ARCH_X86_64, "reboot", 0, 0, ERR(5));
	expect(&p, SCMP_ARCH_X86, "reboot", 0, 0, ERR(5));
	expect(&p, SCMP_ARCH_X86_64, "chroot", 0, 0, SECCOMP_RET_KILL_PROCESS);
	CHECK_INT(run(&p, SCMP_ARCH_X86_64, "kill", 1, 9, 0), ERR(EPERM));
	CHECK_INT(run(&p, SCMP_ARCH_X86_64, "kill", 1, 8, 0), ALLOW);
	/* Two comparisons of one argument are alternatives. */
	expect(&p, SCMP_ARCH_X86_64, "dup", 3, 0, ERR(EPERM));
	expect(&p, SCMP_ARCH_X86_64, "dup", 4, 0, ERR(EPERM));
	expect(&p, SCMP_ARCH_X86_64, "dup", 5, 0, ALLOW);
	/* An architecture that is not in the list is refused, not let through. */
	CHECK_INT(compile("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[]}", 0, &q), 0);
	CHECK(run(&q, SCMP_ARCH_X86, "read", 0, 0, 0) != ALLOW);
	CHECK_INT(run(&q, SCMP_ARCH_X86_64, "read", 0, 0, 0), ALLOW);
}
#endif

TEST(profiles_that_are_not_understood)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{'defaultAction':5}",
		"{'defaultAction':'SCMP_ACT_NOSUCH'}",
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4096}",
		"{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':-1}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':{}}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':'reboot'}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[5]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'action':'SCMP_ACT_ERRNO'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':'reboot','action':'SCMP_"
		"ACT_ERRNO'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[5],'action':'SCMP_ACT_"
		"ERRNO'}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['reboot'],'action':'ERRNO'"
		"}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['reboot']}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['kill'],'action':'SCMP_"
		"ACT_ERRNO','args':{}}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['kill'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['kill'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'args':[{'index':-1,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['kill'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'args':[{'index':1,'value':'9','op':'SCMP_CMP_EQ'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['kill'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'args':[{'index':1,'value':9,'op':'EQ'}]}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['reboot'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'includes':['CAP_SYS_ADMIN']}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['reboot'],'action':'SCMP_"
		"ACT_ERRNO',"
		"'excludes':{'caps':'CAP_SYS_ADMIN'}}]}",
		"{'defaultAction':'SCMP_ACT_ALLOW'} x",
	};
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(program) struct program p = { 0 };
		int r = compile(bad[i], 0, &p);
		if (r != -EINVAL && r != -EBADMSG)
			TEST_FAIL("%s: %d", bad[i], r);
	}
}

TEST(the_cache_gives_the_same_and_believes_only_its_own)
{
	char dir[] = "/tmp/seccomp-test.XXXXXX";
	scoped(fd) int fd = -EBADF;
	scoped(program) struct program a = { 0 };
	scoped(program) struct program b = { 0 };
	scoped(program) struct program c = { 0 };
	scoped(dir) DIR *d = NULL;
	struct err e;
	int files = 0;

	if (!mkdtemp(dir))
		SKIP("no temporary directory");
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CHECK_INT(seccomp_program(NULL, caps_default(), fd, &a.f, &a.n, &e), 0);
	CHECK_INT(seccomp_program(NULL, caps_default(), fd, &b.f, &b.n, &e), 0);
	CHECK_INT(a.n, b.n);
	CHECK(a.n == b.n && memcmp(a.f, b.f, a.n * sizeof(*a.f)) == 0);
	d = opendir(dir);
	for (struct dirent *de; d && (de = readdir(d));) {
		struct stat st;
		if (de->d_name[0] == '.')
			continue;
		files++;
		CHECK_INT(fstatat(fd, de->d_name, &st, 0), 0);
		CHECK_INT(st.st_mode & 0777, 0600);
		/* Writable for others: not believed, compiled anew. */
		{
			scoped(fd) int f = openat(fd, de->d_name, O_WRONLY | O_CLOEXEC);
			CHECK_INT(fchmod(f, 0666), 0);
			CHECK_INT(pwrite(f, "\0\0\0\0", 4, 16), 4);
		}
	}
	CHECK_INT(files, 1);
	CHECK_INT(seccomp_program(NULL, caps_default(), fd, &c.f, &c.n, &e), 0);
	CHECK(a.n == c.n && memcmp(a.f, c.f, a.n * sizeof(*a.f)) == 0);
	CHECK_INT(path_rmtree(AT_FDCWD, dir), 0);
}
