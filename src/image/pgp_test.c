/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/pgp.h"

#include <string.h>

#include "src/util/strbuf.h"
#include "src/util/testing.h"

#define PUB(validity, caps) "pub:" validity ":2048:1:AAAA:1700000000:::u:::" caps "::::::23::0:\n"
#define FPR(f)		    "fpr:::::::::" f ":\n"
#define UID(validity, text) "uid:" validity "::::1700000000::HASH::" text "::::::::::0:\n"
#define SUB		    "sub:u:2048:1:BBBB:1700000000::::::e::::::23:\nfpr:::::::::SUBKEY:\n"

TEST(pgp_keys_are_found_by_whole_names_and_addresses)
{
	static const char text[] = "tru::1:1700000000:0:3:1:5\n" PUB("u", "scESC") FPR("ONE") UID(
		"u", "Ann Other (work) <ann@example.org>") UID("u", "Ann Other <a@b.example>")
		SUB PUB("-", "scESC") FPR("TWO") UID("-", "Joann Other <joann@example.org>")
			SUB PUB("r", "scESC") FPR("REVOKED") UID("r", "Rex <rex@example.org>") PUB(
				"e", "scESC") FPR("EXPIRED") UID("e", "Rex <rex@example.org>")
				PUB("u", "scSC") FPR("SIGNS") UID("u", "Rex <rex@example.org>")
					PUB("u", "scESCD") FPR("DISABLED") UID(
						"u", "Rex <rex@example.org>") PUB("u", "scESC")
						FPR("THREE") UID("r", "Rex <rex@example.org>")
							UID("u", "Joann Other <joann@example.org>")
								SUB;
	static const struct {
		const char *who, *found;
	} rows[] = {
		{ "ann@example.org", "ONE" },
		{ "a@b.example", "ONE" },
		{ "Ann Other", "ONE" },
		{ "Ann Other (work)", "ONE" },
		{ "joann@example.org", "TWO THREE" },
		{ "nn@example.org", "" },
		{ "example.org", "" },
		{ "Ann", "" },
		{ "Rex", "" },
		{ "rex@example.org", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(strbuf) struct strbuf b = STRBUF_INIT;
		scoped(strv) char **found = NULL;
		int rc = pgp_fingerprints(text, rows[i].who, &found);

		CHECK_INT(rc, (int)strv_len(found));
		for (char **f = found; f && *f; f++)
			(void)strbuf_printf(&b, "%s%s", b.len ? " " : "", *f);
		CHECK_STR(b.s ? b.s : "", rows[i].found);
	}
}

TEST(pgp_lists_that_are_none_give_nothing)
{
	static const char *const texts[] = {
		"", "\n\n", "uid", "fpr:", "pub", "uid:u::::::::a@b.c:", ":"
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		scoped(strv) char **found = NULL;

		CHECK_INT(pgp_fingerprints(texts[i], "a@b.c", &found), 0);
	}
}
