/* SPDX-License-Identifier: Apache-2.0 */
#include "overlay/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/util/testing.h"

/* Zero where all is as said, else the number of what is not. */
static int denied(void)
{
	static const long refused[] = { SYS_bpf,     SYS_perf_event_open, SYS_keyctl,
					SYS_add_key, SYS_reboot,	  SYS_kcmp };
	struct err e;

	if (sandbox_deny(&e) < 0)
		return 100;
	for (int i = 0; i < (int)(sizeof(refused) / sizeof(refused[0])); i++) {
		errno = 0;
		if (syscall(refused[i], -1L, -1L, -1L, -1L, -1L) >= 0 || errno != EPERM)
			return i + 1;
	}
	/* What a role needs to lock itself in is left to it, a set-uid program is not. */
	if (unshare(CLONE_FILES) < 0)
		return 101;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 102;
}

TEST(what_no_role_needs_is_denied)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(denied());
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}
