/* SPDX-License-Identifier: Apache-2.0 */
/* The program gpgv reads message and keys, both from memory, and knows no other keys: no agent, no
 * home directory. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/image/signature.h"
#include "src/image/trust_role.h"
#include "src/util/fd.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define STATUS_FD  3
#define KEYRING_FD 4
#define KEYRING	   "/proc/self/fd/4"
#define STATUS_MAX (64 << 10)

static int in_memory(const void *bytes, size_t n, struct err *e)
{
	scoped(fd) int fd = memfd_create("cove-trust", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(e, "memfd_create");
	rc = fd_write_all(fd, bytes, n);
	if (rc < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, rc < 0 ? rc : errno, "write to memory");
	return take_fd(&fd);
}

static int read_back(int fd, size_t limit, struct strbuf *b, struct err *e)
{
	int rc;

	strbuf_init(b, limit);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "read gpgv's answer");
	rc = fd_read_all(fd, b);
	return rc < 0 ? err_errno(e, rc, "read gpgv's answer") : 0;
}

/* Lines "[GNUPG:] WORD ...": one good signature and nothing that speaks against it. */
static int check_status(const char *text, struct err *e)
{
	static const char bad[] = "BADSIG|ERRSIG|EXPSIG|EXPKEYSIG|REVKEYSIG|NODATA|UNEXPECTED|"
				  "NO_PUBKEY|BADARMOR";
	int good = 0, valid = 0;

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		size_t n;

		line += *line == '\n';
		if (!str_starts(line, "[GNUPG:] "))
			continue;
		line += strlen("[GNUPG:] ");
		n = strcspn(line, " \n");
		if (str_in_words(line, n, bad))
			return err_set(e, -EACCES, "gpgv says %.*s", (int)strcspn(line, "\n"),
				       line);
		good += n == strlen("GOODSIG") && !strncmp(line, "GOODSIG", n);
		valid += n == strlen("VALIDSIG") && !strncmp(line, "VALIDSIG", n);
	}
	if (good != 1 || valid != 1)
		return err_set(e, -EACCES, "gpgv finds %d good signatures, not one", good);
	return 0;
}

static int run(int message, int keyring, int out, int status, struct err *e)
{
	char *argv[] = { (char *)"gpgv",	(char *)"--keyring", (char *)KEYRING,
			 (char *)"--status-fd", (char *)"3",	     (char *)"--output",
			 (char *)"-",		(char *)"-",	     NULL };
	char *env[] = { (char *)"PATH=/usr/local/bin:/usr/bin:/bin", (char *)"LC_ALL=C",
			(char *)"HOME=/nonexistent", NULL };
	const struct proc_fd fds[] = {
		{ message, 0 }, { out, 1 }, { status, STATUS_FD }, { keyring, KEYRING_FD }
	};
	const struct proc_options o = { .path = "gpgv",
					.argv = argv,
					.env = env,
					.fds = fds,
					.n_fds = ARRAY_LEN(fds),
					.null_stdio = 1,
					.die_with_us = 1 };
	struct child c = CHILD_NONE;
	int rc = proc_spawn(&o, &c, e);

	if (rc < 0) {
		(void)err_in(e, "start gpgv");
		return err_hint(e, "install gpgv: the policy wants signatures to be checked");
	}
	return proc_wait(&c);
}

int trust_gpgv(const char *bytes, size_t n, const unsigned char *keyring, size_t keyring_len,
	       char **ret, size_t *ret_len, struct err *e)
{
	scoped(fd) int message = in_memory(bytes, n, e);
	scoped(fd) int keys = message < 0 ? -EBADF : in_memory(keyring, keyring_len, e);
	scoped(fd) int out = keys < 0 ? -EBADF : in_memory("", 0, e);
	scoped(fd) int status = out < 0 ? -EBADF : in_memory("", 0, e);
	scoped(strbuf) struct strbuf said = STRBUF_INIT;
	scoped(strbuf) struct strbuf payload = STRBUF_INIT;
	int code = status < 0 ? e->code : run(message, keys, out, status, e);

	if (code < 0)
		return code;
	if (read_back(status, STATUS_MAX, &said, e) < 0 ||
	    read_back(out, SIGNATURE_MAX, &payload, e) < 0 ||
	    check_status(said.s ? said.s : "", e) < 0)
		return e->code;
	if (code != 0)
		return err_set(e, -EACCES, "gpgv ends with status %d", code);
	*ret_len = payload.len;
	*ret = strbuf_take(&payload);
	return *ret ? 0 : err_errno(e, ENOMEM, "read gpgv's answer");
}
