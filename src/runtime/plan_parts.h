/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of reading config.json: each fills its members of a struct plan. */
#ifndef COVE_RUNTIME_PLAN_PARTS_H
#define COVE_RUNTIME_PLAN_PARTS_H

#include "src/runtime/plan.h"

/* A member that is read must have the type that is read: a list of masks that is no list would mask
 * nothing. */
struct plan_member {
	const char *object; /* "" for the object itself, else the member of it that has NAME */
	const char *name;
	enum json_type type;
};
/* -EINVAL with the member named.  WHERE is what the object is called. */
int plan_check(json_object *o, const struct plan_member *m, const char *where, struct err *e);
/* A copy of S (NULL stays NULL) into *DST. */
int plan_copy(char **dst, const char *s, struct err *e);
/* Lines of uidMappings or gidMappings (WHAT) appended to M. */
int plan_read_idmap(struct idmap *m, json_object *list, const char *what, struct err *e);
/* Remember something that could not be taken and is no failure. */
int plan_warn(struct plan *p, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

int plan_read_process(struct plan *p, json_object *o, struct err *e);	     /* plan_process.c */
int plan_read_schedule(struct plan *p, json_object *process, struct err *e); /* plan_schedule.c */
int plan_read_mounts(struct plan *p, json_object *config, struct err *e);    /* plan_mounts.c */
int plan_read_linux(struct plan *p, json_object *o, struct err *e);	     /* plan_linux.c */
int plan_read_devices(struct plan *p, json_object *list, struct err *e);     /* plan_devices.c */
/* run.oci.timens_offset: lines "monotonic SEC NSEC" as timens_offsets has them, in place of those
 * of linux.timeOffsets. */
int plan_read_time_annotation(struct plan *p, json_object *annotations, struct err *e);
int plan_read_seccomp(struct plan *p, json_object *o, json_object *annotations,
		      struct err *e); /* plan_seccomp.c */

#endif
