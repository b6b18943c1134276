/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pull_parts.h"

#include "src/util/scoped.h"

int pull_parts_may(const struct descriptor *d, int layers_fd)
{
	return layers_fd >= 0 && *d->toc.digest && d->size > ASSEMBLE_SAVED;
}

int pull_parts_start(struct pull_parts *p, const struct descriptor *d, int layers_fd,
		     int *take_out_fd, struct err *e)
{
	scoped(fd) int out = take_fd(take_out_fd);
	const struct assemble_options o = { .kind = d->toc.is_stargz ? TOC_ESTARGZ
								     : TOC_ZSTD_CHUNKED,
					    .size = d->size,
					    .digest = d->toc.digest,
					    .place = d->toc.place,
					    .split = d->toc.split };

	*p = (struct pull_parts)PULL_PARTS_NONE;
	p->is_on = 1;
	return assembler_start(&p->role, &o, layers_fd, out, e);
}

int pull_parts_message(struct pull_parts *p, const struct descriptor *d, struct err *e)
{
	int rc = assembler_receive(&p->role, d->size, &p->asked, e);

	p->next = 0;
	if (rc < 0 || p->asked.n)
		return rc < 0 ? rc : 1;
	if (p->asked.e.code < 0) {
		*e = p->asked.e;
		return e->code;
	}
	return 0;
}

int pull_parts_next(struct pull_parts *p, struct fetch *f)
{
	if (p->next == p->asked.n)
		return 0;
	f->offset = p->asked.ranges[p->next].from;
	f->end = p->asked.ranges[p->next].to;
	f->failures = 0; /* the last one came */
	f->failed_at = f->offset;
	p->next++;
	return 1;
}

void pull_parts_end(struct pull_parts *p)
{
	assembler_end(&p->role);
	p->is_on = 0;
}
