/* SPDX-License-Identifier: Apache-2.0 */
#include "src/image/lookaside.h"

#include <dirent.h>
#include <fcntl.h>
#include <json-c/linkhash.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "src/image/policy.h"
#include "src/util/json.h"
#include "src/util/path.h"
#include "src/util/strbuf.h"

#define FILE_MAX   (1 << 20)
#define DEPTH_MAX  3 /* the format has no more */
#define SYSTEM_DIR "/var/lib/containers/sigstore"

static const char members[] = "sigstore|sigstore-staging|lookaside|lookaside-staging|"
			      "use-sigstore-attachments";

void lookaside_done(struct lookaside *l)
{
	free(l->read);
	free(l->write);
	*l = (struct lookaside){ 0 };
}

/* ---- YAML ------------------------------------------------------------------------------------ */

/* Maps of maps of scalars; scalars become strings. */
static json_object *convert(yaml_document_t *d, const yaml_node_t *node, int depth, struct err *e)
{
	scoped(json) json_object *o = NULL;

	if (node && node->type == YAML_SCALAR_NODE)
		return json_object_new_string_len((const char *)node->data.scalar.value,
						  (int)node->data.scalar.length);
	if (!node || node->type != YAML_MAPPING_NODE || depth > DEPTH_MAX) {
		(void)err_set(e, -EBADMSG, "something is no map");
		return NULL;
	}
	o = json_object_new_object();
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start;
	     o && p < node->data.mapping.pairs.top; p++) {
		const yaml_node_t *key = yaml_document_get_node(d, p->key);
		json_object *v;
		const char *name;

		if (!key || key->type != YAML_SCALAR_NODE) {
			(void)err_set(e, -EBADMSG, "a key is no word");
			return NULL;
		}
		name = (const char *)key->data.scalar.value;
		if (json_get(o, name)) {
			(void)err_set(e, -EBADMSG, "key \"%.200s\" is there twice", name);
			return NULL;
		}
		v = convert(d, yaml_document_get_node(d, p->value), depth + 1, e);
		if (!v)
			return NULL;
		json_put(o, name, v);
	}
	return take_ptr(&o);
}

json_object *lookaside_yaml(const char *bytes, size_t n, struct err *e)
{
	yaml_parser_t parser;
	yaml_document_t d;
	const yaml_node_t *root;
	json_object *o = NULL;

	if (!yaml_parser_initialize(&parser)) {
		(void)err_errno(e, ENOMEM, "read YAML");
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, n);
	if (!yaml_parser_load(&parser, &d)) {
		(void)err_set(e, -EBADMSG, "line %zu: %s", parser.problem_mark.line + 1,
			      parser.problem ? parser.problem : "it is no YAML");
		yaml_parser_delete(&parser);
		return NULL;
	}
	root = yaml_document_get_root_node(&d);
	/* An empty file, or one of comments, says nothing. */
	o = !root || (root->type == YAML_SCALAR_NODE && !root->data.scalar.length)
		    ? json_object_new_object()
		    : convert(&d, root, 0, e);
	yaml_document_delete(&d);
	yaml_parser_delete(&parser);
	return o;
}

/* ---- the files ------------------------------------------------------------------------------- */

static int check_entry(json_object *entry, const char *name, struct err *e)
{
	if (!json_object_is_type(entry, json_type_object))
		return err_set(e, -EBADMSG, "'%.200s' has the wrong type", name);
	json_object_object_foreach(entry, key, value)
	{
		if (!str_in_words(key, strlen(key), members) ||
		    !json_object_is_type(value, json_type_string))
			return err_set(e, -EBADMSG, "'%.200s': unknown key \"%.100s\"", name, key);
	}
	return 0;
}

static int add_entry(json_object *into, const char *name, json_object *entry, struct err *e)
{
	if (check_entry(entry, name, e) < 0)
		return e->code;
	if (json_get(into, name))
		return err_set(e, -EBADMSG, "a second entry for '%.200s'", name);
	json_put(into, name, json_object_get(entry));
	return 0;
}

static int merge_names(json_object *into, json_object *names, struct err *e)
{
	json_object *all = json_get(into, "docker");

	if (!json_object_is_type(names, json_type_object))
		return err_set(e, -EBADMSG, "'docker' has the wrong type");
	if (!all) {
		all = json_object_new_object();
		json_put(into, "docker", all);
	}
	json_object_object_foreach(names, name, entry)
	{
		if (add_entry(all, name, entry, e) < 0)
			return e->code;
	}
	return 0;
}

int lookaside_merge(json_object *into, const char *bytes, size_t n, struct err *e)
{
	scoped(json) json_object *o = lookaside_yaml(bytes, n, e);

	if (!o)
		return e->code ? e->code : err_errno(e, ENOMEM, "read YAML");
	if (!json_object_is_type(o, json_type_object))
		return err_set(e, -EBADMSG, "it is no map");
	json_object_object_foreach(o, name, value)
	{
		int rc;

		if (!strcmp(name, "default-docker"))
			rc = add_entry(into, name, value, e);
		else if (!strcmp(name, "docker"))
			rc = merge_names(into, value, e);
		else
			rc = err_set(e, -EBADMSG, "unknown key \"%.100s\"", name);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int is_yaml(const struct dirent *d)
{
	return str_ends(d->d_name, ".yaml");
}

int lookaside_read_dir(json_object *into, const char *dir, struct err *e)
{
	scoped(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent **names = NULL;
	int n, rc = 1;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "open %s", dir);
	n = scandir(dir, &names, is_yaml, alphasort);
	for (int i = 0; i < n; i++) {
		scoped(mem) char *text = NULL;
		size_t len = 0;

		if (rc >= 0)
			rc = path_read(fd, names[i]->d_name, FILE_MAX, &text, &len, e);
		if (rc >= 0 && lookaside_merge(into, text, len, e) < 0)
			rc = err_in(e, "%s/%s", dir, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return rc < 0 ? rc : 1;
}

/* ---- looking up ------------------------------------------------------------------------------ */

/* The member that is there under either name; the newer one is LOOKASIDE. */
static const char *url_of(json_object *entry, int write)
{
	static const char *const names[2][2] = { { "lookaside", "sigstore" },
						 { "lookaside-staging", "sigstore-staging" } };
	const char *text = NULL;

	for (size_t i = 0; write && i < 2 && !text; i++)
		text = json_get_str(entry, names[1][i]);
	for (size_t i = 0; i < 2 && !text; i++)
		text = json_get_str(entry, names[0][i]);
	return text && *text ? text : NULL;
}

/* What the narrowest entry that says it says. */
static const char *find_url(json_object *config, char *const *scopes, int write)
{
	for (char *const *s = scopes; *s; s++) {
		const char *url = url_of(json_get(json_get(config, "docker"), *s), write);
		if (url)
			return url;
	}
	return url_of(json_get(config, "default-docker"), write);
}

static int find_attachments(json_object *config, char *const *scopes)
{
	const char *word = NULL;

	for (char *const *s = scopes; *s && !word; s++)
		word = json_get_str(json_get(json_get(config, "docker"), *s),
				    "use-sigstore-attachments");
	if (!word)
		word = json_get_str(json_get(config, "default-docker"), "use-sigstore-attachments");
	return word && str_in_words(word, strlen(word), "true|True|TRUE|yes|on");
}

int lookaside_find(json_object *config, const struct reference *ref, const char *home,
		   struct lookaside *ret, struct err *e)
{
	scoped(strv) char **scopes = policy_scopes(ref);
	scoped(mem) char *own = NULL;
	const char *read, *write;

	if (!scopes)
		return err_errno(e, ENOMEM, "look up a signature store");
	own = geteuid() == 0 || !home
		      ? strdup("file://" SYSTEM_DIR)
		      : str_printf("file://%s/.local/share/containers/sigstore", home);
	read = find_url(config, scopes, 0);
	write = find_url(config, scopes, 1);
	ret->attachments = find_attachments(config, scopes);
	ret->read = read || own ? strdup(read ? read : own) : NULL;
	ret->write = write || own ? strdup(write ? write : own) : NULL;
	return ret->read && ret->write ? 0 : err_errno(e, ENOMEM, "look up a signature store");
}
