/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/sha256.h"

#include "src/util/testing.h"

/* FIPS 180-4's own examples, and lengths round the padding's edges (checked with sha256sum). */
TEST(sha256_gives_the_published_digests)
{
	static const struct {
		const char *in, *want;
	} t[] = {
		{ "", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc",
		  "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "sha256:248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	char got[SHA256_TEXT_LEN], a[120];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		sha256_text(t[i].in, strlen(t[i].in), got);
		CHECK_STR(got, t[i].want);
	}
	memset(a, 'a', sizeof(a));
	sha256_text(a, 55, got);
	CHECK_STR(got, "sha256:9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
	sha256_text(a, 64, got);
	CHECK_STR(got, "sha256:ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
	sha256_text(a, 119, got);
	CHECK_STR(got, "sha256:31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb");
}
