/* SPDX-License-Identifier: Apache-2.0 */
/* A root file system's tar as an image of one layer. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "src/image/change.h"
#include "src/image/download.h"
#include "src/image/image.h"
#include "src/image/layer_stage.h"
#include "src/image/manifest.h"
#include "src/image/reference.h"
#include "src/store/events.h"
#include "src/util/json.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

/* ---- documents ------------------------------------------------------------------------------- */

static json_object *strings(const char *one)
{
	json_object *v = json_object_new_array();
	(void)json_object_array_add(v, json_object_new_string(one));
	return v;
}

static json_object *history(const char *created, const struct layer_result *layer,
			    const char *message)
{
	json_object *v = json_object_new_array(), *o = json_object_new_object();
	scoped(mem) char *by =
		str_printf("/bin/sh -c #(nop) ADD file:%s in /", digest_hex(layer->diff_id));

	json_put_str(o, "created", created);
	json_put_str(o, "created_by", by);
	json_put_str(o, "comment", message && *message ? message : "imported from tarball");
	(void)json_object_array_add(v, o);
	return v;
}

/* That of a file, so that it becomes the same image each time; else now. */
static int64_t time_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtim.tv_sec >= 0
		       ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec
		       : time_now_ns();
}

static char *config_text(json_object *take_config, const struct layer_result *layer,
			 const struct platform *p, const char *message, int64_t when)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *rootfs = json_object_new_object();
	char created[UNITS_MAX];

	(void)time_rfc3339(when, created);
	json_put_str(o, "created", created);
	json_put_str(o, "architecture", p->arch);
	if (*p->variant)
		json_put_str(o, "variant", p->variant);
	json_put_str(o, "os", p->os);
	json_put(o, "config", take_config);
	json_put_str(rootfs, "type", "layers");
	json_put(rootfs, "diff_ids", strings(layer->diff_id));
	json_put(o, "rootfs", rootfs);
	json_put(o, "history", history(created, layer, message));
	return json_text(o);
}

static json_object *descriptor_json(const char *type, const char *digest, int64_t size)
{
	json_object *o = json_object_new_object();
	json_put_str(o, "mediaType", type);
	json_put_str(o, "digest", digest);
	json_put_int(o, "size", size);
	return o;
}

static char *manifest_text(const char *config, const struct layer_result *layer)
{
	scoped(json) json_object *o = json_object_new_object();
	json_object *layers = json_object_new_array();
	char digest[SHA256_TEXT_LEN];

	sha256_text(config, strlen(config), digest);
	json_put_int(o, "schemaVersion", 2);
	json_put_str(o, "mediaType", MEDIA_OCI_MANIFEST);
	json_put(o, "config", descriptor_json(MEDIA_OCI_CONFIG, digest, (int64_t)strlen(config)));
	(void)json_object_array_add(layers,
				    descriptor_json("application/vnd.oci.image.layer.v1.tar",
						    layer->diff_id, layer->diff_size));
	json_put(o, "layers", layers);
	return json_text(o);
}

/* ---- public ---------------------------------------------------------------------------------- */

static int import_name(const char *reference, char **ret, struct err *e)
{
	return reference && *reference ? reference_new_name(reference, ret, e) : 0;
}

static int publish(struct engine *en, const struct layer_stage *stage, const char *config,
		   const char *manifest, const char *name, char **ret_id, struct err *e)
{
	struct image_publish p = { .manifest = manifest,
				   .manifest_len = strlen(manifest),
				   .manifest_type = MEDIA_OCI_MANIFEST,
				   .config = config,
				   .config_len = strlen(config),
				   .layers = stage->layers,
				   .n_layers = stage->n,
				   .name = name };
	return image_publish(en, &p, ret_id, e);
}

static int open_source(struct engine *en, const char *path, struct err *e)
{
	int is_stdin = !path || strcmp(path, "-") == 0, fd;

	if (download_is_url(path))
		return download_open(en, path, e);
	fd = is_stdin ? fcntl(0, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	return fd < 0 ? err_sys(e, "open %s", is_stdin ? "standard input" : path) : fd;
}

int image_import(struct engine *en, const struct image_import_options *o, char **ret_id,
		 struct err *e)
{
	scoped(layer_stage) struct layer_stage stage = { .tmp_fd = -EBADF, .lease = -EBADF };
	scoped(json) json_object *changes = json_object_new_object();
	scoped(mem) char *name = NULL;
	scoped(mem) char *config = NULL;
	scoped(mem) char *manifest = NULL;
	int is_stdin = !o->path || strcmp(o->path, "-") == 0;
	scoped(fd) int fd = -EBADF;
	struct layer_result layer = { 0 };
	struct platform platform;
	int r;

	platform_host(&platform);
	r = o->platform ? platform_parse(o->platform, &platform, e) : 0;
	if (r == 0)
		r = import_name(o->reference, &name, e);
	for (char *const *c = o->changes; r == 0 && c && *c; c++)
		r = image_change(changes, *c, e);
	if (r < 0)
		return r;
	engine_collect(en);
	image_collect(en);
	fd = open_source(en, o->path, e);
	if (fd < 0)
		return fd;
	r = layer_stage_open(en, 1, &stage, e);
	if (r == 0)
		r = layer_stage_unpack(&stage, fd, &layer, e);
	if (r < 0)
		return err_in(e, "import %s", is_stdin ? "standard input" : o->path);
	config = config_text(json_object_get(changes), &layer, &platform, o->message, time_of(fd));
	manifest = config ? manifest_text(config, &layer) : NULL;
	if (!manifest)
		return err_errno(e, ENOMEM, "import an image");
	r = publish(en, &stage, config, manifest, name, ret_id, e);
	if (r == 0)
		events_write(en, &(struct event){ .type = "image",
						  .status = "import",
						  .id = *ret_id,
						  .name = name });
	return r;
}
