/* SPDX-License-Identifier: Apache-2.0 */
/* config.json: what is accepted can be executed without looking at types or ranges again. */
#include <assert.h>
#include <stdint.h>

#include "src/runtime/plan.h"
#include "src/util/json.h"

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
