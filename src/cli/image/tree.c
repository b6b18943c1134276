/* SPDX-License-Identifier: Apache-2.0 */
/* cove image tree: layers, and what stands on them.
 *
 * A layer of the store can be part of several stacks; what is shown is a place in a stack, known by
 * the digest of all diff IDs up to it, as other engines number their layers. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/cli/cmd.h"
#include "src/image/image_layers.h"
#include "src/util/scoped.h"
#include "src/util/sha256.h"
#include "src/util/strbuf.h"
#include "src/util/units.h"

#define SHORT 12

struct tree_options {
	int what_requires;
};

#define AT(f) offsetof(struct tree_options, f)
static const struct opt options[] = {
	FLAG(0, "whatrequires", AT(what_requires),
	     "Show the layers of all images that stand on this one"),
	END,
};

struct node {
	char id[SHA256_TEXT_LEN]; /* hex digits alone */
	char parent[SHA256_TEXT_LEN];
	int64_t size;
	char **tags; /* of images that end here; owned */
};

struct forest {
	struct node *node;
	size_t n;
};

static void scoped_forest(struct forest *f)
{
	for (size_t i = 0; i < f->n; i++)
		strv_free(f->node[i].tags);
	free(f->node);
}

static struct node *find(const struct forest *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->node[i].id, id) == 0)
			return &f->node[i];
	return NULL;
}

static struct node *have(struct forest *f, const char *id, const char *parent, int64_t size)
{
	struct node *node = find(f, id);

	if (node)
		return node;
	node = reallocarray(f->node, f->n + 1, sizeof(*node));
	if (!node)
		return NULL;
	f->node = node;
	node += f->n++;
	*node = (struct node){ .size = size };
	(void)snprintf(node->id, sizeof(node->id), "%s", id);
	(void)snprintf(node->parent, sizeof(node->parent), "%s", parent);
	return node;
}

/* The stack of I; *RET_TOP is its topmost. */
static int add_image(struct engine *en, struct forest *f, const struct image *i, char *ret_top,
		     struct err *e)
{
	struct image_layer *layers = NULL;
	char id[SHA256_TEXT_LEN] = "", parent[SHA256_TEXT_LEN] = "";
	struct node *node = NULL;
	size_t n = 0;
	int r = image_layers(en, i, &layers, &n, e);

	for (size_t k = 0; k < n && r == 0; k++) {
		const char *diff = digest_hex(layers[k].diff_id);
		scoped(mem) char *both = k ? str_printf("%s+%s", parent, diff) : strdup("");
		if (k && both) {
			char text[SHA256_TEXT_LEN];
			sha256_text(both, strlen(both), text);
			(void)snprintf(id, sizeof(id), "%s", digest_hex(text));
		} else {
			(void)snprintf(id, sizeof(id), "%s", diff);
		}
		node = both ? have(f, id, parent, layers[k].size) : NULL;
		if (!node)
			r = err_errno(e, ENOMEM, "image tree");
		memcpy(parent, id, sizeof(parent));
	}
	for (char **name = i->names; r == 0 && node && name && *name; name++)
		if (strv_add(&node->tags, *name) < 0)
			r = err_errno(e, ENOMEM, "image tree");
	image_layers_free(layers, n);
	memcpy(ret_top, id, sizeof(id));
	return r;
}

static int add_all(struct engine *en, struct forest *f, struct err *e)
{
	struct image **list = NULL;
	char top[SHA256_TEXT_LEN];
	size_t n = 0;
	int r = image_list(en, &list, &n, e);

	for (size_t i = 0; i < n && r == 0; i++)
		r = add_image(en, f, list[i], top, e);
	image_list_free(list, n);
	return r;
}

static void print_names(char *const *names)
{
	(void)putchar('[');
	for (size_t i = 0; names && names[i]; i++)
		(void)printf("%s%s", i ? " " : "", names[i]);
	(void)putchar(']');
}

static void print_node(const struct node *n, const char *indent, int is_last)
{
	char text[UNITS_MAX];

	(void)printf("%s%s ID: %.*s Size: %7s", indent, is_last ? "└──" : "├──", SHORT, n->id,
		     size_human_digits(n->size, 4, "", text));
	if (n->tags) {
		(void)fputs(" Top Layer of: ", stdout);
		print_names(n->tags);
	}
	(void)putchar('\n');
}

/* The stack that ends in node ID, its lowest layer first. */
static void print_stack(const struct forest *f, const char *id, int is_top)
{
	const struct node *n = find(f, id);

	if (!n)
		return;
	if (*n->parent)
		print_stack(f, n->parent, 0);
	print_node(n, "", is_top);
}

static size_t children(const struct forest *f, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < f->n; i++)
		count += strcmp(f->node[i].parent, id) == 0;
	return count;
}

/* A layer and all that stand on it; a single one on top stands beside, several below. IS_LAST: of
 * all that are at this depth. */
static void print_up(const struct forest *f, const struct node *n, const char *indent, int is_last)
{
	size_t count = n ? children(f, n->id) : 0, seen = 0;
	scoped(mem) char *deeper = str_printf("%s%s", indent, is_last ? "    " : "│   ");

	if (!n)
		return;
	print_node(n, indent, count == 1 ? 0 : is_last);
	for (size_t i = 0; i < f->n && deeper; i++) {
		if (strcmp(f->node[i].parent, n->id) != 0)
			continue;
		seen++;
		print_up(f, &f->node[i], count == 1 ? indent : deeper,
			 count == 1 ? is_last : seen == count);
	}
}

static int tree(struct engine *en, void *opts, char **args, struct err *e)
{
	const struct tree_options *o = opts;
	scoped(image) struct image *i = NULL;
	scoped(forest) struct forest f = { 0 };
	char top[SHA256_TEXT_LEN] = "", text[UNITS_MAX];
	int r = image_find(en, args[0], &i, e);

	/* Twice the same image changes nothing but its tags. */
	if (r == 0)
		r = add_all(en, &f, e);
	if (r == 0) {
		char **names = i->names;
		i->names = NULL;
		r = add_image(en, &f, i, top, e);
		i->names = names;
	}
	if (r < 0)
		return r;
	(void)printf("Image ID: %.*s\nTags:     ", SHORT, i->id);
	print_names(i->names);
	(void)printf("\nSize:     %s\n%s\n", size_human_digits(i->size, 4, "", text),
		     *top ? "Image Layers" : "No Image Layers");
	if (*top && o->what_requires)
		print_up(&f, find(&f, top), "", 1);
	else if (*top)
		print_stack(&f, top, 1);
	(void)putchar('\n');
	return 0;
}

const struct cmd cmd_image_tree = {
	.noun = "image",
	.verb = "tree",
	.args = "IMAGE",
	.help = "Show the layers of an image",
	.man = "The lowest layer comes first. With --whatrequires the topmost layer of IMAGE "
	       "comes "
	       "first, and then those that other images have on top of it.",
	.examples = "cove image tree alpine\ncove image tree --whatrequires debian:12",
	.complete = "image",
	.min_args = 1,
	.max_args = 1,
	.size = sizeof(struct tree_options),
	.groups = (const struct opt *const[]){ options, NULL },
	.run = tree,
};
