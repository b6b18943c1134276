/* SPDX-License-Identifier: Apache-2.0 */
/* cove-stage FD PROGRAM [ARG...]: execute PROGRAM, looked for in PATH; say why not on socket FD.
 * See stage.h. */
#include <fcntl.h>

#include "src/runtime/exec_search.h"
#include "src/runtime/stage.h"
#include "userns/bare.h"

static long try(const char *path, char *const *argv, char *const *env)
{
	return call(SYS_execve, (long)path, (long)argv, (long)env, 0, 0);
}

static void stage(char **argv, char **env)
{
	struct stage_failure f;
	long fd = 0;

	for (const char *p = argv[1]; *p >= '0' && *p <= '9'; p++)
		fd = fd * 10 + (*p - '0');
	(void)call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC, 0,
		   0); /* its end of file tells that PROGRAM runs */
	f.type = 'p';
	f.code = (int)exec_search(argv + 2, env, try);
	(void)call(SYS_write, fd, (long)&f, sizeof(f), 0, 0);
	(void)call(SYS_exit_group, 127, 0, 0, 0, 0);
}

#ifdef BARE
void bare_main(long *stack) __attribute__((noreturn, used));
/* STACK: the argument count, the arguments, NULL, the environment (the processor's ABI supplement).
 */
void bare_main(long *stack)
{
	char **argv = (char **)(stack + 1);

	if (stack[0] >= 3)
		stage(argv, argv + stack[0] + 1);
	for (;;)
		(void)call(SYS_exit_group, 125, 0, 0, 0, 0);
}
BARE_START(bare_main);
#else
int main(int argc, char **argv, char **env)
{
	if (argc >= 3)
		stage(argv, env);
	return 125;
}
#endif
