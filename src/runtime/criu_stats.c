/* SPDX-License-Identifier: Apache-2.0 */
/* criu's statistics: a file of two magic numbers, a length, and one message (criu's
 * images/stats.proto) with the member 1 for a dump and 2 for a restore. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include "src/runtime/criu.h"
#include "src/runtime/criu_rpc.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define STATS_MAX   4096
#define MAGIC_FIRST 0x55105940U
#define MAGIC_STATS 0x57093306U

static const char *const dump_names[] = { NULL,
					  "freezing_time",
					  "frozen_time",
					  "memdump_time",
					  "memwrite_time",
					  "pages_scanned",
					  "pages_skipped_parent",
					  "pages_written" };
static const char *const restore_names[] = { NULL,	     "pages_compared", "pages_skipped_cow",
					     "forking_time", "restore_time",   "pages_restored" };

static int take_varint(struct criu_bytes *b, uint64_t *ret)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64 && b->n; shift += 7) {
		unsigned char c = *b->p++;
		b->n--;
		v |= (uint64_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*ret = v;
			return 0;
		}
	}
	return -EBADMSG;
}

int criu_take_member(struct criu_bytes *b, struct criu_member *ret)
{
	uint64_t key, n = 0;
	int r = take_varint(b, &key);

	if (r < 0)
		return r;
	ret->number = key >> 3;
	ret->wire = (enum criu_wire)(key & 7);
	if (ret->wire == WIRE_VARINT)
		return take_varint(b, &ret->value);
	if (ret->wire == WIRE_BYTES)
		r = take_varint(b, &n);
	else if (ret->wire == WIRE_64 || ret->wire == WIRE_32)
		n = ret->wire == WIRE_64 ? 8 : 4;
	else
		return -EBADMSG;
	if (r < 0 || n > b->n)
		return -EBADMSG;
	ret->bytes = (struct criu_bytes){ b->p, (size_t)n };
	b->p += n;
	b->n -= (size_t)n;
	return 0;
}

static int put_numbers(struct criu_bytes b, const char *const *names, size_t n_names,
		       json_object *o)
{
	while (b.n) {
		struct criu_member m;
		int r = criu_take_member(&b, &m);
		if (r < 0)
			return r;
		if (m.wire == WIRE_VARINT && m.number < n_names && names[m.number] &&
		    m.value <= INT64_MAX)
			json_put_int(o, names[m.number], (int64_t)m.value);
	}
	return 0;
}

int criu_stats_parse(const char *bytes, size_t n, json_object *o)
{
	struct criu_bytes b;
	uint32_t head[3]; /* in the machine's order */
	int r = 0;

	if (n < sizeof(head))
		return -EBADMSG;
	memcpy(head, bytes, sizeof(head));
	if (head[0] != MAGIC_FIRST || head[1] != MAGIC_STATS || head[2] > n - sizeof(head))
		return -EBADMSG;
	b = (struct criu_bytes){ (const unsigned char *)bytes + sizeof(head), head[2] };
	while (b.n && r == 0) {
		struct criu_member m;
		r = criu_take_member(&b, &m);
		if (r == 0 && m.wire == WIRE_BYTES && m.number == 1)
			r = put_numbers(m.bytes, dump_names, ARRAY_LEN(dump_names), o);
		else if (r == 0 && m.wire == WIRE_BYTES && m.number == 2)
			r = put_numbers(m.bytes, restore_names, ARRAY_LEN(restore_names), o);
	}
	return r;
}

int criu_statistics(const char *dir, int restore, json_object **ret, struct err *e)
{
	scoped(mem) char *path = str_printf("%s/stats-%s", dir, restore ? "restore" : "dump");
	scoped(mem) char *text = NULL;
	scoped(json) json_object *o = json_object_new_object();
	size_t n = 0;
	int r = path && o ? path_read(AT_FDCWD, path, STATS_MAX, &text, &n, e)
			  : err_errno(e, ENOMEM, "criu's statistics");

	if (r < 0)
		return err_in(e, "criu's statistics");
	if (criu_stats_parse(text, n, o) < 0)
		return err_set(e, -EBADMSG, "criu's statistics in %s cannot be understood", path);
	*ret = take_ptr(&o);
	return 0;
}
