/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes, durations and times: as users type them, and as tables show them. */
#ifndef COVE_UTIL_UNITS_H
#define COVE_UTIL_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_MAX 64 /* room enough for what the formatters below write */

/* "512", "64m", "1.5g", "10 kb", "2GiB": bytes, binary multiples up to p.  0, -EINVAL or -ERANGE.
 */
int size_parse(const char *s, int64_t *ret);
/* The same with decimal multiples: k is 1000 (ki is not).  For sizes that docker takes so. */
int size_parse_decimal(const char *s, int64_t *ret);
/* "300ms", "1.5h", "2h45m", "-1s" (units ns us ms s m h): nanoseconds.  "0" is fine without a unit.
 * 0, -EINVAL or -ERANGE. */
int duration_parse(const char *s, int64_t *ret_ns);
/* A point in time: RFC 3339 with or without zone (local then) and fraction, "2006-01-02", Unix
 * seconds with or without fraction, or a duration that lies back from NOW_NS.  Nanoseconds since
 * the epoch in *RET. 0 or -EINVAL. */
int time_parse(const char *s, int64_t now_ns, int64_t *ret_ns);

/* Decimal multiples with three significant digits: "0B", "1.23MB", "999kB"; GAP goes in front of
 * the unit. */
const char *size_human(int64_t bytes, const char *gap, char buf[UNITS_MAX]);
/* The same with 3 or 4 digits. */
const char *size_human_digits(int64_t bytes, int digits, const char *gap, char buf[UNITS_MAX]);
/* "Less than a second", "5 seconds", "About an hour", "3 weeks", ...: the largest unit that fits.
 */
const char *duration_human(int64_t seconds, char buf[UNITS_MAX]);
/* "2006-01-02T15:04:05.123456789Z" in UTC, trailing zeros of the fraction left out. */
const char *time_rfc3339(int64_t ns, char buf[UNITS_MAX]);
/* "2006-01-02 15:04:05.123456789 +0000 UTC" (in UTC, or in the local zone when LOCAL). */
const char *time_long(int64_t ns, int local, char buf[UNITS_MAX]);
/* Nanoseconds since the epoch, now. */
int64_t time_now_ns(void);

#endif
