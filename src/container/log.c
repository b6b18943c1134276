/* SPDX-License-Identifier: Apache-2.0 */
#include "src/container/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/strbuf.h"

struct log {
	int fd;
	int64_t size, size_max;
	int64_t zone_hour; /* when the time zone was last asked for: it may change */
	char zone[8];
	struct strbuf buf;
};

int log_open(const char *path, int64_t size_max, struct log **ret, struct err *e)
{
	scoped(log) struct log *l = calloc(1, sizeof(*l));
	struct stat st;

	if (!l)
		return err_errno(e, ENOMEM, "open log %s", path);
	l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (l->fd < 0 || fstat(l->fd, &st) < 0)
		return err_sys(e, "open log %s", path);
	l->size = st.st_size;
	l->size_max = size_max;
	l->zone_hour = -1;
	*ret = take_ptr(&l);
	return 0;
}

struct log *log_close(struct log *l)
{
	if (!l)
		return NULL;
	fd_close(l->fd);
	strbuf_done(&l->buf);
	free(l);
	return NULL;
}

/* RFC 3339 with nanoseconds and zone. */
static void stamp(struct log *l, char *out, size_t size)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)localtime_r(&now.tv_sec, &tm);
	(void)strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	if (now.tv_sec / 3600 != l->zone_hour) {
		l->zone_hour = now.tv_sec / 3600;
		(void)snprintf(l->zone, sizeof(l->zone), "%c%02ld:%02ld",
			       tm.tm_gmtoff < 0 ? '-' : '+', labs(tm.tm_gmtoff) / 3600 % 100,
			       labs(tm.tm_gmtoff) / 60 % 60);
	}
	(void)snprintf(out, size, "%s.%09ld%s", date, now.tv_nsec, l->zone);
}

void log_write(struct log *l, enum log_stream s, const char *bytes, size_t n)
{
	char when[64];

	if (!l || n == 0)
		return;
	stamp(l, when, sizeof(when));
	strbuf_reset(&l->buf);
	while (n) {
		const char *nl = memchr(bytes, '\n', n);
		size_t len = nl ? (size_t)(nl - bytes) : n;
		(void)strbuf_printf(&l->buf, "%s %s %c ", when,
				    s == LOG_STDOUT ? "stdout" : "stderr", nl ? 'F' : 'P');
		(void)strbuf_add(&l->buf, bytes, len);
		(void)strbuf_putc(&l->buf, '\n');
		bytes += len + (nl != NULL);
		n -= len + (nl != NULL);
	}
	if (l->buf.failed)
		return;
	if (l->size_max && l->size + (int64_t)l->buf.len > l->size_max && ftruncate(l->fd, 0) == 0)
		l->size = 0;
	if (fd_write_all(l->fd, l->buf.s, l->buf.len) == 0)
		l->size += (int64_t)l->buf.len;
}

static int two(const char *s)
{
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/* FORM with a digit for each 'd'. */
static int has_form(const char *s, const char *form)
{
	for (; *form; s++, form++)
		if (*form == 'd' ? *s < '0' || *s > '9' : *s != *form)
			return 0;
	return 1;
}

/* "2006-01-02T15:04:05.999999999+01:00" in N bytes. */
static int parse_stamp(const char *s, size_t n, int64_t *ret)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd";
	struct tm tm;
	int64_t nanos = 0, scale = 100000000, offset = 0;
	size_t i;

	if (n < sizeof(form) - 1 || !has_form(s, form))
		return -EBADMSG;
	i = sizeof(form) - 1;
	memset(&tm, 0, sizeof(tm));
	tm.tm_year = two(s) * 100 + two(s + 2) - 1900;
	tm.tm_mon = two(s + 5) - 1;
	tm.tm_mday = two(s + 8);
	tm.tm_hour = two(s + 11);
	tm.tm_min = two(s + 14);
	tm.tm_sec = two(s + 17);
	/* The years that nanoseconds since the epoch can say. */
	if (tm.tm_year < 0 || tm.tm_year > 360 || tm.tm_mon < 0 || tm.tm_mon > 11 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 ||
	    tm.tm_sec > 60)
		return -EBADMSG;
	if (i < n && s[i] == '.')
		for (i++; i < n && s[i] >= '0' && s[i] <= '9'; i++, scale /= 10)
			nanos += (s[i] - '0') * scale;
	if (i < n && (s[i] == '+' || s[i] == '-')) {
		if (n - i != 6 || !has_form(s + i + 1, "dd:dd"))
			return -EBADMSG;
		offset = ((int64_t)two(s + i + 1) * 60 + two(s + i + 4)) * 60 *
			 (s[i] == '-' ? -1 : 1);
	} else if (i + 1 != n || s[i] != 'Z') {
		return -EBADMSG;
	}
	*ret = ((int64_t)timegm(&tm) - offset) * 1000000000 + nanos;
	return 0;
}

int log_parse(const char *line, size_t n, struct log_line *ret)
{
	const char *end = line + n, *p = memchr(line, ' ', n);
	int64_t t = 0;

	if (!p || end - p < 10 || parse_stamp(line, (size_t)(p - line), &t) < 0)
		return -EBADMSG;
	if (strncmp(p, " stdout ", 8) != 0 && strncmp(p, " stderr ", 8) != 0)
		return -EBADMSG;
	if ((p[8] != 'F' && p[8] != 'P') || p[9] != ' ')
		return -EBADMSG;
	*ret = (struct log_line){ .time = t,
				  .stream = p[4] == 'o' ? LOG_STDOUT : LOG_STDERR,
				  .partial = p[8] == 'P',
				  .text = p + 10,
				  .n = (size_t)(end - (p + 10)),
				  .stamp = line,
				  .stamp_len = (size_t)(p - line) };
	return 0;
}
