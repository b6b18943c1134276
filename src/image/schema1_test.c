/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/schema1.h"

#include <string.h>

#include "src/image/raw_json.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/testing.h"

#define HEX1	      "1123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX2	      "2123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define HEX3	      "3123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define LAYER(hex)    "{\"blobSum\":\"sha256:" hex "\"}"
#define STEP(members) "{\"v1Compatibility\":\"{" members "}\"}"
#define ID(hex)	      "\\\"id\\\":\\\"" hex "\\\""
#define PARENT(hex)   ",\\\"parent\\\":\\\"" hex "\\\""
#define EMPTY	      ",\\\"throwaway\\\":true"
#define DOC(layers, steps)                                                      \
	"{\"schemaVersion\":1,\"architecture\":\"amd64\",\"fsLayers\":[" layers \
	"],\"history\":[" steps "]}"

static int parse(const char *text, struct schema1 *s, struct err *e)
{
	return schema1_parse(text, strlen(text), s, e);
}

TEST(schema1_layers_are_lowest_first_without_empty_ones)
{
	static const char text[] = DOC(LAYER(HEX3) "," LAYER(HEX2) "," LAYER(HEX1),
				       STEP(ID(HEX3) PARENT(HEX2)) "," STEP(
					       ID(HEX2) PARENT(HEX1) EMPTY) "," STEP(ID(HEX1)));
	scoped(manifest) struct manifest m = { 0 };
	struct err e = { 0 };

	CHECK_INT(manifest_parse(text, strlen(text), MEDIA_SCHEMA1, &m, &e), 0);
	CHECK_INT(m.kind, MANIFEST_IMAGE);
	CHECK_INT(m.is_schema1, 1);
	CHECK_INT(m.n_layers, 2);
	CHECK_STR(m.layers[0].digest, "sha256:" HEX1);
	CHECK_STR(m.layers[1].digest, "sha256:" HEX3);
	CHECK_STR(m.media_type, MEDIA_SCHEMA1_SIGNED);
}

TEST(schema1_step_that_comes_twice_counts_once)
{
	scoped(schema1) struct schema1 s = { 0 };
	struct err e = { 0 };

	CHECK_INT(parse(DOC(LAYER(HEX3) "," LAYER(HEX2) "," LAYER(HEX1),
			    STEP(ID(HEX2) PARENT(HEX1)) "," STEP(ID(HEX2) PARENT(HEX1)) "," STEP(
				    ID(HEX1))),
			&s, &e),
		  0);
	CHECK_INT(s.n, 2);
	CHECK_STR(s.steps[0].blob, "sha256:" HEX2);
}

TEST(schema1_refuses_what_is_broken)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"schemaVersion\":2,\"fsLayers\":[]}",
		DOC("", ""),
		DOC(LAYER(HEX1), ""),
		DOC(LAYER("x"), STEP(ID(HEX1))),
		DOC(LAYER(HEX1), "{}"),
		DOC(LAYER(HEX1), "{\"v1Compatibility\":{}}"),
		DOC(LAYER(HEX1), "{\"v1Compatibility\":\"{\\u0000}\"}"),
		DOC(LAYER(HEX1), STEP("")),
		DOC(LAYER(HEX1), STEP(ID("12"))),
		DOC(LAYER(HEX1), STEP(ID(HEX1) PARENT(HEX2))),
		DOC(LAYER(HEX2) "," LAYER(HEX1), STEP(ID(HEX2)) "," STEP(ID(HEX1))),
		DOC(LAYER(HEX2) "," LAYER(HEX1), STEP(ID(HEX2) PARENT(HEX3)) "," STEP(ID(HEX1))),
		DOC(LAYER(HEX1) "," LAYER(HEX2) "," LAYER(HEX1),
		    STEP(ID(HEX1) PARENT(HEX2)) "," STEP(ID(HEX2) PARENT(HEX1)) "," STEP(ID(HEX1))),
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(schema1) struct schema1 s = { 0 };
		struct err e = { 0 };

		CHECK_INT(parse(bad[i], &s, &e), -EBADMSG);
		CHECK_INT(s.n, 0);
	}
}

static int payload_of(const char *head, const char *header, char **ret, struct err *e)
{
	scoped(mem) char *coded = base64url_encode(header, strlen(header));
	scoped(mem) char *text =
		str_printf("%s,\"signatures\":[{\"protected\":\"%s\"}]}", head, coded);
	size_t n = 0;

	return schema1_payload(text, strlen(text), ret, &n, e);
}

TEST(schema1_payload_is_what_was_signed)
{
	scoped(mem) char *got = NULL;
	struct err e = { 0 };

	/* The tail is "\n}". */
	CHECK_INT(payload_of("{\"schemaVersion\":1", "{\"formatLength\":18,\"formatTail\":\"Cn0\"}",
			     &got, &e),
		  0);
	CHECK_STR(got, "{\"schemaVersion\":1\n}");
}

TEST(schema1_payload_of_others)
{
	static const char *const none[] = { "", "{}", "{\"schemaVersion\":1,\"signatures\":[]}",
					    "{\"schemaVersion\":2,\"signatures\":[{}]}",
					    "{\"signatures\":" };
	static const char *const headers[] = { "",
					       "{}",
					       "{\"formatLength\":18}",
					       "{\"formatLength\":-1,\"formatTail\":\"fQ\"}",
					       "{\"formatLength\":18,\"formatTail\":\"=\"}",
					       "{\"formatLength\":4000,\"formatTail\":\"fQ\"}" };
	char *got = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct err e = { 0 };

		CHECK_INT(schema1_payload(none[i], strlen(none[i]), &got, &n, &e), 0);
		CHECK_INT(got == NULL, 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct err e = { 0 };

		CHECK_INT(payload_of("{\"schemaVersion\":1", headers[i], &got, &e), -EBADMSG);
		CHECK_INT(got == NULL, 1);
	}
}

static char *config_of(const char *text)
{
	char *diff_ids[] = { "sha256:" HEX1, NULL }, *config = NULL;
	struct err e = { 0 };

	return schema1_config(text, strlen(text), diff_ids, &config, &e) < 0 ? strdup(e.text)
									     : config;
}

TEST(schema1_config_keeps_what_it_does_not_know)
{
	static const struct {
		const char *step, *want;
	} cases[] = {
		{ ID(HEX1) ", \\\"x\\\" : [ 1.50, \\\"<\\\" ] ,\\\"layer_id\\\":1,\\\"Size\\\":3",
		  "{\"history\":[{\"created\":\"0001-01-01T00:00:00Z\"}],\"rootfs\":{\"type\":"
		  "\"layers\",\"diff_ids\":[\"sha256:" HEX1 "\"]},\"x\":[1.50,\"\\u003c\"]}" },
		{ ID(HEX1) ",\\\"created\\\":\\\"2020-01-02T03:04:05.1200+00:00\\\""
			   ",\\\"author\\\":\\\"me\\\",\\\"comment\\\":\\\"no\\\""
			   ",\\\"container_config\\\":{\\\"Cmd\\\":[\\\"a\\\",\\\"b&\\\"]}",
		  "{\"author\":\"me\",\"comment\":\"no\",\"container_config\":{\"Cmd\":[\"a\","
		  "\"b\\u0026\"]},\"created\":\"2020-01-02T03:04:05.1200+00:00\",\"history\":[{"
		  "\"created\":\"2020-01-02T03:04:05.12Z\",\"author\":\"me\",\"created_by\":\"a "
		  "b\\u0026\",\"comment\":\"no\"}],\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["
		  "\"sha256:" HEX1 "\"]}}" },
		{ ID(HEX1) ",\\\"created\\\":\\\"yesterday\\\"",
		  "history[0]: 'created' is no time" },
		{ ID(HEX1) ",\\\"author\\\":1", "history[0]: 'author' has the wrong type" },
		{ ID(HEX1) ",\\\"container_config\\\":{\\\"Cmd\\\":[1]}",
		  "history[0]: 'Cmd' has the wrong type" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		scoped(mem) char *text = str_printf(
			DOC(LAYER(HEX1), "{\"v1Compatibility\":\"{%s}\"}"), cases[i].step);
		scoped(mem) char *got = config_of(text);

		CHECK_STR(got, cases[i].want);
	}
}

/* Podman 4.3.1 gives the same for such a step. */
TEST(schema1_config_of_old_docker_has_all_members)
{
	static const char text[] = DOC(
		LAYER(HEX1),
		STEP(ID(HEX1) ",\\\"docker_version\\\":\\\"1.7.1\\\",\\\"zz\\\":1,\\\"config\\\":{"
			      "\\\"Cmd\\\":[\\\"sh\\\"],\\\"NetworkDisabled\\\":true,"
			      "\\\"Labels\\\":{\\\"b\\\":\\\"1\\\",\\\"a\\\":\\\"2\\\"}}"));
	scoped(mem) char *got = config_of(text);

	CHECK_STR(
		got,
		"{\"config\":{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":"
		"false,\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":"
		"false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":[\"sh\"],\"Image\":\"\","
		"\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,\"NetworkDisabled\":"
		"true,\"OnBuild\":null,\"Labels\":{\"a\":\"2\",\"b\":\"1\"}},"
		"\"container_config\":{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\","
		"\"AttachStdin\":false,\"AttachStdout\":false,\"AttachStderr\":false,\"Tty\":"
		"false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":null,"
		"\"Image\":\"\",\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,"
		"\"OnBuild\":null,\"Labels\":null},\"created\":\"0001-01-01T00:00:00Z\","
		"\"docker_version\":\"1.7.1\",\"history\":[{\"created\":\"0001-01-01T00:00:00Z\"}]"
		",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX1 "\"]}}");
}

/* The IDs are those that skopeo 1.9.3 gives. */
TEST(schema1_make_and_read_again)
{
	static const char config[] =
		"{\"os\":\"linux\",\"architecture\":\"arm64\",\"rootfs\":{},\"config\":{\"Cmd\":["
		"\"a\"]},"
		"\"history\":[{\"created\":\"2020-01-01T00:00:00Z\",\"created_by\":\"x\"},"
		"{\"created\":\"2020-01-01T00:00:00Z\",\"empty_layer\":true}]}";
	const char *digests[] = { "sha256:" HEX1, "sha256:" HEX2 };
	struct schema1_make m = { .config = config,
				  .config_len = strlen(config),
				  .digests = digests,
				  .n = 1,
				  .name = "a/b",
				  .tag = "1" };
	scoped(schema1) struct schema1 s = { 0 };
	scoped(mem) char *text = NULL;
	scoped(mem) char *again = NULL;
	struct err e = { 0 };

	CHECK_INT(schema1_make(&m, &text, &e), 0);
	CHECK_INT(parse(text, &s, &e), 0);
	CHECK_STR(json_get_str(s.doc, "architecture"), "arm64");
	CHECK_INT(s.n, 2);
	CHECK_STR(s.steps[0].blob, SCHEMA1_EMPTY_DIGEST);
	CHECK_INT(s.steps[0].is_empty, 1);
	CHECK_STR(s.steps[1].text,
		  "{\"id\":\"40a7413b753fa20c194134b8b4561e2c4c3d8e2ce0c70f326f0674b29a1c6fd0\","
		  "\"created\":\"2020-01-01T00:00:00Z\",\"container_config\":{\"Cmd\":[\"x\"]}}");
	m.config = NULL;
	m.old = &s;
	CHECK_INT(schema1_make(&m, &again, &e), 0);
	CHECK_STR(again, text);
	m.config = config;
	m.n = 2;
	CHECK_INT(schema1_make(&m, &again, &e), -EINVAL);
	m.n = 0;
	CHECK_INT(schema1_make(&m, &again, &e), -EINVAL);
}

TEST(schema1_make_needs_a_history)
{
	struct schema1_make m = { .config = "{}", .config_len = 2, .name = "", .tag = "" };
	char *text = NULL;
	struct err e = { 0 };

	CHECK_INT(schema1_make(&m, &text, &e), -EINVAL);
	CHECK_STR(e.text,
		  "Cannot convert an image with 0 history entries to " MEDIA_SCHEMA1_SIGNED);
}

TEST(schema1_empty_layer_is_the_well_known_one)
{
	char digest[SHA256_TEXT_LEN];

	sha256_text(schema1_empty_layer, SCHEMA1_EMPTY_SIZE, digest);
	CHECK_STR(digest, SCHEMA1_EMPTY_DIGEST);
}

TEST(raw_json_takes_the_last_of_one_name)
{
	static const char text[] =
		" { \"b\" : 1 , \"a\\u0062\":{\"x\" : [ 1,\"}\\\"\" ]} , \"b\":2 } ";
	scoped(raw_object) struct raw_object o = { 0 };
	scoped(mem) char *got = NULL;
	struct err e = { 0 };

	CHECK_INT(raw_object_parse(text, strlen(text), &o, &e), 0);
	got = raw_object_text(&o);
	CHECK_STR(got, "{\"ab\":{\"x\":[1,\"}\\\"\"]},\"b\":2}");
	CHECK_INT(raw_object_parse("[]", 2, &o, &e), -EBADMSG);
}

/* As many as fit into a manifest; comparing each with each would take minutes. */
TEST(raw_json_sorts_many_members)
{
	scoped(raw_object) struct raw_object o = { 0 };
	scoped(mem) char *got = NULL;
	char name[16];

	for (unsigned i = 0; i < 400000; i++) {
		(void)snprintf(name, sizeof(name), "%06u", (i * 7919U) % 200000U);
		CHECK_INT(raw_object_put(&o, name, strdup(i < 200000 ? "1" : "2")), 0);
	}
	raw_object_drop(&o, "000000");
	CHECK_INT(raw_object_put(&o, "000001", strdup("3")), 0);
	got = raw_object_text(&o);
	CHECK_INT(strncmp(got, "{\"000001\":3,\"000002\":2,", 23), 0);
	CHECK_INT(strlen(got), 199999UL * 11 + 1);
}
