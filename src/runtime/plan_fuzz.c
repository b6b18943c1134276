/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what is accepted can be executed without looking at types or ranges again. */
#include <assert.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>

#include "src/runtime/plan.h"
#include "src/util/json.h"

/* Members that the child takes as they are. */
static void check(const struct plan *p)
{
	for (size_t i = 0; i < p->n_mounts; i++) {
		const struct plan_mount *m = &p->mount[i];
		assert(!(m->flags & m->clear) && !(m->rset & m->rclear));
		assert((m->uids.n == 0) == (m->gids.n == 0));
		assert(!m->idmap || (strcmp(m->fstype, "bind") == 0));
		assert(strcmp(m->fstype, "bind") != 0 || m->source || (m->flags & MS_REMOUNT));
	}
	for (size_t i = 0; i < p->n_devices; i++)
		assert(p->device[i].path[0] == '/' && p->device[i].path[1] &&
		       !(p->device[i].mode & ~07777U));
	for (size_t i = 0; i < p->n_sysctl; i++)
		assert(!strstr(p->sysctl[i].path, ".."));
	for (size_t i = 0; i < p->n_time_offsets; i++)
		assert(p->new_time && p->time_offset[i].nanosecs < 1000000000);
	for (size_t i = 0; i < p->n_rlimits; i++)
		for (size_t k = 0; k < i; k++)
			assert(p->rlimit[i].resource != p->rlimit[k].resource);
	assert(!p->filter == !p->n_filter && p->n_filter <= 4096);
	assert(!(p->clone_flags & CLONE_NEWUSER) || (p->uids.n && p->gids.n));
	assert(p->mount_context);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	scoped(json) json_object *o = NULL;
	scoped(plan) struct plan *p = NULL;
	scoped(plan) struct plan *q = NULL;
	struct err e;

	err_clear(&e);
	if (json_parse((const char *)bytes, n, &o, &e) < 0)
		return 0;
	if (plan_from_config(o, &p, &e) == 0) {
		check(p);
		assert(p->args && p->args[0] && p->cwd && p->cwd[0] == '/');
		for (size_t i = 0; i < p->n_mounts; i++)
			assert(p->mount[i].target[0] == '/' && p->mount[i].fstype);
		for (size_t i = 0; i < p->n_sysctl; i++)
			assert(p->sysctl[i].path && p->sysctl[i].value);
		assert(p->uid != (uid_t)-1 && p->gid != (gid_t)-1);
	} else {
		assert(e.code < 0 && e.text[0]);
	}
	(void)plan_from_process(o, &q, &e);
	return 0;
}
