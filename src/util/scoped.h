/* SPDX-License-Identifier: Apache-2.0 */
/* Resources that let go of themselves.
 *
 *	scoped(mem) char *path = NULL;
 *	scoped(fd) int fd = -EBADF;
 *
 * Every scoped variable is initialised where it is declared.  take_fd() and take_ptr() give the
 * resource away and leave the variable empty.  DEFINE_SCOPED(name, type, free_function) adds a
 *kind: the free function gets the value and must accept the empty one (NULL, or a negative fd). */
#ifndef COVE_UTIL_SCOPED_H
#define COVE_UTIL_SCOPED_H

#include <dirent.h>
#include <errno.h>
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define scoped(kind) __attribute__((cleanup(scoped_##kind)))

#define DEFINE_SCOPED(name, type, fn)                                     \
	static inline __attribute__((unused)) void scoped_##name(type *p) \
	{                                                                 \
		int scoped_errno = errno;                                 \
		fn(*p);                                                   \
		errno = scoped_errno;                                     \
	}                                                                 \
	struct scoped_##name##_defined

static inline void fd_close(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* Linux frees the descriptor whatever close() says (close(2)) */
}

static inline void file_close(FILE *f)
{
	if (f)
		(void)fclose(f);
}

static inline void dir_close(DIR *d)
{
	if (d)
		(void)closedir(d);
}

static inline void json_free(json_object *o)
{
	if (o)
		(void)json_object_put(o);
}

static inline __attribute__((unused)) void scoped_mem(void *p)
{
	free(*(void **)p);
}

static inline __attribute__((unused)) void scoped_strv(char ***p)
{
	if (*p)
		for (char **s = *p; *s; s++)
			free(*s);
	free(*p);
}

DEFINE_SCOPED(fd, int, fd_close);
DEFINE_SCOPED(file, FILE *, file_close);
DEFINE_SCOPED(dir, DIR *, dir_close);
DEFINE_SCOPED(json, json_object *, json_free);

static inline int take_fd(int *fd)
{
	int f = *fd;
	*fd = -EBADF;
	return f;
}

static inline void *take_ptr_(void *pp)
{
	void **v = pp, *p = *v;
	*v = NULL;
	return p;
}
#define take_ptr(pp) ((__typeof__(*(pp)))take_ptr_(pp))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
