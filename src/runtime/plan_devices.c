/* SPDX-License-Identifier: Apache-2.0 */
/* linux.devices of config.json (config-linux.md, "Devices"). */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

static const struct plan_member members[] = {
	{ "", "type", json_type_string },  { "", "path", json_type_string },
	{ "", "major", json_type_int },	   { "", "minor", json_type_int },
	{ "", "fileMode", json_type_int }, { "", "uid", json_type_int },
	{ "", "gid", json_type_int },	   { 0 },
};

static int read_device(json_object *o, struct plan_device *d, struct err *e)
{
	const char *path = json_get_str(o, "path"), *type = json_get_str(o, "type");
	int64_t major = json_get_int(o, "major", -1), minor = json_get_int(o, "minor", -1);
	int64_t mode = json_get_int(o, "fileMode", 0666), uid = json_get_int(o, "uid", 0),
		gid = json_get_int(o, "gid", 0);
	int r = plan_check(o, members, "a device", e);

	if (r < 0)
		return r;
	if (!path || path[0] != '/' || !path[1] || strlen(path) >= PATH_MAX)
		return err_set(e, -EINVAL, "config.json: device path '%s' is not absolute",
			       path ? path : "");
	if (!type || strlen(type) != 1 || !strchr("cubp", *type))
		return err_set(e, -EINVAL, "config.json: type '%s' of device %s is not known",
			       type ? type : "", path);
	d->type = *type == 'b' ? S_IFBLK : *type == 'p' ? S_IFIFO : S_IFCHR;
	if (d->type != S_IFIFO) {
		if (major < 0 || major > UINT32_MAX || minor < 0 || minor > UINT32_MAX)
			return err_set(e, -EINVAL,
				       "config.json: device %s has no major and minor number",
				       path);
		d->rdev = makedev((unsigned)major, (unsigned)minor);
	}
	/* Some callers give the type within the mode, as stat(2) does. */
	if (mode < 0 || mode > UINT32_MAX || uid < 0 || uid >= UINT32_MAX || gid < 0 ||
	    gid >= UINT32_MAX)
		return err_set(e, -EINVAL,
			       "config.json: fileMode, uid or gid of device %s is out of range",
			       path);
	d->mode = (mode_t)mode & 07777;
	d->uid = (uid_t)uid;
	d->gid = (gid_t)gid;
	return plan_copy(&d->path, path, e);
}

int plan_read_devices(struct plan *p, json_object *list, struct err *e)
{
	p->device = calloc(json_len(list) + 1, sizeof(*p->device));
	if (!p->device)
		return err_errno(e, ENOMEM, "config.json: devices");
	for (size_t i = 0; i < json_len(list); i++) {
		int r = read_device(json_object_array_get_idx(list, i), &p->device[i], e);
		if (r < 0)
			return r;
		p->n_devices++;
	}
	return 0;
}
