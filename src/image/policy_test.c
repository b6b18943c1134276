/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/policy.h"

#include <string.h>

#include "src/image/signature.h"
#include "src/util/base64.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define HEX64	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ACCEPT	"[{\"type\":\"insecureAcceptAnything\"}]"
#define MARK(n) "[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"" n "\"}]"

TEST(policy_scopes_of_a_name_are_the_narrowest_first)
{
	static const struct {
		const char *name, *scopes;
	} rows[] = {
		{ "a.b.example:5000/team/app:1",
		  "a.b.example:5000/team/app:1 a.b.example:5000/team/app a.b.example:5000/team "
		  "a.b.example:5000 *.b.example *.example" },
		{ "localhost/app", "localhost/app:latest localhost/app localhost" },
		{ "r.example/app@sha256:" HEX64,
		  "r.example/app@sha256:" HEX64 " r.example/app r.example *.example" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(reference) struct reference ref = { 0 };
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		scoped(strv) char **scopes = NULL;
		struct err e = { 0 };

		CHECK_INT(reference_parse(rows[i].name, &ref, &e), 0);
		scopes = policy_scopes(&ref);
		for (char **s = scopes; s && *s; s++)
			(void)strbuf_printf(&b, "%s%s", b.len ? " " : "", *s);
		CHECK_STR(b.s, rows[i].scopes);
	}
}

TEST(policy_scopes_of_a_path_end_before_the_root)
{
	scoped(strv) char **v = policy_path_scopes("/a/b", "x:y");

	CHECK_INT(strv_len(v), 3);
	CHECK_STR(v[0], "/a/b:x:y");
	CHECK_STR(v[1], "/a/b");
	CHECK_STR(v[2], "/a");
}

TEST(policy_find_takes_the_first_scope_then_the_transport_then_the_default)
{
	static const char text[] =
		"{\"default\":" MARK("d") ",\"transports\":{\"docker\":{\"r.example/a\":" MARK(
			"a") ",\"r.example\":" MARK("r") ",\"*.example\":" MARK("w") "},\"dir\":{"
										     "\"\":" MARK(
											     "t") "}}}";
	static const struct {
		const char *transport, *name, *key;
	} rows[] = {
		{ "docker", "r.example/a:1", "a" }, { "docker", "r.example/a/b", "a" },
		{ "docker", "r.example/ab", "r" },  { "docker", "x.example/a", "w" },
		{ "docker", "localhost/a", "d" },   { "dir", "r.example/a", "t" },
		{ "oci", "r.example/a", "d" },	    { "docker", "r.example:1/a", "w" },
	};
	scoped(policy) struct policy *p = NULL;
	struct err e = { 0 };

	CHECK_INT(policy_parse(text, strlen(text), &p, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct reference ref = { .registry = NULL };
		scoped(strv) char **scopes = NULL;
		json_object *list;

		CHECK_INT(reference_parse(rows[i].name, &ref, &e), 0);
		scopes = policy_scopes(&ref);
		list = policy_find(p, rows[i].transport, scopes);
		CHECK_STR(json_get_str(json_object_array_get_idx(list, 0), "keyPath"), rows[i].key);
		reference_done(&ref);
	}
}

TEST(identity_of_the_hubs_names_is_their_long_form)
{
	struct requirement r = { .match = IDENTITY_EXACT };
	scoped(reference) struct reference ref = { 0 };
	struct err e = { 0 };

	CHECK_INT(reference_parse("docker.io/library/busybox:1", &ref, &e), 0);
	CHECK_INT(identity_matches(&r, &ref, "busybox:1", &e), 1);
	CHECK_INT(identity_matches(&r, &ref, "docker.io/library/busybox:2", &e), 0);
	CHECK_INT(e.code, -EACCES);
	err_clear(&e);
	CHECK_INT(identity_matches(&r, NULL, "busybox:1", &e), 0);
	err_clear(&e);
	CHECK_INT(identity_matches(&r, &ref, "NO NAME", &e), 0);
}

TEST(payload_is_read_as_it_was_made)
{
	for (int type = PAYLOAD_GPG; type <= PAYLOAD_SIGSTORE; type++) {
		scoped(mem) char *text =
			payload_make("sha256:" HEX64, "r.example/a:1", (enum payload_type)type, 7);
		scoped(payload) struct payload p = { 0 };
		scoped(payload) struct payload other = { 0 };
		struct err e = { 0 };

		CHECK_INT(payload_parse(text, strlen(text), (enum payload_type)type, &p, &e), 0);
		CHECK_STR(p.digest, "sha256:" HEX64);
		CHECK_STR(p.name, "r.example/a:1");
		CHECK_INT(payload_parse(text, strlen(text), (enum payload_type) !type, &other, &e),
			  -EBADMSG);
	}
}

TEST(payload_refuses_what_is_not_known)
{
	static const char *const rows[] = {
		"",
		"{}",
		"[]",
		"{\"critical\":{},\"optional\":{}}",
		"{\"critical\":{\"type\":\"atomic container signature\",\"image\":{\"docker-"
		"manifest-digest\":\"sha256:" HEX64
		"\"},\"identity\":{\"docker-reference\":\"a\"},\"x\":1},\"optional\":{}}",
		"{\"critical\":{\"type\":\"atomic container signature\",\"image\":{\"docker-"
		"manifest-digest\":\"sha256:0\"},\"identity\":{\"docker-reference\":\"a\"}},"
		"\"optional\":{}}",
		"{\"critical\":{\"type\":\"atomic container signature\",\"image\":{\"docker-"
		"manifest-digest\":\"sha256:" HEX64
		"\"},\"identity\":{\"docker-reference\":1}},\"optional\":{}}",
		"{\"critical\":{\"type\":\"atomic container signature\",\"image\":{\"docker-"
		"manifest-digest\":\"sha256:" HEX64
		"\"},\"identity\":{\"docker-reference\":\"a\"}},\"optional\":1}",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(payload) struct payload p = { 0 };
		struct err e = { 0 };

		if (payload_parse(rows[i], strlen(rows[i]), PAYLOAD_GPG, &p, &e) != -EBADMSG)
			TEST_FAIL("row %zu was taken", i);
	}
}

TEST(base64_there_and_back)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = { { "", "" },
		     { "f", "Zg==" },
		     { "fo", "Zm8=" },
		     { "foo", "Zm9v" },
		     { "foob", "Zm9vYg==" },
		     { "fooba", "Zm9vYmE=" },
		     { "foobar", "Zm9vYmFy" } }; /* RFC 4648, 10 */
	static const char *const bad[] = { "Z", "Zg=a", "Z===", "Zh==", "Z*==" };
	struct err e = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(mem) char *coded = base64_encode(rows[i].plain, strlen(rows[i].plain));
		scoped(mem) unsigned char *plain = NULL;
		size_t n = 0;

		CHECK_STR(coded, rows[i].coded);
		CHECK_INT(base64_decode(coded, strlen(coded), &plain, &n, &e), 0);
		CHECK_STR((char *)plain, rows[i].plain);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		scoped(mem) unsigned char *plain = NULL;
		size_t n = 0;

		if (base64_decode(bad[i], strlen(bad[i]), &plain, &n, &e) != -EBADMSG)
			TEST_FAIL("'%s' was taken", bad[i]);
	}
}

TEST(keys_armoured_or_not)
{
	static const char armoured[] = "text before\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
				       "Version: x\nComment: y\n\nZm9v\nYmFy\n=abcd\n"
				       "-----END PGP PUBLIC KEY BLOCK-----\n"
				       "-----BEGIN PGP PUBLIC KEY BLOCK-----\r\n\r\nZm9v\r\n"
				       "-----END PGP PUBLIC KEY BLOCK-----\n";
	static const char endless[] = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nZm9v\n";
	scoped(mem) unsigned char *a = NULL;
	scoped(mem) unsigned char *b = NULL;
	scoped(mem) unsigned char *c = NULL;
	struct err e = { 0 };
	size_t n = 0;

	CHECK_INT(keys_dearmor(armoured, strlen(armoured), &a, &n, &e), 0);
	CHECK_INT(n, 9);
	CHECK(!memcmp(a, "foobarfoo", 9));
	CHECK_INT(keys_dearmor("\x99\x01", 2, &b, &n, &e), 0);
	CHECK_INT(n, 2);
	CHECK_INT(keys_dearmor(endless, strlen(endless), &c, &n, &e), -EBADMSG);
}

TEST(sigstore_blobs_there_and_back)
{
	size_t n = 0;
	scoped(mem) char *blob = sigstore_make("{\"a\":1}", "Zm9v", &n);
	scoped(sigstore) struct sigstore s = { 0 };
	scoped(sigstore) struct sigstore none = { 0 };
	struct err e = { 0 };

	CHECK(signature_is_sigstore(blob, n));
	CHECK_INT(sigstore_parse(blob, n, &s, &e), 0);
	CHECK_STR(s.payload, "{\"a\":1}");
	CHECK_INT(s.signature_len, 3);
	CHECK_INT(sigstore_parse(blob, n - 1, &none, &e), -EBADMSG);
	CHECK_INT(sigstore_parse("\x99\x01", 2, &none, &e), -EBADMSG);
}
