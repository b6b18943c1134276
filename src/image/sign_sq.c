/* SPDX-License-Identifier: Apache-2.0 */
/* sq(1) is asked for the version first: before 1.0 it has no key store, or other options. */
#include "src/image/sign_sq.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define NEEDS	       1 /* major version */
#define PASSPHRASE_MAX 4096
#define PASSPHRASE_FD  3
#define SAID_MAX       (64 << 10)

int sign_sq_version(const char *text)
{
	static const char name[] = "sq ";
	unsigned long n;
	char *end;

	if (!str_starts(text, name) || !isdigit((unsigned char)text[strlen(name)]))
		return -1;
	n = strtoul(text + strlen(name), &end, 10);
	return *end == '.' && n < 1000 ? (int)n : -1;
}

const char *sign_sq_reason(char *text)
{
	static const char cause[] = "because: ";
	const char *found = "";
	char *rest = text;

	/* The last cause, or else the first error. */
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
		line += strspn(line, " ");
		if (str_starts(line, cause))
			found = line + strlen(cause);
		else if (!*found && (str_starts(line, "Error: ") || str_starts(line, "error: ")))
			found = line + strlen("Error: ");
	}
	return found;
}

static int read_said(int fd, struct strbuf *b)
{
	strbuf_init(b, SAID_MAX);
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : fd_read_all(fd, b);
}

/* Exit status, or the error; *SAID gets what it said. */
static int run(char *const *argv, const struct proc_fd *fds, size_t n_fds, int said_fd,
	       struct strbuf *said, struct err *e)
{
	const struct proc_options spawn = {
		.path = "sq", .argv = argv, .fds = fds, .n_fds = n_fds, .die_with_us = 1
	};
	struct child c = CHILD_NONE;
	int rc = proc_spawn(&spawn, &c, e);

	if (rc < 0) {
		(void)err_in(e, "start sq");
		return err_hint(e, "install sq (Sequoia) 1.0 or newer: it makes the signatures of "
				   "--sign-by-sq-fingerprint");
	}
	rc = proc_wait(&c);
	(void)read_said(said_fd, said); /* of a failure, then without the reason */
	return rc < 0 ? err_errno(e, rc, "wait for sq") : rc;
}

static int is_fingerprint(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefABCDEF");

	return !s[n] && (n == 40 || n == 64);
}

int sign_sq_check(const char *fingerprint, struct err *e)
{
	static const char *const argv[] = { "sq", "version", NULL };
	scoped(fd) int said_fd = memfd_create("cove-sq", MFD_CLOEXEC);
	scoped(strbuf) struct strbuf said = STRBUF_INIT;
	const struct proc_fd fds[] = { { said_fd, 1 }, { said_fd, 2 } };
	int rc;

	if (!is_fingerprint(fingerprint))
		return err_set(e, -EINVAL, "'%.100s' is no fingerprint of a key", fingerprint);
	if (said_fd < 0)
		return err_sys(e, "run sq");
	rc = run((char *const *)argv, fds, ARRAY_LEN(fds), said_fd, &said, e);
	if (rc < 0)
		return rc;
	if (rc != 0 || sign_sq_version(said.s ? said.s : "") < NEEDS) {
		(void)err_set(e, -ENOENT, "this sq has no key store of the kind that is needed");
		return err_hint(e, "install sq (Sequoia) 1.0 or newer");
	}
	return 0;
}

/* The first line of PATH, which is what gpg takes of it, too; sq would take all of a file. */
static int open_passphrase(const char *path, struct err *e)
{
	scoped(fd) int fd = memfd_create("cove-sq", MFD_CLOEXEC);
	scoped(mem) char *text = NULL;
	size_t n = 0;
	int rc;

	if (fd < 0)
		return err_sys(e, "run sq");
	if (path_read(AT_FDCWD, path, PASSPHRASE_MAX, &text, &n, e) < 0)
		return err_in(e, "passphrase file %s", path);
	rc = fd_write_all(fd, text, strcspn(text, "\r\n"));
	explicit_bzero(text, n);
	return rc < 0 ? err_errno(e, rc, "run sq") : take_fd(&fd);
}

int sign_sq(const struct sign_options *o, int in, int out, struct err *e)
{
	const char *argv[16] = { "sq" };
	scoped(fd) int said_fd = memfd_create("cove-sq", MFD_CLOEXEC);
	scoped(fd) int passphrase = -EBADF;
	scoped(strbuf) struct strbuf said = STRBUF_INIT;
	size_t n = 1;
	int rc;

	if (said_fd < 0)
		return err_sys(e, "run sq");
	if (o->passphrase) {
		passphrase = open_passphrase(o->passphrase, e);
		if (passphrase < 0)
			return passphrase;
		argv[n++] = "--batch";
		argv[n++] = "--password-file";
		argv[n++] = "/proc/self/fd/3";
	}
	argv[n++] = "sign";
	argv[n++] = "--message";
	argv[n++] = "--binary";
	argv[n++] = "--signer";
	argv[n] = o->sq;
	const struct proc_fd fds[] = {
		{ in, 0 }, { out, 1 }, { said_fd, 2 }, { passphrase, PASSPHRASE_FD }
	};
	rc = run((char *const *)argv, fds, ARRAY_LEN(fds) - !o->passphrase, said_fd, &said, e);
	if (rc <= 0)
		return rc;
	(void)err_set(e, -EACCES, "sq could not sign with key %s: %s", o->sq,
		      said.s ? sign_sq_reason(said.s) : "");
	return o->passphrase ? e->code
			     : err_hint(e, "a key that is locked wants --sign-passphrase-file");
}
