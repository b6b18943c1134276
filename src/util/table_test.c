/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/table.h"

#include "src/util/scoped.h"
#include "src/util/testing.h"

TEST(columns_are_as_wide_as_their_widest_cell)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ "a\tb\n", "a           b\n" },
		{ "REPOSITORY\tTAG\tIMAGE ID\tSIZE\n",
		  "REPOSITORY  TAG         IMAGE ID    SIZE\n" },
		{ "A\tB\na long long cell\tx\n", "A                 B\na long long cell  x\n" },
		{ "no tab\nx\ty\n", "no tab\nx           y\n" },
		/* A line without the column parts two blocks. */
		{ "a123456789012345\tb\nplain\nx\ty\n",
		  "a123456789012345  b\nplain\nx           y\n" },
		{ "\xc3\xa4\tb\nc\td", "\xc3\xa4           b\nc           d\n" },
		{ "a\t\tc\nd\te\tf\n", "a                       c\nd           e           f\n" },
		{ "a\t\n", "a           \n" },
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(strbuf) struct strbuf out = STRBUF_INIT;
		CHECK_INT(table_align(rows[i].text, &out), 0);
		CHECK_STR(out.s ? out.s : "", rows[i].want);
	}
}
