/* SPDX-License-Identifier: Apache-2.0 */
/* System calls without a C library, for the two programs that must be tiny: cove-holder, which
 * lives as long as containers do, and cove-stage, which every program in a container passes
 * through.  configure defines BARE where the machine is known here; elsewhere the same source is
 * linked with the C library. */
#ifndef COVE_USERNS_BARE_H
#define COVE_USERNS_BARE_H

#include <sys/syscall.h>

#ifdef BARE
#if defined(__x86_64__)
/* syscall(2), "Architecture calling conventions". */
static inline long call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long ret;
	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return ret;
}
/* The kernel enters with the argument count on top of the stack, which the code that follows wants
 * aligned and as a pointer. */
#define BARE_START(fn)                                                                     \
	__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, " \
		"%rsp\n\tcall " #fn "\n\thlt\n")
#elif defined(__aarch64__)
static inline long call(long nr, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}
#define BARE_START(fn) \
	__asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x0, sp\n\tbl " #fn "\n\tbrk #0\n")
#else
#error "configure must not set BARE here"
#endif
#else
#include <errno.h>
#include <unistd.h>
static inline long call(long nr, long a, long b, long c, long d, long e)
{
	long r = syscall(nr, a, b, c, d, e);
	return r < 0 ? -errno : r;
}
#endif

#endif
