/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pgp.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define LIST_MAX    (4 << 20)
#define MESSAGE_MAX (128 << 10)
#define PASSWORD_FD 3
#define PIPE_BYTES  (60 << 10) /* that any pipe takes */
#define HOME_ROOM   96
#define PLAIN_MAX   4096 /* fits into any pipe */

/* ---- keys ------------------------------------------------------------------------------------ */

/* Does "NAME (COMMENT) <ADDRESS>" mean WHO? */
static int means(const char *uid, const char *who)
{
	const char *open = strrchr(uid, '<'), *close = open ? strchr(open, '>') : NULL;
	size_t n = strlen(who), name = open ? (size_t)(open - uid) : strlen(uid);

	if (close && (size_t)(close - open - 1) == n && !strncmp(open + 1, who, n))
		return 1;
	while (name && uid[name - 1] == ' ')
		name--;
	return name == n && !strncmp(uid, who, n);
}

/* Field K (from 0) of a line's FIELDS, or "". */
static const char *field(char *const *fields, size_t k)
{
	return k < strv_len(fields) ? fields[k] : "";
}

/* The second field: may the key, or the user ID, be used? */
static int is_valid(char *const *fields)
{
	return !strpbrk(field(fields, 1), "reidn");
}

struct reading {
	const char *who;
	char **found, *fingerprint; /* of the key that the lines are about */
	int is_usable, was_added;
};

static int read_line(struct reading *r, const char *line)
{
	scoped(strv) char **fields = strv_split(line, ':');
	const char *type = fields ? field(fields, 0) : NULL;

	if (!type)
		return -ENOMEM;
	if (!strcmp(type, "pub")) {
		free(r->fingerprint);
		r->fingerprint = NULL;
		r->was_added = 0;
		/* Capabilities: E when some key of it encrypts, D when it is disabled. */
		r->is_usable = is_valid(fields) && strchr(field(fields, 11), 'E') &&
			       !strchr(field(fields, 11), 'D');
	} else if (!strcmp(type, "fpr") && !r->fingerprint) { /* the first is the key's own */
		r->fingerprint = strdup(field(fields, 9));
		return r->fingerprint ? 0 : -ENOMEM;
	} else if (!strcmp(type, "uid") && r->fingerprint && r->is_usable && !r->was_added &&
		   is_valid(fields) && means(field(fields, 9), r->who)) {
		r->was_added = 1;
		return strv_add(&r->found, r->fingerprint);
	}
	return 0;
}

int pgp_fingerprints(const char *text, const char *who, char ***ret)
{
	scoped(strv) char **lines = strv_split(text, '\n');
	struct reading r = { .who = who };
	int rc = lines ? 0 : -ENOMEM;

	for (char **l = lines; rc == 0 && *l; l++)
		rc = read_line(&r, *l);
	free(r.fingerprint);
	for (char **f = r.found; rc == 0 && f && *f; f++)
		rc = strv_add(ret, *f);
	if (rc == 0)
		rc = (int)strv_len(r.found);
	strv_free(r.found);
	return rc;
}

/* ---- gpg ------------------------------------------------------------------------------------- */

/* Run gpg with the N bytes of INPUT (not more than a pipe takes) and read what it writes.
 * PASSWORD_FD becomes its PASSWORD_FD, unless it is -EBADF. */
static int run(char *const *argv, const void *input, size_t n, int password_fd, struct strbuf *out,
	       struct err *e)
{
	scoped(child) struct child c = CHILD_NONE;
	scoped(fd) int in_r = -EBADF;
	scoped(fd) int in_w = -EBADF;
	scoped(fd) int out_r = -EBADF;
	scoped(fd) int out_w = -EBADF;
	struct proc_fd fds[] = { { -EBADF, 0 }, { -EBADF, 1 }, { password_fd, PASSWORD_FD } };
	const struct proc_options o = { .path = "gpg",
					.argv = argv,
					.fds = fds,
					.n_fds = password_fd < 0 ? 2 : 3,
					.null_stdio = 1,
					.die_with_us = 1 };
	int rc;

	if (fd_pipe(&in_r, &in_w, e) < 0 || fd_pipe(&out_r, &out_w, e) < 0)
		return e->code;
	rc = n ? fd_write_all(in_w, input, n) : 0;
	if (rc < 0)
		return err_errno(e, rc, "write to gpg");
	fd_close(take_fd(&in_w));
	fds[0].from = in_r;
	fds[1].from = out_w;
	if (proc_spawn(&o, &c, e) < 0) {
		(void)err_in(e, "start gpg");
		return err_hint(e, "install gpg: OpenPGP keys are used by it");
	}
	fd_close(take_fd(&out_w));
	rc = fd_read_all(out_r, out);
	if (rc < 0)
		return err_errno(e, rc, "read from gpg");
	rc = proc_wait(&c);
	return rc == 0 ? 0 : err_set(e, -EACCES, "gpg failed (status %d)", rc);
}

int pgp_find(const char *who, char ***ret, struct err *e)
{
	const char *argv[] = { "gpg",		"--batch",     "--quiet", "--no-auto-check-trustdb",
			       "--with-colons", "--list-keys", NULL };
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int rc;

	strbuf_init(&b, LIST_MAX);
	if (run((char *const *)argv, NULL, 0, -EBADF, &b, e) < 0)
		return e->code;
	rc = pgp_fingerprints(b.s ? b.s : "", who, ret);
	if (rc < 0)
		return err_errno(e, rc, "read gpg's list of keys");
	return rc ? 0
		  : err_set(e, -ENOENT, "PGP: No key found for the following recipients: %s", who);
}

/* What others read: no compression, no padding, AES-256, and nobody but the recipients. */
static int add_options(char ***argv, char *const *fingerprints)
{
	static const char *const options[] = {
		"gpg",
		"--batch",
		"--quiet",
		"--no-armor",
		"--trust-model",
		"always",
		"--no-encrypt-to",
		"--no-default-recipient",
		"--compress-algo",
		"none",
		"--cipher-algo",
		"AES256",
		"--output",
		"-",
		"--encrypt",
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(options); i++)
		rc = strv_add(argv, options[i]);
	for (; rc == 0 && *fingerprints; fingerprints++) {
		rc = strv_add(argv, "--recipient");
		if (rc == 0)
			rc = strv_add(argv, *fingerprints);
	}
	return rc;
}

int pgp_encrypt(char *const *fingerprints, const void *plain, size_t n, unsigned char **ret,
		size_t *ret_n, struct err *e)
{
	scoped(strv) char **argv = NULL;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	int rc = add_options(&argv, fingerprints);

	if (rc < 0)
		return err_errno(e, rc, "start gpg");
	if (n > PLAIN_MAX)
		return err_set(e, -E2BIG, "%zu bytes for gpg", n);
	strbuf_init(&b, MESSAGE_MAX);
	if (run(argv, plain, n, -EBADF, &b, e) < 0)
		return e->code;
	if (!b.len)
		return err_set(e, -EIO, "gpg wrote nothing");
	*ret = malloc(b.len);
	if (!*ret)
		return err_errno(e, ENOMEM, "encrypt a layer");
	memcpy(*ret, b.s, b.len);
	*ret_n = b.len;
	return 0;
}

/* ---- decryption ------------------------------------------------------------------------------ */

int pgp_is_secret_key(const void *bytes, size_t n)
{
	static const char armor[] = "-----BEGIN PGP PRIVATE KEY BLOCK-----";
	const unsigned char *p = bytes;

	if (n >= strlen(armor) && !memcmp(bytes, armor, strlen(armor)))
		return 1;
	/* A packet with tag 5, with an old or a new header (RFC 4880, section 4.2). */
	return n > 2 && ((p[0] & 0xfc) == 0x94 || p[0] == 0xc5);
}

/* A home directory for gpg: a short name, for there are sockets in it. */
static int make_home(char home[HOME_ROOM], struct err *e)
{
	const char *run_dir = getenv("XDG_RUNTIME_DIR");

	if (!run_dir || strlen(run_dir) > 60 || access(run_dir, W_OK) < 0)
		run_dir = "/tmp";
	(void)snprintf(home, HOME_ROOM, "%s/cove-gpg.XXXXXX", run_dir);
	return mkdtemp(home) ? 0 : err_sys(e, "make %s", home);
}

/* Its agent and all that it holds.  Failures leave an agent that ends when it misses its home. */
static void remove_home(const char *home)
{
	const char *const verbs[][3] = { { "--kill", "gpg-agent", NULL },
					 { "--remove-socketdir", NULL, NULL } };

	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		const char *argv[] = {
			"gpgconf", "--homedir", home, verbs[i][0], verbs[i][1], NULL
		};
		const struct proc_options o = { .path = "gpgconf",
						.argv = (char *const *)argv,
						.null_stdio = 1,
						.die_with_us = 1 };
		scoped(child) struct child c = CHILD_NONE;
		struct err ignored = { 0 };

		if (proc_spawn(&o, &c, &ignored) == 0)
			(void)proc_wait(&c);
	}
	(void)path_rmtree(AT_FDCWD, home);
}

/* PASSWORD on a pipe. */
static int password_pipe(const char *password, struct err *e)
{
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;
	int rc;

	if (strlen(password) > PLAIN_MAX)
		return err_set(e, -E2BIG, "a password of %zu bytes", strlen(password));
	if (fd_pipe(&r, &w, e) < 0)
		return e->code;
	rc = fd_write_all(w, password, strlen(password));
	return rc < 0 ? err_errno(e, rc, "write to gpg") : take_fd(&r);
}

static int decrypt_in(const char *home, const char *path, const char *password, const void *bytes,
		      size_t n, struct strbuf *out, struct err *e)
{
	const char *import[] = { "gpg",	     "--homedir", home, "--batch", "--quiet",
				 "--import", "--",	  path, NULL };
	const char *decrypt[] = { "gpg",
				  "--homedir",
				  home,
				  "--batch",
				  "--quiet",
				  "--pinentry-mode=loopback",
				  "--passphrase-fd",
				  "3",
				  "--output",
				  "-",
				  "--decrypt",
				  NULL };
	scoped(strbuf) struct strbuf said = STRBUF_INIT;
	scoped(fd) int word = password_pipe(password ? password : "", e);

	if (word < 0)
		return word;
	if (run((char *const *)import, NULL, 0, -EBADF, &said, e) < 0)
		return err_in(e, "%s", path);
	return run((char *const *)decrypt, bytes, n, word, out, e);
}

int pgp_decrypt(const char *path, const char *password, const void *bytes, size_t n,
		struct secret *ret, struct err *e)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char home[HOME_ROOM];
	int rc;

	if (n > PIPE_BYTES)
		return err_set(e, -EBADMSG, "PGP: a message of %zu bytes", n);
	if (make_home(home, e) < 0)
		return e->code;
	strbuf_init(&b, MESSAGE_MAX);
	rc = decrypt_in(home, path, password, bytes, n, &b, e);
	remove_home(home);
	if (rc < 0 || !b.len)
		return rc < 0 ? rc : err_set(e, -EACCES, "PGP: gpg gave nothing");
	*ret = (struct secret){ malloc(b.len + 1), b.len };
	if (ret->bytes)
		memcpy(ret->bytes, b.s, b.len + 1);
	explicit_bzero(b.s, b.len);
	return ret->bytes ? 0 : err_errno(e, ENOMEM, "decrypt a layer's key");
}
