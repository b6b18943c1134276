/* SPDX-License-Identifier: Apache-2.0 */
#include "netns/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"

int message_send(int sock, json_object *o, int fd, struct err *e)
{
	scoped(mem) char *text = json_text(o);
	int r = !text ? -ENOMEM
		: strlen(text) > MESSAGE_MAX
			? -EMSGSIZE
			: fd_send(sock, text, strlen(text), &fd, fd >= 0 ? 1 : 0);

	return r < 0 ? err_errno(e, r, "speak to the network's process") : 0;
}

int message_receive(int sock, json_object **ret, int *ret_fd, struct err *e)
{
	scoped(mem) char *text = malloc(MESSAGE_MAX);
	scoped(fd) int fd = -EBADF;
	size_t n_fds = 1;
	ssize_t n;
	int r;

	if (!text)
		return err_errno(e, ENOMEM, "hear from the network's process");
	n = fd_recv(sock, text, MESSAGE_MAX, &fd, &n_fds);
	if (!n_fds)
		fd = -EBADF;
	if (n <= 0)
		return n == 0 ? 0 : err_errno(e, (int)n, "hear from the network's process");
	r = json_parse(text, (size_t)n, ret, e);
	if (r < 0)
		return r;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 1;
}

int message_check(json_object *answer, struct err *e)
{
	const char *text = json_get_str(answer, "error"), *hint = json_get_str(answer, "hint");
	int64_t code = json_get_int(answer, "code", 0);

	if (code >= 0)
		return 0;
	(void)err_set(e, code < -4095 ? -EIO : (int)code, "%s", text ? text : "");
	return hint && *hint ? err_hint(e, "%s", hint) : e->code;
}

json_object *message_of_err(const struct err *e)
{
	json_object *o = json_object_new_object();

	if (o && e->code < 0) {
		json_put_int(o, "code", e->code);
		json_put_str(o, "error", e->text);
		json_put_str(o, "hint", e->hint);
	}
	return o;
}

int message_ask(int sock, json_object *question, int fd, json_object **ret, struct err *e)
{
	int r = message_send(sock, question, fd, e);

	if (r == 0)
		r = message_receive(sock, ret, NULL, e);
	if (r == 0)
		return err_set(e, -EPIPE, "the network's process has ended");
	return r < 0 ? r : message_check(*ret, e);
}
