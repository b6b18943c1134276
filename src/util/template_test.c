/* SPDX-License-Identifier: Apache-2.0 */
#include "src/util/template.h"

#include <errno.h>

#include "src/util/json.h"
#include "src/util/testing.h"

static const char sample[] =
	"{\"ID\":\"0123456789abcdef\",\"Size\":42,\"Ok\":true,\"No\":false,\"Nil\":null,\"Zero\":0,"
	"\"Pi\":3.5,"
	"\"Created\":\"2020-01-02T03:04:05.5Z\",\"Labels\":{\"b\":\"2\",\"a\":\"1\",\"d-e\":\"x\"},"
	"\"Names\":[\"one\",\"two\"],\"Empty\":[],\"Config\":{\"Env\":[\"A=1\",\"B=2\"],\"User\":"
	"\"\"},"
	"\"Mounts\":[{\"Src\":\"/s\",\"Dst\":\"/d\"},{\"Src\":\"/t\",\"Dst\":\"/e\"}],"
	"\"Networks\":{\"net\":{\"IP\":\"10.0.0.1\"}}}";

static json_object *sample_member(void *ctx, json_object *o, const char *name, const char *arg)
{
	json_object *labels = json_get(o, "Labels");
	const char *v;
	(void)ctx;
	if (strcmp(name, "Id") == 0 && !arg)
		return json_object_get(json_get(o, "ID"));
	if (strcmp(name, "Label") != 0 || !arg || !labels)
		return NULL;
	v = json_get_str(labels, arg);
	return json_object_new_string(v ? v : "");
}

static const struct template_schema schema = {
	.maps = "Labels|Networks",
	.times = "Created",
	.member = sample_member,
};

static int run(const char *text, struct strbuf *out, struct err *e)
{
	scoped(json) json_object *data = NULL;
	scoped(template) struct template *t = NULL;
	int r = json_parse(sample, sizeof(sample) - 1, &data, e);
	if (r == 0)
		r = template_parse("t", text, &t, e);
	return r == 0 ? template_run(t, data, &schema, out, e) : r;
}

struct row {
	const char *text, *want;
};

static void check(const struct row *rows, size_t n, int code)
{
	for (size_t i = 0; i < n; i++) {
		scoped(strbuf) struct strbuf out = STRBUF_INIT;
		struct err e = { 0 };
		int r = run(rows[i].text, &out, &e);
		const char *got = r < 0 ? e.text : out.s ? out.s : "";
		if (r != code || strcmp(got, rows[i].want) != 0)
			TEST_FAIL("%s gave %d: %s", rows[i].text, r, got);
	}
}

TEST(templates_evaluate)
{
	static const struct row rows[] = {
		{ "", "" },
		{ "plain {text}", "plain {text}" },
		{ "{{.ID}}|{{ .Size }}|{{.Ok}}|{{.Pi}}", "0123456789abcdef|42|true|3.5" },
		{ "{{.Id}} {{.Label \"a\"}}{{.Label `zz`}}", "0123456789abcdef 1" },
		{ "{{.Labels}} {{.Labels.a}} {{.Labels.nope}} {{.Labels.nope.x}}",
		  "map[a:1 b:2 d-e:x] 1 <no value> <no value>" },
		{ "{{index .Labels \"d-e\"}}[{{index .Labels \"zz\"}}]", "x[]" },
		{ "{{.Names}} {{.Empty}} {{.Nil}} {{.Config}}", "[one two] [] <nil> {[A=1 B=2] }" },
		{ "{{.Created}} {{.Networks.net.IP}}", "2020-01-02 03:04:05.5 +0000 UTC 10.0.0.1" },
		{ "{{.Networks}}", "map[net:{10.0.0.1}]" },
		{ "{{range .Names}}<{{.}}>{{end}}", "<one><two>" },
		{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
		{ "{{range .Nil}}x{{else}}none{{end}}", "none" },
		{ "{{range $i, $e := .Names}}{{$i}}={{$e}},{{end}}", "0=one,1=two," },
		{ "{{range $e := .Names}}{{$e}}{{$.Size}} {{end}}", "one42 two42 " },
		{ "{{range $k, $v := .Labels}}{{$k}}:{{$v}};{{end}}", "a:1;b:2;d-e:x;" },
		{ "{{range .Mounts}}{{.Src}}->{{.Dst}} {{end}}", "/s->/d /t->/e " },
		{ "{{range .Names}}{{if eq . \"two\"}}{{break}}{{end}}{{.}}{{end}}", "one" },
		{ "{{range .Names}}{{if eq . \"one\"}}{{continue}}{{end}}{{.}}{{end}}", "two" },
		{ "{{if .Ok}}y{{else}}n{{end}}{{if .No}}y{{else if .Zero}}z{{else}}n{{end}}",
		  "yn" },
		{ "{{if and .Ok .Names}}y{{end}}{{if or .No .Nil}}z{{end}}{{not .Ok}}", "yfalse" },
		{ "{{or .No \"dflt\"}} {{and 1 0 .Nope}}", "dflt 0" },
		{ "{{with .Config}}{{.Env}}{{end}}{{with .Nil}}x{{else}}-{{end}}", "[A=1 B=2]-" },
		{ "{{with $x := .Size}}{{$x}}{{end}}", "42" },
		{ "{{$x := .Size}}{{$x}} {{$x = 7}}{{$x}}", "42 7" },
		{ "{{$x := 1}}{{if .Ok}}{{$x = 2}}{{end}}{{$x}}", "2" },
		{ "{{$x := 0}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "two" },
		{ "a {{- .Size -}} b{{/* note */}}c {{- /* note */ -}} d", "a42bcd" },
		{ "{{len .Names}} {{len .ID}} {{len .Labels}} {{index .Names 1}} {{index .Mounts 0 "
		  "\"Src\"}}",
		  "2 16 3 two /s" },
		{ "{{eq .Size 42}} {{ne .ID \"x\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge \"b\" "
		  "\"a\"}}",
		  "true true true true false true" },
		{ "{{eq .Size 1 2 42}} {{eq .Nil nil}} {{eq .Ok true}}", "true true true" },
		{ "{{printf \"%s-%d-%v-%q-%5d-%-4s|%05.1f%%\" .ID .Size .Ok \"a\\\"\" 7 \"ab\" "
		  ".Pi}}",
		  "0123456789abcdef-42-true-\"a\\\"\"-    7-ab  |003.5%" },
		{ "{{printf \"%.3s %x %t\" .ID 255 .No}}", "012 ff false" },
		{ "{{printf \"%d %s\" \"a\" 1}}{{printf \"%d\"}}{{printf \"x\" 1}}",
		  "%!d(string=a) %!s(int=1)%!d(MISSING)x%!(EXTRA int=1)" },
		{ "{{print 1 2 \"a\" 3}}|{{println 1 \"a\"}}", "1 2a3|1 a\n" },
		{ "{{json .Config}} {{json .Nil}}",
		  "{\"Env\":[\"A=1\",\"B=2\"],\"User\":\"\"} null" },
		{ "{{join .Names \",\"}} {{upper \"abc\"}} {{lower \"ABC\"}} {{title \"two "
		  "words\"}}",
		  "one,two ABC abc Two Words" },
		{ "{{split \"a,b\" \",\"}} {{pad \"x\" 1 2}}| {{truncate .ID 4}} {{slice .ID 1 3}}",
		  "[a b]  x  | 0123 12" },
		{ "{{.ID | printf \"%.2s\" | upper}} {{(index .Mounts 1).Dst}} {{.Config.Env | "
		  "len}}",
		  "01 /e 2" },
		{ "{{\"\\u00e9\\t\"}}{{`a\\n`}}{{'a'}} {{0x10}} {{-3}} {{1.5}}",
		  "\xc3\xa9\ta\\n97 16 -3 1.5" },
		{ "{{with .Config}}{{range .Env}}{{.}}{{$.Size}}{{end}}{{end}}", "A=142B=242" },
	};
	check(rows, ARRAY_LEN(rows), 0);
}

TEST(templates_that_are_wrong_are_refused)
{
	static const struct row rows[] = {
		{ "{{.Nope}}", "template: t:1: can't evaluate field Nope" },
		{ "\n\n{{.Config.Nope}}", "template: t:3: can't evaluate field Nope" },
		{ "{{.ID.x}}", "template: t:1: can't evaluate field x in a string" },
		{ "{{.Nil.x}}", "template: t:1: nil pointer evaluating field x" },
		{ "{{", "template: t:1: unclosed action" },
		{ "{{.ID", "template: t:1: unclosed action" },
		{ "{{.ID}", "template: t:1: unexpected \"}\" in operand" },
		{ "{{}}", "template: t:1: missing value for command" },
		{ "{{if .Ok}}", "template: t:1: unexpected EOF" },
		{ "{{end}}", "template: t:1: unexpected {{end}}" },
		{ "{{else}}", "template: t:1: unexpected {{else}}" },
		{ "{{if .Ok}}{{else}}{{else}}{{end}}", "template: t:1: unexpected {{else}}" },
		{ "{{nosuch .ID}}", "template: t:1: function \"nosuch\" not defined" },
		{ "{{$x}}", "template: t:1: undefined variable \"$x\"" },
		{ "{{if .Ok}}{{$x := 1}}{{end}}{{$x}}",
		  "template: t:1: undefined variable \"$x\"" },
		{ "{{\"abc}}", "template: t:1: unterminated quoted string" },
		{ "{{/* abc }}", "template: t:1: unclosed comment" },
		{ "{{(.ID}}", "template: t:1: unclosed left paren" },
		{ "{{.ID | 3}}", "template: t:1: non executable command in pipeline" },
		{ "{{3 4}}", "template: t:1: can't give argument to non-function" },
		{ "{{.ID 4}}", "template: t:1: wrong type of argument for ID" },
		{ "{{.ID \"x\"}}",
		  "template: t:1: ID has arguments but cannot be invoked as function" },
		{ "{{break}}", "template: t:1: {{break}} outside {{range}}" },
		{ "{{index .Names 5}}",
		  "template: t:1: error calling index: index out of range: 5" },
		{ "{{eq .Size \"42\"}}",
		  "template: t:1: error calling eq: incompatible types for comparison" },
		{ "{{len 3}}", "template: t:1: error calling len: wrong type of argument" },
		{ "{{len}}", "template: t:1: wrong number of args for len" },
		{ "{{printf \"%99999d\" 1}}",
		  "template: t:1: error calling printf: width is too large" },
		{ "{{range .Size}}x{{end}}", "template: t:1: range can't iterate over a int" },
		{ "{{..}}", "template: t:1: unexpected <.> in operand" },
	};
	check(rows, ARRAY_LEN(rows), -EINVAL);
}

TEST(templates_are_bounded)
{
	scoped(strbuf) struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;
	struct err e = { 0 };

	for (int i = 0; i < 100; i++)
		(void)strbuf_puts(&text, "{{if .Ok}}");
	CHECK_INT(run(text.s, &out, &e), -EINVAL);
	CHECK_STR(e.text, "template: t:1: nested too deeply");
	strbuf_reset(&text);
	for (int i = 0; i < 40; i++)
		(void)strbuf_puts(&text, "{{range $.Names}}");
	for (int i = 0; i < 40; i++)
		(void)strbuf_puts(&text, "{{end}}");
	err_clear(&e);
	CHECK_INT(run(text.s, &out, &e), -E2BIG);
	CHECK_STR(e.text, "template: t: runs too long");
}

TEST(templates_that_take_the_list_are_known)
{
	CHECK(template_wants_list("{{range .}}{{.ID}}{{end}}"));
	CHECK(template_wants_list("{{- range $i, $x := .}}"));
	CHECK(!template_wants_list("{{.ID}}{{range .Names}}{{end}}"));
	CHECK(!template_wants_list("{{ranger}}"));
}
