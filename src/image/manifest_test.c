/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/manifest.h"

#include <string.h>

#include "src/util/scoped.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define D      "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define D2     "sha256:1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CONFIG "\"config\":{\"mediaType\":\"" MEDIA_OCI_CONFIG "\",\"digest\":\"" D "\",\"size\":2}"
#define LAYER                                                                             \
	"{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" D2 \
	"\",\"size\":7}"
#define IMAGE "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "]}"
#define ENTRY(d, platform) \
	"{\"mediaType\":\"" MEDIA_OCI_MANIFEST "\",\"digest\":\"" d "\",\"size\":7" platform "}"
#define AMD64 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"amd64\"}"
#define ARM64 ",\"platform\":{\"os\":\"linux\",\"architecture\":\"arm64\",\"variant\":\"v8\"}"

static int parse(const char *text, const char *type, struct manifest *m, struct err *e)
{
	return manifest_parse(text, strlen(text), type, m, e);
}

TEST(manifest_of_an_image)
{
	scoped(manifest) struct manifest m = { 0 };
	struct err e = { 0 };

	CHECK_INT(parse(IMAGE, NULL, &m, &e), 0);
	CHECK_INT(m.kind, MANIFEST_IMAGE);
	CHECK_INT(m.n_layers, 1);
	CHECK_STR(m.layers[0].digest, D2);
	CHECK_INT(m.layers[0].size, 7);
	CHECK_STR(m.media_type, MEDIA_OCI_MANIFEST);
	manifest_done(&m);
	CHECK_INT(parse(IMAGE, MEDIA_DOCKER_MANIFEST, &m, &e), 0);
	CHECK_STR(m.media_type, MEDIA_DOCKER_MANIFEST);
}

TEST(manifest_index_choice)
{
	static const char text[] =
		"{\"schemaVersion\":2,\"manifests\":[" ENTRY(D, ARM64) "," ENTRY(D2, AMD64) "]}";
	scoped(manifest) struct manifest m = { 0 };
	struct platform p;
	struct err e = { 0 };

	CHECK_INT(parse(text, MEDIA_OCI_INDEX, &m, &e), 0);
	platform_from_machine("x86_64", &p);
	CHECK_STR(manifest_choose(&m, &p, &e)->digest, D2);
	platform_from_machine("aarch64", &p);
	CHECK_STR(manifest_choose(&m, &p, &e)->digest, D);
	platform_from_machine("s390x", &p);
	CHECK(manifest_choose(&m, &p, &e) == NULL);
	CHECK_INT(e.code, -ENOENT);
	CHECK_STR(e.hint, "the list has: linux/arm64/v8, linux/amd64");
}

TEST(manifest_refuses)
{
	static const struct {
		const char *text, *type;
		int code;
	} rows[] = {
		{ "", NULL, -EBADMSG },
		{ "[]", NULL, -EBADMSG },
		{ "{}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":2}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":\"2\"," CONFIG ",\"layers\":[]}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":2,\"fsLayers\":[]," CONFIG ",\"layers\":[]}", NULL,
		  -EBADMSG },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}", NULL,
		  -EBADMSG },
		{ "{\"schemaVersion\":2,\"layers\":[]}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":{}}", NULL, -EBADMSG },
		{ "{\"schemaVersion\":2," CONFIG ",\"layers\":[1]}", NULL, -EBADMSG },
		{ IMAGE, MEDIA_OCI_INDEX, -EBADMSG },
		{ IMAGE " x", NULL, -EBADMSG },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_INDEX "\"," CONFIG
		  ",\"layers\":[]}",
		  NULL, -EBADMSG },
		{ "{\"schemaVersion\":2,\"mediaType\":\"text/x\"," CONFIG ",\"layers\":[]}", NULL,
		  -ENOTSUP },
		{ "{\"schemaVersion\":2,\"mediaType\":2," CONFIG ",\"layers\":[]}", NULL,
		  -EBADMSG },
		{ "{\"schemaVersion\":2,\"mediaType\":\"" MEDIA_OCI_MANIFEST "\"," CONFIG
		  ",\"layers\":[]}",
		  MEDIA_DOCKER_MANIFEST, -EBADMSG },
		{ "{\"schemaVersion\":2," CONFIG
		  ",\"layers\":[{\"mediaType\":\"text/plain\",\"digest\":\"" D "\",\"size\":1}]}",
		  NULL, -ENOTSUP },
		{ "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"application/x\",\"digest\":\"" D
		  "\",\"size\":1},\"layers\":[]}",
		  NULL, -ENOTSUP },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(manifest) struct manifest m = { 0 };
		struct err e = { 0 };

		if (parse(rows[i].text, rows[i].type, &m, &e) != rows[i].code)
			TEST_FAIL("row %zu: %d %s", i, e.code, e.text);
	}
}

TEST(manifest_refuses_bad_digests_and_sizes)
{
	static const char *const digests[] = {
		"",
		"sha256:",
		"sha256:x",
		"0123",
		"sha256:../../etc/passwd",
		"SHA256:"
		"00",
		D "0",
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"md5:00",
		"sha512:00",
		" " D,
	};
	static const char *const sizes[] = { "-1", "\"1\"", "1.5", "null", "99999999999999999999",
					     "[]" };

	for (size_t i = 0; i < ARRAY_LEN(digests) + ARRAY_LEN(sizes); i++) {
		int by_size = i >= ARRAY_LEN(digests);
		scoped(mem) char *text = str_printf(
			"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"mediaType\":\""
			"application/vnd.oci.image.layer.v1.tar\",\"digest\":\"%s\",\"size\":%s}]}",
			by_size ? D : digests[i], by_size ? sizes[i - ARRAY_LEN(digests)] : "1");
		scoped(manifest) struct manifest m = { 0 };
		struct err e = { 0 };

		if (parse(text, NULL, &m, &e) != -EBADMSG)
			TEST_FAIL("row %zu was taken", i);
	}
}

TEST(manifest_layers_are_limited)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	scoped(manifest) struct manifest m = { 0 };
	struct err e = { 0 };

	(void)strbuf_puts(&b, "{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER);
	for (int i = 0; i < LAYERS_MAX; i++)
		(void)strbuf_puts(&b, "," LAYER);
	(void)strbuf_puts(&b, "]}");
	CHECK_INT(parse(b.s, NULL, &m, &e), -E2BIG);
}

TEST(manifest_config_diff_ids)
{
	static const char good[] =
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D "\",\"" D2 "\"]}}";
	static const char bad[] = "{\"rootfs\":{\"diff_ids\":[\"" D "\",7]}}";
	scoped(strv) char **ids = NULL;
	struct err e = { 0 };

	CHECK_INT(config_diff_ids(good, strlen(good), 3, &ids, &e), -EBADMSG);
	CHECK_INT(config_diff_ids(good, strlen(good), 1, &ids, &e), -EBADMSG);
	CHECK_INT(config_diff_ids(bad, strlen(bad), 2, &ids, &e), -EBADMSG);
	CHECK_INT(config_diff_ids("{}", 2, 1, &ids, &e), -EBADMSG);
	CHECK_INT(config_diff_ids(good, strlen(good), 2, &ids, &e), 0);
	CHECK_STR(ids[1], D2);
}
