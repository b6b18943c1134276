/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/download.h"

#include <fcntl.h>

#include "src/image/pull_call.h"
#include "src/image/pull_protocol.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

int download_is_url(const char *path)
{
	return path && (str_starts(path, "http://") || str_starts(path, "https://"));
}

int download_open(struct engine *en, const char *url, struct err *e)
{
	scoped(dir_call) struct dir_call c = DIR_CALL_NONE;
	json_object *m;
	int fd;

	if (dir_call_open(&c, en, e) < 0)
		return e->code;
	m = pull_message("download");
	json_put_str(m, "url", url);
	if (dir_call_run(&c, m, e) < 0)
		return err_in(e, "downloading %s", url);
	fd = openat(c.tmp_fd, PULL_ARCHIVE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open what came from %s", url) : fd;
}
