/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "src/cli/cmd.h"
#include "src/cli/report.h"
#include "src/cli/version.h"
#include "src/image/platform.h"
#include "src/util/json.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

struct version_options {
	const char *format;
};

#define AT(f) offsetof(struct version_options, f)
static const struct opt options[] = {
	STR('f', "format", "FORMAT", AT(format), "Print as JSON or by a Go template"),
	END,
};

json_object *version_json(void)
{
	json_object *o = json_object_new_object();
	struct platform host;
	scoped(strbuf) struct strbuf b = STRBUF_INIT;

	platform_host(&host);
	(void)strbuf_printf(&b, "%s/%s", host.os, host.arch);
	json_put_str(o, "APIVersion", PACKAGE_VERSION);
	json_put_str(o, "Version", PACKAGE_VERSION);
	json_put_str(o, "Os", host.os);
	json_put_str(o, "OsArch", b.s);
	return o;
}

static int version(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct version_options *o = opts;
	const struct report r = { .name = "version", .format = o->format };
	scoped(json) json_object *doc = json_object_new_object(), *client = version_json();

	(void)en;
	(void)args;
	if (!doc || !client)
		return err_errno(e, ENOMEM, "version");
	if (!o->format || !*o->format) {
		(void)printf("Client:       cove\nVersion:      %s\nAPI Version:  %s\nOS/Arch:     "
			     " %s\n",
			     json_get_str(client, "Version"), json_get_str(client, "APIVersion"),
			     json_get_str(client, "OsArch"));
		return 0;
	}
	json_put(doc, "Client", json_object_get(client));
	if (report_is_json(o->format)) {
		scoped(mem) char *text = json_text(doc);
		return text && puts(text) >= 0 ? 0 : err_sys(e, "write to standard output");
	}
	json_put(doc, "Server", NULL); /* there is none; templates ask for it */
	return report_print_one(&r, doc, e);
}

const struct cmd cmd_version = {
	.verb = "version",
	.help = "Show the version",
	.examples = "cove version\ncove version --format '{{.Client.Version}}'",
	.max_args = 0,
	.flags = CMD_NO_ENGINE,
	.size = sizeof(struct version_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = version,
};
