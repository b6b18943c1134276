/* SPDX-License-Identifier: Apache-2.0 */
/* What layers were compressed to, noted beside them: in graphroot/layers/NAME/blob.KIND[.LEVEL]
 *	DIGEST SIZE			of the blob, and of zstd:chunked for its two frames
 *	 DIGEST AT SIZE PLAIN		the table
 *	 DIGEST AT SIZE PLAIN		the tar-split */
#include <string.h>

#include "src/image/image_stores.h"
#include "src/image/push.h"
#include "src/util/path.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define NAME_ROOM     64
#define TEXT_MAX      1024
#define WORDS	      2
#define WORDS_CHUNKED 10

/* The directory of layer I, and the file in it; of our own layers only: in other stores nothing is
 * written, and what it says there is not ours to believe. */
static int open_known(const struct push *p, size_t i, enum compression kind, char name[NAME_ROOM],
		      struct err *e)
{
	const char *word = compression_word(kind);

	if (p->o->level < 0)
		(void)snprintf(name, NAME_ROOM, "blob.%s", word);
	else
		(void)snprintf(name, NAME_ROOM, "blob.%s.%d", word, p->o->level);
	if (image_layer_is_elsewhere(p->layers[i].l->name))
		return err_set(e, -EROFS, "layer %s is not ours", p->layers[i].l->diff_id);
	return image_layer_open(p->en, p->layers[i].l, e);
}

static int read_numbers(char *const *words, int64_t *const *to, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned long long v;

		if (str_to_u64(words[i], INT64_MAX, &v) < 0)
			return 0;
		*to[i] = (int64_t)v;
	}
	return 1;
}

/* DIGEST AT SIZE PLAIN */
static int read_frame(char *const *words, struct chunked_frame *f)
{
	int64_t *const numbers[] = { &f->at, &f->size, &f->plain_size };

	if (!digest_is_valid(words[0]))
		return 0;
	(void)stpcpy(f->digest, words[0]); /* valid, so it fits */
	return read_numbers(words + 1, numbers, ARRAY_LEN(numbers));
}

static int parse(char *const *words, struct compress_result *r)
{
	size_t n = strv_len(words);
	int64_t *const size[] = { &r->size };

	if ((n != WORDS && n != WORDS_CHUNKED) || !digest_is_valid(words[0]))
		return 0;
	(void)stpcpy(r->digest, words[0]); /* valid, so it fits */
	if (!read_numbers(words + 1, size, 1))
		return 0;
	return n == WORDS ||
	       (read_frame(words + 2, &r->frames.toc) && read_frame(words + 6, &r->frames.split));
}

void push_read_known(struct push *p, size_t i, enum compression kind)
{
	char name[NAME_ROOM];
	struct err ignored = { 0 };
	scoped(fd) int dir = open_known(p, i, kind, name, &ignored);
	struct compress_result r = { 0 };
	scoped(strv) char **words = NULL;
	scoped(mem) char *text = NULL;

	if (dir < 0 || path_read(dir, name, TEXT_MAX, &text, NULL, &ignored) < 0)
		return;
	words = strv_split(text, ' ');
	if (words && parse(words, &r))
		p->layers[i].known = r;
}

void push_write_known(struct push *p, size_t i, enum compression kind,
		      const struct compress_result *r)
{
	const struct chunked_frame *const frames[] = { &r->frames.toc, &r->frames.split };
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	char name[NAME_ROOM];
	struct err e = { 0 };
	scoped(fd) int dir = open_known(p, i, kind, name, &e);

	(void)strbuf_printf(&b, "%s %lld", r->digest, (long long)r->size);
	for (size_t k = 0; *r->frames.toc.digest && k < ARRAY_LEN(frames); k++)
		(void)strbuf_printf(&b, " %s %lld %lld %lld", frames[k]->digest,
				    (long long)frames[k]->at, (long long)frames[k]->size,
				    (long long)frames[k]->plain_size);
	if (dir < 0 || b.failed || path_replace(dir, name, b.s, b.len, 0600, 0, &e) < 0)
		dbg("push: %s", e.text); /* the next one compresses again */
}
