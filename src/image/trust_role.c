/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/trust_role.h"

#include <string.h>
#include <sys/resource.h>

#include "src/image/lookaside.h"
#include "src/image/pull_protocol.h"
#include "src/image/role_serve.h"
#include "src/util/scoped.h"
#include "src/util/strbuf.h"

#define USER_DIR   "registries.d"
#define SYSTEM_DIR "/etc/containers/registries.d"
#define MEMORY_MAX (512U << 20) /* scrypt of cosign's keys takes 32 MiB */

/* DIR when given; else the user's directory in place of the system's, where there is one. */
static int read_config(json_object *into, const char *dir, const char *config_dir, struct err *e)
{
	scoped(mem) char *own =
		config_dir && *config_dir ? str_printf("%s/" USER_DIR, config_dir) : NULL;
	int rc = 0;

	if (dir && *dir)
		return lookaside_read_dir(into, dir, e);
	rc = own ? lookaside_read_dir(into, own, e) : 0;
	return rc ? rc : lookaside_read_dir(into, SYSTEM_DIR, e);
}

static int add_place(json_object *config, const char *name, const char *home, json_object *places,
		     struct err *e)
{
	scoped(reference) struct reference ref = { 0 };
	scoped(lookaside) struct lookaside l = { 0 };
	json_object *o;

	if (!name || reference_parse(name, &ref, e) < 0)
		return name ? e->code : err_set(e, -EBADMSG, "trust: unexpected message");
	if (!ref.registry)
		return err_set(e, -EBADMSG, "trust: unexpected message");
	if (lookaside_find(config, &ref, home, &l, e) < 0)
		return e->code;
	o = json_object_new_object();
	json_put_str(o, "read", l.read);
	json_put_str(o, "write", l.write);
	json_put_bool(o, "attachments", l.attachments);
	(void)json_object_array_add(places, o);
	return 0;
}

static int look_up(json_object *m, struct err *e)
{
	scoped(json) json_object *config = json_object_new_object();
	json_object *answer = pull_message("done"), *places = json_object_new_array();
	json_object *references = json_get(m, "references");
	const char *home = json_get_str(m, "home");
	int rc =
		read_config(config, json_get_str(m, "directory"), json_get_str(m, "config_dir"), e);

	if (rc < 0)
		(void)err_in(e, "registries.d");
	for (size_t i = 0; rc >= 0 && i < json_len(references); i++)
		rc = add_place(config, json_str_at(references, i), home && *home ? home : NULL,
			       places, e);
	json_put(answer, "places", places);
	if (rc < 0) {
		json_free(answer);
		return rc;
	}
	return pull_send(PULL_SOCKET_FD, answer, e);
}

int role_trust_main(void)
{
	static const struct role_verb verbs[] = {
		{ "verify", trust_verify },
		{ "lookaside", look_up },
		{ "sign", trust_sign },
		{ "jws", trust_jws },
	};
	const struct rlimit memory = { MEMORY_MAX, MEMORY_MAX };

#if !defined(__SANITIZE_ADDRESS__)
	(void)setrlimit(RLIMIT_AS, &memory); /* lowering is always allowed */
#else
	(void)memory;
#endif
	return role_serve(verbs, ARRAY_LEN(verbs));
}
