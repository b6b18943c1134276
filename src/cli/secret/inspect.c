/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/secret/secret.h"
#include "src/util/json.h"
#include "src/util/strbuf.h"

struct inspect_options {
	const char *format;
	int pretty, show;
};

#define AT(f) offsetof(struct inspect_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print by a Go template"),
	FLAG(0, "pretty", AT(pretty), "Print for people, whatever --format says"),
	FLAG(0, "showsecret", AT(show), "Show the data, too"),
	END,
};

static const char pretty[] = "ID:              {{.ID}}\n"
			     "Name:              {{.Spec.Name}}\n"
			     "{{- if .Spec.Labels}}\n"
			     "Labels:\n"
			     "{{- range $k, $v := .Spec.Labels}}\n"
			     " - {{$k}}{{if $v}}={{$v}}{{end}}\n"
			     "{{- end}}{{end}}\n"
			     "Driver:            {{.Spec.Driver.Name}}\n"
			     "Created at:        {{.CreatedAt}}\n"
			     "Updated at:        {{.UpdatedAt}}";

/* Length of the UTF-8 sequence that begins at S, which N bytes are left of; 0: there is none. */
static size_t sequence(const unsigned char *s, size_t n)
{
	static const unsigned char low[] = { 0, 0x80, 0xc2, 0xe0, 0xf0 };
	static const unsigned char high[] = { 0, 0xf5, 0xe0, 0xf0, 0xf5 };
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = 2;
	uint32_t c;

	if (s[0] < low[1])
		return 1;
	while (len < ARRAY_LEN(low) && (s[0] < low[len] || s[0] >= high[len]))
		len++;
	if (len == ARRAY_LEN(low) || len > n)
		return 0;
	c = s[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c >= least[len] && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff) ? len : 0;
}

/* What JSON cannot say is replaced, as Go does it. */
static json_object *data_text(const struct secret_data *d, int is_json)
{
	scoped(strbuf) struct strbuf b = STRBUF_INIT;
	const unsigned char *s = (const unsigned char *)d->s;

	if (!is_json)
		return json_object_new_string_len(d->s, (int)d->n);
	for (size_t i = 0, len; i < d->n; i += len ? len : 1) {
		len = sequence(s + i, d->n - i);
		(void)(len ? strbuf_add(&b, s + i, len) : strbuf_puts(&b, "\xef\xbf\xbd"));
	}
	return b.failed ? NULL : json_object_new_string_len(b.s ? b.s : "", (int)b.len);
}

/* DATA NULL: not to be shown.  Templates may ask for it all the same. */
static json_object *document(const struct secret *s, const struct secret_data *data, int is_json)
{
	json_object *o = json_object_new_object(), *spec = json_object_new_object(),
		    *driver = json_object_new_object();

	json_put_str(o, "ID", s->id);
	json_put_str(o, "CreatedAt", s->created);
	json_put_str(o, "UpdatedAt", s->updated);
	json_put(o, "Spec", spec);
	json_put_str(spec, "Name", s->name);
	json_put(spec, "Driver", driver);
	json_put_str(driver, "Name", s->driver);
	json_put(driver, "Options", json_object_get(s->driver_options));
	json_put(spec, "Labels", json_object_get(s->labels));
	if (data)
		json_put(o, "SecretData", data_text(data, is_json));
	else if (!is_json)
		json_put_str(o, "SecretData", "");
	return o;
}

static int add_one(struct engine *en, const char *ref, const struct inspect_options *o,
		   json_object *list, struct err *e)
{
	scoped(secret) struct secret s = { 0 };
	scoped(secret_data) struct secret_data data = { 0 };
	int r = o->show ? secret_load(en, ref, &s, &data, e) : secret_find(en, ref, &s, e);

	if (r == 0)
		(void)json_object_array_add(
			list, document(&s, o->show ? &data : NULL,
				       !o->pretty && (!o->format || report_is_json(o->format))));
	return r;
}

/* What there is is printed whatever is missing; the first failure is the command's. */
static int inspect(struct engine *en, void *opts, char **args, struct err *e)
{
	static const struct template_schema schema = { .maps = "Labels|Options",
						       .times = "CreatedAt|UpdatedAt" };
	const struct inspect_options *o = opts;
	scoped(json) json_object *list = json_object_new_array();
	scoped(strv) char **others = NULL;
	struct err first;
	int r = 0;

	err_clear(&first);
	for (; *args && list; args++) {
		r = add_one(en, *args, o, list, e);
		if (r == 0)
			continue;
		if (r != -ENOENT)
			return err_in(e, "inspecting secret %s", *args);
		if (!first.code)
			first = *e;
		else if (strv_add(&others, e->text) < 0)
			return err_errno(e, ENOMEM, "inspect");
		err_clear(e);
	}
	if (!list)
		return err_errno(e, ENOMEM, "inspect");
	r = report_inspect(o->pretty ? pretty : o->format, list, &schema, e);
	if (r < 0 || !first.code)
		return r;
	(void)fflush(stdout);
	for (char **text = others; text && *text; text++)
		(void)fprintf(stderr, "error inspecting secret: %s\n", *text);
	*e = first;
	return err_in(e, "inspecting secret");
}

const struct cmd cmd_secret_inspect = {
	.noun = "secret",
	.verb = "inspect",
	.args = "SECRET [SECRET...]",
	.help = "Show what is known of secrets",
	.examples = "cove secret inspect token\n"
		    "cove secret inspect --showsecret --format '{{.SecretData}}' token",
	.complete = "secret",
	.min_args = 1,
	.max_args = -1,
	.size = sizeof(struct inspect_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = inspect,
};
