/* SPDX-License-Identifier: Apache-2.0 */
#include "src/runtime/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "src/runtime/hooks.h"
#include "src/runtime/runtime.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

int agent_connect(const char *path, struct err *e)
{
	scoped(fd) int file = open(path, O_PATH | O_CLOEXEC);
	scoped(fd) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (file < 0)
		return err_sys(e, "open socket %s", path);
	(void)fd_proc_path(file, a.sun_path);
	if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "connect to socket %s", path);
	return take_fd(&s);
}

/* containerProcessState of the spec. */
static char *process_state(const struct runtime_subject *s, pid_t pid, json_object *seccomp)
{
	static char *const names[] = { "seccompFd", NULL };
	scoped(json) json_object *o = json_object_new_object();
	const char *metadata = json_get_str(seccomp, "listenerMetadata");

	json_put_str(o, "ociVersion", RUNTIME_SPEC_VERSION);
	json_put_strv(o, "fds", names);
	json_put_int(o, "pid", pid);
	if (metadata)
		json_put_str(o, "metadata", metadata);
	json_put(o, "state", hooks_state(s, pid, "creating"));
	return json_text(o);
}

/* crun's ways of naming it come after the specification's. */
static const char *listener_path(const struct runtime_subject *s, json_object *seccomp)
{
	const char *path = json_get_str(seccomp, "listenerPath");

	if (!path && s)
		path = json_get_str(s->annotations, "run.oci.seccomp.receiver");
	return path ? path : getenv("RUN_OCI_SECCOMP_RECEIVER");
}

int agent_send_pidfd(json_object *config, int pidfd, struct err *e)
{
	const char *path = json_get_str(json_get(config, "annotations"), "run.oci.pidfd_receiver");
	scoped(fd) int sock = -EBADF;
	int r;

	if (!path)
		return 0;
	if (pidfd < 0)
		return err_set(e, -ENOTSUP, "run.oci.pidfd_receiver takes Linux 5.3");
	sock = agent_connect(path, e);
	if (sock < 0)
		return err_in(e, "run.oci.pidfd_receiver");
	r = fd_send(sock, "", 1, &pidfd, 1);
	return r < 0 ? err_errno(e, r, "send the pidfd to %s", path) : 0;
}

int agent_hand_over(const struct runtime_subject *s, pid_t pid, int listener, struct err *e)
{
	json_object *seccomp = s ? json_path(s->config, "linux", "seccomp", NULL) : NULL;
	const char *path = listener_path(s, seccomp);
	scoped(fd) int sock = -EBADF;
	scoped(mem) char *text = NULL;
	int r;

	if (!path)
		return err_set(e, -EINVAL,
			       "the seccomp profile notifies an agent, and linux.seccomp."
			       "listenerPath does not name one");
	text = process_state(s, pid, seccomp);
	if (!text)
		return err_errno(e, ENOMEM, "tell the seccomp agent");
	sock = agent_connect(path, e);
	if (sock < 0)
		return err_in(e, "seccomp agent");
	r = fd_send(sock, text, strlen(text), &listener, 1);
	return r < 0 ? err_errno(e, r, "tell the seccomp agent %s", path) : 0;
}
