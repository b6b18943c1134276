/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/user.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/util/fd.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Field K (from 0) of the line at LINE (n bytes, ':' between) into BUF.  0 when there is no such
 * field. */
static int field(const char *line, size_t n, int k, char *buf, size_t size)
{
	const char *end = line + n;
	for (; k > 0; k--) {
		line = memchr(line, ':', (size_t)(end - line));
		if (!line)
			return 0;
		line++;
	}
	n = (size_t)(end - line);
	const char *stop = memchr(line, ':', n);
	if (stop)
		n = (size_t)(stop - line);
	if (n >= size)
		return 0;
	memcpy(buf, line, n);
	buf[n] = '\0';
	return 1;
}

/* A decimal id; -EINVAL for a word, -ERANGE for a number that is no id. */
static int number(const char *s, uint32_t *ret)
{
	unsigned long long v = 0;
	int r = str_to_u64(s, UINT32_MAX - 1, &v);
	if (r == 0)
		*ret = (uint32_t)v;
	return r;
}

/* The line whose field K is WANT; NULL when none. */
static const char *find(const char *text, int k, const char *want, size_t *ret_n)
{
	char f[256];
	while (*text) {
		size_t n = strcspn(text, "\n");
		if (field(text, n, k, f, sizeof(f)) && strcmp(f, want) == 0) {
			*ret_n = n;
			return text;
		}
		text += n + (text[n] == '\n');
	}
	return NULL;
}

static int find_user(const char *passwd, const char *who, struct user *u, struct err *e)
{
	char key[16], f[32];
	size_t n = 0;
	const char *line;
	uint32_t id = 0;
	int r = number(who, &id);

	if (r == -ERANGE)
		return err_set(e, -EINVAL, "user id %s is out of range", who);
	if (r == 0) {
		(void)snprintf(key, sizeof(key), "%u", id);
		line = find(passwd, 2, key, &n);
		u->uid = id;
	} else {
		line = *who ? find(passwd, 0, who, &n) : NULL;
		if (!line)
			return err_set(e, -ENOENT,
				       "unable to find user %s: no matching entries in passwd file",
				       who);
		if (!field(line, n, 2, f, sizeof(f)) || number(f, &id) < 0)
			return err_set(e, -EINVAL, "the passwd entry of user %s has no valid id",
				       who);
		u->uid = id;
	}
	if (!line)
		return 0;
	(void)field(line, n, 0, u->name, sizeof(u->name));
	(void)field(line, n, 5, u->home, sizeof(u->home));
	if (field(line, n, 3, f, sizeof(f)) && number(f, &id) == 0)
		u->gid = id;
	return 0;
}

static int find_group(const char *group, const char *who, gid_t *ret, struct err *e)
{
	char f[32];
	size_t n = 0;
	const char *line;
	uint32_t id = 0;
	int r = number(who, &id);

	if (r == -ERANGE)
		return err_set(e, -EINVAL, "group id %s is out of range", who);
	if (r < 0) {
		line = *who ? find(group, 0, who, &n) : NULL;
		if (!line)
			return err_set(e, -ENOENT,
				       "unable to find group %s: no matching entries in group file",
				       who);
		if (!field(line, n, 2, f, sizeof(f)) || number(f, &id) < 0)
			return err_set(e, -EINVAL, "the group entry of %s has no valid id", who);
	}
	*ret = id;
	return 0;
}

static void add_group(struct user *u, gid_t g)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == g)
			return;
	if (u->n_groups < USER_GROUPS_MAX)
		u->groups[u->n_groups++] = g;
}

/* Every group whose member list names the user. */
static void add_memberships(struct user *u, const char *group)
{
	while (*group) {
		size_t n = strcspn(group, "\n");
		char id[32], members[4096];
		uint32_t g = 0;
		if (field(group, n, 2, id, sizeof(id)) && number(id, &g) == 0 &&
		    field(group, n, 3, members, sizeof(members)))
			for (char *save = NULL, *m = strtok_r(members, ",", &save); m;
			     m = strtok_r(NULL, ",", &save))
				if (strcmp(m, u->name) == 0)
					add_group(u, g);
		group += n + (group[n] == '\n');
	}
}

int user_resolve_text(const char *passwd, const char *group, const char *spec, char *const *extra,
		      struct user *ret, struct err *e)
{
	scoped(mem) char *who = strdup(*spec ? spec : "0");
	char *colon = who ? strchr(who, ':') : NULL;
	struct user u = { 0 };
	int r;

	if (!who)
		return err_errno(e, ENOMEM, "user %s", spec);
	if (colon)
		*colon++ = '\0';
	r = find_user(passwd, *who ? who : "0", &u, e);
	if (r < 0)
		return r;
	if (colon && *colon) {
		r = find_group(group, colon, &u.gid, e);
		if (r < 0)
			return r;
	} else if (u.name[0]) {
		add_memberships(&u, group);
	}
	for (size_t i = 0; extra && extra[i]; i++) {
		gid_t g = 0;
		r = find_group(group, extra[i], &g, e);
		if (r < 0)
			return r;
		add_group(&u, g);
	}
	*ret = u;
	return 0;
}

/* A missing file is an empty one; a link, FIFO or directory at its place is followed inside the
 * root or refused, and never waited for. */
static int read_file(int root_fd, const char *path, char **ret, struct err *e)
{
	scoped(fd) int fd = path_open_in(root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	struct stat st;
	int r = 0;

	strbuf_init(&b, USER_FILE_MAX);
	if (fd >= 0) {
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return err_set(e, -EINVAL, "%s of the container is no regular file", path);
		r = fd_read_all(fd, &b);
		if (r < 0)
			return err_errno(e, r, "read %s of the container", path);
	} else if (fd != -ENOENT && fd != -ENOTDIR) {
		return err_errno(e, fd, "open %s of the container", path);
	}
	*ret = strbuf_take(&b);
	return *ret ? 0 : err_errno(e, ENOMEM, "read %s of the container", path);
}

int user_resolve(int root_fd, const char *spec, char *const *extra, struct user *ret, struct err *e)
{
	scoped(mem) char *passwd = NULL;
	scoped(mem) char *group = NULL;
	int r = read_file(root_fd, "/etc/passwd", &passwd, e);

	if (r == 0)
		r = read_file(root_fd, "/etc/group", &group, e);
	return r < 0 ? r : user_resolve_text(passwd, group, spec, extra, ret, e);
}

const char *user_home(const struct user *u)
{
	const char *home = u->uid == 0 && !u->home[0] ? "/root" : u->home;

	return home[0] != '/' || strpbrk(home, "\n\r") ? "/" : home;
}
