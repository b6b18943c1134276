/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a container: those in its cgroup, or where it has none those in its pid
 * namespace. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/runtime/oci.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define NS_NAME_MAX 64

static int pid_namespace(const char *pid, char buf[NS_NAME_MAX])
{
	char path[64];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/ns/pid", pid);
	n = readlink(path, buf, NS_NAME_MAX - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return 0;
}

static int add_pid(pid_t **list, size_t *n, pid_t pid)
{
	pid_t *more = realloc(*list, (*n + 1) * sizeof(**list));

	if (!more)
		return -ENOMEM;
	*list = more;
	more[(*n)++] = pid;
	return 0;
}

/* Namespaces below it, of processes that the container has put into others, are not looked at: they
 * end with their parent's. */
static int pids_of_namespace(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e)
{
	scoped(dir) DIR *d = opendir("/proc");
	scoped(mem) pid_t *list = NULL;
	size_t n = 0;
	char first[16], want[NS_NAME_MAX], own[NS_NAME_MAX], name[NS_NAME_MAX];

	(void)snprintf(first, sizeof(first), "%d", s->pid);
	if (!d || pid_namespace(first, want) < 0)
		return err_sys(e, "look for the processes of container %s", s->id);
	if (pid_namespace("self", own) == 0 && strcmp(own, want) == 0)
		return err_set(e, -ENOTSUP,
			       "container %s has neither a cgroup nor a pid namespace of its own",
			       s->id);
	for (struct dirent *de; (de = readdir(d));) {
		unsigned long long pid;
		if (str_to_u64(de->d_name, INT32_MAX, &pid) < 0 ||
		    pid_namespace(de->d_name, name) < 0 || strcmp(name, want) != 0)
			continue;
		if (add_pid(&list, &n, (pid_t)pid) < 0)
			return err_errno(e, ENOMEM, "container %s", s->id);
	}
	*ret = take_ptr(&list);
	*ret_n = n;
	return 0;
}

int oci_pids(const struct state *s, pid_t **ret, size_t *ret_n, struct err *e)
{
	if (s->cg.kind != CGROUP_KIND_NONE)
		return cgroup_pids(&s->cg, ret, ret_n, e);
	return pids_of_namespace(s, ret, ret_n, e);
}

int oci_signal_all(struct state *s, int sig, struct err *e)
{
	scoped(mem) pid_t *pids = NULL;
	size_t n = 0;
	int r;

	/* What the first process left behind may still be there without it. */
	if (s->cg.kind != CGROUP_KIND_NONE)
		return cgroup_signal_all(&s->cg, sig, e);
	r = pids_of_namespace(s, &pids, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			return err_sys(e, "send signal %d to process %d of container %s", sig,
				       (int)pids[i], s->id);
	return 0;
}
