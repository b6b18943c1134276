/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/container/ls_columns.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

void ls_put_size(const struct container *c, json_object *row, int json)
{
	char text[2][UNITS_MAX];

	if (json) {
		json_object *o = json_object_new_object();

		json_put_int(o, "rootFsSize", c->size.all);
		json_put_int(o, "rwSize", c->size.changed);
		json_put(row, "Size", o);
	} else {
		scoped(mem) char *size =
			str_printf("%s (virtual %s)", size_human(c->size.changed, "", text[0]),
				   size_human(c->size.all, "", text[1]));

		json_put_str(row, "Size", size ? size : "");
	}
}

json_object *ls_namespaces(json_object *row)
{
	static const char *const names[][2] = {
		{ "cgroup", "Cgroup" }, { "ipc", "IPC" },     { "mnt", "MNT" }, { "net", "NET" },
		{ "pid", "PIDNS" },	{ "user", "USERNS" }, { "uts", "UTS" },
	};
	json_object *all = json_object_new_object();
	int pid = (int)json_get_int(row, "Pid", 0);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char path[64], link[64] = "";
		const char *number = "";
		ssize_t n = -1;

		(void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, names[i][0]);
		if (pid > 0)
			n = readlink(path, link, sizeof(link) - 1);
		if (n > 0 && strchr(link, '[')) {
			number = strchr(link, '[') + 1;
			link[strcspn(link, "]")] = '\0';
		}
		json_put_str(all, names[i][1], number);
	}
	return all;
}
