/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/content_type.h"

#include "src/util/scoped.h"
#include "src/util/testing.h"

static const struct {
	const char *bytes;
	size_t n;
	const char *type;
} rows[] = {
#define ROW(bytes, type)                       \
	{                                      \
		bytes, sizeof(bytes) - 1, type \
	}
	ROW("", "text/plain; charset=utf-8"),
	ROW("oh yeah\n", "text/plain; charset=utf-8"),
	ROW("{\"a\": 1}", "text/plain; charset=utf-8"),
	ROW("gr\xC3\xBC\xC3\x9F", "text/plain; charset=utf-8"),
	ROW("a\0b", "application/octet-stream"),
	ROW("\0\0\0\0", "application/octet-stream"),
	ROW(" \n<html>", "text/html; charset=utf-8"),
	ROW("<HTMLX", "text/plain; charset=utf-8"),
	ROW("<!-- ", "text/html; charset=utf-8"),
	ROW("\t<?xml version", "text/xml; charset=utf-8"),
	ROW("\xEF\xBB\xBFhi", "text/plain; charset=utf-8"),
	ROW("\xFF\xFEh", "text/plain; charset=utf-16le"),
	ROW("%PDF-1.7", "application/pdf"),
	ROW("\x1F\x8B\x08\0", "application/x-gzip"),
	ROW("\x1F\x8B", "application/octet-stream"),
	ROW("PK\3\4", "application/zip"),
	ROW("RIFF\0\0\0\0WEBPVP8", "image/webp"),
	ROW("RIFF\0\0\0\0WAVE", "audio/wave"),
	ROW("RIFF\0\0\0\0WAV", "application/octet-stream"),
	ROW("RIFF", "text/plain; charset=utf-8"),
	ROW("\0\0\0\x14"
	    "ftypmp42\0\0\0\0isom",
	    "video/mp4"),
	ROW("\0\0\0\x14"
	    "ftypisom\0\0\0\0mp41",
	    "video/mp4"),
	ROW("\0\0\0\x14"
	    "ftypisom\0\0\0\0isom",
	    "application/octet-stream"),
	ROW("\0\0\0\x14"
	    "ftypisom\0\0\0\0mp",
	    "application/octet-stream"),
	ROW("\xFF\xFF\xFF\xFC"
	    "ftypmp42\0\0\0\0",
	    "application/octet-stream"),
	ROW("\0\0\0\0"
	    "ftypmp42",
	    "application/octet-stream"),
	ROW("\0asm\1\0\0\0", "application/wasm"),
	ROW("GGUF\3\0\0\0", "application/octet-stream"),
#undef ROW
};

TEST(a_file_is_what_its_first_bytes_say)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_STR(content_type(rows[i].bytes, rows[i].n), rows[i].type);
}
