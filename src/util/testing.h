/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests that register themselves; the program prints TAP.  A test file holds TEST blocks, and
 * ends up in one program with TEST_MAIN in exactly one file:
 *
 *	TEST(lookup_finds_both_ends_of_a_range) { CHECK_INT(idmap_lookup(&m, 65536, &id), 0); }
 *	TEST_MAIN
 */
#ifndef COVE_UTIL_TESTING_H
#define COVE_UTIL_TESTING_H

#include <stdio.h>
#include <string.h>

struct test {
	const char *name;
	void (*fn)(void);
	struct test *next;
};
extern struct test *test_list, **test_tail;
extern int test_failed;
extern const char *test_skipped;

#define TEST(NAME)                                                           \
	static void test_##NAME(void);                                       \
	static struct test test_entry_##NAME = { #NAME, test_##NAME, NULL }; \
	__attribute__((constructor)) static void test_register_##NAME(void)  \
	{                                                                    \
		if (!test_tail)                                              \
			test_tail = &test_list;                              \
		*test_tail = &test_entry_##NAME;                             \
		test_tail = &test_entry_##NAME.next;                         \
	}                                                                    \
	static void test_##NAME(void)

#define TEST_FAIL(...)                                   \
	do {                                             \
		test_failed = 1;                         \
		printf("# %s:%d: ", __FILE__, __LINE__); \
		printf(__VA_ARGS__);                     \
		printf("\n");                            \
	} while (0)
#define CHECK(cond)                                     \
	do {                                            \
		if (!(cond))                            \
			TEST_FAIL("not so: %s", #cond); \
	} while (0)
#define CHECK_INT(got, want)                                                     \
	do {                                                                     \
		long long got_ = (long long)(got), want_ = (long long)(want);    \
		if (got_ != want_)                                               \
			TEST_FAIL("%s: got %lld, want %lld", #got, got_, want_); \
	} while (0)
#define CHECK_STR(got, want)                                                                   \
	do {                                                                                   \
		const char *got_ = (got), *want_ = (want);                                     \
		if (!got_ || strcmp(got_, want_) != 0)                                         \
			TEST_FAIL("%s: got \"%s\", want \"%s\"", #got, got_ ? got_ : "(null)", \
				  want_);                                                      \
	} while (0)
/* Leave the test: this machine lacks WHAT. */
#define SKIP(WHAT)                     \
	do {                           \
		test_skipped = (WHAT); \
		return;                \
	} while (0)

#define TEST_MAIN                                                                                 \
	struct test *test_list, **test_tail;                                                      \
	int test_failed;                                                                          \
	const char *test_skipped;                                                                 \
	int main(void)                                                                            \
	{                                                                                         \
		int n = 0, bad = 0;                                                               \
		for (struct test *t = test_list; t; t = t->next)                                  \
			n++;                                                                      \
		printf("1..%d\n", n);                                                             \
		n = 0;                                                                            \
		for (struct test *t = test_list; t; t = t->next) {                                \
			test_failed = 0;                                                          \
			test_skipped = NULL;                                                      \
			t->fn();                                                                  \
			bad += test_failed;                                                       \
			printf("%sok %d - %s%s%s\n", test_failed ? "not " : "", ++n, t->name,     \
			       test_skipped ? " # SKIP " : "", test_skipped ? test_skipped : ""); \
			fflush(stdout);                                                           \
		}                                                                                 \
		return bad != 0;                                                                  \
	}

#endif
