/* SPDX-License-Identifier: Apache-2.0 */
/* Layers are encrypted while they are made: the role `compress` writes into the role `crypt`, so
 * that what is plain lies nowhere. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "src/image/layer_crypt.h"
#include "src/image/push.h"
#include "src/image/schema1.h"
#include "src/util/fd.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* "2", "-1": counted from the end. */
static int read_index(const char *text, size_t n, size_t *ret, struct err *e)
{
	int from_end = *text == '-';
	unsigned long long v = 0;

	if (str_to_u64(text + from_end, INT32_MAX, &v) < 0)
		return err_set(e, -EINVAL, "--encrypt-layer: '%s' is no number of a layer", text);
	if (from_end ? v > n : v >= n)
		return err_set(e, -EINVAL,
			       "when choosing layers to encrypt, layer index %s out of range (%zu "
			       "layers exist)",
			       text, n);
	*ret = from_end && v ? n - (size_t)v : (size_t)v;
	return 0;
}

static int choose(struct push *p, struct err *e)
{
	char *const *list = p->o->encrypt_layers;

	for (size_t i = 0; !list && i < p->n; i++)
		p->layers[i].encrypts = 1;
	for (; list && *list; list++) {
		size_t i = 0;

		if (read_index(*list, p->n, &i, e) < 0)
			return e->code;
		p->layers[i].encrypts = 1;
	}
	return 0;
}

int push_plan_encryption(struct push *p, struct err *e)
{
	const struct image_push_options *o = p->o;

	if (!o->encryption_keys)
		return o->encrypt_layers
			       ? err_set(e, -EINVAL,
					 "--encrypt-layer can only be used with --encryption-key")
			       : 0;
	if (o->format && (p->is_docker || p->is_schema1))
		return err_set(
			e, -EINVAL,
			"encryption required together with format %s, which does not support "
			"encryption",
			p->is_schema1 ? MEDIA_SCHEMA1_SIGNED : MEDIA_DOCKER_MANIFEST);
	if (p->is_schema1)
		push_no_schema1(p);
	p->is_docker = 0;
	if (choose(p, e) < 0)
		return e->code;
	for (size_t i = 0; i < p->n; i++) {
		struct push_layer *l = &p->layers[i];

		if (l->encrypts)
			l->original = NULL;
		/* The same layer, and for the same eyes. */
		while (strcmp(p->stored[l->same].diff_id, p->stored[i].diff_id) != 0 ||
		       p->layers[l->same].encrypts != l->encrypts)
			l->same++;
	}
	return layer_crypt_recipients(o->encryption_keys, e);
}

int push_refuse_encryption(const struct push *p, struct err *e)
{
	return p->o->encryption_keys
		       ? err_set(e, -EINVAL,
				 "encryption required but the destination only supports MIME types "
				 "[" MEDIA_DOCKER_MANIFEST "], none of which support encryption")
		       : 0;
}

int push_encrypt(struct push *p, struct push_layer *l, struct err *e)
{
	scoped(fd) int r = -EBADF;
	scoped(fd) int w = -EBADF;

	if (fd_pipe(&r, &w, e) < 0)
		return e->code;
	/* Fewer switches between the two; 64 KiB work too. */
	(void)fcntl(w, F_SETPIPE_SZ, 1 << 20);
	if (layer_encrypt_start(&l->crypt, p->o->encryption_keys, r, l->fd, e) < 0)
		return e->code;
	return compress_start(&l->job, p->en, l->l, l->kind,
			      l->kind == COMPRESS_NONE ? -1 : p->o->level, w, e);
}

int push_encrypted(struct push_layer *l, struct compress_result *ret, struct err *e)
{
	struct layer_encrypted got;
	struct compress_result made = { 0 };
	struct err reading = { 0 };
	int read = layer_encrypt_finish(&l->crypt, &got, &reading);
	int wrote = compress_finish(&l->job, l->l, &made, e);

	if (read >= 0)
		l->annotations = got.annotations;
	if (err_of_pipe(wrote, read, &reading, e) < 0)
		return e->code;
	if (strcmp(got.plain, made.digest) != 0)
		return err_set(e, -EIO, "layer %s: other bytes were encrypted than were made",
			       l->l->diff_id);
	*ret = (struct compress_result){ .size = got.size };
	(void)stpcpy(ret->digest, got.digest); /* both have room for one digest */
	return 0;
}
