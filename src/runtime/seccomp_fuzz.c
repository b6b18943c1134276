/* SPDX-License-Identifier: Apache-2.0 */
/* A profile compiles to a program that always comes to an end, or is refused. */
#include <assert.h>
#include <linux/audit.h>
#include <stdint.h>

#include "src/runtime/bpf_testing.h"
#include "src/runtime/seccomp.h"
#include "src/util/scoped.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(mem) struct sock_filter *f = NULL;
	static const uint32_t archs[] = { AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64,
					  0 };
	size_t len = 0;
	struct err e;

	err_clear(&e);
	if (seccomp_compile((const char *)bytes, n, caps_default(), &f, &len, &e) < 0) {
		assert(e.text[0]);
		return 0;
	}
	assert(len > 0 && len <= 4096);
	for (size_t a = 0; a < ARRAY_LEN(archs); a++)
		for (int nr = 0; nr < 500; nr += 3) {
			struct seccomp_data d = { .nr = nr,
						  .arch = archs[a],
						  .args = { 1, ~0ULL, 16, 38, 0, 9 } };
			(void)bpf_run(f, len, &d);
		}
	return 0;
}
