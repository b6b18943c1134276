/* SPDX-License-Identifier: Apache-2.0 */
#include "userns/subid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/account.h"
#include "src/util/path.h"
#include "src/util/proc.h"
#include "src/util/strbuf.h"

#define SUBID_FILE_MAX (16U << 20)

/* Split LINE (n bytes) at colons into exactly three fields. */
static int fields3(const char *line, size_t n, char f[3][64])
{
	for (int i = 0; i < 3; i++) {
		const char *end = i < 2 ? memchr(line, ':', n) : line + n;
		size_t len;
		if (!end)
			return -EBADMSG;
		len = (size_t)(end - line);
		if (len == 0 || len >= 64)
			return -EBADMSG;
		memcpy(f[i], line, len);
		f[i][len] = '\0';
		n -= len;
		line = end;
		if (i < 2) {
			line++;
			n--;
		}
	}
	return 0;
}

size_t subid_parse(const char *text, const char *user, uid_t uid, struct subid_range *range,
		   size_t max)
{
	char number[16];
	size_t found = 0;

	(void)snprintf(number, sizeof(number), "%u", uid);
	while (*text && found < max) {
		size_t n = strcspn(text, "\n");
		unsigned long long first = 0, count = 0;
		char f[3][64];
		if (fields3(text, n, f) == 0 &&
		    ((user && strcmp(f[0], user) == 0) || strcmp(f[0], number) == 0) &&
		    str_to_u64(f[1], UINT32_MAX - 1, &first) == 0 &&
		    str_to_u64(f[2], UINT32_MAX - 1, &count) == 0 && count > 0 &&
		    first + count <= UINT32_MAX)
			range[found++] = (struct subid_range){ (uint32_t)first, (uint32_t)count };
		text += n + (text[n] == '\n');
	}
	return found;
}

int subid_nss_is_remote(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		scoped(mem) char *line = strndup(text, n);
		char *p = line ? line + strspn(line, " \t") : NULL;
		if (p && str_starts(p, "subid:")) {
			for (char *save = NULL, *w = strtok_r(p + 6, " \t", &save); w;
			     w = strtok_r(NULL, " \t", &save)) {
				if (*w == '#')
					break;
				if (strcmp(w, "files") != 0)
					return 1;
			}
			return 0;
		}
		text += n + (text[n] == '\n');
	}
	return 0;
}

/* What cove-subid said before, if nsswitch.conf has not changed since. */
static char *cached(int run_fd, const char *name)
{
	struct stat conf, st;
	struct err ignored;
	char *text = NULL;

	if (stat("/etc/nsswitch.conf", &conf) < 0 ||
	    fstatat(run_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_mtime < conf.st_mtime)
		return NULL;
	return path_read(run_fd, name, 65536, &text, NULL, &ignored) == 0 ? text : NULL;
}

/* Ask libsubid, in a program of its own: it drags in PAM, SELinux and audit (1.2 ms to load). */
static size_t ask_nss(int run_fd, uid_t uid, int groups, const char *user,
		      struct subid_range *range, size_t max)
{
	scoped(mem) char *program = proc_role_path("cove-subid");
	scoped(mem) char *text = cached(run_fd, groups ? "subgid.cache" : "subuid.cache");
	char *argv[] = { program, groups ? "gid" : "uid", (char *)user, NULL };
	struct err ignored;

	if (text)
		return subid_parse(text, user, uid, range, max);
	if (!program || !user || proc_capture(argv, 65536, &text, &ignored) < 0 || !text)
		return 0;
	(void)path_replace(run_fd, groups ? "subgid.cache" : "subuid.cache", text, strlen(text),
			   0600, 0, &ignored); /* next time it is asked again */
	return subid_parse(text, user, uid, range, max);
}

int subid_ranges(int run_fd, uid_t uid, int groups, struct subid_range **ret, size_t *ret_n,
		 struct err *e)
{
	const char *file = groups ? "/etc/subgid" : "/etc/subuid";
	scoped(account) struct account a = ACCOUNT_NONE;
	const char *user = account_find(uid, &a) ? a.name : NULL;
	scoped(mem) struct subid_range *range = calloc(SUBID_RANGES_MAX, sizeof(*range));
	scoped(mem) char *text = NULL;
	scoped(mem) char *nss = NULL;
	struct err ignored;
	size_t n = 0;

	if (!range)
		return err_errno(e, ENOMEM, "read %s", file);
	if (path_read(AT_FDCWD, "/etc/nsswitch.conf", 65536, &nss, NULL, &ignored) == 0 &&
	    subid_nss_is_remote(nss))
		n = ask_nss(run_fd, uid, groups, user, range, SUBID_RANGES_MAX);
	if (n == 0 && path_read(AT_FDCWD, file, SUBID_FILE_MAX, &text, NULL, &ignored) == 0)
		n = subid_parse(text, user, uid, range, SUBID_RANGES_MAX);
	if (n == 0) {
		(void)err_set(e, -ENOENT, "user %s has no subordinate %cid range in %s",
			      user ? user : "without a name", groups ? 'g' : 'u', file);
		return err_hint(
			e,
			"ask your administrator: usermod --add-subuids 100000-165535 --add-subgids "
			"100000-165535 %s (choose a range that nobody else has)",
			user ? user : "USER");
	}
	*ret = take_ptr(&range);
	*ret_n = n;
	return 0;
}
