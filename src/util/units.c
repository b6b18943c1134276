/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/units.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "src/util/scoped.h"

#define NS_PER_S    1000000000LL
#define WEEK_HOURS  (24LL * 7)
#define MONTH_HOURS (24LL * 30)
#define YEAR_HOURS  (24LL * 365)

/* Digits with at most one point.  The length, 0 when there is no digit. */
static size_t number_span(const char *s)
{
	size_t digits = strspn(s, "0123456789"), more = 0;
	if (s[digits] == '.') {
		more = strspn(s + digits + 1, "0123456789");
		return digits + more == 0 ? 0 : digits + 1 + more;
	}
	return digits;
}

/* The number of N bytes at S, times UNIT, rounded down; integers are exact. */
static int scale(const char *s, size_t n, int64_t unit, int64_t *ret)
{
	int64_t whole = 0, part = 0;
	long double place = unit;
	size_t i = 0;

	for (; i < n && s[i] != '.'; i++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, s[i] - '0', &whole))
			return -ERANGE;
	if (__builtin_mul_overflow(whole, unit, &whole))
		return -ERANGE;
	/* Decimal places beyond the resolution of int64_t do not count. */
	while (++i < n) {
		place /= 10;
		part += (int64_t)((long double)(s[i] - '0') * place);
	}
	return __builtin_add_overflow(whole, part, ret) ? -ERANGE : 0;
}

static int size_parse_by(const char *s, int64_t step, int64_t *ret)
{
	static const char letters[] = "kmgtp";
	size_t n = number_span(s);
	const char *u = s + n, *at;
	int64_t unit = 1;

	if (n == 0)
		return -EINVAL;
	if (*u == ' ' && u[1])
		u++;
	at = *u ? strchr(letters, tolower((unsigned char)*u)) : NULL;
	if (at) {
		for (const char *l = letters; l <= at; l++)
			unit *= step;
		u++;
		if (step == 1024 && tolower((unsigned char)*u) == 'i')
			u++;
	}
	if (tolower((unsigned char)*u) == 'b')
		u++;
	return *u ? -EINVAL : scale(s, n, unit, ret);
}

int size_parse(const char *s, int64_t *ret)
{
	return size_parse_by(s, 1024, ret);
}

int size_parse_decimal(const char *s, int64_t *ret)
{
	return size_parse_by(s, 1000, ret);
}

int duration_parse(const char *s, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "\xc2\xb5s", 1000 },
		{ "ms", 1000000 },
		{ "s", NS_PER_S },
		{ "m", 60 * NS_PER_S },
		{ "h", 3600 * NS_PER_S },
	};
	int negative = *s == '-';
	int64_t sum = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		size_t n = number_span(s), u = strcspn(s + n, "0123456789."), i = 0;
		int64_t part;
		while (i < ARRAY_LEN(units) &&
		       (strlen(units[i].name) != u || strncmp(s + n, units[i].name, u) != 0))
			i++;
		if (n == 0 || i == ARRAY_LEN(units))
			return -EINVAL;
		if (scale(s, n, units[i].ns, &part) < 0 || __builtin_add_overflow(sum, part, &sum))
			return -ERANGE;
		s += n + u;
	}
	*ret_ns = negative ? -sum : sum;
	return 0;
}

/* Two digits up to MAX, or -1. */
static int two_digits(const char *s, int max)
{
	int v;
	if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
		return -1;
	v = (s[0] - '0') * 10 + (s[1] - '0');
	return v <= max ? v : -1;
}

/* The zone at the end of an RFC 3339 time: "Z" or "+hh:mm".  0 or -EINVAL. */
static int zone_parse(const char *s, int *ret_seconds)
{
	int h, m;

	if (strcmp(s, "Z") == 0 || strcmp(s, "z") == 0) {
		*ret_seconds = 0;
		return 0;
	}
	if ((*s != '+' && *s != '-') || strlen(s) != strlen("+hh:mm") || s[3] != ':')
		return -EINVAL;
	h = two_digits(s + 1, 23);
	m = two_digits(s + 4, 59);
	if (h < 0 || m < 0)
		return -EINVAL;
	*ret_seconds = (h * 3600 + m * 60) * (*s == '-' ? -1 : 1);
	return 0;
}

static int calendar_parse(const char *s, int64_t *ret_ns)
{
	struct tm tm = { .tm_isdst = -1 };
	const char *end = strptime(s, "%Y-%m-%d", &tm);
	int64_t fraction = 0, seconds;
	int zone = 0;

	if (!end || end - s != 10)
		return -EINVAL;
	if (*end) {
		s = end;
		end = *s == 'T' || *s == 't' || *s == ' ' ? strptime(s + 1, "%H:%M:%S", &tm) : NULL;
		if (!end)
			end = *s == 'T' ? strptime(s + 1, "%H:%M", &tm) : NULL;
		if (!end)
			return -EINVAL;
		if (*end == '.' || *end == ',') {
			size_t n = *end == ',' ? 1 + number_span(end + 1) : number_span(end);
			if (n < 2 || scale(end, n, NS_PER_S, &fraction) < 0)
				return -EINVAL;
			end += n;
		}
	}
	if (*end && zone_parse(end, &zone) < 0)
		return -EINVAL;
	seconds = *end ? timegm(&tm) - zone : mktime(&tm);
	return __builtin_mul_overflow(seconds, NS_PER_S, &seconds) ||
			       __builtin_add_overflow(seconds, fraction, ret_ns)
		       ? -EINVAL
		       : 0;
}

int time_parse(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	int64_t back;
	size_t n = number_span(s);

	if (n > 0 && !s[n])
		return scale(s, n, NS_PER_S, ret_ns) < 0 ? -EINVAL : 0;
	if (calendar_parse(s, ret_ns) == 0)
		return 0;
	if (duration_parse(s, &back) < 0 || __builtin_sub_overflow(now_ns, back, ret_ns))
		return -EINVAL;
	return 0;
}

const char *size_human_digits(int64_t bytes, int digits, const char *gap, char buf[UNITS_MAX])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
	double v = (double)bytes, limit = digits == 3 ? 999.5 : 999.95;
	size_t i = 0;

	/* What would be rounded up to a digit more is one of the next unit. */
	while (fabs(v) >= (i == 0 ? 1000 : limit) && i + 1 < ARRAY_LEN(units)) {
		v /= 1000;
		i++;
	}
	(void)snprintf(buf, UNITS_MAX, "%.*g%s%s", digits, v, gap, units[i]);
	return buf;
}

const char *size_human(int64_t bytes, const char *gap, char buf[UNITS_MAX])
{
	return size_human_digits(bytes, 3, gap, buf);
}

const char *duration_human(int64_t seconds, char buf[UNITS_MAX])
{
	int64_t hours = (seconds + 1800) / 3600;

	if (seconds < 1)
		(void)snprintf(buf, UNITS_MAX, "Less than a second");
	else if (seconds < 60)
		(void)snprintf(buf, UNITS_MAX, "%lld second%s", (long long)seconds,
			       seconds == 1 ? "" : "s");
	else if (seconds < 120)
		(void)snprintf(buf, UNITS_MAX, "About a minute");
	else if (seconds < 3600)
		(void)snprintf(buf, UNITS_MAX, "%lld minutes", (long long)seconds / 60);
	else if (hours == 1)
		(void)snprintf(buf, UNITS_MAX, "About an hour");
	else if (hours < 48)
		(void)snprintf(buf, UNITS_MAX, "%lld hours", (long long)hours);
	else if (hours < 2 * WEEK_HOURS)
		(void)snprintf(buf, UNITS_MAX, "%lld days", (long long)hours / 24);
	else if (hours < 2 * MONTH_HOURS)
		(void)snprintf(buf, UNITS_MAX, "%lld weeks", (long long)hours / WEEK_HOURS);
	else if (hours < 2 * YEAR_HOURS)
		(void)snprintf(buf, UNITS_MAX, "%lld months", (long long)hours / MONTH_HOURS);
	else
		(void)snprintf(buf, UNITS_MAX, "%lld years", (long long)hours / YEAR_HOURS);
	return buf;
}

static void split_ns(int64_t ns, time_t *s, long *rest)
{
	*s = (time_t)(ns / NS_PER_S);
	*rest = (long)(ns % NS_PER_S);
	if (*rest < 0) {
		*rest += NS_PER_S;
		*s -= 1;
	}
}

/* ".123", or nothing for 0. */
static void fraction_text(long ns, char buf[16])
{
	size_t n;
	buf[0] = '\0';
	if (ns == 0)
		return;
	n = (size_t)snprintf(buf, 16, ".%09ld", ns);
	while (buf[n - 1] == '0')
		buf[--n] = '\0';
}

const char *time_rfc3339(int64_t ns, char buf[UNITS_MAX])
{
	char fraction[16];
	struct tm tm;
	time_t s;
	long rest;
	size_t n;

	split_ns(ns, &s, &rest);
	fraction_text(rest, fraction);
	(void)gmtime_r(&s, &tm);
	n = strftime(buf, UNITS_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(buf + n, UNITS_MAX - n, "%sZ", fraction);
	return buf;
}

const char *time_long(int64_t ns, int local, char buf[UNITS_MAX])
{
	char fraction[16], zone[24];
	struct tm tm;
	time_t s;
	long rest;
	size_t n;

	split_ns(ns, &s, &rest);
	fraction_text(rest, fraction);
	if (local)
		(void)localtime_r(&s, &tm);
	else
		(void)gmtime_r(&s, &tm);
	n = strftime(buf, UNITS_MAX, "%Y-%m-%d %H:%M:%S", &tm);
	if (!local)
		(void)snprintf(zone, sizeof(zone), "+0000 UTC");
	else if (strftime(zone, sizeof(zone), "%z %Z", &tm) == 0)
		zone[0] = '\0';
	(void)snprintf(buf + n, UNITS_MAX - n, "%s %s", fraction, zone);
	return buf;
}

int64_t time_now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail for this clock */
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}
