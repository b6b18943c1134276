/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/content_type.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "src/util/scoped.h"

#define TEXT "text/plain; charset=utf-8"

/* Markup may begin with white space, in small letters, too; a tag ends with a space or '>'. */
static const char *const html[] = {
	"<!DOCTYPE HTML", "<HTML", "<HEAD",  "<SCRIPT", "<IFRAME", "<H1",   "<DIV", "<FONT",
	"<TABLE",	  "<A",	   "<STYLE", "<TITLE",	"<B",	   "<BODY", "<BR",  "<P",
	"<!--",
};

/* Bytes at OFFSET; SECOND (or NULL) at offset 8 as well. */
static const struct signature {
	size_t offset;
	const char *bytes;
	size_t n;
	const char *second, *type;
} signatures[] = {
#define AT(offset, bytes, type)	  offset, bytes, sizeof(bytes) - 1, NULL, type
#define BOTH(bytes, second, type) 0, bytes, sizeof(bytes) - 1, second, type
	{ AT(0, "%PDF-", "application/pdf") },
	{ AT(0, "%!PS-Adobe-", "application/postscript") },
	{ AT(0, "\xFE\xFF", "text/plain; charset=utf-16be") },
	{ AT(0, "\xFF\xFE", "text/plain; charset=utf-16le") },
	{ AT(0, "\xEF\xBB\xBF", TEXT) },
	{ AT(0, "\0\0\1\0", "image/x-icon") },
	{ AT(0, "\0\0\2\0", "image/x-icon") },
	{ AT(0, "BM", "image/bmp") },
	{ AT(0, "GIF87a", "image/gif") },
	{ AT(0, "GIF89a", "image/gif") },
	{ BOTH("RIFF", "WEBPVP", "image/webp") },
	{ AT(0, "\x89PNG\r\n\x1A\n", "image/png") },
	{ AT(0, "\xFF\xD8\xFF", "image/jpeg") },
	{ BOTH("FORM", "AIFF", "audio/aiff") },
	{ AT(0, "ID3", "audio/mpeg") },
	{ AT(0, "OggS\0", "application/ogg") },
	{ AT(0, "MThd\0\0\0\6", "audio/midi") },
	{ BOTH("RIFF", "AVI ", "video/avi") },
	{ BOTH("RIFF", "WAVE", "audio/wave") },
	{ AT(0, "\x1A\x45\xDF\xA3", "video/webm") },
	{ AT(34, "LP", "application/vnd.ms-fontobject") },
	{ AT(0, "\0\1\0\0", "font/ttf") },
	{ AT(0, "OTTO", "font/otf") },
	{ AT(0, "ttcf", "font/collection") },
	{ AT(0, "wOFF", "font/woff") },
	{ AT(0, "wOF2", "font/woff2") },
	{ AT(0, "\x1F\x8B\x08", "application/x-gzip") },
	{ AT(0, "PK\3\4", "application/zip") },
	{ AT(0, "Rar!\x1A\7\0", "application/x-rar-compressed") },
	{ AT(0, "Rar!\x1A\7\1\0", "application/x-rar-compressed") },
	{ AT(0, "\0asm", "application/wasm") },
#undef AT
#undef BOTH
};

static int is_html(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(html); i++) {
		size_t len = strlen(html[i]);
		if (n > len && strncasecmp((const char *)s, html[i], len) == 0 &&
		    (s[len] == ' ' || s[len] == '>'))
			return 1;
	}
	return 0;
}

static int fits(const struct signature *sig, const unsigned char *s, size_t n)
{
	if (n < sig->offset + sig->n || memcmp(s + sig->offset, sig->bytes, sig->n) != 0)
		return 0;
	return !sig->second || (n >= 8 + strlen(sig->second) &&
				memcmp(s + 8, sig->second, strlen(sig->second)) == 0);
}

/* A box "ftyp" with a brand that begins with "mp4", the minor version at 12 left out. */
static int is_mp4(const unsigned char *s, size_t n)
{
	size_t box;

	if (n < 12 || memcmp(s + 4, "ftyp", 4) != 0)
		return 0;
	box = (size_t)s[0] << 24 | (size_t)s[1] << 16 | (size_t)s[2] << 8 | s[3];
	if (n < box || box % 4)
		return 0;
	for (size_t i = 8; i + 3 <= box; i += 4)
		if (i != 12 && memcmp(s + i, "mp4", 3) == 0)
			return 1;
	return 0;
}

static int is_text(const unsigned char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] <= 0x08 || s[i] == 0x0B || (s[i] >= 0x0E && s[i] <= 0x1A) ||
		    (s[i] >= 0x1C && s[i] <= 0x1F))
			return 0;
	return 1;
}

const char *content_type(const void *bytes, size_t n)
{
	const unsigned char *s = bytes;
	size_t space = 0;

	while (space < n && s[space] && strchr("\t\n\f\r ", s[space]))
		space++;
	if (is_html(s + space, n - space))
		return "text/html; charset=utf-8";
	if (n - space >= 5 && memcmp(s + space, "<?xml", 5) == 0)
		return "text/xml; charset=utf-8";
	for (size_t i = 0; i < ARRAY_LEN(signatures); i++)
		if (fits(&signatures[i], s, n))
			return signatures[i].type;
	if (is_mp4(s, n))
		return "video/mp4";
	return is_text(s + space, n - space) ? TEXT : "application/octet-stream";
}
