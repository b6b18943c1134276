/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/daemon.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/image/reference.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define SOCKET_PATH "/var/run/docker.sock"

static int put_place(json_object *m, struct err *e)
{
	const char *host = getenv("DOCKER_HOST");

	if (!host || !*host)
		host = "unix://" SOCKET_PATH;
	if (!str_starts(host, "unix://") && !str_starts(host, "tcp://"))
		return err_set(e, -ENOTSUP, "DOCKER_HOST %s: unix:// and tcp:// are known", host);
	json_put_str(m, "socket", *host == 'u' ? host + strlen("unix://") : "");
	json_put_str(m, "host", *host == 't' ? host + strlen("tcp://") : "");
	return 0;
}

static int talk(struct dir_call *c, const char *name, struct err *e)
{
	json_object *m = pull_message("daemon");

	if (!m)
		return err_errno(e, ENOMEM, "docker-daemon");
	json_put_str(m, "name", name);
	if (put_place(m, e) < 0) {
		json_free(m);
		return e->code;
	}
	return dir_call_run(c, m, e);
}

int daemon_name(const char *name, char **ret, struct err *e)
{
	scoped(reference) struct reference ref = { 0 };

	if (digest_is_valid(name)) {
		*ret = strdup(name);
		return *ret ? 0 : err_errno(e, ENOMEM, "docker-daemon");
	}
	if (reference_parse(name, &ref, e) < 0 ||
	    (!ref.registry && reference_qualify(&ref, REFERENCE_HUB, e) < 0))
		return err_in(e, "docker-daemon");
	if (!ref.tag && !ref.digest)
		return err_set(e, -EINVAL,
			       "docker-daemon: reference %s has neither a tag nor a digest", name);
	*ret = reference_format(&ref);
	return *ret ? 0 : err_errno(e, ENOMEM, "docker-daemon");
}

int daemon_get(struct engine *en, const char *name, struct image_archive **ret, struct err *e)
{
	scoped(dir_call) struct dir_call c = DIR_CALL_NONE;
	int fd;

	if (dir_call_open(&c, en, e) < 0 || talk(&c, name, e) < 0)
		return e->code;
	fd = openat(c.tmp_fd, PULL_ARCHIVE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "open the archive");
	return image_archive_open_fd(en, fd, name, ret, e);
}

int push_to_daemon(struct push *p, const char *name, char **ret, struct err *e)
{
	scoped(dir_call) struct dir_call c = DIR_CALL_NONE;
	scoped(mem) char *full = NULL;
	scoped(mem) char *path = NULL;
	char *references[] = { p->image->id, NULL, NULL };
	struct image_save_options s = { .references = references, .format = "docker-archive" };

	if (dir_call_open(&c, p->en, e) < 0 || daemon_name(name, &full, e) < 0)
		return e->code;
	path = str_printf("%s/tmp/%s/%s", p->en->graphroot, c.tmp_name, PULL_ARCHIVE);
	if (!path)
		return err_errno(e, ENOMEM, "push");
	references[1] = full;
	s.output = path;
	*ret = NULL;
	return image_save(p->en, &s, e) < 0 || talk(&c, "", e) < 0 ? e->code : 0;
}
