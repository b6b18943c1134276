/* SPDX-License-Identifier: Apache-2.0 */
#define COVE_UTIL_ERR_C
#include "src/util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The log level is one of the two mutable objects that the tree allows (see .ci/check-globals). */
static int debug_on;

__attribute__((format(printf, 4, 0))) static void set_text(struct err *e, int code,
							   const char *cause, const char *fmt,
							   va_list ap)
{
	int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	e->code = code;
	e->hint[0] = '\0';
	if (cause && n >= 0 && (size_t)n < sizeof(e->text))
		(void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", cause);
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int saved = errno ? errno : EIO;
	va_list ap;
	va_start(ap, fmt);
	set_text(e, -saved, strerror(saved), fmt, ap);
	va_end(ap);
	return -saved;
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
	int code = errnum < 0 ? errnum : -errnum;
	va_list ap;
	if (!code)
		code = -EIO;
	va_start(ap, fmt);
	set_text(e, code, strerror(-code), fmt, ap);
	va_end(ap);
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	set_text(e, code, NULL, fmt, ap);
	va_end(ap);
	return code;
}

int err_in(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->text)];
	va_list ap;
	int n;

	memcpy(inner, e->text, sizeof(inner));
	va_start(ap, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(e->text)) {
		size_t left = sizeof(e->text) - (size_t)n;
		if (left > 2) {
			memcpy(e->text + n, ": ", 3);
			strncpy(e->text + n + 2, inner, left - 3);
			e->text[sizeof(e->text) - 1] = '\0';
		}
	}
	return e->code;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;
	if (e->hint[0])
		return e->code;
	va_start(ap, fmt);
	(void)vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code;
}

int err_of_pipe(int wrote, int read, const struct err *reading, struct err *e)
{
	if (read >= 0 || (wrote < 0 && wrote != -EPIPE))
		return wrote;
	*e = *reading;
	return read;
}

void err_clear(struct err *e)
{
	e->code = 0;
	e->text[0] = '\0';
	e->hint[0] = '\0';
}

int err_send(int fd, const struct err *e)
{
	ssize_t n;
	do
		n = write(fd, e, sizeof(*e));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(*e) ? 0 : -EIO;
}

int err_recv(int fd, struct err *e)
{
	size_t got = 0;
	char *p = (char *)e;

	while (got < sizeof(*e)) {
		ssize_t n = read(fd, p + got, sizeof(*e) - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the child's report");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	if (got == 0) {
		err_clear(e);
		return 0;
	}
	if (got < sizeof(*e))
		return err_set(e, -EPROTO, "the child's report was cut short");
	e->text[sizeof(e->text) - 1] = '\0';
	e->hint[sizeof(e->hint) - 1] = '\0';
	if (e->code >= 0)
		e->code = -EPROTO;
	return e->code;
}

void dbg_enable(int on)
{
	debug_on = on;
}

int dbg_enabled(void)
{
	return debug_on;
}

void dbg(const char *fmt, ...)
{
	char line[1024];
	struct timespec now;
	va_list ap;
	int n, head;

	if (!debug_on)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	head = snprintf(line, sizeof(line), "%lld.%06ld cove[%d]: ", (long long)now.tv_sec,
			now.tv_nsec / 1000, (int)getpid());
	va_start(ap, fmt);
	n = vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n += head;
	if ((size_t)n > sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	(void)!write(STDERR_FILENO, line, (size_t)n); /* a debug line nobody reads is no failure */
}
