/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/registries.h"

#include <string.h>

#include "src/util/strbuf.h"
#include "src/util/testing.h"
#include "src/util/toml.h"

static const char conf[] = "unqualified-search-registries = ['one.example', 'two.example']\n"
			   "[[registry]]\n"
			   "location = 'plain.example:5000'\n"
			   "insecure = true\n"
			   "[[registry]]\n"
			   "prefix = 'docker.io/library'\n"
			   "location = 'cache.example/hub'\n"
			   "[[registry.mirror]]\n"
			   "location = 'm1.example'\n"
			   "insecure = true\n"
			   "[[registry.mirror]]\n"
			   "location = 'm2.example/x'\n"
			   "pull-from-mirror = 'digest-only'\n"
			   "[[registry]]\n"
			   "prefix = 'bad.example/evil'\n"
			   "blocked = true\n"
			   "[[registry]]\n"
			   "prefix = '*.wild.example'\n"
			   "insecure = true\n"
			   "[aliases]\n"
			   "tool = 'quay.example/team/tool'\n";

static struct registries *load(const char *text, struct err *e)
{
	struct registries *r = calloc(1, sizeof(*r));
	scoped(json) json_object *o = NULL;

	r->path = strdup("registries.conf");
	r->aliases = json_object_new_object();
	if (toml_parse(text, strlen(text), "registries.conf", &o, e) >= 0)
		(void)registries_merge(r, o, "registries.conf", e);
	return r;
}

TEST(registries_short_names)
{
	struct err e = { 0 };
	scoped(registries) struct registries *r = load(conf, &e);
	scoped(reference) struct reference n = { 0 };
	struct reference *list = NULL;
	size_t n_list = 0;

	CHECK_STR(e.text, "");
	CHECK_INT(reference_parse("tool:3", &n, &e), 0);
	CHECK_INT(registries_candidates(r, &n, &list, &n_list, &e), 0);
	CHECK_INT(n_list, 1);
	scoped(mem) char *alias = reference_format(&list[0]);
	CHECK_STR(alias, "quay.example/team/tool:3");
	reference_list_free(list, n_list);
	reference_done(&n);
	CHECK_INT(reference_parse("other", &n, &e), 0);
	CHECK_INT(registries_candidates(r, &n, &list, &n_list, &e), 0);
	CHECK_INT(n_list, 2);
	scoped(mem) char *second = reference_format(&list[1]);
	CHECK_STR(second, "two.example/other");
	reference_list_free(list, n_list);
	r->mode = SHORT_NAME_ENFORCING;
	CHECK_INT(registries_candidates(r, &n, &list, &n_list, &e), -EPERM);
	strv_free(r->search);
	r->search = NULL;
	CHECK_INT(registries_candidates(r, &n, &list, &n_list, &e), -ENOENT);
	CHECK_STR(e.text,
		  "short-name \"other\" did not resolve to an alias and no unqualified-search "
		  "registries are defined in \"registries.conf\"");
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

TEST(registries_sources_follow_the_longest_prefix)
{
	static const struct {
		const char *name, *sources;
	} rows[] = {
		{ "plain.example:5000/a", "plain.example:5000/a!" },
		{ "plain.example:50001/a", "plain.example:50001/a" },
		{ "docker.io/busybox", "m1.example/busybox! cache.example/hub/busybox" },
		{ "docker.io/team/x", "docker.io/team/x" },
		{ "docker.io/busybox@sha256:" HEX64,
		  "m1.example/busybox@sha256:" HEX64 "! m2.example/x/busybox@sha256:" HEX64
		  " cache.example/hub/busybox@sha256:" HEX64 },
		{ "a.wild.example/x", "a.wild.example/x!" },
		{ "wild.example/x", "wild.example/x" },
		{ "bad.example/evil/x", "blocked" },
		{ "bad.example/evilx", "bad.example/evilx" },
	};
	struct err e = { 0 };
	scoped(registries) struct registries *r = load(conf, &e);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		scoped(reference) struct reference n = { 0 };
		scoped(strbuf) struct strbuf got = STRBUF_INIT;
		struct registry_source *list = NULL;
		size_t n_list = 0;

		CHECK_INT(reference_parse(rows[i].name, &n, &e), 0);
		if (registries_sources(r, &n, &list, &n_list, &e) == -EPERM)
			(void)strbuf_puts(&got, "blocked");
		for (size_t k = 0; k < n_list; k++) {
			scoped(mem) char *s = reference_format(&list[k].ref);
			(void)strbuf_printf(&got, "%s%s%s", k ? " " : "", s,
					    list[k].insecure ? "!" : "");
		}
		CHECK_STR(got.s, rows[i].sources);
		registry_sources_free(list, n_list);
	}
}

/* A mirror of a registry with MORE. */
#define MIRROR(more, from)                                                        \
	"[[registry]]\nlocation='x'\n" more "[[registry.mirror]]\nlocation='y'\n" \
	"pull-from-mirror='" from "'"

TEST(registries_refuses_nonsense)
{
	static const char *const rows[] = {
		"unqualified-search-registries = 'x'",
		"[[registry]]\ninsecure = true",
		"[[registry]]\nlocation = 'https://x'",
		"[[registry]]\nlocation = 'x'\nblocked = 'yes'",
		"short-name-mode = 'maybe'",
		"[[registry]]\nprefix = 'a.*.b'",
		"[registries.search]\nregistries=[]",
		"aliases = 1",
		"[aliases]\nx = 1",
		"registry = 1",
		"[[registry]]\nlocation='x'\nmirror = 1",
		MIRROR("", "some"),
		MIRROR("mirror-by-digest-only=true\n", "all"),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		scoped(registries) struct registries *r = load(rows[i], &e);

		if (e.code != -EBADMSG)
			TEST_FAIL("row %zu was taken", i);
		CHECK_INT(r->n_registries, 0);
	}
}
