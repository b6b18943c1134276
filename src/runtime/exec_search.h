/* SPDX-License-Identifier: Apache-2.0 */
/* Finding a program as a shell does; without a C library, because cove-stage has none. */
#ifndef COVE_RUNTIME_EXEC_SEARCH_H
#define COVE_RUNTIME_EXEC_SEARCH_H

#include <errno.h>
#include <limits.h>

#define EXEC_SEARCH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Does ENTRY begin with NAME and '='?  The value, or NULL. */
static inline const char *exec_env_value(const char *entry, const char *name)
{
	while (*name && *entry == *name) {
		entry++;
		name++;
	}
	return !*name && *entry == '=' ? entry + 1 : 0;
}

/* DIR (n bytes, "" is the working directory) and NAME joined into BUF.  0 when that does not fit.
 */
static inline int exec_join(char *buf, const char *dir, unsigned long n, const char *name)
{
	unsigned long i, k = 0;
	if (n >= PATH_MAX)
		return 0;
	for (i = 0; i < n; i++)
		buf[k++] = dir[i];
	buf[k] = '.';
	k += n == 0;
	buf[k++] = '/';
	for (i = 0; name[i] && k < PATH_MAX - 1; i++)
		buf[k++] = name[i];
	buf[k] = '\0';
	return !name[i];
}

/* Try NAME in each directory of the PATH in ENV; TRY executes and returns only with a negative
 * errno.  Returns -ENOENT when it is nowhere, else the first failure of another kind. */
static inline long exec_search(char *const *argv, char *const *env,
			       long (*try)(const char *path, char *const *argv, char *const *env))
{
	const char *name = argv[0], *path = EXEC_SEARCH_DEFAULT, *p;
	char full[PATH_MAX];
	long worst = -ENOENT, r;

	for (p = name; *p; p++)
		if (*p == '/')
			return (r = try(name, argv, env)) == -ENOTDIR ? -ENOENT : r;
	for (char *const *v = env; v && *v; v++)
		if ((p = exec_env_value(*v, "PATH")))
			path = p;
	while (*name) {
		unsigned long n = 0;
		while (path[n] && path[n] != ':')
			n++;
		r = exec_join(full, path, n, name) ? try(full, argv, env) : -ENAMETOOLONG;
		if (r != -ENOENT && r != -ENOTDIR && worst == -ENOENT)
			worst = r;
		path += n;
		if (*path++ != ':')
			break;
	}
	return worst;
}

#endif
