/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/account.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/proc.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define ANSWER_MAX 65536

static int search(FILE *f, uid_t uid, struct account *ret)
{
	const struct passwd *pw;

	while (f && (pw = fgetpwent(f))) {
		if (pw->pw_uid != uid)
			continue;
		ret->name = strdup(pw->pw_name);
		ret->home = strdup(pw->pw_dir);
		if (ret->name && ret->home)
			return 1;
		account_free(ret);
		return 0;
	}
	return 0;
}

int account_find(uid_t uid, struct account *ret)
{
	scoped(file) FILE *local = fopen("/etc/passwd", "re");
	scoped(file) FILE *answer = NULL;
	scoped(mem) char *number = NULL;
	scoped(mem) char *text = NULL;
	struct err ignored;

	if (search(local, uid, ret))
		return 1;
	number = str_printf("%u", uid);
	char *argv[] = { (char *)"/usr/bin/getent", (char *)"passwd", number, NULL };
	if (!number || proc_capture(argv, ANSWER_MAX, &text, &ignored) != 0 || !text || !*text)
		return 0;
	answer = fmemopen(text, strlen(text), "r");
	return search(answer, uid, ret);
}

void account_free(struct account *a)
{
	free(a->name);
	free(a->home);
	*a = (struct account)ACCOUNT_NONE;
}
