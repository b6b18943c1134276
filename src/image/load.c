/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the formats it is.  Where an archive is both, as Docker writes it since version 25, the
 * names in manifest.json are the better ones. */
#include "src/image/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/download.h"
#include "src/image/image.h"
#include "src/image/load_image.h"
#include "src/image/policy.h"
#include "src/store/events.h"
#include "src/util/strbuf.h"

const struct archive_item *load_need(const struct image_archive *a, const char *name, struct err *e)
{
	const struct archive_item *it = image_archive_find(a, name);

	if (!it)
		(void)err_set(e, -EBADMSG, "the archive has no file '%.200s'", name);
	return it;
}

static int load_as(struct engine *en, const struct image_archive *a, enum load_format format,
		   const struct load_source *s, struct load_result *ret, struct err *e)
{
	const struct archive_item *it =
		load_need(a, format == LOAD_OCI ? "index.json" : "manifest.json", e);

	if (!it)
		return e->code;
	switch (format) {
	case LOAD_OCI:
		return load_oci(en, a, it, s, ret, e);
	case LOAD_DIR:
		return load_dir(en, a, it, s, ret, e);
	case LOAD_DOCKER_ARCHIVE:
		break;
	}
	return load_docker(en, a, it, s, ret, e);
}

int load_format(struct engine *en, const struct image_archive *a, enum load_format format,
		const struct load_source *s, struct load_result *ret, struct err *e)
{
	struct load_source own = *s;
	scoped(mem) char *real = s->path ? realpath(s->path, NULL) : NULL;
	scoped(mem) char *shown = NULL;
	scoped(mem) char *place = NULL;
	scoped(strv) char **scopes = NULL;

	if (!s->subject.transport) {
		own.subject.transport = format == LOAD_DIR		? "dir"
					: format == LOAD_DOCKER_ARCHIVE ? "docker-archive"
					: a->dir			? "oci"
									: "oci-archive";
		shown = str_printf("%s:%s", own.subject.transport, s->path ? s->path : "-");
		/* docker-archive: has no scopes but "". */
		if (real && format != LOAD_DOCKER_ARCHIVE)
			scopes = policy_path_scopes(real, format == LOAD_DIR ? NULL
							  : s->reference     ? s->reference
									     : "");
		if (!shown || (real && format != LOAD_DOCKER_ARCHIVE && !scopes))
			return err_errno(e, ENOMEM, "load");
		if (real && format != LOAD_DOCKER_ARCHIVE)
			place = str_printf("%s:%s", own.subject.transport, real);
		own.place = place;
		own.subject.shown = shown;
		own.subject.scopes = scopes;
	}
	return load_as(en, a, format, &own, ret, e);
}

int load_archive(struct engine *en, const struct image_archive *a, const struct load_source *s,
		 struct load_result *ret, struct err *e)
{
	if (image_archive_find(a, "manifest.json"))
		return load_format(en, a, a->dir ? LOAD_DIR : LOAD_DOCKER_ARCHIVE, s, ret, e);
	if (image_archive_find(a, "index.json"))
		return load_format(en, a, LOAD_OCI, s, ret, e);
	return err_set(e, -EBADMSG,
		       "payload does not match any of the supported image formats: "
		       "there is no manifest.json and no index.json in it");
}

static int open_any(struct engine *en, const char *path, struct image_archive **ret, struct err *e)
{
	struct stat st;
	int fd;

	if (download_is_url(path)) {
		fd = download_open(en, path, e);
		return fd < 0 ? fd : image_archive_open_fd(en, fd, path, ret, e);
	}
	if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return image_archive_open_dir(path, ret, e);
	return image_archive_open(en, path, ret, e);
}

int image_load(struct engine *en, const struct image_load_options *o, char ***ret_names,
	       struct err *e)
{
	scoped(image_archive) struct image_archive *a = NULL;
	scoped(load_result) struct load_result got = { 0 };
	const struct load_source s = { .naming = LOAD_NAMES_ARCHIVE,
				       .path = o->path && strcmp(o->path, "-") != 0 ? o->path
										    : NULL,
				       .signature_policy = o->signature_policy };
	int r;

	engine_collect(en);
	image_collect(en);
	r = open_any(en, o->path, &a, e);
	if (r == -EBADMSG)
		return err_in(e, "payload does not match any of the supported image formats");
	if (r < 0)
		return r;
	r = load_archive(en, a, &s, &got, e);
	if (r < 0)
		return err_in(e, "load %s",
			      !o->path || strcmp(o->path, "-") == 0 ? "standard input" : o->path);
	for (size_t i = 0; got.ids && got.ids[i]; i++)
		events_write(en, &(struct event){ .type = "image",
						  .status = "loadfromarchive",
						  .id = got.ids[i],
						  .name = o->path });
	*ret_names = take_ptr(&got.names);
	return 0;
}
