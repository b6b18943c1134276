/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of config.json (config.md, "Linux mount options"; crun's manual for what it adds). */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>

#include "src/runtime/plan_parts.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "userns/mount.h"

#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10 */
#endif

static const struct plan_member mount_members[] = {
	{ "", "destination", json_type_string },
	{ "", "type", json_type_string },
	{ "", "source", json_type_string },
	{ "", "options", json_type_array },
	{ "", "uidMappings", json_type_array },
	{ "", "gidMappings", json_type_array },
	{ 0 },
};

enum {
	OPT_SET,
	OPT_CLEAR,
	OPT_PROPAGATION,
	OPT_BIND,
	OPT_RBIND,
	OPT_COPY_UP,
	OPT_FILL,
	OPT_IDMAP,
	OPT_SOURCE_NOFOLLOW,
	OPT_TARGET_NOFOLLOW,
	OPT_COPY_SYMLINK,
	OPT_IGNORE
};
struct mount_option {
	const char *name;
	int kind;
	unsigned long flag;
};
static const struct mount_option mount_options[] = {
	{ "ro", OPT_SET, MS_RDONLY },
	{ "rw", OPT_CLEAR, MS_RDONLY },
	{ "nosuid", OPT_SET, MS_NOSUID },
	{ "suid", OPT_CLEAR, MS_NOSUID },
	{ "nodev", OPT_SET, MS_NODEV },
	{ "dev", OPT_CLEAR, MS_NODEV },
	{ "noexec", OPT_SET, MS_NOEXEC },
	{ "exec", OPT_CLEAR, MS_NOEXEC },
	{ "noatime", OPT_SET, MS_NOATIME },
	{ "atime", OPT_CLEAR, MS_NOATIME },
	{ "nodiratime", OPT_SET, MS_NODIRATIME },
	{ "diratime", OPT_CLEAR, MS_NODIRATIME },
	{ "relatime", OPT_SET, MS_RELATIME },
	{ "norelatime", OPT_CLEAR, MS_RELATIME },
	{ "strictatime", OPT_SET, MS_STRICTATIME },
	{ "nostrictatime", OPT_CLEAR, MS_STRICTATIME },
	{ "nosymfollow", OPT_SET, MS_NOSYMFOLLOW },
	{ "symfollow", OPT_CLEAR, MS_NOSYMFOLLOW },
	{ "sync", OPT_SET, MS_SYNCHRONOUS },
	{ "async", OPT_CLEAR, MS_SYNCHRONOUS },
	{ "dirsync", OPT_SET, MS_DIRSYNC },
	{ "mand", OPT_SET, MS_MANDLOCK },
	{ "nomand", OPT_CLEAR, MS_MANDLOCK },
	{ "lazytime", OPT_SET, MS_LAZYTIME },
	{ "nolazytime", OPT_CLEAR, MS_LAZYTIME },
	{ "iversion", OPT_SET, MS_I_VERSION },
	{ "noiversion", OPT_CLEAR, MS_I_VERSION },
	{ "acl", OPT_SET, MS_POSIXACL },
	{ "noacl", OPT_CLEAR, MS_POSIXACL },
	{ "silent", OPT_SET, MS_SILENT },
	{ "loud", OPT_CLEAR, MS_SILENT },
	{ "remount", OPT_SET, MS_REMOUNT },
	{ "defaults", OPT_IGNORE, 0 },
	{ "bind", OPT_BIND, 0 },
	{ "rbind", OPT_RBIND, 0 },
	{ "private", OPT_PROPAGATION, MS_PRIVATE },
	{ "rprivate", OPT_PROPAGATION, MS_PRIVATE | MS_REC },
	{ "slave", OPT_PROPAGATION, MS_SLAVE },
	{ "rslave", OPT_PROPAGATION, MS_SLAVE | MS_REC },
	{ "shared", OPT_PROPAGATION, MS_SHARED },
	{ "rshared", OPT_PROPAGATION, MS_SHARED | MS_REC },
	{ "unbindable", OPT_PROPAGATION, MS_UNBINDABLE },
	{ "runbindable", OPT_PROPAGATION, MS_UNBINDABLE | MS_REC },
	{ "idmap", OPT_IDMAP, PLAN_IDMAP_TOP },
	{ "ridmap", OPT_IDMAP, PLAN_IDMAP_ALL },
	{ "tmpcopyup", OPT_COPY_UP, 0 },
	{ "notmpcopyup", OPT_IGNORE, 0 },
	{ "src-nofollow", OPT_SOURCE_NOFOLLOW, 0 },
	{ "dest-nofollow", OPT_TARGET_NOFOLLOW, 0 },
	{ "copy-symlink", OPT_COPY_SYMLINK, 0 },
	{ "cove.fill", OPT_FILL, 1 },
	{ "cove.fill.content", OPT_FILL, PLAN_FILL_CONTENT },
};

void plan_mount_done(struct plan_mount *m)
{
	free(m->source);
	free(m->target);
	free(m->fstype);
	free(m->data);
	idmap_done(&m->uids);
	idmap_done(&m->gids);
	memset(m, 0, sizeof(*m));
}

static const struct mount_option *find_option(const char *o)
{
	for (size_t i = 0; i < ARRAY_LEN(mount_options); i++)
		if (strcmp(o, mount_options[i].name) == 0)
			return &mount_options[i];
	return NULL;
}

static void apply_known(struct plan_mount *m, const struct mount_option *o)
{
	switch (o->kind) {
	case OPT_SET:
		m->flags |= o->flag;
		m->clear &= ~o->flag;
		break;
	case OPT_CLEAR:
		m->flags &= ~o->flag;
		m->clear |= o->flag;
		break;
	case OPT_PROPAGATION:
		m->propagation = o->flag;
		break;
	case OPT_RBIND:
		m->recursive = 1;
		m->flags |= MS_BIND;
		break;
	case OPT_BIND:
		m->flags |= MS_BIND;
		break;
	case OPT_COPY_UP:
		m->copy_up = 1;
		break;
	case OPT_FILL:
		m->fill = (int)o->flag;
		break;
	case OPT_IDMAP:
		m->idmap = (int)o->flag;
		break;
	case OPT_SOURCE_NOFOLLOW:
		m->source_nofollow = 1;
		break;
	case OPT_TARGET_NOFOLLOW:
		m->target_nofollow = 1;
		break;
	case OPT_COPY_SYMLINK:
		m->copy_symlink = m->source_nofollow = 1;
		break;
	default:
		break;
	}
}

const char *plan_mount_option(size_t i)
{
	return i < ARRAY_LEN(mount_options) ? mount_options[i].name : NULL;
}

static int recurses(const struct mount_option *o)
{
	return (o->kind == OPT_SET || o->kind == OPT_CLEAR) && (o->flag & MOUNT_ATTR_FLAGS);
}

int plan_mount_option_recurses(size_t i)
{
	return recurses(&mount_options[i]);
}

/* "rro", "rnosuid", ...: the attribute for every mount below, by mount_setattr(2). */
static int apply_recursive(struct plan_mount *m, const char *o)
{
	const struct mount_option *k = o[0] == 'r' ? find_option(o + 1) : NULL;

	if (!k || !recurses(k))
		return 0;
	if (k->kind == OPT_SET) {
		m->rset |= k->flag;
		m->rclear &= ~k->flag;
	} else {
		m->rset &= ~k->flag;
		m->rclear |= k->flag;
	}
	return 1;
}

/* One triplet of crun's "idmap=uids=0-1-10#10-11-10;gids=0-100-10". */
static int read_triplet(struct idmap *map, const char *text)
{
	scoped(strv) char **n = strv_split(text, '-');
	unsigned long long v[3];

	if (!n)
		return -ENOMEM;
	if (strv_len(n) != 3)
		return -EINVAL;
	for (size_t i = 0; i < 3; i++)
		if (str_to_u64(n[i], UINT32_MAX, &v[i]) < 0)
			return -EINVAL;
	return v[2] ? idmap_append(map, (uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2]) : -EINVAL;
}

static int read_inline_idmap(struct plan_mount *m, const char *text)
{
	scoped(strv) char **parts = strv_split(text, ';');

	for (size_t i = 0; parts && parts[i]; i++) {
		int is_uids = str_starts(parts[i], "uids=");
		scoped(strv) char **lines = NULL;
		if (!is_uids && !str_starts(parts[i], "gids="))
			return -EINVAL;
		lines = strv_split(parts[i] + 5, '#');
		for (size_t k = 0; lines && lines[k]; k++) {
			int r = read_triplet(is_uids ? &m->uids : &m->gids, lines[k]);
			if (r < 0)
				return r;
		}
		if (!lines)
			return -ENOMEM;
	}
	return parts ? 0 : -ENOMEM;
}

static int apply_option(struct plan_mount *m, const char *o, struct strbuf *data)
{
	const struct mount_option *k = find_option(o);

	if (k) {
		apply_known(m, k);
		return 0;
	}
	if (apply_recursive(m, o))
		return 0;
	if (str_starts(o, "idmap=") || str_starts(o, "ridmap=")) {
		m->idmap = o[0] == 'r' ? PLAN_IDMAP_ALL : PLAN_IDMAP_TOP;
		return read_inline_idmap(m, strchr(o, '=') + 1);
	}
	if (data->len)
		(void)strbuf_putc(data, ',');
	return strbuf_puts(data, o);
}

static int read_options(struct plan_mount *m, json_object *options, struct strbuf *data,
			struct err *e)
{
	for (size_t i = 0; i < json_len(options); i++) {
		const char *o = json_str_at(options, i);
		int r;
		if (!o)
			return err_set(e, -EINVAL,
				       "config.json: an option of mount %s is no string",
				       m->target);
		r = apply_option(m, o, data);
		if (r < 0)
			return err_errno(e, r, "config.json: option '%s' of mount %s", o,
					 m->target);
	}
	return 0;
}

/* A mount with mappings of its own is an idmapped one (config.md). */
static int read_mount_idmaps(struct plan_mount *m, json_object *o, struct err *e)
{
	int r = plan_read_idmap(&m->uids, json_get(o, "uidMappings"), "a mount's uidMappings", e);

	if (r == 0)
		r = plan_read_idmap(&m->gids, json_get(o, "gidMappings"), "a mount's gidMappings",
				    e);
	if (r < 0)
		return r;
	if ((m->uids.n == 0) != (m->gids.n == 0))
		return err_set(e, -EINVAL,
			       "config.json: mount %s has uidMappings or gidMappings, not both",
			       m->target);
	if (m->uids.n && !m->idmap)
		m->idmap = PLAN_IDMAP_TOP;
	if (m->idmap && strcmp(m->fstype, "bind") != 0)
		return err_set(e, -ENOTSUP, "config.json: mount %s: only a bind can be idmapped",
			       m->target);
	return 0;
}

static int read_mount(json_object *o, struct plan_mount *m, struct err *e)
{
	scoped(strbuf) struct strbuf data = STRBUF_INIT;
	const char *target = json_get_str(o, "destination"), *source = json_get_str(o, "source");
	const char *type = json_get_str(o, "type");
	int r;

	if (!target || target[0] == '\0' || strlen(target) >= PATH_MAX)
		return err_set(e, -EINVAL, "config.json: a mount has no destination");
	/* Relative destinations were allowed by the first versions: they are taken from "/". */
	m->target = target[0] == '/' ? strdup(target) : str_printf("/%s", target);
	if (!m->target)
		return err_errno(e, ENOMEM, "config.json: mount on %s", target);
	r = read_options(m, json_get(o, "options"), &data, e);
	if (r < 0)
		return r;
	if ((m->flags & MS_BIND) || (type && strcmp(type, "bind") == 0)) {
		type = "bind";
		if (!source && !(m->flags & MS_REMOUNT))
			return err_set(e, -EINVAL, "config.json: bind mount on %s has no source",
				       target);
	}
	if (!type && !(m->flags & MS_REMOUNT))
		return err_set(e, -EINVAL, "config.json: mount on %s has no type", target);
	r = plan_copy(&m->fstype, type ? type : "none", e);
	if (r == 0)
		r = plan_copy(&m->source, source, e);
	if (r == 0 && data.len) {
		m->data = strbuf_take(&data);
		if (!m->data)
			r = err_errno(e, ENOMEM, "config.json: mount on %s", target);
	}
	return r < 0 ? r : read_mount_idmaps(m, o, e);
}

int plan_parse_mount(json_object *m, struct plan_mount *ret, struct err *e)
{
	struct plan_mount out = { 0 };
	int r = plan_check(m, mount_members, "a mount", e);

	if (r == 0)
		r = read_mount(m, &out, e);
	if (r < 0)
		plan_mount_done(&out);
	else
		*ret = out;
	return r;
}

int plan_read_mounts(struct plan *p, json_object *config, struct err *e)
{
	json_object *mounts = json_get(config, "mounts");

	p->mount = calloc(json_len(mounts) + 1, sizeof(*p->mount));
	if (!p->mount)
		return err_errno(e, ENOMEM, "config.json: mounts");
	for (size_t i = 0; i < json_len(mounts); i++) {
		int r = plan_parse_mount(json_object_array_get_idx(mounts, i), &p->mount[i], e);
		if (r < 0)
			return r;
		p->n_mounts++;
	}
	return 0;
}
