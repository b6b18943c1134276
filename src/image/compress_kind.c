/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "src/image/compress.h"
#include "src/util/scoped.h"

static const struct {
	const char *word;
	int level_min, level_max;
} kinds[] = {
	[COMPRESS_NONE] = { "none", -1, -1 },
	[COMPRESS_GZIP] = { "gzip", 1, 9 },
	[COMPRESS_ZSTD] = { "zstd", 1, 20 },
	[COMPRESS_ZSTD_CHUNKED] = { "zstd:chunked", 1, 20 },
};

const char *compression_word(enum compression c)
{
	return kinds[c].word;
}

int compression_parse(const char *word, enum compression *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].word, word)) {
			*ret = (enum compression)i;
			return 0;
		}
	return -EINVAL;
}

int compression_is_zstd(enum compression c)
{
	return c == COMPRESS_ZSTD || c == COMPRESS_ZSTD_CHUNKED;
}

int compression_check_level(enum compression c, int level, struct err *e)
{
	if (level == -1 || (level >= kinds[c].level_min && level <= kinds[c].level_max))
		return 0;
	return err_set(e, -EINVAL, "compression level %d: %s has levels from %d to %d", level,
		       kinds[c].word, kinds[c].level_min, kinds[c].level_max);
}
