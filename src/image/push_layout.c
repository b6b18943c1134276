/* SPDX-License-Identifier: Apache-2.0 */
/* An image goes to a directory (layout.h). */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/image/layout.h"
#include "src/image/push.h"
#include "src/image/push_source.h"
#include "src/image/schema1.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

/* Layer I into DIR, under the hex digits of its digest. */
static int write_layer(struct push *p, size_t i, int dir, struct err *e)
{
	struct push_layer *l = &p->layers[i];
	scoped(mem) char *tmp = str_printf(".%zu.%d.tmp", i, (int)getpid());
	int fd, rc;

	if (!tmp)
		return err_errno(e, ENOMEM, "push");
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create a layer");
	rc = push_make(p, i, fd, e);
	if (rc >= 0)
		rc = push_made(p, i, e);
	if (rc >= 0 && renameat(dir, tmp, dir, digest_hex(l->digest)) < 0)
		rc = err_sys(e, "write a layer");
	if (rc < 0)
		(void)unlinkat(dir, tmp, 0); /* the failure above is the story */
	return rc < 0 ? rc : 0;
}

/* The original of layer I from where the image was pulled: 1, 0 when it is not to be had. */
static int fetch_original(struct push *p, struct push_source *s, size_t i, int dir, struct err *e)
{
	scoped(mem) char *tmp = str_printf(".%zu.%d.tmp", i, (int)getpid());

	if (!push_source_has(s, i))
		return 0;
	if (!tmp)
		return err_errno(e, ENOMEM, "push");
	(void)unlinkat(dir, tmp, 0); /* of one of our number that was killed */
	if (push_source_ask(s, i, tmp) < 0 || !push_source_answer(s)) {
		(void)unlinkat(dir, tmp, 0); /* it may have been begun */
		return 0;
	}
	push_is_there(p, i);
	if (renameat(dir, tmp, dir, digest_hex(p->layers[i].digest)) < 0)
		return err_sys(e, "write a layer");
	return 1;
}

static int write_or_fetch(struct push *p, struct push_source *s, size_t i, const struct layout *to,
			  struct err *e)
{
	struct push_layer *l = &p->layers[i];
	int rc = fetch_original(p, s, i, to->blob_fd, e);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (!p->keeps_plain && layout_has(to, l->known.digest, l->known.size)) {
		push_is_known(p, i);
		return 0;
	}
	return write_layer(p, i, to->blob_fd, e);
}

static int write_layers(struct push *p, struct push_source *s, const struct layout *to,
			struct err *e)
{
	scoped(mem) char *wanted = malloc(p->n + 1);

	if (!wanted)
		return err_errno(e, ENOMEM, "push");
	memset(wanted, 1, p->n + 1);
	pull_progress_layers(&p->progress, &p->m, wanted);
	for (size_t i = 0; i < p->n; i++) {
		struct push_layer *l = &p->layers[i], *first = &p->layers[l->same];

		if (first != l) {
			(void)stpcpy(l->digest, first->digest); /* has room for one digest */
			l->size = first->size;
			l->kind = first->kind;
			l->frames = first->frames;
		} else if (l->original && layout_has(to, l->original->digest, l->original->size)) {
			push_is_there(p, i);
		} else if (write_or_fetch(p, s, i, to, e) < 0) {
			return e->code;
		}
		pull_progress_ready(&p->progress, i);
	}
	return 0;
}

static int write_blobs(struct push *p, const struct layout *to, struct err *e)
{
	struct push_source s = PUSH_SOURCE_NONE;
	int rc;

	s.p = p;
	s.dir_fd = to->blob_fd;
	rc = write_layers(p, &s, to, e);
	push_source_done(&s);
	if (rc < 0)
		return rc;
	if (!p->is_schema1)
		pull_progress_say(&p->progress, "Copying config sha256:%s", p->image->id);
	if (!p->is_schema1)
		return layout_put(to, p->image->id, p->config, p->config_len, e);
	return push_needs_empty(p) ? layout_put(to, digest_hex(SCHEMA1_EMPTY_DIGEST),
						schema1_empty_layer, SCHEMA1_EMPTY_SIZE, e)
				   : 0;
}

/* Signatures have names in a "dir:" only. */
static int write_signatures(struct push *p, const struct layout *to, const char *digest,
			    struct err *e)
{
	return to->is_oci ? push_signatures_to_dir(p, -EBADF, NULL, e)
			  : push_signatures_to_dir(p, to->dir_fd, digest, e);
}

static int push_to_layout(struct push *p, const char *prefix, const char *path, char **ret,
			  struct err *e)
{
	scoped(mem) char *where = str_printf("%s%s", prefix, path);
	scoped(layout) struct layout to = LAYOUT_NONE;
	scoped(push_manifest) struct push_manifest m = { 0 };
	ENGINE_USERS_UMASK(p->en);

	if (!where)
		return err_errno(e, ENOMEM, "push");
	if (layout_open(where, &to, e) < 0 || write_blobs(p, &to, e) < 0 ||
	    push_manifest(p, &m, e) < 0 || write_signatures(p, &to, m.digest, e) < 0)
		return e->code;
	if (p->o->pushed)
		push_say_what(&m, p->o->pushed);
	pull_progress_say(&p->progress, "Writing manifest to image destination");
	if (layout_put_manifest(&to, !p->o->by_digest, m.digest, m.media_type, m.bytes, m.len, e) <
	    0)
		return e->code;
	*ret = strdup(m.digest);
	return *ret ? 0 : err_errno(e, ENOMEM, "push");
}

int push_to_dir(struct push *p, const char *path, char **ret, struct err *e)
{
	p->keeps_plain = 1;
	return push_to_layout(p, "dir:", path, ret, e);
}

int push_to_oci(struct push *p, const char *path, char **ret, struct err *e)
{
	if (p->o->format && p->is_docker)
		return err_set(e, -EINVAL, "an OCI layout holds no images of the format v2s2");
	if (push_signatures_to_dir(p, -EBADF, NULL, e) < 0)
		return e->code;
	push_no_schema1(p);
	return push_to_layout(p, "oci:", path, ret, e);
}
