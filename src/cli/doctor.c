/* SPDX-License-Identifier: Apache-2.0 */
/* cove doctor: looks at the host before anything fails. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/runtime/cgroup.h"
#include "src/store/engine.h"
#include "src/util/json.h"
#include "userns/probe.h"

struct doctor_options {
	const char *format;
};

#define AT(f) offsetof(struct doctor_options, f)
static const struct opt options[] = {
	STR(0, "format", "FORMAT", AT(format), "Print as JSON", .values = "json"),
	END,
};

static const char *const level_names[] = { "ok", "warning", "FAILURE" };

static int print_json(const struct probe_finding *list, size_t n)
{
	scoped(json) json_object *a = json_object_new_array();
	scoped(mem) char *text = NULL;

	for (size_t i = 0; i < n; i++) {
		json_object *o = json_object_new_object();
		json_put_str(o, "What", list[i].what);
		json_put_str(o, "Level",
			     list[i].level == PROBE_FAILURE ? "failure"
							    : level_names[list[i].level]);
		json_put_str(o, "Text", list[i].text);
		json_put_str(o, "Mend", list[i].mend);
		(void)json_object_array_add(a, o);
	}
	text = json_text_pretty(a);
	(void)fputs(text ? text : "", stdout);
	return 0;
}

static int doctor(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct doctor_options *o = opts;
	struct probe_finding list[PROBE_FINDINGS_MAX + 1];
	size_t n = probe_host(en->run_fd, en->graphroot, list);
	char cgroup[PATH_MAX];
	int failures = 0;

	(void)args;
	(void)e;
	if (n < PROBE_FINDINGS_MAX) {
		struct probe_finding *f = &list[n++];
		*f = (struct probe_finding){ .what = "cgroups" };
		if (*cgroup_controllers(cgroup, sizeof(cgroup))) {
			(void)snprintf(f->text, sizeof(f->text), "controllers for limits: %.200s",
				       cgroup);
		} else if (*cgroup_delegated(cgroup, sizeof(cgroup))) {
			(void)snprintf(f->text, sizeof(f->text),
				       "delegated without controllers at %.200s", cgroup);
		} else {
			f->level = PROBE_WARNING;
			(void)snprintf(f->text, sizeof(f->text),
				       "no cgroup is delegated to this session");
			(void)snprintf(f->mend, sizeof(f->mend),
				       "limits are kept by the monitor, rlimits and affinity; with "
				       "systemd: loginctl enable-linger, or systemd-run --user "
				       "--scope --property=Delegate=yes cove ...");
		}
	}
	if (o->format)
		(void)print_json(list, n);
	for (size_t i = 0; i < n; i++) {
		failures += list[i].level == PROBE_FAILURE;
		if (o->format)
			continue;
		(void)printf("%-8s %s: %s\n", level_names[list[i].level], list[i].what,
			     list[i].text);
		if (list[i].mend[0])
			(void)printf("         -> %s\n", list[i].mend);
	}
	return failures ? 1 : 0;
}

const struct cmd cmd_doctor = {
	.verb = "doctor",
	.help = "Check what this host allows, and tell what to change",
	.man = "One line for each thing that containers need; behind -> stands what mends it and "
	       "who can do that. The exit "
	       "status is 1 when something necessary is missing.",
	.examples = "cove doctor",
	.max_args = 0,
	.size = sizeof(struct doctor_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = doctor,
};
