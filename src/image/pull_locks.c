/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_locks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/lock.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define LOCK_DIR "blobs"

static void lock_name(const char *digest, char name[96])
{
	(void)snprintf(name, 96, LOCK_DIR "/%s", digest_hex(digest));
}

int pull_lock_try(struct engine *en, const char *hex)
{
	scoped(mem) char *name = str_printf(LOCK_DIR "/%s", hex);
	struct err ignored;

	if (!name || (mkdirat(en->run_fd, LOCK_DIR, 0700) < 0 && errno != EEXIST))
		return -EIO;
	return lock_file(en->run_fd, name, LOCK_EXCLUSIVE, 0, &ignored);
}

void pull_lock_end(struct engine *en, const char *hex, int fd)
{
	scoped(mem) char *name = str_printf(LOCK_DIR "/%s", hex);

	if (name)
		(void)unlinkat(en->run_fd, name, 0); /* as below */
	fd_close(fd);
}

static void let_go(const struct pull_locks *l, struct pull_lock *k)
{
	char name[96];

	lock_name(k->digest, name);
	(void)unlinkat(l->run_fd, name, 0); /* whoever waits for it looks again; it may be gone */
	fd_close(take_fd(&k->fd));
}

void pull_locks_release(struct pull_locks *l)
{
	for (size_t i = 0; i < l->n; i++)
		let_go(l, &l->locks[i]);
	free(l->locks);
	*l = (struct pull_locks){ 0 };
}

static int by_digest(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The distinct digests of M's layers, sorted: what they point to is M's. */
static const char **sorted_digests(const struct manifest *m, size_t *ret_n)
{
	const char **v = calloc(m->n_layers + 1, sizeof(*v));
	size_t n = 0;

	for (size_t i = 0; v && i < m->n_layers; i++)
		v[i] = m->layers[i].digest;
	if (!v)
		return NULL;
	qsort(v, m->n_layers, sizeof(*v), by_digest);
	for (size_t i = 0; i < m->n_layers; i++)
		if (!n || strcmp(v[n - 1], v[i]) != 0)
			v[n++] = v[i];
	*ret_n = n;
	return v;
}

int pull_locks_take(struct pull_locks *l, struct engine *en, const struct manifest *m,
		    pull_need *need, void *arg, struct err *e)
{
	size_t n = 0;
	scoped(mem) const char **digests = sorted_digests(m, &n);
	scoped(pull_locks) struct pull_locks mine = { .run_fd = en->run_fd };
	char name[96];

	mine.locks = calloc(n + 1, sizeof(*mine.locks));
	if (!digests || !mine.locks)
		return err_errno(e, ENOMEM, "lock layers");
	if (mkdirat(en->run_fd, LOCK_DIR, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory %s/%s", en->runroot, LOCK_DIR);
	for (size_t i = 0; i < n; i++) {
		struct pull_lock k = { .digest = digests[i], .fd = -EBADF };
		int rc = need(arg, k.digest, e);

		if (rc > 0) {
			lock_name(k.digest, name);
			k.fd = lock_file(en->run_fd, name, LOCK_EXCLUSIVE, 1, e);
			if (k.fd < 0)
				return e->code;
			rc = need(arg, k.digest, e); /* its fetcher may just have published it */
			if (rc <= 0)
				let_go(&mine, &k);
		}
		if (rc < 0)
			return rc;
		if (rc > 0)
			mine.locks[mine.n++] = k;
	}
	*l = mine;
	mine = (struct pull_locks){ 0 };
	return 0;
}
