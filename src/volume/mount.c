/* SPDX-License-Identifier: Apache-2.0 */
/* What the options of the local driver make of a volume.  Without privilege there are two kinds of
 * mounts: directories that the user can reach anyway, and memory. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/volume/volume.h"

void volume_mount_done(struct volume_mount *m)
{
	free(m->source);
	strv_free(m->options);
	*m = (struct volume_mount){ .kind = VOLUME_DATA };
}

static const char *option(const struct volume *v, const char *name)
{
	const char *s = json_get_str(v->options, name);

	return s ? s : "";
}

int volume_needs_mount(const struct volume *v)
{
	return *option(v, "type") || *option(v, "device");
}

/* Of o=, what mount(2) is to hear of a mount of KIND; the rest is the driver's own. */
static int keep_word(const char *word, enum volume_kind kind)
{
	size_t n = strcspn(word, "=");

	if (!n || str_in_words(word, n, "bind|rbind|copy|nocopy|noquota|timeout"))
		return 0;
	return kind == VOLUME_TMPFS || !str_in_words(word, n, "uid|gid|size|inodes");
}

static int take_words(const struct volume *v, struct volume_mount *m, struct err *e)
{
	scoped(strv) char **words = strv_split(option(v, "o"), ',');
	const char *nocopy = json_get_str(v->options, "nocopy");
	int r = words ? 0 : -ENOMEM;

	m->nocopy = nocopy && strcmp(nocopy, "false") != 0;
	for (char **w = words; w && *w && r == 0; w++) {
		m->nocopy |= strcmp(*w, "nocopy") == 0;
		if (!keep_word(*w, m->kind))
			continue;
		if (str_starts(*w, "inodes=")) {
			scoped(mem) char *renamed = str_printf("nr_inodes=%s", *w + 7);
			r = renamed ? strv_add(&m->options, renamed) : -ENOMEM;
		} else {
			r = strv_add(&m->options, *w);
		}
	}
	return r < 0 ? err_errno(e, ENOMEM, "volume %s", v->name) : 0;
}

static int is_bind(const struct volume *v)
{
	const char *type = option(v, "type");
	scoped(strv) char **words = strv_split(option(v, "o"), ',');

	if (strcmp(type, "bind") == 0)
		return 1;
	if (*type && strcmp(type, "none") != 0)
		return 0;
	for (char **w = words; w && *w; w++)
		if (strcmp(*w, "bind") == 0 || strcmp(*w, "rbind") == 0)
			return 1;
	return 0;
}

static int plan_bind(const struct volume *v, struct volume_mount *m, struct err *e)
{
	const char *device = option(v, "device");
	char real[PATH_MAX];

	if (device[0] != '/')
		return err_set(e, -EINVAL,
			       "volume %s: its device \"%s\" is no absolute path of a directory",
			       v->name, device);
	if (!realpath(device, real))
		return err_sys(e, "volume %s: its device %s", v->name, device);
	m->kind = VOLUME_BIND;
	m->source = strdup(real);
	return m->source ? 0 : err_errno(e, ENOMEM, "volume %s", v->name);
}

static int refuse(const struct volume *v, struct err *e)
{
	const char *type = option(v, "type");

	(void)err_set(e, -ENOTSUP, "volume %s cannot be mounted: %s %s needs root", v->name,
		      *type ? "type" : "device", *type ? type : option(v, "device"));
	return err_hint(e, "directories (type=bind, or type=none with o=bind) and type=tmpfs need "
			   "no privilege");
}

int volume_mount_plan(struct engine *en, const struct volume *v, struct volume_mount *ret,
		      struct err *e)
{
	scoped(volume_mount) struct volume_mount m = { .kind = VOLUME_DATA };
	int r = 0;

	if (strcmp(v->driver, "local") != 0)
		return err_set(e, -ENOTSUP,
			       "volume %s: no volume plugin with name %s available: required "
			       "plugin missing",
			       v->name, v->driver);
	if (!volume_needs_mount(v))
		m.source = str_printf("%s/volumes/%s/_data", en->graphroot, v->name);
	else if (is_bind(v))
		r = plan_bind(v, &m, e);
	else if (strcmp(option(v, "type"), "tmpfs") == 0) {
		m.kind = VOLUME_TMPFS;
		m.source = strdup("tmpfs");
	} else {
		r = refuse(v, e);
	}
	if (r == 0)
		r = m.source ? take_words(v, &m, e) : err_errno(e, ENOMEM, "volume %s", v->name);
	if (r < 0)
		return r;
	*ret = m;
	m = (struct volume_mount){ .kind = VOLUME_DATA };
	return 0;
}
