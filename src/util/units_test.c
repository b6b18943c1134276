/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/units.h"

#include <errno.h>

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(sizes_are_binary_multiples)
{
	static const struct {
		const char *s;
		int r;
		int64_t want;
	} rows[] = {
		{ "0", 0, 0 },		 { "512", 0, 512 },
		{ "1b", 0, 1 },		 { "1k", 0, 1024 },
		{ "64m", 0, 67108864 },	 { "1.5g", 0, 1610612736 },
		{ "10 kB", 0, 10240 },	 { "2GiB", 0, 2147483648 },
		{ "", -EINVAL, 0 },	 { "k", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },	 { "1x", -EINVAL, 0 },
		{ "1kk", -EINVAL, 0 },	 { ".", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },	 { "9223372036854775808", -ERANGE, 0 },
		{ "8192p", -ERANGE, 0 }, { ".5k", 0, 512 },
		{ "1..5k", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = 0;
		if (size_parse(rows[i].s, &v) != rows[i].r || v != rows[i].want)
			TEST_FAIL("\"%s\" gave %lld", rows[i].s, (long long)v);
	}
}

TEST(durations_have_go_units)
{
	static const struct {
		const char *s;
		int r;
		int64_t want;
	} rows[] = {
		{ "300ms", 0, 300000000 },
		{ "1.5h", 0, 5400000000000 },
		{ "2h45m", 0, 9900000000000 },
		{ "-1s", 0, -1000000000 },
		{ "0", 0, 0 },
		{ "10", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1d", -EINVAL, 0 },
		{ "h", -EINVAL, 0 },
		{ "1us", 0, 1000 },
		{ "9999999999h", -ERANGE, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = 0;
		if (duration_parse(rows[i].s, &v) != rows[i].r || v != rows[i].want)
			TEST_FAIL("\"%s\" gave %lld", rows[i].s, (long long)v);
	}
}

TEST(times_come_in_many_forms)
{
	static const struct {
		const char *s;
		int r;
		int64_t want;
	} rows[] = {
		{ "2020-01-02T03:04:05Z", 0, 1577934245000000000 },
		{ "2020-01-02T03:04:05.5Z", 0, 1577934245500000000 },
		{ "2020-01-02T03:04:05+01:00", 0, 1577930645000000000 },
		{ "1577934245", 0, 1577934245000000000 },
		{ "1577934245.25", 0, 1577934245250000000 },
		{ "10s", 0, 90000000000 },
		{ "2020-13-02", -EINVAL, 0 },
		{ "2020-01-02T", -EINVAL, 0 },
		{ "2020-01-02T03:04:05+1:00", -EINVAL, 0 },
		{ "yesterday", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t v = 0;
		int r = time_parse(rows[i].s, 100000000000, &v);
		if (r != rows[i].r || (r == 0 && v != rows[i].want))
			TEST_FAIL("\"%s\" gave %d, %lld", rows[i].s, r, (long long)v);
	}
}

TEST(sizes_are_shown_with_three_digits)
{
	char b[UNITS_MAX];
	CHECK_STR(size_human(0, " ", b), "0 B");
	CHECK_STR(size_human(999, " ", b), "999 B");
	CHECK_STR(size_human(1000, "", b), "1kB");
	CHECK_STR(size_human(1234567, " ", b), "1.23 MB");
	CHECK_STR(size_human(999600, " ", b), "1 MB");
	CHECK_STR(size_human(123456789012, " ", b), "123 GB");
}

TEST(ages_are_shown_in_words)
{
	char b[UNITS_MAX];
	CHECK_STR(duration_human(-5, b), "Less than a second");
	CHECK_STR(duration_human(1, b), "1 second");
	CHECK_STR(duration_human(59, b), "59 seconds");
	CHECK_STR(duration_human(60, b), "About a minute");
	CHECK_STR(duration_human(180, b), "3 minutes");
	CHECK_STR(duration_human(3600, b), "About an hour");
	CHECK_STR(duration_human(47LL * 3600, b), "47 hours");
	CHECK_STR(duration_human(10LL * 86400, b), "10 days");
	CHECK_STR(duration_human(20LL * 86400, b), "2 weeks");
	CHECK_STR(duration_human(100LL * 86400, b), "3 months");
	CHECK_STR(duration_human(1000LL * 86400, b), "2 years");
}

TEST(times_are_shown)
{
	char b[UNITS_MAX];
	CHECK_STR(time_rfc3339(1577934245500000000, b), "2020-01-02T03:04:05.5Z");
	CHECK_STR(time_rfc3339(0, b), "1970-01-01T00:00:00Z");
	CHECK_STR(time_rfc3339(-1, b), "1969-12-31T23:59:59.999999999Z");
	CHECK_STR(time_long(1577934245000000001, 0, b), "2020-01-02 03:04:05.000000001 +0000 UTC");
}
